"""Served forecasts held against the values that came: pure functions of arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.predictor.feedback import ServedForecast
from models.arrays import DAYS_A_WEEK, FloatArray, IntArray, Panel
from models.metrics import bias, mae, seasonal_scale, wape


@dataclass(frozen=True)
class DayScore:
    """The error on one day, over all forecasts of it.

    Attributes:
        day: The day.
        count: Forecasts of it: of several series, or of one from several origins.
        mae: Mean absolute error, in the unit of the series.
        wape: Sum of errors over sum of values; None when all values are zero.
    """

    day: dt.date
    count: int
    mae: float
    wape: float | None


@dataclass(frozen=True)
class VersionScore:
    """How one version did.

    Attributes:
        version: Its id.
        forecasts: Forecasts of it that were kept; of one series from one day the last counts.
        matched: Forecast days whose value is known.
        series: Series among them.
        mae: Mean absolute error of those days; None without any, as all that follows.
        wape: Sum of errors over sum of values; None also when all values are zero.
        bias: Relative bias, above 0 when too much was forecast; None as for wape.
        mase: Mean over the series of their error over that of seasonal naive in the data set;
            None also when no series has the latter.
        days: The error day by day, ascending.
    """

    version: str
    forecasts: int
    matched: int
    series: int
    mae: float | None
    wape: float | None
    bias: float | None
    mase: float | None
    days: tuple[DayScore, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        days = [asdict(one) | {"day": one.day.isoformat()} for one in self.days]
        return asdict(self) | {"days": days}


@dataclass(frozen=True, eq=False)
class _Matches:
    """Forecast days whose value is known, side by side: row of the panel, column, two values."""

    row: IntArray
    column: IntArray
    forecast: FloatArray
    actual: FloatArray


def score_served(
    forecasts: Iterable[ServedForecast], panel: Panel, *, last_days: int, season: int = DAYS_A_WEEK
) -> list[VersionScore]:
    """Score each version on the days that have come; who forecast last stands first.

    Args:
        forecasts: As they were served; those without a day or of a series that the panel lacks
            match nothing.
        panel: What came.
        last_days: Only forecasts of the last so many days of the panel count.
        season: Season of the naive forecast that errors are scaled by.
    """
    # Asked again from the same day, a series is answered anew: that is still one forecast.
    of_version: dict[str, dict[tuple[str, dt.date | None], ServedForecast]] = {}
    last_asked: dict[str, float] = {}
    for one in forecasts:
        of_version.setdefault(one.model_name, {})[one.series_id, one.last_date] = one
        last_asked[one.model_name] = max(one.at, last_asked.get(one.model_name, 0.0))
    scale = seasonal_scale(panel.values, season)
    first_column = max(0, panel.days - last_days)
    scores = [
        _score(name, len(kept), _match(list(kept.values()), panel, first_column), panel, scale)
        for name, kept in of_version.items()
    ]
    return sorted(scores, key=lambda score: last_asked[score.version], reverse=True)


def _match(forecasts: Sequence[ServedForecast], panel: Panel, first_column: int) -> _Matches:
    rows = {name: row for row, name in enumerate(panel.ids)}
    dated = [
        (rows[one.series_id], (one.last_date - panel.start).days + 1, one.prediction)
        for one in forecasts
        if one.last_date is not None and one.series_id in rows and one.prediction
    ]
    lengths = np.array([len(values) for _, _, values in dated], dtype=np.int64)
    row = np.repeat(np.array([row for row, _, _ in dated], dtype=np.int64), lengths)
    begins = np.repeat(np.array([begin for _, begin, _ in dated], dtype=np.int64), lengths)
    ahead = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    column = begins + ahead
    forecast = np.array([value for _, _, values in dated for value in values], dtype=np.float64)
    inside = (column >= first_column) & (column < panel.days)
    row, column, forecast = row[inside], column[inside], forecast[inside]
    actual = panel.values[row, column]
    known = ~np.isnan(actual)
    return _Matches(row[known], column[known], forecast[known], actual[known])


def _score(
    version: str, forecasts: int, matches: _Matches, panel: Panel, scale: FloatArray
) -> VersionScore:
    actual, forecast = matches.actual, matches.forecast
    if not actual.size:
        return VersionScore(version, forecasts, 0, 0, None, None, None, None, ())
    per_series, counts = _means(matches.row, np.abs(forecast - actual), len(panel.ids))
    usable = (counts > 0) & (scale > 0)
    return VersionScore(
        version=version,
        forecasts=forecasts,
        matched=int(actual.size),
        series=int(np.count_nonzero(counts)),
        mae=mae(actual, forecast),
        wape=wape(actual, forecast),
        bias=bias(actual, forecast),
        mase=float(np.mean(per_series[usable] / scale[usable])) if usable.any() else None,
        days=tuple(_by_day(matches, panel)),
    )


def _means(
    index: IntArray, values: FloatArray, size: int
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    counts = np.bincount(index, minlength=size)
    return np.bincount(index, weights=values, minlength=size) / np.maximum(counts, 1), counts


def _by_day(matches: _Matches, panel: Panel) -> Iterable[DayScore]:
    errors, counts = _means(matches.column, np.abs(matches.forecast - matches.actual), panel.days)
    sizes, _ = _means(matches.column, np.abs(matches.actual), panel.days)
    for column in np.flatnonzero(counts).tolist():
        error, size = float(errors[column]), float(sizes[column])
        yield DayScore(
            day=panel.date_of(column),
            count=int(counts[column]),
            mae=error,
            wape=error / size if size > 0 else None,
        )
