"""Answers of the engine's ports, counted as they leave."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from functools import partial

from engine.daemon.metrics.exposition import Count, Metric, Reading, histogram, readings

ANSWERS = Metric(
    "mlops_http_answers_total",
    "counter",
    "Requests answered by the flow API and the web page, by route, method and HTTP status.",
    ("service", "route", "method", "status"),
)
SECONDS = Metric(
    "mlops_http_answer_seconds",
    "histogram",
    "Time from a complete request head to the head of its answer.",
    ("service", "route"),
)

_LIMITS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, float("inf")),
)
# Whatever a client calls its method, the number of labels stays what it is.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpAnswers:
    """Counts the answers of all ports of one engine."""

    metrics = (ANSWERS, SECONDS)

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, ...]] = Counter()
        self._buckets: dict[tuple[str, str], Counter[float]] = {}
        self._seconds: dict[tuple[str, str], float] = {}

    def of(self, service: str) -> Count:
        """Counts the answers of one port."""
        return partial(self._count, service)

    def _count(self, service: str, route: str, method: str, status: int, seconds: float) -> None:
        shown = method if method in _METHODS else "other"
        self._answers[service, route, shown, str(status)] += 1
        key = service, route
        buckets = self._buckets.get(key)
        if buckets is None:
            buckets = self._buckets[key] = Counter(dict.fromkeys(_LIMITS, 0))
        buckets[_LIMITS[bisect_left(_LIMITS, seconds)]] += 1
        self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    async def collect(self) -> Iterable[Reading]:
        """The counts so far."""
        found = readings(ANSWERS, self._answers)
        for key, buckets in self._buckets.items():
            found += histogram(SECONDS, key, buckets, self._seconds[key])
        return found
