"""What versions turn out to be worth, beside what their test had promised."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from engine.drift.report import DayError, Limits, LiveError
from engine.predictor.feedback import ServedClassification, ServedForecast
from engine.quality.known import Known
from engine.quality.scores import Matches, match_served
from models.arrays import DAYS_A_WEEK, FloatArray, IntArray
from models.drift.series_reference import SeriesReference
from models.metrics import seasonal_scale

_SURE = 2.33
"""Standard errors that a mean has to lie beyond a bar: by chance once in a hundred times."""
_CHANCE = 0.01
_LEAST_DAYS = 3
MASE, ERROR_RATE = "MASE", "error rate"


def live_error_of_series(
    forecasts: Iterable[ServedForecast],
    known: Known | None,
    evaluation: Mapping[str, Any],
    reference: SeriesReference | None,
    limits: Limits,
) -> LiveError:
    """The error of forecasts whose days have come, beside that of the test.

    Every forecast day counts in units of the seasonal naive error of its series before it was
    learnt from, and is expected to miss as the test's forecasts missed as many days ahead.

    Args:
        forecasts: Of one version, as they were served.
        known: The values that came, None when there are none.
        evaluation: How the version was measured.
        reference: What it learnt from; None: the unit comes from the values that came.
        limits: When it has drifted.
    """
    if known is None:
        return LiveError(MASE, why="no actual values are known: engine actuals add, or data_flow")
    kept = {(one.series_id, one.last_date): one for one in forecasts}
    matches = match_served(list(kept.values()), known, 0)
    if matches.column.size:
        newest = int(matches.column.max())
        matches = _some(matches, matches.column > newest - limits.days)
    scale = _scale(known, reference)[matches.row]
    matches, scale = _some(matches, scale > 0), scale[scale > 0]
    if not matches.row.size:
        return LiveError(MASE, why="no forecast day has come whose value is known")
    error = np.abs(matches.forecast - matches.actual) / scale
    live = float(error.mean())
    days = tuple(_days(matches, error, known))
    expected = _promised(evaluation, matches.ahead)
    series = len(np.unique(matches.row))
    found = LiveError(MASE, "unknown", live, expected, len(error), series, days)
    if expected is None or not expected > 0:
        return replace(found, why="its test has no such error to compare with")
    if len(error) < limits.least:
        return replace(found, why=_too_few(f"{len(error):,} forecast days that came", limits))
    sure = _SURE * max(_standard_error(error, matches.row), _standard_error(error, matches.column))
    worst = expected * _worst_fold(evaluation)
    many = len(days) >= min(_LEAST_DAYS, limits.days)
    ratio, least = live / expected, live - sure
    if ratio > limits.error_ratio and least > max(expected, worst) and many:
        return replace(found, finding="drifted")
    is_worse = ratio > (1 + limits.error_ratio) / 2 and least > expected
    return replace(found, finding="shifted" if is_worse else "alike")


def live_error_of_pictures(
    answers: Iterable[ServedClassification],
    labels: Mapping[str, str],
    evaluation: Mapping[str, Any],
    limits: Limits,
) -> LiveError:
    """The share of wrong answers among those whose truth was told, beside that of the test.

    Args:
        answers: Of one version, as they were given; of a picture the last one counts.
        labels: What pictures show, by SHA-256 of the file.
        evaluation: How the version was measured.
        limits: When it has drifted.
    """
    kept = {one.sha256: one for one in answers if one.sha256 in labels}
    if not kept:
        return LiveError(
            ERROR_RATE, why="of no picture it was told what it shows: engine actuals add"
        )
    wrong = {sha: one.prediction != labels[sha] for sha, one in kept.items()}
    errors, count = sum(wrong.values()), len(wrong)
    by_day: dict[dt.date, list[bool]] = {}
    for sha, one in kept.items():
        day = dt.datetime.fromtimestamp(one.at, dt.UTC).date()
        by_day.setdefault(day, []).append(wrong[sha])
    days = tuple(
        DayError(day, len(some), sum(some) / len(some)) for day, some in sorted(by_day.items())
    )
    overall = evaluation["scores"]["candidate"]["overall"]
    then, of = int(overall["errors"]), int(overall["count"])
    # A test without a mistake does not promise that there will never be one (Laplace).
    promised = (then + 1) / (of + 2)
    found = LiveError(ERROR_RATE, "unknown", errors / count, promised, count, 0, days)
    if count < limits.least:
        return replace(found, why=_too_few(f"{count:,} pictures whose truth was told", limits))
    table = [[errors, count - errors], [then, of - then]]
    by_chance = float(stats.fisher_exact(table, alternative="greater").pvalue)
    ratio = (errors / count) / promised
    if by_chance < _CHANCE and ratio > limits.error_ratio:
        return replace(found, finding="drifted")
    is_worse = by_chance < _CHANCE and ratio > (1 + limits.error_ratio) / 2
    return replace(found, finding="shifted" if is_worse else "alike")


def _too_few(what: str, limits: Limits) -> str:
    return f"{what} are too few to tell by: {limits.least:,} are needed"


def _some(matches: Matches, chosen: Any) -> Matches:
    columns = (matches.row, matches.column, matches.ahead, matches.forecast, matches.actual)
    return Matches(*(values[chosen] for values in columns))


def _scale(known: Known, reference: SeriesReference | None) -> FloatArray:
    """What one unit of error is for each series that is known; NaN where nothing says it."""
    scale = seasonal_scale(known.values, DAYS_A_WEEK)
    if reference is None:
        return scale
    for row, name in enumerate(known.ids):
        own = reference.rows.get(name)
        if own is not None:
            scale[row] = reference.scale(np.array([own]))[0]
    return scale


def _promised(evaluation: Mapping[str, Any], ahead: IntArray) -> float | None:
    """The error that the test had of forecasts as many days ahead, on average."""
    scores = evaluation["scores"]["candidate"]
    by_day = [one.get("mase") for one in scores.get("ahead", ())]
    if by_day and all(error is not None for error in by_day):
        errors = np.array(by_day, dtype=np.float64)
        return float(errors[np.minimum(ahead, len(errors) - 1)].mean())
    overall = scores["overall"]["mase"]
    return None if overall is None else float(overall)


def _worst_fold(evaluation: Mapping[str, Any]) -> float:
    """The error of the worst fold of the test over that of all of it."""
    scores = evaluation["scores"]["candidate"]
    overall = scores["overall"]["mase"]
    folds = [one["mase"] for one in scores.get("folds", ()) if one.get("mase") is not None]
    return max(1.0, max(folds) / overall) if folds and overall else 1.0


def _standard_error(values: FloatArray, cluster: IntArray) -> float:
    """Standard error of a mean of values that are alike within clusters; 0 for a single cluster."""
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, weights=values - values.mean())
    count = len(sums)
    if count < 2:
        return 0.0
    return float(np.sqrt((sums**2).sum() * count / (count - 1)) / len(values))


def _days(matches: Matches, error: FloatArray, known: Known) -> Iterable[DayError]:
    for column in np.unique(matches.column).tolist():
        some = error[matches.column == column]
        yield DayError(known.date_of(column), len(some), float(some.mean()))
