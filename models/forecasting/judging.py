"""How good forecasts of the validation days are, and how sure that is.

Confidence intervals resample whole series, because the windows of one series overlap and tell of
each other (cluster bootstrap; Efron and Tibshirani, 1993, "An introduction to the bootstrap").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import FloatArray
from models.base import MEDIAN
from models.errors import ModelProblem
from models.forecasting.windows import Samples

Residuals = npt.NDArray[np.float32]

_LEVEL = 0.95
_RESAMPLES = 1000
_FEWEST_SERIES = 8
# A residual's square has to fit into single precision.
_FARTHEST = 1e15


@dataclass(frozen=True)
class Estimate:
    """A number, and the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


class Judge:
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
        self._seed = seed
        floor = -samples.targets / self._scale
        positive = samples.windows.values.min(axis=1) >= 0
        floored = nonnegative & positive[:, None]
        self._floor = np.where(floored, floor, -np.inf).astype(np.float32)
        self._first = _first_of_each_unit(samples.rows, samples.targets.shape[1])
        self.units = len(self._first)
        self._counts = np.diff(np.append(self._first, len(samples.rows)))
        self.everything = np.full(self.units, 1.0 / self.units)
        """Weights under which every unit counts the same."""

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

    def scores(self, losses: FloatArray, weights: FloatArray | None = None) -> FloatArray:
        """One number for each row of losses; `weights` (..., units) count units more or less."""
        errors = losses if self._objective == MEDIAN else np.sqrt(losses)
        weights = self.everything if weights is None else weights
        return np.asarray(errors @ weights.T)

    def score(self, residuals: Residuals) -> Estimate:
        """The score of one set of forecasts, with its interval."""
        losses = self.losses(residuals[None])
        return self._interval(self.scores(losses)[0], self.scores(losses, self.resamples())[0])

    def gain(self, better: FloatArray, worse: FloatArray) -> Estimate:
        """How much smaller one score is than another, as a part of the other (paired bootstrap).

        Args:
            better: Losses of each unit, float64 (units,).
            worse: Those that it is compared with.
        """
        losses = np.stack([better, worse])
        value = _reduction(*self.scores(losses))
        return self._interval(float(value), _reduction(*self.scores(losses, self.resamples())))

    def resamples(self, count: int = _RESAMPLES) -> FloatArray:
        """How much each unit counts in each resample: float64 (count, units), rows add up to 1."""
        rng = np.random.default_rng([self._seed, count])
        drawn = rng.multinomial(self.units, np.full(self.units, 1.0 / self.units), size=count)
        return drawn / self.units

    def folds(self, count: int) -> npt.NDArray[np.int64]:
        """Parts of about the same size, drawn at random, at most one a unit: int64 (units,)."""
        count = min(count, self.units)
        order = np.random.default_rng([self._seed, 0]).permutation(self.units)
        return order % count

    def _interval(self, value: float, resampled: FloatArray) -> Estimate:
        tail = (1 - _LEVEL) / 2
        low, high = np.quantile(resampled, [tail, 1 - tail])
        return Estimate(float(value), float(low), float(high))


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


def _reduction(better: FloatArray, worse: FloatArray) -> FloatArray:
    return np.asarray(1.0 - better / np.where(worse > 0, worse, 1.0))
