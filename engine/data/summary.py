"""What the series of a data set are like: one line of numbers a series."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.data.dataset import Dataset
from models.arrays import FloatArray

_TREND_PARTS = 16
_TREND_DIGITS = 7


@dataclass(frozen=True)
class SeriesSummary:
    """One series.

    Attributes:
        id: Its name.
        count: Days that it has, from its first to its last.
        mean: Mean of its values.
        zero_share: Share of its values that are zero, 0 to 1.
        last_value: Value of its last day.
        first_day: Its first day.
        last_day: Its last day.
        trend: Means of equal parts of its days, at most 16, ascending.
    """

    id: str
    count: int
    mean: float
    zero_share: float
    last_value: float
    first_day: dt.date
    last_day: dt.date
    trend: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        days = {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}
        return asdict(self) | days


def summarize_series(dataset: Dataset) -> list[SeriesSummary]:
    """Summarize every series of a data set, in the order of their names."""
    return list(_summaries(dataset))


def _summaries(dataset: Dataset) -> Iterator[SeriesSummary]:
    panel = dataset.panel()
    begins, ends = panel.spans
    counts = np.maximum(ends - begins, 1)
    means = np.nansum(panel.values / counts[:, None], axis=1)
    zeros = np.count_nonzero(panel.values == 0, axis=1) / counts
    lasts = panel.values[np.arange(len(panel.ids)), ends - 1]
    for row, name in enumerate(panel.ids):
        yield SeriesSummary(
            id=name,
            count=int(ends[row] - begins[row]),
            mean=float(means[row]),
            zero_share=float(zeros[row]),
            last_value=float(lasts[row]),
            first_day=panel.date_of(int(begins[row])),
            last_day=panel.date_of(int(ends[row]) - 1),
            trend=_trend(panel.values[row, begins[row] : ends[row]]),
        )


def total_by_day(dataset: Dataset) -> tuple[dt.date, list[float]]:
    """Add up all series day by day.

    Returns:
        The first day of any series, and the sum on it and on each day after it; a series counts
        on the days that it has.
    """
    panel = dataset.panel()
    return panel.start, np.nansum(panel.values, axis=0).tolist()


def _trend(values: FloatArray) -> tuple[float, ...]:
    """Means of equal parts, with as many digits as a picture of any of them needs."""
    if not values.size:
        return ()
    begins = np.linspace(0, values.size, min(_TREND_PARTS, values.size), endpoint=False, dtype=int)
    sizes = np.diff(np.append(begins, values.size))
    means = np.add.reduceat(values, begins) / sizes
    return tuple(float(f"{mean:.{_TREND_DIGITS}g}") for mean in means.tolist())
