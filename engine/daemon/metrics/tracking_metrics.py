"""How far MLflow is behind what there is."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable

from engine.daemon.metrics.exposition import Metric, Reading

WAITING = Metric(
    "mlops_tracking_waiting_runs",
    "gauge",
    "Runs that have ended and are not in MLflow yet; counted once a minute.",
)
FAILING = Metric(
    "mlops_tracking_failing",
    "gauge",
    "What could not be mirrored to MLflow and is tried again; counted once a minute.",
)

_LOOK_SECONDS = 60.0

Behind = tuple[int, int]
"""Runs that wait, and what could not be mirrored."""


class TrackingMetrics:
    """Counts what MLflow has not been told.

    Args:
        behind: Counts it, which takes reading the history; None when tracking is off.
        clock: Seconds that never go back.
    """

    metrics = (WAITING, FAILING)

    def __init__(
        self,
        behind: Callable[[], Awaitable[Behind | None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._behind = behind
        self._clock = clock
        self._known: Behind | None = None
        self._looked: float | None = None

    async def collect(self) -> Iterable[Reading]:
        """The values, at most a minute old."""
        now = self._clock()
        if self._looked is None or now - self._looked >= _LOOK_SECONDS:
            self._known = await self._behind()
            self._looked = now
        if self._known is None:
            return []
        waiting, failing = self._known
        return [Reading(WAITING, (), waiting), Reading(FAILING, (), failing)]
