"""Progress of a run on stderr: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.cli.diagnostics import report_status
from engine.schema import RunInfo, StepInfo
from engine.text import printable

_GLYPHS = {
    "COMPLETED": ("✓", "green"),
    "FAILED": ("✗", "red"),
    "CRASHED": ("✗", "red"),
    "RUNNING": ("●", "cyan"),
}
_LINE_SECONDS = 5.0
CANCELLING = "cancelling"
"""Status of a run that was asked to stop."""


class ProgressView(Protocol):
    """Shows the steps of a run while it goes on."""

    def __enter__(self) -> ProgressView: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def status(self, text: str) -> None:
        """Say what is being waited for."""

    def show(self, steps: list[StepInfo], changed: list[StepInfo]) -> None:
        """Show the steps; `changed` are those of the newest events."""


def progress_view(run: RunInfo, *, quiet: bool, cancels: bool) -> ProgressView:
    """The view that suits where stderr goes; `cancels` is what Ctrl-C does to the run."""
    if quiet:
        return _SilentView()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return _LiveView(run, "Ctrl-C cancels" if cancels else "Ctrl-C stops watching")
    return _LineView(run)


class _SilentView:
    def __enter__(self) -> ProgressView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def status(self, text: str) -> None:
        """Say nothing."""

    def show(self, steps: list[StepInfo], changed: list[StepInfo]) -> None:
        """Show nothing."""


class _LineView(_SilentView):
    """One line when a step starts or ends, and one every few seconds while it counts.

    Of what is counted in between, the newest is told as soon as the next line may be written: the
    next count can be minutes away.
    """

    def __init__(self, run: RunInfo) -> None:
        self._start = run.created
        self._last_line = -math.inf
        self._last_status = ""
        self._untold: dict[str, StepInfo] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._untold.clear()
            self._stop_timer()

    def status(self, text: str) -> None:
        if text and text != self._last_status:
            report_status(f"... {text}")
        self._last_status = text

    def show(self, steps: list[StepInfo], changed: list[StepInfo]) -> None:
        # One event list may hold the start and the end of a step: it is told once.
        with self._lock:
            for step in {step.id: step for step in changed}.values():
                self._untold.pop(step.id, None)
                if step.state == "RUNNING":
                    self._count(step)
                    continue
                # A step that was ended from outside crashed, unless that was asked for.
                was_asked = step.state == "CRASHED" and self._last_status == CANCELLING
                what = "stopped" if was_asked else step.state.lower()
                self._tell(step, f"{what} in {_seconds(step)}")

    def _count(self, step: StepInfo) -> None:
        if not step.unit:
            return
        wait = self._last_line + _LINE_SECONDS - time.monotonic()
        if wait > 0 and step.done != step.total:
            self._untold[step.id] = step
            if self._timer is None:
                self._timer = threading.Timer(wait, self._catch_up)
                self._timer.daemon = True
                self._timer.start()
            return
        self._last_line = time.monotonic()
        self._tell(step, _counted(step))

    def _catch_up(self) -> None:
        # A terminal that went away is found out by whoever shows the next step.
        with self._lock, contextlib.suppress(OSError):
            self._stop_timer()
            for step in self._untold.values():
                self._last_line = time.monotonic()
                self._tell(step, _counted(step))
            self._untold.clear()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, step: StepInfo, text: str) -> None:
        report_status(f"[{time.time() - self._start:6.1f} s] {printable(step.name)}: {text}")


class _LiveView(_SilentView):
    """All steps with their times and a bar for the one that counts, repainted in place."""

    def __init__(self, run: RunInfo, hint: str) -> None:
        console = Console(file=sys.stderr, highlight=False)
        self._run = run
        self._hint = hint
        self._ascii = not (console.encoding or "").lower().startswith("utf")
        self._status = ""
        self._steps: list[StepInfo] = []
        # Four times a second is smooth enough for numbers and cheap over SSH.
        self._live = Live(
            console=console, refresh_per_second=4, get_renderable=self._render, transient=True
        )

    def __enter__(self) -> ProgressView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def status(self, text: str) -> None:
        self._status = text

    def show(self, steps: list[StepInfo], changed: list[StepInfo]) -> None:
        self._steps = steps

    def _render(self) -> Group:
        elapsed = f"  {time.time() - self._run.created:.0f} s"
        head = Text.assemble(
            (self._run.flow, "bold"), f" {self._run.name}", elapsed, (f"  {self._hint}", "dim")
        )
        table = Table.grid(padding=(0, 2))
        for step in self._steps:
            glyph, colour = _GLYPHS[step.state]
            if self._ascii:
                glyph = {"✓": "+", "✗": "x", "●": ">"}[glyph]
            table.add_row(
                Text(glyph, colour),
                Text(printable(step.name)),
                Text(_seconds(step), "dim", justify="right"),
                self._bar(step),
                Text(_counted(step), "dim"),
            )
        status = Text(f"... {self._status}", "yellow") if self._status else Text("")
        return Group(head, table, status)

    def _bar(self, step: StepInfo) -> ProgressBar | Text:
        if step.state != "RUNNING" or not step.total:
            return Text("")
        return ProgressBar(total=step.total, completed=step.done, width=24)


def _seconds(step: StepInfo) -> str:
    return f"{(step.end or time.time()) - step.start:.1f} s"


def _counted(step: StepInfo) -> str:
    if not step.unit:
        return ""
    return f"{step.unit} {step.done}/{step.total}  {_measures(step)}"


def _measures(step: StepInfo) -> str:
    return "  ".join(
        f"{name.replace('_', ' ')} {value:.4g}" for name, value in step.measures.items()
    )
