"""A second machine, as far as one can play it: a workspace, a worker and processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from engine.runs.log import LogCursor, read_log
from engine.runs.progress import ProgressReader
from engine.workspace import Workspace

_START_SECONDS = 90.0


@dataclass
class SecondHost:
    """Runs `engine worker` in a workspace of its own."""

    workspace: Workspace
    limit: int = 3
    process: subprocess.Popen[bytes] | None = None
    killed: set[str] = field(default_factory=set)
    """Prefect's ids of the flow runs whose processes were killed."""

    @property
    def output(self) -> Path:
        return self.workspace.root / "worker.out"

    def start(self) -> None:
        """Start the worker, and wait until it polls."""
        before = self._said()
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "engine", "worker", f"--limit={self.limit}"],
                env=os.environ | {"MLOPS_WORKSPACE": str(self.workspace.root)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while self._said().count("started!") == before.count("started!"):
            assert self.process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.1)

    def _said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def runs(self) -> dict[int, str]:
        """Process numbers of the runs that it does, with Prefect's ids of these."""
        assert self.process is not None
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                run = child.environ().get("PREFECT__FLOW_RUN_ID")
            except psutil.Error:
                continue
            if run:
                found[child.pid] = run
        return found

    def kill(self) -> None:
        """Kill the worker alone; its runs go on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_with_runs(self) -> None:
        """Kill everything on this machine, as when its power fails."""
        runs = self.runs()
        self.kill()
        for pid, run in runs.items():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.killed.add(run)

    def stop(self) -> None:
        """Stop the worker, and whatever it left."""
        if self.process is None or self.process.poll() is not None:
            return
        runs = self.runs()
        self.process.terminate()
        try:
            self.process.wait(timeout=45)
        finally:
            for pid in runs:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def log_lines(self, run_id: str) -> list[str]:
        """What a run logged on this machine."""
        lines: list[str] = []
        cursor = LogCursor()
        while True:
            part = read_log(self.workspace.root / "worker" / run_id, cursor, ended=True)
            if not part.lines:
                return lines
            lines += part.lines
            cursor = part.cursor

    def events(self, run_id: str) -> list[str]:
        """The events of a run's progress on this machine."""
        reader = ProgressReader(self.workspace.root / "worker" / run_id)
        return [json.dumps(event) for event in reader.new_events()]


def wait_until(holds: Callable[[], object], *, seconds: float, what: str) -> None:
    """Wait for something to hold."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.2)
