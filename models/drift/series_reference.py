"""What the series that were learnt from look like in numbers, so that later ones can be compared.

A shop sells a thousand things of which each has its own size. What a window looks like is told
beside what its own series looked like when it was learnt from, so that neither the mix of series
that happens to be asked about nor their sizes count as drift:

    level    mean of the window over the size of its series
    spread   standard deviation over the usual one of its series
    zeros    share of zeros, less the usual one of its series
    trend    last week less the whole window, over the size of its series
    week     how much weeks repeat, less the usual of its series
    forecast level    mean of the forecast over the size of its series
    forecast spread   standard deviation of the forecast over the usual one of its series
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, IntArray, Panel, Windows
from models.data_types import TIMESERIES
from models.drift.kept import Kept
from models.drift.windows import MEAN, RECENT, SIZE, STD, WEEK, ZEROS, numbers_of, rounded
from models.errors import ModelProblem
from models.forecasting.windows import windows_before
from models.metrics import seasonal_scale

INPUTS = ("level", "spread", "zeros", "trend", "week")
FORECASTS = ("forecast level", "forecast spread")
NEW_SERIES = "size of new series"
OWN = ("size", "std", "zeros", "week", "scale")

_DAYS = 366
"""What lies longer back is not compared with: a year has every season, two have a trend."""
_MOST_WINDOWS = 50_000
_MOST_SERIES = 5_000
_MOST_FORECASTS = 1_000
_MOST_ORIGINS, _LEAST_ORIGINS = 52, 8

Predict = Callable[[Windows], FloatArray]
"""Maps windows to forecasts (n, horizon)."""


@dataclass(frozen=True, eq=False)
class SeriesReference:
    """What was learnt from, in numbers.

    Args:
        window: Values of a window.
        horizon: Days of a forecast.
        last_day: The last day of it.
        series: Names of the series that are known by themselves.
        own: float64 (series, 5), what is usual of each, in the order of `OWN`; `scale` is the
            error of the seasonal naive forecast. NaN where a series has no such number.
        features: Each of `INPUTS` and `FORECASTS` of which there is anything.
        sizes: Of all windows, asinh of their size: what a new series is compared with.
    """

    window: int
    horizon: int
    last_day: dt.date
    series: tuple[str, ...]
    own: FloatArray
    features: Mapping[str, Kept]
    sizes: Kept | None

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """Row of each series in `own`."""
        return {name: row for row, name in enumerate(self.series)}

    def inputs(self, numbers: FloatArray, rows: IntArray) -> FloatArray:
        """The features of windows: float64 (n, 5), NaN where one does not exist.

        Args:
            numbers: float64 (n, 6), of `models.drift.windows.numbers_of`.
            rows: int64 (n,), their series.
        """
        return _inputs(numbers, self.own[rows])

    def forecasts(self, forecast: FloatArray, rows: IntArray) -> FloatArray:
        """The features of forecasts (n, horizon): float64 (n, 2), NaN where one does not exist."""
        return _forecasts(forecast, self.own[rows])

    def scale(self, rows: IntArray) -> FloatArray:
        """What one unit of MASE is for these series."""
        scale: FloatArray = self.own[rows, OWN.index("scale")]
        return scale

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        own = rounded(self.own).astype(object)
        own[np.isnan(self.own)] = None  # JSON has no NaN
        return {
            "data_type": TIMESERIES,
            "window": self.window,
            "horizon": self.horizon,
            "last_day": self.last_day.isoformat(),
            "series": list(self.series),
            "own": own.tolist(),
            "features": {name: kept.to_dict() for name, kept in self.features.items()},
            "sizes": None if self.sizes is None else self.sizes.to_dict(),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> SeriesReference:
        """What `to_dict` told.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        series = tuple(map(str, saved["series"]))
        return cls(
            window=int(saved["window"]),
            horizon=int(saved["horizon"]),
            last_day=dt.date.fromisoformat(saved["last_day"]),
            series=series,
            own=np.array(saved["own"], dtype=np.float64).reshape(len(series), len(OWN)),
            features={str(name): Kept.from_dict(one) for name, one in saved["features"].items()},
            sizes=None if saved["sizes"] is None else Kept.from_dict(saved["sizes"]),
        )


def size_of(numbers: FloatArray) -> FloatArray:
    """The size of windows (n, 6) on a scale on which ten times as much is as far everywhere."""
    return np.arcsinh(numbers[:, SIZE])


def learn_reference(
    history: Panel, *, window: int, horizon: int, predict: Predict
) -> SeriesReference:
    """Put what may be learnt from into numbers.

    Args:
        history: All of it; of more than a year the last one counts.
        window: Values that the model sees.
        horizon: Days that it answers with.
        predict: The model.
    """
    recent = _last_days(history, _DAYS + window)
    numbers, rows, ends = _all_numbers(recent, window)
    own = _own(recent, numbers, rows)
    features: dict[str, Kept] = {}
    week = (ends - recent.days) // DAYS_A_WEEK
    named = zip(INPUTS, _inputs(numbers, own[rows]).T, strict=True)
    features |= _keep(named, week, rows, window)
    forecast, rows_asked, origins = _all_forecasts(recent, window, horizon, predict)
    answers = zip(FORECASTS, _forecasts(forecast, own[rows_asked]).T, strict=True)
    features |= _keep(answers, origins, rows_asked, window)
    sizes = None
    usable = np.isfinite(numbers[:, SIZE])
    if usable.any():
        sizes = Kept.of(size_of(numbers[usable]), len(np.unique(rows[usable])))
    chosen = _chosen(own)
    return SeriesReference(
        window=window,
        horizon=horizon,
        last_day=history.date_of(history.days - 1),
        series=tuple(recent.ids[row] for row in chosen),
        own=own[chosen],
        features=features,
        sizes=sizes,
    )


