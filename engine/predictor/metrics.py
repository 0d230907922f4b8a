"""What the predictor counts, in the format of Prometheus."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder that several workers share; read by the library when it is imported."""

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """Counts requests by what was asked and how it was answered."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "mlops_predictor_answers",
            "Requests answered, by path and HTTP status.",
            ("path", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "mlops_predictor_answer_seconds",
            "Time from a complete request head to its answer, by path.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._model = Gauge(
            "mlops_predictor_model_since_seconds",
            "When the version began to answer, seconds since the epoch; 0: it does no more.",
            ("model_name",),
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        if FOLDER_VARIABLE not in os.environ:
            ProcessCollector(registry=self._registry)
        self._named: dict[str, str] = {}
        # The library's own look-up by labels takes longer than counting.
        self._seconds_of: dict[str, Histogram] = {}
        self._answers_of: dict[tuple[str, int], Counter] = {}

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = path, status
        if key not in self._answers_of:
            self._answers_of[key] = self._answers.labels(path, str(status))
        if path not in self._seconds_of:
            self._seconds_of[path] = self._seconds.labels(path)
        self._answers_of[key].inc()
        self._seconds_of[path].observe(seconds)

    def serving(self, data_type: str, name: str, since: float) -> None:
        """Note which version of a data type answers from now on."""
        if data_type in self._named:
            self._model.labels(self._named[data_type]).set(0)
        self._model.labels(name).set(since)
        self._named[data_type] = name

    def page(self) -> bytes:
        """Everything, as a scraper wants it; with several workers, of all of them."""
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
