"""A model whose training does what the benchmark of the run engine measures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Hyperparameters, Progress
from models.hyperparameters import choice
from models.registry import register

TASKS = 80


@dataclass(frozen=True)
class BusyHyperparameters(Hyperparameters):
    behaviour: str = choice("wait", "tasks")
    """What its training does."""


@register("Busy")
class Busy(Forecaster):
    Hyperparameters = BusyHyperparameters

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        if self.hyperparameters.behaviour == "tasks":
            from engine.tasks.step import step

            tick = step("tick")(_nothing)
            for _ in range(TASKS):
                tick()
        while self.hyperparameters.behaviour == "wait":
            time.sleep(60)
        return FitReport(1, 0, 0, 0, None, 0.0)

    def answer(self, windows: Windows) -> FloatArray:
        return np.zeros((len(windows.values), self.horizon))

    def save_state(self, folder: Path) -> None:
        pass

    def load_state(self, folder: Path) -> None:
        pass

    def export_onnx(self, path: Path) -> None:
        raise NotImplementedError("it is only busy")


def _nothing() -> None:
    return None
