"""Accuracy of forecasts and of their intervals: pure functions of arrays.

Written a = actual, f = forecast, m = season. A ratio whose denominator is zero has no value: it
is None (or leaves its series out and counts it), never zero and never infinity.

Sources: MASE, Hyndman and Koehler (2006), "Another look at measures of forecast accuracy";
RMSSE, Makridakis et al. (2022), "The M5 competition"; WAPE, Kolassa and Schütz (2007),
"Advantages of the MAD/Mean ratio over the MAPE".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MEDIAN, STOCK = "median", "stock"
OBJECTIVES = (MEDIAN, STOCK)
"""What a model aims at. `median`: the smallest absolute error (MASE), which a value that is often
0 pulls down. `stock`: the unbiased mean, the smallest squared error (RMSSE), so that what is
ordered is what is needed."""


def metric_of(objective: str) -> str:
    """Name of the error that models of an objective are compared by: `mase` or `rmsse`."""
    return "rmsse" if objective == STOCK else "mase"


@dataclass(frozen=True, eq=False)
class ScaledError:
    """An error in units of each series' own difficulty.

    Args:
        per_series: float64 (series,), NaN for a series that could not be scored.
    """

    per_series: FloatArray

    @property
    def scored(self) -> int:
        """Series with a value."""
        return int(np.count_nonzero(~np.isnan(self.per_series)))

    @property
    def excluded(self) -> int:
        """Series left out: their scale is zero (they never change) or unknown (too short)."""
        return self.per_series.size - self.scored

    @property
    def mean(self) -> float | None:
        """Mean over the scored series, each counting the same; None when there are none."""
        return float(np.nanmean(self.per_series)) if self.scored else None


def seasonal_scale(history: FloatArray, season: int, power: int = 1) -> FloatArray:
    """In-sample error of the seasonal naive forecast: mean over t of |y[t] - y[t - m]| ** power.

    Args:
        history: float64 (series, days), NaN where a series has no value.
        season: m.
        power: 1 for MASE, 2 for RMSSE.

    Returns:
        float64 (series,); NaN for a series without two values m days apart.
    """
    steps = np.abs(history[:, season:] - history[:, :-season]) ** power
    known = ~np.isnan(steps)
    counts = known.sum(axis=1)
    totals = np.where(known, steps, 0.0).sum(axis=1)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def mae(actual: FloatArray, forecast: FloatArray) -> float:
    """Mean absolute error, in the unit of the series: mean |f - a|."""
    return float(np.mean(np.abs(forecast - actual)))


def mase(actual: FloatArray, forecast: FloatArray, scale: FloatArray) -> ScaledError:
    """Mean absolute scaled error of each series: mean |f - a| / scale.

    Args:
        actual: float64 (series, steps).
        forecast: float64 (series, steps).
        scale: float64 (series,), from `seasonal_scale(..., power=1)`.
    """
    return ScaledError(_divide(np.mean(np.abs(forecast - actual), axis=1), scale))


def rmsse(actual: FloatArray, forecast: FloatArray, scale: FloatArray) -> ScaledError:
    """Root mean squared scaled error of each series: sqrt(mean (f - a)^2 / scale).

    Args:
        actual: float64 (series, steps).
        forecast: float64 (series, steps).
        scale: float64 (series,), from `seasonal_scale(..., power=2)`.
    """
    return ScaledError(np.sqrt(_divide(np.mean((forecast - actual) ** 2, axis=1), scale)))


def wape(actual: FloatArray, forecast: FloatArray) -> float | None:
    """Weighted absolute percentage error: sum |f - a| / sum |a|; None when all a are zero."""
    total = float(np.abs(actual).sum())
    return float(np.abs(forecast - actual).sum()) / total if total > 0 else None


def bias(actual: FloatArray, forecast: FloatArray) -> float | None:
    """Relative bias: sum (f - a) / sum |a|; above 0 is over-forecast; None when all a are zero."""
    total = float(np.abs(actual).sum())
    return float((forecast - actual).sum()) / total if total > 0 else None


def coverage(actual: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
    """Part of the actual values that lie in their prediction interval, its ends included."""
    return float(np.mean((lower <= actual) & (actual <= upper)))


def width(lower: FloatArray, upper: FloatArray) -> float:
    """Mean width of prediction intervals, in the unit of the series: mean (upper - lower)."""
    return float(np.mean(upper - lower))


def _divide(error: FloatArray, scale: FloatArray) -> FloatArray:
    usable = scale > 0  # False for NaN as well
    return np.where(usable, error / np.where(usable, scale, 1.0), np.nan)
