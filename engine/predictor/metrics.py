"""What the predictor counts, in the format of Prometheus."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    values,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()

ANSWER_BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
"""Seconds: a forecast takes a tenth of a millisecond, a large picture a second."""

BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)

_REASONS = {
    400: "malformed",
    401: "no_token",
    403: "forbidden",
    405: "wrong_method",
    413: "too_large",
    415: "wrong_type",
    421: "wrong_host",
    422: "invalid",
    429: "too_many_guesses",
    500: "no_finite_answer",
    503: "too_many_waiting",
}
_MODEL = ("data_type", "model_name", "model_type")
_OF_MODELS = ("mlops_predictor_model_workers", "mlops_predictor_model_loaded_timestamp_seconds")


@dataclass(frozen=True)
class Sharing:
    """How several workers count together.

    Each writes into files of its own in one folder, named by its index: a worker that takes the
    place of one that was killed goes on counting where that one stopped.

    Attributes:
        folder: Where the files are.
        index: Of this worker, which nobody else has as long as it lives.
        is_alive: Whether the worker of an index lives.
    """

    folder: Path
    index: int
    is_alive: Callable[[int], bool]

    def begin(self) -> None:
        """Count into the folder from now on; what a worker of this index was at, it is no more."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        for path in self.folder.glob(f"*_{self.index}.db"):
            if path in self._states() or not _is_sound(path):
                path.unlink(missing_ok=True)
        # The library asks for the folder here, wherever it was told of it.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.folder)
        values.ValueClass = values.MultiProcessValue(lambda: self.index)  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        """Everything that all workers counted, and how those are that live."""
        gone = {path for path in self._states() if not self.is_alive(_index_of(path))}
        files = [path for path in self.folder.glob("*.db") if path not in gone and _is_sound(path)]
        yield from MultiProcessCollector.merge([str(path) for path in sorted(files)])  # type: ignore[no-untyped-call]

    def _states(self) -> list[Path]:
        """The files of what is now, as opposed to what was counted."""
        return list(self.folder.glob("gauge_*.db"))


