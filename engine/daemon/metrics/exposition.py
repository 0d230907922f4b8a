"""Metrics and their text format: little enough to need no library in the engine.

The predictor counts with Prometheus' own library, whose import takes as long as an engine's start.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Values = TypeVar("Values", bound=tuple[str, ...])
Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: By the conventions of Prometheus: base units, `_total` for what is only counted up.
        kind: What its values mean.
        help: One sentence.
        labels: Names of its labels, in their order.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One value of a metric.

    Attributes:
        metric: The metric.
        values: Of its labels, in their order.
        value: The number.
        suffix: What follows the name: of a histogram `_bucket`, `_sum` or `_count`.
        limit: Of a bucket, None otherwise.
    """

    metric: Metric
    values: tuple[str, ...]
    value: float
    suffix: str = ""
    limit: float | None = None


class Collector(Protocol):
    """Reads some metrics when a scraper asks."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """All that it may give a value of."""

    def collect(self) -> Awaitable[Iterable[Reading]]:
        """The values at this moment."""


def readings(metric: Metric, found: Mapping[Values, float]) -> list[Reading]:
    """The values of a metric by those of its labels."""
    return [Reading(metric, values, value) for values, value in found.items()]


def histogram(
    metric: Metric, values: tuple[str, ...], counts: Mapping[float, int], total: float
) -> list[Reading]:
    """A histogram.

    Args:
        metric: The metric.
        values: Of its labels.
        counts: How many values lie in each bucket, by its upper limit; not those of the smaller.
        total: Sum of the values.
    """
    found: list[Reading] = []
    seen = 0
    for limit in sorted({*counts, math.inf}):
        seen += counts.get(limit, 0)
        found.append(Reading(metric, values, seen, "_bucket", limit))
    found.append(Reading(metric, values, total, "_sum"))
    found.append(Reading(metric, values, seen, "_count"))
    return found


def render(metrics: Iterable[Metric], found: Iterable[Reading]) -> str:
    """The text that a scraper reads; a metric without a value is left out."""
    by_name: dict[str, list[Reading]] = {}
    for reading in found:
        by_name.setdefault(reading.metric.name, []).append(reading)
    lines: list[str] = []
    for metric in metrics:
        own = by_name.get(metric.name, [])
        if own:
            lines.append(f"# HELP {metric.name} {metric.help}")
            lines.append(f"# TYPE {metric.name} {metric.kind}")
            lines += map(_line, own)
    return "\n".join([*lines, ""])


def _line(reading: Reading) -> str:
    pairs = list(zip(reading.metric.labels, reading.values, strict=True))
    if reading.limit is not None:
        pairs.append(("le", _number(reading.limit)))
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    shown = f"{{{labels}}}" if labels else ""
    return f"{reading.metric.name}{reading.suffix}{shown} {_number(reading.value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


Count = Callable[[str, str, int, float], None]
"""Told of a route, the method, the status and the seconds that the answer took."""
