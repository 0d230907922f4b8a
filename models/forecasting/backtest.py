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
        interval: Lower and upper ends, float64 (n, horizon) each; None without calibration.
    """

    origin: int
    rows: IntArray
    forecast: FloatArray
    actual: FloatArray
    mase: metrics.ScaledError
    rmsse: metrics.ScaledError
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

    def series_mase(self) -> dict[str, float | None]:
        """MASE of each series, averaged over the origins; None where it could not be scored."""
        table = np.full((len(self.folds), len(self.panel.ids)), np.nan)
        for line, fold in zip(table, self.folds, strict=True):
            line[fold.rows] = fold.mase.per_series
        known = ~np.isnan(table)
        counts = known.sum(axis=0)
        means = np.where(known, table, 0.0).sum(axis=0) / np.maximum(counts, 1)
        return {
            name: float(mean) if count else None
            for name, mean, count in zip(self.panel.ids, means, counts, strict=True)
        }

    def summary(self) -> dict[str, Any]:
        """Overall, per fold and per series, as JSON-able data."""
        return {
            "horizon": self.horizon,
            "overall": vars(self.overall()),
            "folds": [
                {"origin": self.panel.date_of(fold.origin).isoformat(), **vars(scores)}
                for fold, scores in zip(self.folds, self.fold_scores(), strict=True)
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
        windows, rows, actual = _questions(panel, origin, window, horizon)
        answer = forecast(windows, horizon)
        interval = calibration.interval(answer, windows, level) if calibration else None
        known = panel.values[rows, : origin if train_days is None else min(train_days, origin)]
        fold = Fold(
            origin=origin,
            rows=rows,
            forecast=answer,
            actual=actual,
            mase=metrics.mase(actual, answer, metrics.seasonal_scale(known, season)),
            rmsse=metrics.rmsse(actual, answer, metrics.seasonal_scale(known, season, power=2)),
            interval=interval,
        )
        done.append(fold)
    return Backtest(panel, horizon, tuple(done))


def _questions(
    panel: Panel, origin: int, window: int, horizon: int
) -> tuple[Windows, IntArray, FloatArray]:
    """The windows before an origin that have all their actual values, their rows, and these."""
    windows, rows = windows_before(panel, origin, window)
    actual = panel.values[rows, origin : origin + horizon]
    complete = np.flatnonzero(~np.isnan(actual).any(axis=1))
    if not complete.size:
        raise ModelProblem(
            f"no series has {window} values before {panel.date_of(origin)} and {horizon} from it on"
        )
    return windows.take(complete), rows[complete], actual[complete]


def _scores(folds: tuple[Fold, ...]) -> Scores:
    actual = np.concatenate([fold.actual for fold in folds])
    forecast = np.concatenate([fold.forecast for fold in folds])
    mase = metrics.ScaledError(np.concatenate([fold.mase.per_series for fold in folds]))
    rmsse = metrics.ScaledError(np.concatenate([fold.rmsse.per_series for fold in folds]))
    covered, width = _interval_scores(folds)
    return Scores(
        mae=metrics.mae(actual, forecast),
        mase=mase.mean,
        rmsse=rmsse.mean,
        wape=metrics.wape(actual, forecast),
        bias=metrics.bias(actual, forecast),
        series=len(actual),
        scored=mase.scored,
        coverage=covered,
        width=width,
    )


def _interval_scores(folds: tuple[Fold, ...]) -> tuple[float | None, float | None]:
    """Coverage and mean width; None and None when no intervals were made."""
    intervals = [fold.interval for fold in folds if fold.interval is not None]
    if not intervals:
        return None, None
    actual = np.concatenate([fold.actual for fold in folds])
    lower, upper = (np.concatenate(ends) for ends in zip(*intervals, strict=True))
    return metrics.coverage(actual, lower, upper), metrics.width(lower, upper)
