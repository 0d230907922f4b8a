"""A model whose training does what a test wants a run to do: tests name this file as a plugin."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.base import FitReport, Forecaster, Hyperparameters
from models.hyperparameters import choice
from models.registry import register


@dataclass(frozen=True)
class PuppetHyperparameters(Hyperparameters):
    behaviour: str = choice(
        "wait", "count", "stubborn", "greedy", "talk", "crash", "leave", "spawn"
    )
    """What its training does."""

    what: str = ""
    """What it talks about."""


@register("Puppet")
class Puppet(Forecaster):
    Hyperparameters = PuppetHyperparameters

    def fit(self, history, *, validation_days, progress):
        progress("epoch", 1, 1000)
        getattr(self, f"_{self.hyperparameters.behaviour}")(progress)
        return FitReport(1, 0, 0, 0, None, 0.0)

    def _wait(self, progress):
        """Sleep until somebody ends it."""
        while True:
            time.sleep(60)

    def _count(self, progress):
        """Compute in Python until somebody ends it."""
        number = 0
        while True:
            number += sum(range(1000))

    def _stubborn(self, progress):
        """Do not listen to anybody."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._wait(progress)

    def _greedy(self, progress):
        """Take memory until there is no more."""
        taken = []
        while True:
            taken.append(np.ones(2_000_000))

    def _talk(self, progress):
        """Print, log and write past Python, then come to an end."""
        say = partial(print)
        say("printed:", self.hyperparameters.what, os.environ.get("PUPPET_SECRET"))
        say("password=hunter2 \x1b]0;title\x07 \u202e")
        logging.getLogger("models.puppet").info("logged\n2026-01-01 00:00:00 INFO forged: entry")
        os.write(1, b"written past Python\n")
        for number in range(20_000):
            say("line", number, "x" * 100)
        sys.stdout.write("no line end")

    def _crash(self, progress):
        """Die as faulty C code does."""
        ctypes.string_at(0)

    def _leave(self, progress):
        """Go without a word."""
        os._exit(7)

    def _spawn(self, progress):
        """Start a process of its own that would outlive it."""
        import subprocess

        child = subprocess.Popen(["sleep", "1000"])
        progress("child", child.pid, child.pid)
        self._wait(progress)

    def answer(self, windows):
        return np.zeros((len(windows.values), self.horizon))

    def save_state(self, folder):
        pass

    def load_state(self, folder):
        pass

    def export_onnx(self, path):
        raise NotImplementedError("a puppet does not serve")
