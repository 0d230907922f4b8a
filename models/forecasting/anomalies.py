"""What was odd lately: days on which what came lies outside the interval of its forecast.

The last days are forecast as they would have been, from what was known before each stretch of a
horizon: a strange day cannot make the next one look usual. How many days lie outside by chance is
known from the level, so it is said beside how many do.

Three things are looked for. A day outside its own interval is a spike or a drop. A stretch whose
total lies outside the interval of totals, with its strangest day or without, is a shift of level.
Days without any demand in a row, more than in the window before, whose total of zero lies below
that interval, are a stop; what is never below 0 has no other way to be far too low. One may begin
on each day, so that by chance there are at most half as many as days outside.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.arrays import FloatArray, IntArray, Panel, Windows
from models.errors import ModelProblem
from models.forecasting.intervals import Calibration
from models.forecasting.windows import windows_before

Kind = Literal["spike", "drop", "stopped", "shift_up", "shift_down"]
Forecast = Callable[[Windows, int], FloatArray]
"""Maps windows and a number of steps to forecasts (n, steps)."""

_LEAST_DAYS_OF_A_SHIFT = 3
_LEAST_DAYS_OF_A_STOP = 2
_BY_CHANCE = 0.001


@dataclass(frozen=True)
class Anomaly:
    """Something that is not as it was expected; of several days the numbers are totals.

    Args:
        row: Row of the panel.
        kind: What it is.
        first: Column of its first day.
        last: Column of its last day.
        actual: What came.
        expected: The forecast.
        lower: Lower end of the interval.
        upper: Upper end of the interval.
        score: How far outside the interval, in widths of it.
    """

    row: int
    kind: Kind
    first: int
    last: int
    actual: float
    expected: float
    lower: float
    upper: float
    score: float


@dataclass(frozen=True)
class Counts:
    """How much was looked at, and how much of it lay outside.

    Args:
        checked: Days, or totals of several days.
        outside: Of these, outside their interval.
        expected: How many would be by chance.
    """

    checked: int
    outside: int
    expected: float


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found.

    Args:
        first: Column of the first day that was looked at.
        rows: int64 (k,), rows of the panel that could be looked at.
        days: Of single days.
        stretches: Of totals of several days.
        common: Columns of days on which more series lie outside than chance explains, and how many
            do: it is the day that is odd, such as a holiday.
        anomalies: The strangest first.
    """

    first: int
    rows: IntArray
    days: Counts
    stretches: Counts
    common: tuple[tuple[int, int], ...]
    anomalies: tuple[Anomaly, ...]


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Forecasts from one origin, held against what came: arrays (n, steps) of n rows.

    `total_*` are those of the days 1 .. h together.
    """

    origin: int
    rows: IntArray
    actual: FloatArray
    point: FloatArray
    lower: FloatArray
    upper: FloatArray
    total_lower: FloatArray
    total_upper: FloatArray


def find_anomalies(
    panel: Panel,
    forecast: Forecast,
    calibration: Calibration,
    *,
    window: int,
    horizon: int,
    days: int,
    level: float,
) -> Findings:
    """Look for what was odd on the last days of a panel.

    Args:
        panel: The series; one that ended before the last days, or began too late to fill a
            window before them, is left out.
        forecast: The forecaster.
        calibration: Of the forecaster; without totals only spikes and drops are found.
        window: Values that the forecaster sees.
        horizon: Days of one stretch.
        days: Last days to look at, at least 1.
        level: Of the intervals, above 0 and below 1.

    Raises:
        ModelProblem: The panel has no days before these, or no series that can be looked at.
    """
    first = panel.days - days
    if days < 1 or first < window:
        raise ModelProblem(
            f"{days} days cannot be looked at: {window} days before them make the first forecast, "
            f"and there are {panel.days} in all",
            "Look at fewer days.",
        )
    review = _Review(panel, forecast, calibration, window, level)
    borders = [first, *range(panel.days - days // horizon * horizon, panel.days, horizon)]
    ends = [*borders[1:], panel.days]
    stretches = [
        review.stretch(origin, end - origin)
        for origin, end in zip(borders, ends, strict=True)
        if end > origin
    ]
    rows = np.unique(np.concatenate([stretch.rows for stretch in stretches]))
    if not rows.size:
        raise ModelProblem(
            f"no series has {window} values before {panel.date_of(first)} and one from it on",
            "Look at fewer days, or at data with longer series.",
        )
    return review.findings(first, rows, stretches)


class _Review:
    """One look at a panel."""

    def __init__(
        self,
        panel: Panel,
        forecast: Forecast,
        calibration: Calibration,
        window: int,
        level: float,
    ) -> None:
        self._panel = panel
        self._forecast = forecast
        self._calibration = calibration
        self._window = window
        self._level = level
        self._has_totals = calibration.totals is not None

    def stretch(self, origin: int, steps: int, only: IntArray | None = None) -> _Stretch:
        """Forecast the days from an origin, of some rows or of all that have a window."""
        windows, rows = windows_before(self._panel, origin, self._window)
        actual = self._panel.values[rows, origin : origin + steps]
        usable = ~np.isnan(actual[:, 0])
        if only is not None:
            usable &= np.isin(rows, only)
        windows, rows, actual = windows.take(usable), rows[usable], actual[usable]
        point = self._forecast(windows, steps)
        lower, upper = self._calibration.interval(point, windows, self._level)
        totals = (np.full_like(point, -np.inf), np.full_like(point, np.inf))
        if self._has_totals:
            totals = self._calibration.total_interval(point, windows, self._level)
        return _Stretch(origin, rows, actual, point, lower, upper, *totals)

    def findings(self, first: int, rows: IntArray, stretches: list[_Stretch]) -> Findings:
        """Everything that is odd in these stretches, and how much was looked at."""
        stops = list(self._stops(first, rows)) if self._has_totals else []
        by_total = [anomaly for stretch in stretches for anomaly in self._shifts(stretch)]
        shifts = [one for one in by_total if not _is_within(one, stops)]
        by_day = [anomaly for stretch in stretches for anomaly in self._days(stretch)]
        days = [one for one in by_day if not _is_within(one, [*stops, *shifts])]
        found = sorted([*stops, *shifts, *days], key=lambda one: (-one.score, one.row, one.first))
        long = [one for one in stretches if one.point.shape[1] >= _LEAST_DAYS_OF_A_SHIFT]
        totals = long if self._has_totals else []
        whole = sum(int(np.count_nonzero(~np.isnan(one.actual[:, -1]))) for one in totals)
        return Findings(
            first=first,
            rows=rows,
            days=self._counts(
                sum(int(np.count_nonzero(~np.isnan(one.actual))) for one in stretches), len(by_day)
            ),
            stretches=self._counts(whole, sum(map(self._count_outside, totals))),
            common=self._common(by_day, first),
            anomalies=tuple(found),
        )

    def _common(self, by_day: list[Anomaly], first: int) -> tuple[tuple[int, int], ...]:
        outside = np.bincount([one.first - first for one in by_day], minlength=1)
        checked = np.count_nonzero(~np.isnan(self._panel.values[:, first:]), axis=0)
        return tuple(
            (first + day, int(count))
            for day, count in enumerate(outside.tolist())
            if _poisson_tail(count, self._counts(int(checked[day]), 0).expected) < _BY_CHANCE
        )

    def _counts(self, checked: int, outside: int) -> Counts:
        # So few errors cannot tell a higher level: its interval ends at the largest of them.
        count = self._calibration.count
        told = min(self._level, (count - 1) / (count + 1))
        return Counts(checked, outside, checked * (1.0 - told))

    def _days(self, stretch: _Stretch) -> Iterator[Anomaly]:
        above, below = stretch.actual > stretch.upper, stretch.actual < stretch.lower
        for at, step in np.argwhere(above | below):
            day = stretch.origin + int(step)
            kind: Kind = "spike" if above[at, step] else "drop"
            yield self._anomaly(
                int(stretch.rows[at]),
                kind,
                (day, day),
                float(stretch.actual[at, step]),
                float(stretch.point[at, step]),
                (float(stretch.lower[at, step]), float(stretch.upper[at, step])),
            )

    def _count_outside(self, stretch: _Stretch) -> int:
        total = stretch.actual.sum(axis=1)
        low, high = stretch.total_lower[:, -1], stretch.total_upper[:, -1]
        return int(np.count_nonzero((total < low) | (total > high)))

    def _shifts(self, stretch: _Stretch) -> Iterator[Anomaly]:
        """Stretches whose total is outside even when their strangest day is as expected."""
        steps = stretch.point.shape[1]
        if steps < _LEAST_DAYS_OF_A_SHIFT:
            return
        missed = stretch.actual - stretch.point
        total, expected = stretch.actual.sum(axis=1), stretch.point.sum(axis=1)
        low, high = stretch.total_lower[:, -1], stretch.total_upper[:, -1]
        up = total - np.maximum(missed.max(axis=1), 0) > high
        down = total - np.minimum(missed.min(axis=1), 0) < low
        for at in np.flatnonzero(up | down):
            kind: Kind = "shift_up" if up[at] else "shift_down"
            yield self._anomaly(
                int(stretch.rows[at]),
                kind,
                (stretch.origin, stretch.origin + steps - 1),
                float(total[at]),
                float(expected[at]),
                (float(low[at]), float(high[at])),
            )

    def _stops(self, first: int, rows: IntArray) -> Iterator[Anomaly]:
        """Zeros in a row that began on the last days, asked of the day before they began."""
        lengths: dict[int, dict[int, int]] = defaultdict(dict)
        for row in rows.tolist():
            for begin, length in _zero_runs(self._panel.values[row], first):
                lengths[begin][row] = length
        for begin, by_row in sorted(lengths.items()):
            only = np.array(sorted(by_row), dtype=np.int64)
            stretch = self.stretch(begin, max(by_row.values()), only)
            for at, row in enumerate(stretch.rows.tolist()):
                step = by_row[row] - 1
                low, high = stretch.total_lower[at, step], stretch.total_upper[at, step]
                before = self._panel.values[row, begin - self._window : begin]
                # What sells now and then has such days; so many in a row are new.
                if low > 0 and by_row[row] > _longest_zeros(before):
                    yield self._anomaly(
                        row,
                        "stopped",
                        (begin, begin + step),
                        0.0,
                        float(stretch.point[at, : step + 1].sum()),
                        (float(low), float(high)),
                    )

    def _anomaly(
        self,
        row: int,
        kind: Kind,
        days: tuple[int, int],
        actual: float,
        expected: float,
        ends: tuple[float, float],
    ) -> Anomaly:
        lower, upper = ends
        # An interval of no width, of series that all stand still, has the unit of a window's.
        width = max(upper - lower, self._calibration.floor)
        score = max(actual - upper, lower - actual) / width
        return Anomaly(row, kind, *days, actual, expected, lower, upper, score)


def _zero_runs(values: FloatArray, first: int) -> list[tuple[int, int]]:
    """Column and length of each run of zeros that begins at `first` or later, if it is long."""
    steps = np.diff((values == 0).astype(np.int8), prepend=0, append=0)
    runs = zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    return [
        (int(begin), int(end - begin))
        for begin, end in runs
        if begin >= first and end - begin >= _LEAST_DAYS_OF_A_STOP
    ]


def _longest_zeros(values: FloatArray) -> int:
    """Length of the longest run of zeros."""
    others = np.flatnonzero(values != 0)
    return int(np.diff(others, prepend=-1, append=values.size).max()) - 1


def _poisson_tail(count: int, mean: float) -> float:
    """Probability that a Poisson number of this mean is `count` or more."""
    below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))
    return 1.0 - below


def _is_within(one: Anomaly, others: list[Anomaly]) -> bool:
    """Whether another tells of these days already, to the same side."""
    return any(
        other.row == one.row
        and other.first <= one.last
        and one.first <= other.last
        and (one.actual > one.upper) == (other.actual > other.upper)
        for other in others
    )
