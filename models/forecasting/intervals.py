"""Prediction intervals around any forecaster's point forecast, by split conformal calibration.

Errors on days that the model was not fitted to say how far it misses: an interval reaches as far
as the wanted part of them did. No distribution is assumed, and any level can be asked for later.

Sources: Vovk, Gammerman and Shafer (2005), "Algorithmic learning in a random world"; Lei et al.
(2018), "Distribution-free predictive inference for regression". Their guarantee needs samples that
can be exchanged. Days of one series can only be so roughly, and the windows overlap, so what holds
exactly there is an approximation here; `engine run eval_flow` measures how good it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, Panel, Windows
from models.errors import ModelProblem
from models.forecasting.windows import SampleIndex

GRID: FloatArray = np.concatenate(
    [[0.0, 0.001, 0.0025, 0.005], np.arange(1, 100) / 100, [0.995, 0.9975, 0.999, 1.0]]
)
"""Probabilities at which quantiles are kept: dense in the tails, 0 and 1 are the extremes."""

_MOST_SAMPLES = 20_000
_SMALLEST_PART = 0.05
_GROWTH_UNKNOWN = 0.5
_DIGITS = 7
_ROUNDING = 1e-9
# Movement below this part of the largest value is rounding (float64 has 2e-16).
_NOISE = 1e-12

Predict = Callable[[Windows, int], FloatArray]
"""Maps windows and a number of steps to forecasts (n, steps)."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far forecasts miss, in units of how much their windows move.

    Args:
        quantiles: float64 (horizon, len(GRID)), ascending in each row: quantiles of
            (actual - forecast) / scale of the window, for each step ahead.
        count: Residuals that each row was made from, at least 1.
        floor: Smallest scale, above 0: what a window that stands still is measured by.
        growth: How the miss grows beyond the horizon: with (step / horizon) ** growth.
        nonnegative: Whether the values learnt from were never below 0.

    Raises:
        ModelProblem: Numbers that are not such a calibration.
    """

    quantiles: FloatArray
    count: int
    floor: float
    growth: float
    nonnegative: bool

    def __post_init__(self) -> None:
        quantiles = np.asarray(self.quantiles, dtype=np.float64)
        object.__setattr__(self, "quantiles", quantiles)
        if quantiles.ndim != 2 or quantiles.shape[1] != GRID.size or not len(quantiles):
            raise ModelProblem(f"a calibration needs quantiles of shape (horizon, {GRID.size})")
        if not np.isfinite(quantiles).all() or (np.diff(quantiles, axis=1) < 0).any():
            raise ModelProblem("the quantiles of a calibration must be finite and ascending")
        if self.count < 1 or not 0 < self.floor < math.inf or not 0 <= self.growth <= 1:
            raise ModelProblem(
                "a calibration needs a count from 1, a floor above 0 and a growth from 0 to 1, "
                f"not {self.count}, {self.floor} and {self.growth}"
            )

    @property
    def horizon(self) -> int:
        """Steps that were calibrated each by itself."""
        return int(self.quantiles.shape[0])

    def interval(
        self, point: FloatArray, windows: Windows, level: float
    ) -> tuple[FloatArray, FloatArray]:
        """The interval that holds the actual value with probability `level`, each day by itself.

        Both tails are cut off at the same probability, so the interval is as lopsided as the
        errors were. Of n residuals the ceil((n + 1)(1 + level) / 2)-th smallest is the upper end,
        likewise below: the + 1 is for the value that is to come. A level that asks for more than
        n residuals can tell gets the largest of them. The lower end is not below 0 where neither
        the values learnt from nor the window ever were; the point forecast is always inside.

        Beyond the horizon the last step's errors are widened by (step / horizon) ** growth: a
        forecast that is fed back misses more and more, at most as fast as it did from the first
        horizon to the second when it was calibrated. That is 0.5 for a random walk and 0 for a
        series that returns to its level.

        Args:
            point: float64 (n, steps), any number of steps.
            windows: The n windows that it was made from.
            level: Above 0, below 1.

        Returns:
            Lower and upper ends, both float64 (n, steps); lower <= point <= upper.

        Raises:
            ModelProblem: A level out of range, or an end that is not finite.
        """
        if not 0 < level < 1:
            raise ModelProblem(f"level must be above 0 and below 1, not {level:g}")
        scale = np.maximum(window_scales(windows), self.floor)[:, None]
        below, above = self._offsets(level, point.shape[1])
        # A model that leans to one side may have its point outside; it stays inside here.
        lower = point + scale * np.minimum(below, 0.0)
        upper = point + scale * np.maximum(above, 0.0)
        if self.nonnegative:
            cut = np.minimum(np.maximum(lower, 0.0), point)
            lower = np.where((windows.values.min(axis=1) >= 0)[:, None], cut, lower)
        if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
            raise ModelProblem(
                "an interval ends at a value that is not finite",
                "Check the input for extreme values.",
            )
        return lower, upper

    def probability_below(
        self, point: FloatArray, windows: Windows, threshold: float
    ) -> FloatArray:
        """Probability that each day's actual value is below a threshold, such as an empty shelf.

        Args:
            point: float64 (n, steps).
            windows: The n windows that it was made from.
            threshold: In the units of the series.

        Returns:
            float64 (n, steps), 0 to 1.
        """
        steps = point.shape[1]
        scale = np.maximum(window_scales(windows), self.floor)[:, None]
        rows, widening = self._steps(steps)
        miss = (threshold - point) / (scale * widening)
        columns = [
            np.interp(miss[:, step], self.quantiles[row], GRID, left=0.0, right=1.0)
            for step, row in enumerate(rows)
        ]
        below = np.stack(columns, axis=1) if steps else np.empty(point.shape)
        if self.nonnegative and threshold <= 0:
            below = np.where((windows.values.min(axis=1) >= 0)[:, None], 0.0, below)
        return below

    def as_dict(self) -> dict[str, Any]:
        """The calibration as JSON-able data; `of_dict` reads it."""
        return {
            "count": self.count,
            "floor": self.floor,
            "growth": self.growth,
            "nonnegative": self.nonnegative,
            "probabilities": GRID.tolist(),
            "quantiles": self.quantiles.tolist(),
        }

    @classmethod
    def of_dict(cls, data: Any) -> Calibration:
        """The calibration that `as_dict` described.

        Raises:
            ModelProblem: Something else, or quantiles at other probabilities.
        """
        match data:
            case {
                "count": int(count),
                "floor": float(floor),
                "growth": float(growth),
                "nonnegative": bool(nonnegative),
                "probabilities": list(probabilities),
                "quantiles": list(quantiles),
                **others,
            } if not others and probabilities == GRID.tolist():
                try:
                    rows = np.array(quantiles, dtype=np.float64)
                except (TypeError, ValueError) as error:
                    raise ModelProblem(f"quantiles that are no numbers: {error}") from error
                return cls(rows, count, floor, growth, nonnegative)
        raise ModelProblem("this is not a calibration, or one of another form")

    def _steps(self, steps: int) -> tuple[list[int], FloatArray]:
        """For each step: the row of its quantiles, and how much they are widened."""
        ahead = np.arange(1, steps + 1)
        widening = np.maximum(ahead / self.horizon, 1.0) ** self.growth
        return (np.minimum(ahead, self.horizon) - 1).tolist(), widening

    def _offsets(self, level: float, steps: int) -> tuple[FloatArray, FloatArray]:
        """Lower and upper end of each step in units of the scale, both (steps,)."""
        rows, widening = self._steps(steps)
        # 100 * 1.1 / 2 is a little more than 55 in floating point: that is not the 56th.
        rank = math.ceil((self.count + 1) * (1 + level) / 2 - _ROUNDING)
        # Where the residual of that rank stands among all: 0 is the smallest, 1 the largest.
        above = min((rank - 1) / (self.count - 1), 1.0) if self.count > 1 else 1.0
        ends = (self._quantile(1.0 - above)[rows], self._quantile(above)[rows])
        return ends[0] * widening, ends[1] * widening

    def _quantile(self, probability: float) -> FloatArray:
        """The quantile of every step, (horizon,): on a straight line between two of the grid."""
        right = min(max(int(np.searchsorted(GRID, probability)), 1), GRID.size - 1)
        left = right - 1
        part = (probability - GRID[left]) / (GRID[right] - GRID[left])
        between: FloatArray = (
            self.quantiles[:, left] * (1.0 - part) + self.quantiles[:, right] * part
        )
        return between


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
    residuals = samples.targets - predict(samples.windows, horizon)
    scales = window_scales(samples.windows)
    floor = _floor(scales, residuals)
    with np.errstate(over="ignore"):
        relative = residuals / np.maximum(scales, floor)[:, None]
    if not np.isfinite(relative).all():
        raise ModelProblem(
            "an error of the model is too large to calibrate intervals with",
            "Look for extreme values in the data.",
        )
    quantiles = np.quantile(relative, GRID, axis=0).T
    return Calibration(
        quantiles=_rounded(np.maximum.accumulate(quantiles, axis=1)),
        count=len(residuals),
        floor=floor,
        growth=_growth(predict, history, window, horizon, border, floor),
        nonnegative=bool(np.nanmin(history.values) >= 0),
    )


def window_scales(windows: Windows) -> FloatArray:
    """How much each window moves beside its week: float64 (n,), 0 where it stands still.

    The mean absolute deviation from the mean of the same weekday, which needs no date. A window
    of less than two weeks is measured from its mean.
    """
    values = windows.values
    if not len(values):
        return np.empty(0)
    period = DAYS_A_WEEK if values.shape[1] >= 2 * DAYS_A_WEEK else 1
    # In columns of one weekday; the oldest days that fill no week are left out.
    whole = values[:, values.shape[1] % period :].reshape(len(values), -1, period)
    deviation: FloatArray = np.abs(whole - whole.mean(axis=1, keepdims=True)).mean(axis=(1, 2))
    return np.where(deviation > _NOISE * np.abs(values).max(axis=1), deviation, 0.0)


def _floor(scales: FloatArray, residuals: FloatArray) -> float:
    """Smallest scale: that of the calmest of the windows that move."""
    moving = scales[scales > 0]
    if moving.size:
        return float(_rounded(np.quantile(moving, _SMALLEST_PART)))
    # Nothing moves before the forecast; if something did afterwards, that is the unit.
    return float(_rounded(np.abs(residuals).mean())) or 1.0


def _growth(
    predict: Predict, history: Panel, window: int, horizon: int, border: int, floor: float
) -> float:
    """The power of the step that errors grow with from one horizon to two, from 0 to 1."""
    index = SampleIndex(history, window, 2 * horizon, border, history.days)
    if not len(index):
        return _GROWTH_UNKNOWN
    samples = index.spread(_MOST_SAMPLES)
    steps = [horizon - 1, 2 * horizon - 1]
    residuals = (samples.targets - predict(samples.windows, 2 * horizon))[:, steps]
    relative = np.abs(residuals) / np.maximum(window_scales(samples.windows), floor)[:, None]
    once, twice = relative.mean(axis=0)
    if once == 0 or not math.isfinite(once) or not math.isfinite(twice):
        return _GROWTH_UNKNOWN
    return float(_rounded(np.clip(math.log2(max(twice / once, 1.0)), 0.0, 1.0)))


def _rounded(values: Any) -> FloatArray:
    """To so many digits that matter: small files, and the order stays."""
    exact = np.asarray(values, dtype=np.float64)
    texts = np.char.mod(f"%.{_DIGITS}g", exact)
    return np.asarray(texts, dtype=np.float64)
