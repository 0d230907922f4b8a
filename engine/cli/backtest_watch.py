"""How far a backtest is, on stderr, as long as somebody looks."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType, TracebackType

from engine.cli.live import ProgressView, progress_view
from engine.schema import RunInfo, StepInfo


class BacktestProgress:
    """Each contender as a step; a terminal that went away is no reason to stop.

    Args:
        backtest_id: Id of the backtest.
        quiet: Show nothing.
    """

    def __init__(self, backtest_id: str, *, quiet: bool) -> None:
        self._steps: dict[str, StepInfo] = {}
        self._current = ""
        self._view: ProgressView = progress_view(_as_run(backtest_id), quiet=quiet, cancels=True)

    def __enter__(self) -> BacktestProgress:
        self._view.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._view.__exit__(kind, error, trace)

    def begin(self, name: str, detail: str) -> None:
        """A contender's turn, or that of one of its origins, has come."""
        before = self._steps.get(name)
        self._current = name
        self._tell(
            StepInfo(
                id=name,
                name=f"{name}, {detail}" if detail else name,
                flow="backtest",
                state="RUNNING",
                start=before.start if before else time.time(),
            )
        )

    def progress(self, kind: str, done: int, total: int, **values: float) -> None:
        """How far the contender is."""
        step = self._steps[self._current]
        self._tell(_changed(step, unit=kind, done=done, total=total, measures=values))

    def end(self, name: str, problem: str) -> None:
        """A contender is measured, or cannot be."""
        state = "FAILED" if problem else "COMPLETED"
        step = self._steps[name]
        self._tell(_changed(step, name=name, state=state, end=time.time(), unit=""))

    def _tell(self, step: StepInfo) -> None:
        self._steps[step.id] = step
        # A terminal that is gone refuses what is written to it before its end is told.
        with contextlib.suppress(OSError):
            self._view.show(list(self._steps.values()), [step])


def _changed(step: StepInfo, **changes: object) -> StepInfo:
    from msgspec.structs import replace

    return replace(step, **changes)


def _as_run(backtest_id: str) -> RunInfo:
    """A backtest in the form that views of runs take."""
    return RunInfo(
        id=backtest_id,
        flow="backtest",
        name=backtest_id,
        state="RUNNING",
        message="",
        error_kind="",
        created=time.time(),
        started=time.time(),
        ended=None,
        parameters={},
        priority=0,
        origin="",
        rerun_of=None,
        cancel_requested=False,
        prefect_id=None,
    )


@contextlib.contextmanager
def outliving_the_terminal() -> Iterator[None]:
    """Go on when the terminal is closed or the connection is lost; what is said then is lost.

    Ctrl-C ends the work as ever, and so does a signal that says so.
    """

    def let_go(_: int, __: FrameType | None) -> None:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

    before = signal.signal(signal.SIGHUP, let_go)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup has taken care of it
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
