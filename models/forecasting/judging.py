"""How good forecasts of the validation days are.

Whole series are resampled, because the windows of one series overlap and tell of each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import BoolArray, FloatArray
from models.base import MEDIAN
from models.errors import ModelProblem
from models.forecasting.windows import Samples
from models.search.judging import Judge, Residuals

_FEWEST_SERIES = 8
# Whose score is at most this part above the best is nearly as good.
_NEARLY = 0.02
# A residual's square has to fit into single precision.
_FARTHEST = 1e15


class ForecastJudge(Judge):
    """Scores forecasts of validation windows by the metric of the objective; smaller is better.

    `median`: mean absolute error in units of each series' scale (as MASE). `stock`: root of the
    mean squared one (as RMSSE). Every series counts the same.

    Args:
        samples: The windows and what came after them; windows of one series stand together.
        scales: float64 (panel series,), above 0; see `models.forecasting.windows.loss_scales`.
        objective: One of `models.base.OBJECTIVES`.
        nonnegative: Whether blends are floored at 0; see `models.arrays.floored`.
        seed: Of the resampling.
    """

    def __init__(
        self,
        samples: Samples,
        scales: FloatArray,
        *,
        objective: str,
        nonnegative: bool,
        seed: int,
    ) -> None:
        self._targets = samples.targets
        self._scale = scales[samples.rows][:, None]
        self._objective = objective
        floor = -samples.targets / self._scale
        positive = samples.windows.values.min(axis=1) >= 0
        floored = nonnegative & positive[:, None]
        self._floor = np.where(floored, floor, -np.inf).astype(np.float32)
        self._first = _first_of_each_unit(samples.rows, samples.targets.shape[1])
        self._counts = np.diff(np.append(self._first, len(samples.rows)))
        super().__init__(len(self._first), seed=seed)

    def residuals(self, answers: FloatArray) -> Residuals:
        """Errors of forecasts in units of the scale of their series: float32 (n, horizon).

        Differences, not forecasts, so that single precision is enough, and linear, so that a
        blend's residuals are the blend of its members'.

        Raises:
            ModelProblem: A forecast that is not finite, or too far off to be told in float32.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            residuals = ((answers - self._targets) / self._scale).astype(np.float32)
        if not (np.abs(residuals) < _FARTHEST).all():
            raise ModelProblem(
                "a forecast of the validation days is not finite, or too far from what came",
                "Look for extreme values in the data.",
            )
        return residuals

    def losses(self, residuals: Residuals) -> FloatArray:
        """Mean loss of each unit that is resampled: float64 (candidates, units).

        Args:
            residuals: (candidates, n, horizon), before the floor.
        """
        held = np.maximum(residuals, self._floor)
        loss = np.abs(held) if self._objective == MEDIAN else np.square(held)
        windows = loss.mean(axis=2, dtype=np.float64)
        return np.asarray(np.add.reduceat(windows, self._first, axis=1) / self._counts)

    def near(self, losses: FloatArray, weights: FloatArray) -> BoolArray:
        """Those whose score is hardly larger."""
        scores = self.scores(losses, weights)
        return np.asarray(scores <= scores.min() * (1 + _NEARLY))

    def errors(self, losses: FloatArray) -> FloatArray:
        """In the unit of the series: the root of what was squared."""
        return losses if self._objective == MEDIAN else np.sqrt(losses)


def _first_of_each_unit(rows: npt.NDArray[np.int64], horizon: int) -> npt.NDArray[np.int64]:
    """First window of each unit that is resampled whole.

    A unit is a series. Where these are too few to tell anything, it is a horizon's windows of one.
    """
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    if len(firsts) >= _FEWEST_SERIES:
        return firsts
    ends = np.append(firsts[1:], len(rows))
    return np.concatenate(
        [np.arange(first, end, horizon) for first, end in zip(firsts, ends, strict=True)]
    )
