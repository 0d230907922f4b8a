"""Served forecasts held against the values that came: pure functions of arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.predictor.feedback import ServedForecast
from engine.quality.known import Known
from models.arrays import DAYS_A_WEEK, FloatArray, IntArray
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
class Matches:
    """Forecast days whose value is known, side by side.

    Args:
        row: Series, as a row of what is known.
        column: Day, as a column of it.
        ahead: How many days after the last one that was known then, less one.
        forecast: What was forecast.
        actual: What came.
    """

    row: IntArray
    column: IntArray
    ahead: IntArray
    forecast: FloatArray
    actual: FloatArray


def score_served(
    forecasts: Iterable[ServedForecast], known: Known, *, last_days: int, season: int = DAYS_A_WEEK
) -> list[VersionScore]:
    """Score each version on the days that have come; who forecast last stands first.

    Args:
        forecasts: As they were served; those without a day or of a series that is not known
            match nothing.
        known: What came.
        last_days: Only forecasts of the last so many days that are known count.
        season: Season of the naive forecast that errors are scaled by.
    """
    of_version: dict[str, dict[tuple[str, dt.date | None], ServedForecast]] = {}
    last_asked: dict[str, float] = {}
    for one in forecasts:
        # Asked again from the same day, a series is answered anew: that is still one forecast.
        of_version.setdefault(one.model_name, {})[one.series_id, one.last_date] = one
        last_asked[one.model_name] = max(one.at, last_asked.get(one.model_name, 0.0))
    scale = seasonal_scale(known.values, season)
    first_column = max(0, known.days - last_days)
    scores = [
        _score(
            name, len(kept), match_served(list(kept.values()), known, first_column), known, scale
        )
        for name, kept in of_version.items()
    ]
    return sorted(scores, key=lambda score: last_asked[score.version], reverse=True)


def match_served(forecasts: Sequence[ServedForecast], known: Known, first_column: int) -> Matches:
    """Find the forecast days whose value is known.

    Args:
        forecasts: As they were served, one of each series and day.
        known: What came.
        first_column: First day of it that counts.
    """
    rows = {name: row for row, name in enumerate(known.ids)}
    dated = [
        (rows[one.series_id], (one.last_date - known.start).days + 1, one.prediction)
        for one in forecasts
        if one.last_date is not None and one.series_id in rows and one.prediction
    ]
    lengths = np.array([len(values) for _, _, values in dated], dtype=np.int64)
    row = np.repeat(np.array([row for row, _, _ in dated], dtype=np.int64), lengths)
    begins = np.repeat(np.array([begin for _, begin, _ in dated], dtype=np.int64), lengths)
    ahead = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    column = begins + ahead
    forecast = np.array([value for _, _, values in dated for value in values], dtype=np.float64)
    inside = (column >= first_column) & (column < known.days)
    row, column, ahead, forecast = row[inside], column[inside], ahead[inside], forecast[inside]
    actual = known.values[row, column]
    has_come = ~np.isnan(actual)
    columns = (row, column, ahead, forecast, actual)
    return Matches(*(values[has_come] for values in columns))


def _score(
    version: str, forecasts: int, matches: Matches, known: Known, scale: FloatArray
) -> VersionScore:
    actual, forecast = matches.actual, matches.forecast
    if not actual.size:
        return VersionScore(version, forecasts, 0, 0, None, None, None, None, ())
    per_series, counts = _means(matches.row, np.abs(forecast - actual), len(known.ids))
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
        days=tuple(_by_day(matches, known)),
    )


def _means(
    index: IntArray, values: FloatArray, size: int
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    counts = np.bincount(index, minlength=size)
    return np.bincount(index, weights=values, minlength=size) / np.maximum(counts, 1), counts


def _by_day(matches: Matches, known: Known) -> Iterable[DayScore]:
    errors, counts = _means(matches.column, np.abs(matches.forecast - matches.actual), known.days)
    sizes, _ = _means(matches.column, np.abs(matches.actual), known.days)
    for column in np.flatnonzero(counts).tolist():
        error, size = float(errors[column]), float(sizes[column])
        yield DayScore(
            day=known.date_of(column),
            count=int(counts[column]),
            mae=error,
            wape=error / size if size > 0 else None,
        )
