"""Runs, the queue, schedules and notifications, as the tables have them when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.daemon.metrics.exposition import Metric, Reading, histogram, readings
from engine.daemon.workers import Workers
from engine.schema import FLOW_NAMES
from engine.states import FINAL_STATES
from engine.tables.run_totals import Backlog, RunEnds, RunTotals
from engine.tables.schedules import ScheduleRecord, ScheduleTable

_OF_RUNS = ("flow", "state")
_OF_SCHEDULES = ("schedule", "flow")

RUNS = Metric("mlops_runs", "gauge", "Runs that are kept, by flow and state.", _OF_RUNS)
ENDED = Metric(
    "mlops_runs_ended_total", "counter", "Runs that ended, by flow and how they did.", _OF_RUNS
)
DURATION = Metric(
    "mlops_run_duration_seconds",
    "histogram",
    "How long runs took from their start to their end.",
    _OF_RUNS,
)
LAST_END = Metric(
    "mlops_run_last_end_timestamp_seconds",
    "gauge",
    "When a run of this flow last ended in this state, seconds since the epoch.",
    _OF_RUNS,
)
QUEUE = Metric("mlops_queue_length", "gauge", "Runs that wait for their start.")
OLDEST = Metric(
    "mlops_queue_oldest_wait_seconds", "gauge", "How long the first of those has waited; 0: none."
)
NEXT = Metric(
    "mlops_schedule_next_timestamp_seconds",
    "gauge",
    "When a schedule that is not paused fires next, seconds since the epoch.",
    _OF_SCHEDULES,
)
LATE = Metric(
    "mlops_schedule_late_seconds",
    "gauge",
    "How long ago a schedule should have fired; 0: it is on time.",
    _OF_SCHEDULES,
)
PROBLEM = Metric(
    "mlops_schedule_failed",
    "gauge",
    "Whether the last launch of a schedule did not come about: 1 or 0.",
    _OF_SCHEDULES,
)
NOTIFICATIONS = Metric(
    "mlops_notifications_waiting",
    "gauge",
    "Messages about runs and drift that are not delivered yet.",
)
NOTIFICATIONS_OLDEST = Metric(
    "mlops_notifications_oldest_wait_seconds",
    "gauge",
    "How long the first of those has waited; 0: none.",
)
GIVEN_UP = Metric(
    "mlops_notifications_given_up",
    "gauge",
    "Messages about runs and drift, as far as these are kept, which could not be delivered.",
)


@dataclass(frozen=True)
class _Read:
    """What was read in one go."""

    counts: dict[tuple[str, str], int]
    ends: list[RunEnds]
    queue: Backlog
    notifications: Backlog
    given_up: int
    schedules: list[ScheduleRecord]


class RunMetrics:
    """Reads the tables.

    Args:
        database: The engine's database.
        workers: Threads for it.
        clock: Seconds since the epoch.
    """

    metrics = (
        *(RUNS, ENDED, DURATION, LAST_END, QUEUE, OLDEST),
        *(NEXT, LATE, PROBLEM, NOTIFICATIONS, NOTIFICATIONS_OLDEST, GIVEN_UP),
    )

    def __init__(
        self, database: Path, workers: Workers, clock: Callable[[], float] = time.time
    ) -> None:
        self._totals = RunTotals(database)
        self._schedules = ScheduleTable(database)
        self._workers = workers
        self._clock = clock

    async def collect(self) -> Iterable[Reading]:
        """The values at this moment."""
        read = await self._workers.table(self._read)
        now = self._clock()
        return [
            *readings(RUNS, _zeros() | read.counts),
            *_ends(read.ends),
            *_backlog(QUEUE, OLDEST, read.queue, now),
            *_backlog(NOTIFICATIONS, NOTIFICATIONS_OLDEST, read.notifications, now),
            Reading(GIVEN_UP, (), read.given_up),
            *_of_schedules(read.schedules, now),
        ]

    def _read(self) -> _Read:
        return _Read(
            counts=self._totals.counts(),
            ends=self._totals.ends(),
            queue=self._totals.queue(),
            notifications=self._totals.notifications(),
            given_up=self._totals.notifications_given_up(),
            schedules=self._schedules.all(),
        )


def _zeros() -> dict[tuple[str, str], int]:
    # What begins at nothing cannot be seen to rise: the first failure would raise no alert.
    return {(flow, state): 0 for flow in FLOW_NAMES for state in sorted(FINAL_STATES)}


def _ends(ends: Iterable[RunEnds]) -> list[Reading]:
    counts, last = _zeros(), {}
    found: list[Reading] = []
    for one in ends:
        key = one.flow, one.state
        counts[key] = one.count
        last[key] = one.last
        found += histogram(DURATION, key, one.buckets, one.seconds)
    return [*readings(ENDED, counts), *found, *readings(LAST_END, last)]


def _backlog(length: Metric, oldest: Metric, backlog: Backlog, now: float) -> list[Reading]:
    wait = 0.0 if backlog.oldest is None else max(0.0, now - backlog.oldest)
    return [Reading(length, (), backlog.count), Reading(oldest, (), wait)]


def _of_schedules(schedules: Iterable[ScheduleRecord], now: float) -> list[Reading]:
    found: list[Reading] = []
    for one in schedules:
        key = one.name, one.flow
        if one.enabled and one.next_time is not None:
            found.append(Reading(NEXT, key, one.next_time))
            found.append(Reading(LATE, key, max(0.0, now - one.next_time)))
        found.append(Reading(PROBLEM, key, bool(one.problem)))
    return found
