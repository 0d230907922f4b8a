"""Following what living runs write: their steps for everyone, their logs for who listens.

The files are looked at ten times a second. A look that finds nothing costs a few microseconds, and
there is no connection that a run could lose.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.daemon.feed import Feed
from engine.runs.log import LogCursor, read_log, tail_log
from engine.runs.progress import ProgressReader
from engine.runs.steps import Step, StepList
from engine.schema import LogEvent, StepEvent, StepInfo

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1


def step_info(step: Step) -> StepInfo:
    """A step as a message."""
    return StepInfo(
        id=step.id,
        name=step.name,
        flow=step.flow,
        state=step.state,
        start=step.start,
        end=step.end,
        unit=step.unit,
        done=step.done,
        total=step.total,
        measures=dict(step.measures),
    )


class Tail:
    """What one run has written so far."""

    def __init__(self, run_id: str, folder: Path) -> None:
        self.run_id = run_id
        self.steps = StepList()
        self._folder = folder
        self._progress = ProgressReader(folder)
        self._log: LogCursor | None = None

    def catch_up(self) -> tuple[list[Step], bool]:
        """Read what is new: the steps that changed, and whether the run itself did."""
        changed: dict[str, Step] = {}
        run_changed = False
        for event in self._progress.new_events():
            run_changed = run_changed or event["kind"] in ("run", "end")
            step = self.steps.apply(event)
            if step is not None:
                changed[step.id] = step
        return list(changed.values()), run_changed

    def new_lines(self, *, wanted: bool, ended: bool = False) -> LogEvent | None:
        """Read new lines of the log, if anybody wants them; who begins late begins at the end."""
        if not wanted:
            self._log = None
            return None
        if self._log is None:
            self._log = tail_log(self._folder, 0).cursor
            return None
        part = read_log(self._folder, self._log, ended=ended)
        self._log = part.cursor
        if not part.lines:
            return None
        return LogEvent(run_id=self.run_id, lines=tuple(part.lines), cursor=str(part.cursor))


class Tails:
    """Follows all living runs."""

    def __init__(self, feed: Feed, run_changed: Callable[[str], None]) -> None:
        self._feed = feed
        self._run_changed = run_changed
        self._tails: dict[str, Tail] = {}
        self._some = asyncio.Event()

    def follow(self, run_id: str, folder: Path) -> None:
        """Begin with a run; what it wrote before is known but not told again."""
        tail = Tail(run_id, folder)
        tail.catch_up()
        self._tails[run_id] = tail
        self._some.set()

    def drop(self, run_id: str) -> None:
        """End with a run, after a last look."""
        tail = self._tails.pop(run_id, None)
        if tail is not None:
            self._look(tail, ended=True)

    def steps(self, run_id: str) -> list[Step] | None:
        """The steps of a living run, or None when it is not followed."""
        tail = self._tails.get(run_id)
        return tail.steps.steps if tail else None

    async def watch(self) -> None:
        """Look at all runs until cancelled."""
        while True:
            if not self._tails:
                self._some.clear()
                await self._some.wait()
            for tail in list(self._tails.values()):
                try:
                    self._look(tail)
                except OSError as error:
                    logger.warning("run %s cannot be followed: %s", tail.run_id, error)
                    del self._tails[tail.run_id]
            await asyncio.sleep(_LOOK_SECONDS)

    def _look(self, tail: Tail, *, ended: bool = False) -> None:
        changed, run_changed = tail.catch_up()
        for step in changed:
            self._feed.publish(StepEvent(run_id=tail.run_id, step=step_info(step)))
        lines = tail.new_lines(wanted=self._feed.wants_log(tail.run_id), ended=ended)
        if lines is not None:
            self._feed.publish(lines)
        if run_changed:
            self._run_changed(tail.run_id)


def read_steps(folder: Path) -> list[Step]:
    """The steps of a run that has ended."""
    steps = StepList()
    for event in ProgressReader(folder).new_events():
        steps.apply(event)
    return steps.steps


def read_progress(folder: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Progress events from a byte offset on, and the offset after them."""
    reader = ProgressReader(folder, offset)
    return reader.new_events(), reader.offset