class Metrics:
    """Counts requests, forecasts and pictures; tells which versions answer.

    Args:
        sharing: How several workers count together, None for one alone.
        waiting: How many series wait for their turn.
    """

    def __init__(
        self, sharing: Sharing | None = None, waiting: Callable[[], int] = lambda: 0
    ) -> None:
        if sharing is not None:
            sharing.begin()
        own = CollectorRegistry()
        self._answers = Counter(
            "mlops_predictor_answers",
            "Requests answered, by path and HTTP status.",
            ("path", "status"),
            registry=own,
        )
        self._seconds = Histogram(
            "mlops_predictor_answer_seconds",
            "Time from a complete request head to its answer, by path.",
            ("path",),
            buckets=ANSWER_BUCKETS,
            registry=own,
        )
        self._refusals = Counter(
            "mlops_predictor_refusals",
            "Requests that were not done, by why.",
            ("reason",),
            registry=own,
        )
        self._forecasts = Counter(
            "mlops_predictor_forecasts",
            "Series that were forecast, by the version that did.",
            ("model_name",),
            registry=own,
        )
        self._pictures = Counter(
            "mlops_predictor_pictures",
            "Pictures that were classified, by the version that did.",
            ("model_name",),
            registry=own,
        )
        self._batches = Histogram(
            "mlops_predictor_batch_size",
            "Series that a model forecast at once.",
            buckets=BATCH_BUCKETS,
            registry=own,
        )
        self._workers = Gauge(
            "mlops_predictor_model_workers",
            "Workers that answer with a version.",
            _MODEL,
            registry=own,
            multiprocess_mode="sum",
        )
        self._loaded = Gauge(
            "mlops_predictor_model_loaded_timestamp_seconds",
            "When a version began to answer, seconds since the epoch.",
            _MODEL,
            registry=own,
            multiprocess_mode="max",
        )
        self._in_flight = _sum("requests_in_flight", "Requests that have no answer yet.", own)
        self._waiting = _sum("forecasts_waiting", "Series that wait for their turn.", own)
        if sharing is None:
            ProcessCollector(registry=own)
        self._registry = CollectorRegistry()
        self._registry.register(_Present(own if sharing is None else sharing))
        self._look_up_waiting = waiting
        self._served: dict[str, tuple[str, str, str]] = {}
        # The library's own look-up by labels takes longer than counting.
        self._seconds_of: dict[str, Histogram] = {}
        self._answers_of: dict[tuple[str, int], Counter] = {}
        self._forecasts_of: dict[str, Counter] = {}
        self.in_flight = 0

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = path, status
        if key not in self._answers_of:
            self._answers_of[key] = self._answers.labels(path, str(status))
        if path not in self._seconds_of:
            self._seconds_of[path] = self._seconds.labels(path)
        self._answers_of[key].inc()
        self._seconds_of[path].observe(seconds)

    def refused(self, path: str, status: int) -> None:
        """Count a request that was not done."""
        reason = _REASONS.get(status, "other")
        if status == 404:
            reason = "unknown" if path in ("other", "/update_model/") else "no_model"
        self._refusals.labels(reason).inc()

    def forecast(self, model_name: str, series: int) -> None:
        """Count series that a model forecast at once."""
        if model_name not in self._forecasts_of:
            self._forecasts_of[model_name] = self._forecasts.labels(model_name)
        self._forecasts_of[model_name].inc(series)
        self._batches.observe(series)

    def classified(self, model_name: str, pictures: int) -> None:
        """Count pictures that were classified."""
        self._pictures.labels(model_name).inc(pictures)

    def serving(self, data_type: str, name: str, model_type: str, since: float) -> None:
        """Note which version of a data type answers from now on."""
        before, now = self._served.get(data_type), (data_type, name, model_type)
        if before is not None:
            self._workers.labels(*before).set(0)
            self._loaded.labels(*before).set(0)
        self._workers.labels(*now).set(1)
        self._loaded.labels(*now).set(since)
        self._served[data_type] = now

    def known(self) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
        """Everything that there may be: name, kind, help and labels, in the order of the page."""
        # The library keeps the labels of a metric for itself.
        for one in vars(self).values():
            if isinstance(one, Counter | Gauge | Histogram):
                (told,) = one.describe()
                name = f"{told.name}_total" if told.type == "counter" else told.name
                yield name, told.type, told.documentation, tuple(one._labelnames)

    def look(self) -> None:
        """Write down how it is at this moment; the other workers tell of it too."""
        self._in_flight.set(self.in_flight)
        self._waiting.set(self._look_up_waiting())

    def page(self) -> bytes:
        """Everything, as a scraper wants it; with several workers, of all of them."""
        self.look()
        return generate_latest(self._registry)


class _Present(Collector):
    """Leaves out versions that do not answer any more: where workers share, none can be removed."""

    def __init__(self, source: CollectorRegistry | Sharing) -> None:
        self._source = source

    def describe(self) -> list[Metric]:
        """Nothing: what there is may change."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything else."""
        for metric in self._source.collect():
            if metric.name in _OF_MODELS:
                metric.samples = [sample for sample in metric.samples if sample.value]
            yield metric


def _sum(name: str, what: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(f"mlops_predictor_{name}", what, registry=registry, multiprocess_mode="sum")


def _is_sound(path: Path) -> bool:
    """Whether a file of counts can be read: after a loss of power, the library fails with it."""
    try:
        content = path.read_bytes()
        used, at = _whole(content, 0), 8
        while at < used <= len(content):
            length = _whole(content, at)
            if length <= 0 or len(json.loads(content[at + 4 : at + 4 + length])) != 4:
                return False
            # The key is filled up to eight bytes; its value and a time follow.
            at += 4 + length + (8 - (length + 4) % 8) + 16
    except (OSError, ValueError, TypeError):
        return False
    # One that another worker has made a moment ago is empty, or has only zeros.
    return used == at <= len(content) or (used == 0 and len(content) >= at)


def _whole(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], sys.byteorder, signed=True)


def _index_of(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])
