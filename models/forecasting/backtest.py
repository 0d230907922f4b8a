"""Rolling-origin evaluation: forecast, move on by some days, forecast again.

At each origin a forecaster is given what was known that morning and is compared with the days
that followed (Tashman, 2000, "Out-of-sample tests of forecasting accuracy").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models import metrics
from models.arrays import FloatArray, IntArray, Panel, Windows
from models.errors import ModelProblem
from models.forecasting.intervals import Calibration
from models.forecasting.windows import windows_before

Forecast = Callable[[Windows, int], FloatArray]
"""Maps windows and a number of steps to forecasts (n, steps)."""

_COUNTS = ("series", "scored")


@dataclass(frozen=True)
class Scores:
    """Accuracy of one fold, or of all; the formulas are those of `models.metrics`."""

    mae: float
    """In units of the series."""
    mase: float | None
    """Mean over series; None when no series could be scored."""
    rmsse: float | None
    """Mean over series; None when no series could be scored."""
    wape: float | None
    """None when all actual values are zero."""
    bias: float | None
    """None when all actual values are zero."""
    series: int
    """Forecasts that were compared with all their actual values."""
    scored: int
    """Of these, the ones whose scale is known and not zero, so that MASE and RMSSE exist."""
    coverage: float | None = None
    """Part of the actual values in the prediction interval; None without intervals."""
    width: float | None = None
    """Mean width of the interval, in units of the series; None without intervals."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One origin.

    Args:
        origin: Column of the first forecast day.
        rows: int64 (n,), rows of the panel that were forecast.
        forecast: float64 (n, horizon).
        actual: float64 (n, horizon).
        mase: Per series, NaN where it could not be scored.
        rmsse: Per series, NaN where it could not be scored.
        scale: float64 (n,), what MASE divides by: the series' seasonal naive error, absolute.
        square_scale: float64 (n,), what RMSSE divides by: the same, squared.
        interval: Lower and upper ends, float64 (n, horizon) each; None without calibration.
    """

    origin: int
    rows: IntArray
    forecast: FloatArray
    actual: FloatArray
    mase: metrics.ScaledError
    rmsse: metrics.ScaledError
    scale: FloatArray
    square_scale: FloatArray
    interval: tuple[FloatArray, FloatArray] | None = None


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a rolling-origin evaluation found."""

    panel: Panel
    horizon: int
    folds: tuple[Fold, ...]

    def fold_scores(self) -> tuple[Scores, ...]:
        """Accuracy at each origin."""
        return tuple(_scores((fold,)) for fold in self.folds)

    def overall(self) -> Scores:
        """Accuracy over all (origin, series) pairs, each counting the same."""
        return _scores(self.folds)

    def ahead_scores(self) -> tuple[Scores, ...]:
        """Accuracy of each day ahead over all origins; the first is that of the next day.

        What `overall` measures, of that day alone: the MASE of all days is the mean of theirs.
        """
        days = (slice(day, day + 1) for day in range(self.horizon))
        return tuple(_scores(self.folds, day) for day in days)

    def errors(self, metric: str) -> FloatArray:
        """The error of each series at each origin, float64 (origins, series).

        Args:
            metric: "mase" or "rmsse".

        Returns:
            NaN where a series was not asked or could not be scored.
        """
        table = np.full((len(self.folds), len(self.panel.ids)), np.nan)
        for line, fold in zip(table, self.folds, strict=True):
            scaled: metrics.ScaledError = getattr(fold, metric)
            line[fold.rows] = scaled.per_series
        return table

    def series_scores(self) -> dict[str, FloatArray]:
        """Accuracy of each series over all origins: mase, rmsse, mae, bias, float64 (series,).

        NaN where a series was not asked, or its measure does not exist.
        """
        size = len(self.panel.ids)
        absolute, signed, level, days = (np.zeros(size) for _ in range(4))
        for fold in self.folds:
            error = fold.forecast - fold.actual
            absolute[fold.rows] += np.abs(error).sum(axis=1)
            signed[fold.rows] += error.sum(axis=1)
            level[fold.rows] += np.abs(fold.actual).sum(axis=1)
            days[fold.rows] += self.horizon
        return {
            "mase": _mean_of_known(self.errors("mase")),
            "rmsse": _mean_of_known(self.errors("rmsse")),
            "mae": _ratio(absolute, days),
            "bias": _ratio(signed, level),
        }

    def series_mase(self) -> dict[str, float | None]:
        """MASE of each series, averaged over the origins; None where it could not be scored."""
        means = _mean_of_known(self.errors("mase")).tolist()
        return {
            name: None if np.isnan(mean) else mean
            for name, mean in zip(self.panel.ids, means, strict=True)
        }

    def summary(self) -> dict[str, Any]:
        """Overall, per fold, per day ahead and per series, as JSON-able data."""
        return {
            "horizon": self.horizon,
            "overall": vars(self.overall()),
            "folds": [
                {"origin": self.panel.date_of(fold.origin).isoformat(), **vars(scores)}
                for fold, scores in zip(self.folds, self.fold_scores(), strict=True)
            ],
            "ahead": [
                {"day": day, **_of_day(scores)}
                for day, scores in enumerate(self.ahead_scores(), start=1)
            ],
            "series_mase": self.series_mase(),
        }


