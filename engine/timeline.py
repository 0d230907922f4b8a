"""The timeline of runs as data: which row waits and which one runs, from when to when.

Pure functions: no drawing, no clock, no I/O. The charts of the terminal, the web page and
the HTTP interfaces all show what `build_timeline` returns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from engine.states import FINAL_STATES

WAITING_STATES = frozenset({"SCHEDULED", "PENDING", "PAUSED"})

# Two machines, or two threads of one, disagree by fractions of a second all the time. Only more
# than this is called a clock jump.
CLOCK_SKEW = timedelta(seconds=1)

Attempt = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task run, as a server lists it. All times are timezone-aware.

    Attributes:
        id: Id of the task run.
        name: Name of the task run.
        state: State type in capitals, such as RUNNING or COMPLETED.
        created: When it was ready to run: its expected start, or else its creation.
        start: When it first ran, None before that.
        end: When it ended, None before that or when nobody could tell.
        attempts: Start and end of each attempt where retries are known, oldest first; they then
            count instead of `start` and `end`.
    """

    id: str
    name: str
    state: str
    created: datetime
    start: datetime | None = None
    end: datetime | None = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRow:
    """One flow run with its task runs. All times are timezone-aware.

    Attributes:
        id: Id of the flow run.
        name: Name of the flow run, often made up, such as "amber-lynx".
        flow_name: Name of the flow, such as "train_flow".
        state: State type in capitals.
        created: When it was ready to run.
        start: When it first ran, None before that.
        end: When it ended, None before that or when nobody could tell.
        parent_id: Id of the flow run that called it, None for a run of its own.
        tasks: Its task runs, without those that only stand for a subflow.
    """

    id: str
    name: str
    flow_name: str
    state: str
    created: datetime
    start: datetime | None = None
    end: datetime | None = None
    parent_id: str | None = None
    tasks: tuple[TaskRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which a row waited or ran; `start <= end`."""

    kind: Literal["waiting", "running"]
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a timeline.

    Attributes:
        id: Id of the run or task; of the first one where several were folded.
        name: What to call it: flow name, task name, or "train_model x12" for twelve of a kind.
        kind: "flow" or "task".
        depth: How many flows it lies in.
        state: State type; of several, the one that asks most for attention.
        segments: Waiting and running, in order, each starting where the one before ended.
        run_name: Name of the flow run, "" for tasks.
        clock_jumped: Times ran backwards and were clamped: lengths mean nothing.
        end_estimated: It is over, but nobody recorded when; the last known time stands in.
        counts: How many rows of each state this one stands for; () where it is only itself.
    """

    id: str
    name: str
    kind: Literal["flow", "task"]
    depth: int
    state: str
    segments: tuple[Segment, ...]
    run_name: str = ""
    clock_jumped: bool = False
    end_estimated: bool = False
    counts: tuple[tuple[str, int], ...] = ()

    @property
    def running_seconds(self) -> float:
        """Seconds spent running, over all attempts."""
        return sum(part.seconds for part in self.segments if part.kind == "running")

    @property
    def waiting_seconds(self) -> float:
        """Seconds spent waiting, also between attempts."""
        return sum(part.seconds for part in self.segments if part.kind == "waiting")

    @property
    def has_run(self) -> bool:
        """Whether it ever started."""
        return any(part.kind == "running" for part in self.segments)

    def to_dict(self) -> dict[str, Any]:
        """Return the bar as plain JSON values, times in ISO 8601, lengths in seconds."""
        return {
            "id": self.id,
            "name": self.name,
            "run_name": self.run_name,
            "kind": self.kind,
            "depth": self.depth,
            "state": self.state,
            "waiting_seconds": self.waiting_seconds,
            "running_seconds": self.running_seconds,
            "clock_jumped": self.clock_jumped,
            "end_estimated": self.end_estimated,
            "counts": dict(self.counts),
            "segments": [
                {"kind": s.kind, "start": s.start.isoformat(), "end": s.end.isoformat()}
                for s in self.segments
            ],
        }


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars in the order to show them, and the time that they span."""

    bars: tuple[Bar, ...]
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Length of the whole span in seconds."""
        return (self.end - self.start).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """Return the timeline as plain JSON values."""
        return {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "bars": [bar.to_dict() for bar in self.bars],
        }


def build_timeline(runs: Sequence[RunRow], now: datetime) -> Timeline:
    """Lay runs and their tasks out as indented rows in the order of their start.

    What is still open ends at `now`. A row that is over without a recorded end (its process was
    killed) ends with the run around it, or at the last time that its own rows know of. Times that
    run backwards are clamped and the bar is marked.

    Args:
        runs: Flow runs in any order, subflows beside their parents. A run whose parent is not
            among them is shown as a run of its own.
        now: The present, timezone-aware.

    Raises:
        ValueError: A time has no timezone.
    """
    _require_timezones(runs, now)
    by_id = {run.id: run for run in runs}
    children: dict[str, list[RunRow]] = defaultdict(list)
    roots = []
    for run in by_id.values():
        if run.parent_id in by_id and run.parent_id is not None:
            children[run.parent_id].append(run)
        else:
            roots.append(run)

    bars: list[Bar] = []
    seen: set[str] = set()
    # Runs left over after the walk from the roots call each other in a circle, which no server
    # should ever say; they are shown rather than lost.
    for root in (*sorted(roots, key=_order), *sorted(by_id.values(), key=_order)):
        stack: list[tuple[RunRow | TaskRow, int, datetime | None]] = [(root, 0, None)]
        while stack:
            row, depth, outer_end = stack.pop()
            if isinstance(row, TaskRow):
                bars.append(_task_bar(row, depth, outer_end, now))
                continue
            if row.id in seen:
                continue
            seen.add(row.id)
            end = _run_end(row, children, outer_end)
            bars.append(_run_bar(row, depth, end, now))
            inner: list[RunRow | TaskRow] = [*row.tasks, *children[row.id]]
            inner.sort(key=_order, reverse=True)
            stack.extend((child, depth + 1, end) for child in inner)

    return _span(bars, now)


def _order(row: RunRow | TaskRow) -> tuple[datetime, datetime]:
    return (_first_start(row) or row.created, row.created)


def _first_start(row: RunRow | TaskRow) -> datetime | None:
    if isinstance(row, TaskRow) and row.attempts:
        return row.attempts[0][0]
    return row.start


def _span(bars: Sequence[Bar], now: datetime) -> Timeline:
    starts = [part.start for bar in bars for part in bar.segments]
    ends = [part.end for bar in bars for part in bar.segments]
    return Timeline(tuple(bars), min(starts, default=now), max(ends, default=now))


def _run_bar(run: RunRow, depth: int, end: datetime | None, now: datetime) -> Bar:
    segments, jumped = _segments(run.state, run.created, _attempts(run), end, now)
    return Bar(
        id=run.id,
        name=run.flow_name,
        kind="flow",
        depth=depth,
        state=run.state,
        segments=segments,
        run_name=run.name,
        clock_jumped=jumped,
        end_estimated=run.end is None and run.state in FINAL_STATES,
    )


def _task_bar(task: TaskRow, depth: int, run_end: datetime | None, now: datetime) -> Bar:
    attempts = _attempts(task)
    end = task.end
    if end is None and attempts and task.state in FINAL_STATES:
        end = attempts[-1][1]
    estimated = end is None and task.state in FINAL_STATES
    if estimated:
        end = max(time for time in (run_end, *_times(task)) if time is not None)
    segments, jumped = _segments(task.state, task.created, attempts, end, now)
    return Bar(
        id=task.id,
        name=task.name,
        kind="task",
        depth=depth,
        state=task.state,
        segments=segments,
        clock_jumped=jumped,
        end_estimated=estimated,
    )


def _attempts(row: RunRow | TaskRow) -> tuple[Attempt, ...]:
    if isinstance(row, TaskRow) and row.attempts:
        return row.attempts
    if row.start is not None:
        return ((row.start, row.end),)
    # A result taken from a cache has an end but never started.
    if row.state == "COMPLETED" and row.end is not None:
        return ((row.end, row.end),)
    return ()


def _segments(
    state: str,
    ready: datetime,
    attempts: tuple[Attempt, ...],
    end: datetime | None,
    now: datetime,
) -> tuple[tuple[Segment, ...], bool]:
    """Return waiting and running without a gap, and whether the clock ran backwards."""
    until = now if end is None else end
    if not attempts:
        waited = ready < until
        return ((Segment("waiting", ready, until),) if waited else ()), False

    parts: list[Segment] = []
    first = attempts[0][0]
    jumped = first < ready - CLOCK_SKEW
    cursor = min(ready, first)
    for index, (start, stop) in enumerate(attempts):
        if start < cursor - CLOCK_SKEW:
            jumped = True
        begin = max(start, cursor)
        if begin > cursor:
            parts.append(Segment("waiting", cursor, begin))
        if stop is None:
            stop = until if index == len(attempts) - 1 else attempts[index + 1][0]
        if stop < begin - CLOCK_SKEW:
            jumped = True
        cursor = max(begin, stop)
        parts.append(Segment("running", begin, cursor))
    if state in WAITING_STATES and cursor < until:
        parts.append(Segment("waiting", cursor, until))
    return tuple(parts), jumped


def _run_end(
    run: RunRow, children: dict[str, list[RunRow]], outer_end: datetime | None
) -> datetime | None:
    if run.end is not None or run.state not in FINAL_STATES:
        return run.end
    if outer_end is not None:
        return max(outer_end, *_times(run))
    latest = run.created
    seen: set[str] = set()
    stack = [run]
    while stack:
        row = stack.pop()
        if row.id not in seen:
            seen.add(row.id)
            stack.extend(children[row.id])
            latest = max(latest, *_times(row), *(t for task in row.tasks for t in _times(task)))
    return latest


def _times(row: RunRow | TaskRow) -> Iterable[datetime]:
    yield row.created
    known = [row.start, row.end]
    if isinstance(row, TaskRow):
        known += [time for attempt in row.attempts for time in attempt]
    yield from (time for time in known if time is not None)


def _require_timezones(runs: Sequence[RunRow], now: datetime) -> None:
    if now.utcoffset() is None:
        raise ValueError("now has no timezone")
    for run in runs:
        rows: tuple[RunRow | TaskRow, ...] = (run, *run.tasks)
        for row in rows:
            if any(time.utcoffset() is None for time in _times(row)):
                raise ValueError(f"a time of {row.name} ({row.id}) has no timezone")


def count_states(bars: Iterable[Bar]) -> tuple[tuple[str, int], ...]:
    """Return how many rows each state has, counting folded ones, in alphabetical order."""
    totals: Counter[str] = Counter()
    for bar in bars:
        for state, number in bar.counts or ((bar.state, 1),):
            totals[state] += number
    return tuple(sorted(totals.items()))
