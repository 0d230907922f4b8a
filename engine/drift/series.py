"""Windows and forecasts of series beside what a version learnt from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.drift.report import Columns, DayDrift, Limits
from engine.predictor.feedback import ServedForecast
from models.arrays import FloatArray, IntArray, Panel
from models.drift.judging import FeatureVerdict, judge
from models.drift.kept import Kept
from models.drift.series_reference import (
    FORECASTS,
    INPUTS,
    NEW_SERIES,
    SeriesReference,
    independent,
    size_of,
)
from models.drift.windows import NUMBERS, SIZE, numbers_of


@dataclass(frozen=True, eq=False)
class Asked:
    """What a model was asked, or would have been.

    Args:
        names: Series of each window.
        days: Day on which it was asked.
        numbers: float64 (n, 6), of `models.drift.windows.numbers_of`.
        forecast: float64 (n, horizon), NaN where fewer days were asked for.
    """

    names: tuple[str, ...]
    days: tuple[dt.date, ...]
    numbers: FloatArray
    forecast: FloatArray

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found.

    Args:
        features: Each feature that could be judged.
        new: Windows of series that were not learnt from.
        notes: What could not be judged, and why.
        by_day: The way of the feature that is farthest away.
        watched: That feature.
        columns: Of each feature what was learnt from, and the values that came.
    """

    features: tuple[FeatureVerdict, ...]
    new: int
    notes: tuple[str, ...]
    watched: str = ""
    by_day: tuple[DayDrift, ...] = ()
    columns: Columns = field(default_factory=dict)


def asked_of_served(forecasts: Iterable[ServedForecast], horizon: int) -> Asked:
    """What was asked in forecasts that were served; of a series and day the last one counts.

    Left out is what earlier versions of this program kept without its window, and windows that
    were filled because the series is too short: these repeat themselves.
    """
    kept: dict[tuple[str, dt.date], ServedForecast] = {}
    for one in forecasts:
        if one.window is not None and len(one.window) == len(NUMBERS) and one.known_days is None:
            kept[one.series_id, one.last_date or _day_of(one.at)] = one
    answers = list(kept.values())
    forecast = np.full((len(answers), horizon), np.nan)
    for row, one in zip(forecast, answers, strict=True):
        if len(one.prediction) >= horizon:
            row[:] = one.prediction[:horizon]
    numbers = np.array([one.window for one in answers], dtype=np.float64)
    return Asked(
        tuple(one.series_id for one in answers),
        tuple(_day_of(one.at) for one in answers),
        numbers.reshape(-1, len(NUMBERS)),
        forecast,
    )


def asked_of_panel(panel: Panel, window: int, days: int, after: dt.date) -> Asked:
    """What would be asked on the last days of a data set, as far as they are later than a day."""
    names: list[str] = []
    dates: list[dt.date] = []
    numbers: list[FloatArray] = []
    for end in range(max(window, panel.days - days + 1), panel.days + 1):
        day = panel.date_of(end - 1)
        values = panel.values[:, end - window : end]
        rows = np.flatnonzero(~np.isnan(values).any(axis=1))
        if day > after and rows.size:
            numbers.append(numbers_of(values[rows]))
            names += [panel.ids[row] for row in rows]
            dates += [day] * rows.size
    found = np.concatenate(numbers) if numbers else np.empty((0, len(NUMBERS)))
    return Asked(tuple(names), tuple(dates), found, np.full((len(names), 1), np.nan))


def judge_series(reference: SeriesReference, asked: Asked, limits: Limits) -> Judged:
    """Hold what was asked against what was learnt from, feature by feature."""
    known = np.array([name in reference.rows for name in asked.names], dtype=np.bool_)
    at = np.flatnonzero(known)
    rows = np.array([reference.rows[asked.names[place]] for place in at], dtype=np.int64)
    days = [asked.days[place] for place in at]
    columns: dict[str, FloatArray] = {}
    if at.size >= limits.least:
        inputs = reference.inputs(asked.numbers[at], rows)
        columns |= dict(zip(INPUTS, inputs.T, strict=True))
        if asked.forecast.shape[1] == reference.horizon:
            answers = reference.forecasts(asked.forecast[at], rows)
            columns |= dict(zip(FORECASTS, answers.T, strict=True))
    features = [
        found
        for name, values in columns.items()
        if (found := _judged(name, reference, values, rows, days, limits)) is not None
    ]
    notes = []
    if at.size < limits.least:
        notes.append(
            f"{at.size:,} windows of series that were learnt from are too few to tell by: "
            f"{limits.least:,} are needed"
        )
    unknown = np.flatnonzero(~known & np.isfinite(asked.numbers[:, SIZE]))
    if unknown.size >= limits.least and reference.sizes is not None:
        sizes = size_of(asked.numbers[unknown])
        count = len({asked.names[place] for place in unknown.tolist()})
        features.append(judge(NEW_SERIES, reference.sizes, sizes, effective=count, much=limits.psi))
    watched = _farthest(features)
    by_day: tuple[DayDrift, ...] = ()
    if watched in columns:
        by_day = tuple(_by_day(reference.features[watched], columns[watched], days))
    kept = {
        name: (reference.features[name], values[~np.isnan(values)])
        for name, values in columns.items()
        if any(one.name == name for one in features)
    }
    return Judged(tuple(features), int(unknown.size), tuple(notes), watched, by_day, kept)


def _judged(
    name: str,
    reference: SeriesReference,
    values: FloatArray,
    rows: IntArray,
    days: Sequence[dt.date],
    limits: Limits,
) -> FeatureVerdict | None:
    """The verdict on a feature; None where there are too few values or nothing to compare with."""
    kept = reference.features.get(name)
    usable = np.flatnonzero(~np.isnan(values))
    if kept is None or usable.size < limits.least:
        return None
    span = len({days[place] for place in usable.tolist()})
    effective = independent(rows[usable], span, reference.window)
    return judge(name, kept, values[usable], effective=effective, much=limits.psi)


def _farthest(features: Sequence[FeatureVerdict]) -> str:
    """The feature that is farthest from what is ordinary."""
    return max(features, key=lambda one: one.distance or 0.0).name if features else ""


def _by_day(kept: Kept, values: FloatArray, days: Sequence[dt.date]) -> Iterable[DayDrift]:
    every = np.array([day.toordinal() for day in days])
    for ordinal in np.unique(every).tolist():
        some = values[(every == ordinal) & ~np.isnan(values)]
        day = dt.date.fromordinal(ordinal)
        if some.size:
            distance = kept.distribution.distance(some)
            yield DayDrift(day, int(some.size), distance, float(some.mean()))
        else:
            yield DayDrift(day, 0, None, None)


def _day_of(at: float) -> dt.date:
    return dt.datetime.fromtimestamp(at, dt.UTC).date()