def independent(rows: Sequence[int] | IntArray, days: int, window: int) -> int:
    """As how many independent windows those of some series over some days count.

    Two windows of one series a day apart are nearly the same one.
    """
    return len(np.unique(np.asarray(rows))) * max(1, round(days / window))


def _last_days(history: Panel, days: int) -> Panel:
    first = max(0, history.days - days)
    covariates = None if history.covariates is None else history.covariates[:, first:]
    return Panel(
        history.ids,
        history.date_of(first),
        history.values[:, first:],
        history.covariate_names,
        covariates,
    )


def _all_numbers(panel: Panel, window: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Numbers of windows that end on evenly spaced days, their series, and one past their end."""
    days = np.arange(window, panel.days + 1)
    step = max(1, -(-len(days) * max(len(panel.ids), 1) // _MOST_WINDOWS))
    found: list[tuple[FloatArray, IntArray, IntArray]] = []
    for end in days[::-1][::step].tolist():
        values = panel.values[:, end - window : end]
        rows = np.flatnonzero(~np.isnan(values).any(axis=1)).astype(np.int64)
        if rows.size:
            found.append((numbers_of(values[rows]), rows, np.full(rows.size, end - 1)))
    if not found:
        return np.empty((0, 6)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    numbers, rows, ends = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return numbers, rows, ends


def _all_forecasts(
    panel: Panel, window: int, horizon: int, predict: Predict
) -> tuple[FloatArray, IntArray, IntArray]:
    """Forecasts of some series from evenly spaced origins, their series and origins."""
    series = max(len(panel.ids), 1)
    count = min(max(_MOST_FORECASTS // series, _LEAST_ORIGINS), _MOST_ORIGINS)
    origins = np.unique(np.linspace(panel.days, window, count).round().astype(np.int64))
    found: list[tuple[FloatArray, IntArray, IntArray]] = []
    for origin in origins[(origins >= window) & (origins <= panel.days)].tolist():
        windows, rows = windows_before(panel, origin, window)
        some = np.arange(0, len(rows), max(1, -(-len(rows) * count // _MOST_FORECASTS)))
        if some.size:
            try:
                answer = predict(windows.take(some))[:, :horizon]
            except ModelProblem:
                continue  # what it cannot answer it has never answered
            found.append((answer, rows[some], np.full(some.size, origin)))
    if not found:
        nothing = np.empty(0, dtype=np.int64)
        return np.empty((0, horizon)), nothing, nothing
    forecast, rows, origin = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return forecast, rows, origin


def _own(panel: Panel, numbers: FloatArray, rows: IntArray) -> FloatArray:
    """What is usual of each series of a panel: the mean over its windows."""
    count = len(panel.ids)
    own = np.full((count, len(OWN)), np.nan)
    for place, number in enumerate((SIZE, STD, ZEROS, WEEK)):
        values = numbers[:, number]
        known = np.isfinite(values)
        sums = np.bincount(rows[known], weights=values[known], minlength=count)
        counts = np.bincount(rows[known], minlength=count)
        own[:, place] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        own[:, OWN.index("scale")] = seasonal_scale(panel.values, DAYS_A_WEEK)
    return np.where(np.isfinite(own), own, np.nan)


def _chosen(own: FloatArray) -> list[int]:
    """Rows of the series that are kept: those with whole windows, spread evenly when too many."""
    usable = np.flatnonzero(~np.isnan(own[:, 0]))
    step = max(1, -(-len(usable) // _MOST_SERIES))
    return [int(row) for row in usable[::step]]


def _keep(
    named: Iterable[tuple[str, FloatArray]], part: IntArray, rows: IntArray, window: int
) -> Iterator[tuple[str, Kept]]:
    """Each feature of which there is a value, with what single parts of it are like."""
    for name, values in named:
        known = np.isfinite(values)
        if not known.any():
            continue
        numbers = np.unique(part[known])
        parts = (values[known & (part == number)] for number in numbers.tolist())
        days = len(numbers) * DAYS_A_WEEK
        effective = independent(rows[known], days, window)
        yield name, Kept.of(values[known], effective, parts)


def _inputs(numbers: FloatArray, own: FloatArray) -> FloatArray:
    size, std, zeros, week, _ = own.T
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(
            _over(numbers[:, MEAN], size),
            _over(numbers[:, STD], std),
            numbers[:, ZEROS] - zeros,
            _over(numbers[:, RECENT] - numbers[:, MEAN], size),
            numbers[:, WEEK] - week,
        )


def _forecasts(forecast: FloatArray, own: FloatArray) -> FloatArray:
    size, std = own.T[:2]
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(_over(forecast.mean(axis=1), size), _over(forecast.std(axis=1), std))


def _over(value: FloatArray, unit: FloatArray) -> FloatArray:
    """NaN where there is no unit."""
    usable = unit > 0
    return np.where(usable, value / np.where(usable, unit, 1.0), np.nan)


def _finite(*columns: FloatArray) -> FloatArray:
    """Columns side by side; NaN where one is not finite."""
    table = np.column_stack(columns)
    return np.where(np.isfinite(table), table, np.nan)
