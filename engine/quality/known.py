"""The values that came: those of a data set, and those that were told one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.predictor.feedback import ServedForecast
from engine.tables.actuals import Actual
from models.arrays import FloatArray, Panel

_MOST_DAYS = 3 * 366
_UNIT_DAYS = 366


class Known(Protocol):
    """Values of series side by side on one calendar; NaN where a day of a series is not known."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Name of each series."""

    @property
    def start(self) -> dt.date:
        """Day of column 0."""

    @property
    def values(self) -> FloatArray:
        """float64 (series, days)."""

    @property
    def days(self) -> int:
        """Number of columns."""

    def date_of(self, column: int) -> dt.date:
        """Calendar day of a column."""


@dataclass(frozen=True, eq=False)
class KnownDays:
    """What is known of some series; unlike a panel, days may lack inside a series."""

    ids: tuple[str, ...]
    start: dt.date
    values: FloatArray

    @property
    def days(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    def date_of(self, column: int) -> dt.date:
        """Calendar day of a column."""
        return self.start + dt.timedelta(days=column)


def wanted_since(forecasts: Iterable[ServedForecast]) -> dt.date:
    """From which day on values that came can matter: for these forecasts, or for their unit."""
    oldest = min((one.last_date for one in forecasts if one.last_date), default=None)
    if oldest is None or oldest.toordinal() <= _UNIT_DAYS:
        return dt.date.min if oldest else dt.date.max
    return oldest - dt.timedelta(days=_UNIT_DAYS)


def known_days(
    panel: Panel | None, told: Sequence[Actual], wanted: Collection[str]
) -> Known | None:
    """Values of a data set completed by those that were told; where both know one, the told counts.

    Args:
        panel: Of the data set, None when there is none.
        told: Values that were told.
        wanted: Series of which values are wanted; others that were told are left out.

    Returns:
        None when nothing at all is known.
    """
    told = [one for one in told if one.series in wanted]
    if not told:
        return panel
    ids = list(panel.ids) if panel is not None else []
    rows = {name: row for row, name in enumerate(ids)}
    for one in told:
        if one.series not in rows:
            rows[one.series] = len(ids)
            ids.append(one.series)
    last = max(one.day for one in told)
    first = min(one.day for one in told)
    if panel is not None and panel.days:
        last = max(last, panel.date_of(panel.days - 1))
        first = min(first, panel.start)
    # A day of long ago, by mistake, must not cost gigabytes.
    first = max(first, min(last - dt.timedelta(days=_MOST_DAYS), panel.start if panel else last))
    values = np.full((len(ids), (last - first).days + 1), np.nan)
    if panel is not None:
        begin = (panel.start - first).days
        values[: len(panel.ids), begin : begin + panel.days] = panel.values
    for one in told:
        if one.day >= first:
            values[rows[one.series], (one.day - first).days] = one.value
    return KnownDays(tuple(ids), first, values)
