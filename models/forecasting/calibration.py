"""Learning how far a fitted model misses, on days that it was not fitted to."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from models.arrays import FloatArray, Panel, Windows
from models.errors import ModelProblem
from models.forecasting.error_units import ErrorUnit, errors_in_units, learn_unit
from models.forecasting.intervals import MOST_TOTAL_GROWTH, Calibration, window_scales
from models.forecasting.movement import learn_short_scales
from models.forecasting.quantiles import ErrorQuantiles, rounded
from models.forecasting.windows import SampleIndex, loss_scales
from models.metrics import MEDIAN

_MOST_SAMPLES = 20_000
_SMALLEST_PART = 0.05
_GROWTH_UNKNOWN = 0.5
_TOTAL_GROWTH_UNKNOWN = 1.0

Predict = Callable[[Windows, int], FloatArray]
"""Maps windows and a number of steps to forecasts (n, steps)."""


def calibrate(
    predict: Predict, history: Panel, *, window: int, horizon: int, validation_days: int
) -> Calibration:
    """Calibrate a fitted model on the days that it was not fitted to.

    Residuals are taken from windows whose targets all lie in the last `validation_days` of the
    history. Training used these days to choose the round at which it stopped, and for nothing
    else; what that choice makes the errors look better is small beside what fitting would.

    Args:
        predict: The fitted model.
        history: The panel that it was fitted on, validation days included.
        window: Values that the model sees.
        horizon: Steps to calibrate, each by itself.
        validation_days: Last days of the history that were held back when it was fitted.

    Raises:
        ModelProblem: No series has `horizon` values in these days, or a forecast or an error of
            one that is not finite.
    """
    border = history.days - validation_days
    index = SampleIndex(history, window, horizon, border, history.days)
    if not len(index):
        raise ModelProblem(
            f"no series has {horizon} values in the last {validation_days} days to calibrate "
            "intervals on",
            "Give more validation days, or drop the series that ended earlier.",
        )
    samples = index.spread(_MOST_SAMPLES)
    point = predict(samples.windows, horizon)
    residuals = samples.targets - point
    movement = window_scales(samples.windows)
    floor = _floor(movement, residuals)
    worth = loss_scales(history, validation_days, MEDIAN)[samples.rows]
    unit = learn_unit(residuals, point, movement, floor, worth)
    errors = errors_in_units(residuals, point, movement, unit, floor)
    later = SampleIndex(history, window, 2 * horizon, border, history.days)
    growth, total_growth = _growth(predict, later, unit, floor)
    if total_growth is None:
        total_growth = _growth_within(np.abs(errors[1]).mean(axis=0))
    days = ErrorQuantiles.of(errors[0], growth)
    return Calibration(
        quantiles=days.quantiles,
        count=days.count,
        floor=floor,
        growth=growth,
        nonnegative=bool(np.nanmin(history.values) >= 0),
        totals=ErrorQuantiles.of(errors[1], total_growth),
        short=learn_short_scales(
            predict, samples.windows, samples.targets, errors, unit=unit, floor=floor
        ),
        unit=unit,
    )


def _floor(scales: FloatArray, residuals: FloatArray) -> float:
    """Smallest scale: that of the calmest of the windows that move."""
    moving = scales[scales > 0]
    if moving.size:
        return float(rounded(np.quantile(moving, _SMALLEST_PART)))
    # Nothing moves before the forecast; if something did afterwards, that is the unit.
    return float(rounded(np.abs(residuals).mean())) or 1.0


def _growth(
    predict: Predict, index: SampleIndex, unit: ErrorUnit, floor: float
) -> tuple[float, float | None]:
    """The powers of the step that errors grow with from one horizon to two.

    Args:
        predict: The fitted model.
        index: Windows with two horizons of targets.
        unit: What errors are measured in.
        floor: Smallest movement that counts.

    Returns:
        That of a day's error, from 0 to 1, and of the total's, from 0.5 to 2; the latter is None
        where it cannot be measured.
    """
    if not len(index):
        return _GROWTH_UNKNOWN, None
    samples = index.spread(_MOST_SAMPLES)
    both = samples.targets.shape[1]
    point = predict(samples.windows, both)
    movement = window_scales(samples.windows)
    steps = [both // 2 - 1, both - 1]
    day, total = (
        _power(*np.abs(errors[:, steps]).mean(axis=0))
        for errors in errors_in_units(samples.targets - point, point, movement, unit, floor)
    )
    return (
        _GROWTH_UNKNOWN if day is None else float(rounded(np.clip(day, 0.0, 1.0))),
        None if total is None else float(rounded(np.clip(total, 0.5, MOST_TOTAL_GROWTH))),
    )


def _growth_within(totals: FloatArray) -> float:
    """How totals grow beyond a horizon, told from its second half; `totals` is (horizon,)."""
    horizon = len(totals)
    half = horizon // 2
    power = _power(totals[half - 1], totals[-1], horizon / half) if half else None
    if power is None:
        return _TOTAL_GROWTH_UNKNOWN
    return float(rounded(np.clip(power, 0.5, MOST_TOTAL_GROWTH)))


def _power(once: float, later: float, steps: float = 2.0) -> float | None:
    """The power of the steps that an error grew with; None where it tells none."""
    if once <= 0 or later <= 0 or not math.isfinite(once) or not math.isfinite(later):
        return None
    return math.log(later / once) / math.log(steps)