def rolling_origin(
    panel: Panel,
    forecast: Forecast,
    *,
    window: int,
    horizon: int,
    first_origin: int,
    folds: int,
    step_days: int,
    season: int = 7,
    train_days: int | None = None,
    calibration: Calibration | None = None,
    level: float = 0.8,
) -> Backtest:
    """Evaluate a forecaster at several origins.

    Args:
        panel: All days, those to forecast included.
        forecast: The forecaster; `Forecaster.predict` and `ServingModel.forecast` fit.
        window: Values that it sees.
        horizon: Days that it is asked for.
        first_origin: Column of the first test day.
        folds: Number of origins.
        step_days: Days from one origin to the next.
        season: m of the scales.
        train_days: Columns that the scales of MASE and RMSSE are taken from. None, the usual
            definition, takes all days before each origin; a number takes the same first columns
            at every origin.
        calibration: Of the forecaster; None measures no intervals.
        level: Of the intervals.

    Raises:
        ModelProblem: Origins that do not fit into the panel, or one at which no series has both
            a full window and all actual values.
    """
    last_needed = first_origin + (folds - 1) * step_days + horizon
    if folds < 1 or step_days < 1 or first_origin < window or last_needed > panel.days:
        raise ModelProblem(
            f"{folds} folds of {horizon} days, {step_days} apart, from day {first_origin} on need "
            f"{last_needed} days of which {window} lie before the first; there are {panel.days}",
            "Use fewer folds, a smaller step, or give the test part more days.",
        )
    origins = range(first_origin, first_origin + folds * step_days, step_days)
    done = []
    for origin in origins:
        windows, rows = _questions(panel, origin, window, horizon)
        answer = forecast(windows, horizon)
        interval = calibration.interval(answer, windows, level) if calibration else None
        done.append(
            score_fold(
                panel, origin, rows, answer, interval=interval, season=season, train_days=train_days
            )
        )
    return Backtest(panel, horizon, tuple(done))


def score_fold(
    panel: Panel,
    origin: int,
    rows: IntArray,
    forecast: FloatArray,
    *,
    interval: tuple[FloatArray, FloatArray] | None = None,
    season: int = 7,
    train_days: int | None = None,
) -> Fold:
    """Hold forecasts that were made at one origin against what came.

    Args:
        panel: All days, those that were forecast included.
        origin: Column of the first forecast day.
        rows: int64 (n,), rows of the panel that were forecast; all their days are known.
        forecast: float64 (n, horizon).
        interval: Lower and upper ends, where there are intervals.
        season: m of the scales.
        train_days: Columns that the scales are taken from, as `rolling_origin` takes them.
    """
    actual = panel.values[rows, origin : origin + forecast.shape[1]]
    known = panel.values[rows, : origin if train_days is None else min(train_days, origin)]
    scale = metrics.seasonal_scale(known, season)
    square_scale = metrics.seasonal_scale(known, season, power=2)
    return Fold(
        origin=origin,
        rows=rows,
        forecast=forecast,
        actual=actual,
        mase=metrics.mase(actual, forecast, scale),
        rmsse=metrics.rmsse(actual, forecast, square_scale),
        scale=scale,
        square_scale=square_scale,
        interval=interval,
    )


def _questions(panel: Panel, origin: int, window: int, horizon: int) -> tuple[Windows, IntArray]:
    """The windows before an origin that have all their actual values, and their rows."""
    windows, rows = windows_before(panel, origin, window)
    actual = panel.values[rows, origin : origin + horizon]
    complete = np.flatnonzero(~np.isnan(actual).any(axis=1))
    if not complete.size:
        raise ModelProblem(
            f"no series has {window} values before {panel.date_of(origin)} and {horizon} from it on"
        )
    return windows.take(complete), rows[complete]


def _scores(folds: tuple[Fold, ...], days: slice = slice(None)) -> Scores:
    """Accuracy over folds, of all days ahead or of some of them."""
    actual = np.concatenate([fold.actual for fold in folds])[:, days]
    forecast = np.concatenate([fold.forecast for fold in folds])[:, days]
    scale = np.concatenate([fold.scale for fold in folds])
    square_scale = np.concatenate([fold.square_scale for fold in folds])
    mase = metrics.mase(actual, forecast, scale)
    covered, width = _interval_scores(folds, days)
    return Scores(
        mae=metrics.mae(actual, forecast),
        mase=mase.mean,
        rmsse=metrics.rmsse(actual, forecast, square_scale).mean,
        wape=metrics.wape(actual, forecast),
        bias=metrics.bias(actual, forecast),
        series=len(actual),
        scored=mase.scored,
        coverage=covered,
        width=width,
    )


def _interval_scores(folds: tuple[Fold, ...], days: slice) -> tuple[float | None, float | None]:
    """Coverage and mean width; None and None when no intervals were made."""
    intervals = [fold.interval for fold in folds if fold.interval is not None]
    if not intervals:
        return None, None
    actual = np.concatenate([fold.actual for fold in folds])[:, days]
    lower, upper = (np.concatenate(ends)[:, days] for ends in zip(*intervals, strict=True))
    return metrics.coverage(actual, lower, upper), metrics.width(lower, upper)


def _of_day(scores: Scores) -> dict[str, Any]:
    """The scores of one day ahead; how many were compared is the same for every day."""
    return {name: value for name, value in vars(scores).items() if name not in _COUNTS}


def _mean_of_known(table: FloatArray) -> FloatArray:
    """Mean down each column of what is not NaN; NaN for a column of nothing else."""
    known = ~np.isnan(table)
    return _ratio(np.where(known, table, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """NaN where the whole is 0."""
    usable = whole > 0
    return np.where(usable, part / np.where(usable, whole, 1.0), np.nan)
