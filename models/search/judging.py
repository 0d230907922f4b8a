"""How good answers to validation examples are, and how sure that is.

Confidence intervals resample whole units: examples of one unit tell of each other (cluster
bootstrap; Efron and Tibshirani, 1993, "An introduction to the bootstrap").
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import BoolArray, FloatArray

Residuals = npt.NDArray[np.float32]
"""What is left of answers for judging them: (n, ...), and that of a blend is linear in these."""

_LEVEL = 0.95
_RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A number, and the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


class Judge(ABC):
    """Scores answers to validation examples; smaller is better. Every unit counts the same.

    Args:
        units: How many there are that are resampled whole.
        seed: Of the resampling.
    """

    def __init__(self, units: int, *, seed: int) -> None:
        self.units = units
        self._seed = seed
        self.everything = np.full(units, 1.0 / units)
        """Weights under which every unit counts the same."""

    @abstractmethod
    def residuals(self, answers: FloatArray) -> Residuals:
        """What is left of answers, such that a blend's residuals are the blend of its members'.

        Raises:
            ModelProblem: An answer that is not finite, or cannot be judged.
        """

    @abstractmethod
    def losses(self, residuals: Residuals) -> FloatArray:
        """Mean loss of each unit that is resampled: float64 (candidates, units).

        Args:
            residuals: Of each candidate, (candidates, n, ...).
        """

    @abstractmethod
    def near(self, losses: FloatArray, weights: FloatArray) -> BoolArray:
        """Which rows of losses are nearly as good as the best, itself among them.

        Args:
            losses: float64 (candidates, units).
            weights: How much each unit counts, sum 1.
        """

    def errors(self, losses: FloatArray) -> FloatArray:
        """What of the losses of units is averaged into a score."""
        return losses

    def scores(self, losses: FloatArray, weights: FloatArray | None = None) -> FloatArray:
        """One number for each row of losses; `weights` (..., units) count units more or less."""
        weights = self.everything if weights is None else weights
        return np.asarray(self.errors(losses) @ weights.T)

    def score(self, residuals: Residuals) -> Estimate:
        """The score of one set of answers, with its interval."""
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


def _reduction(better: FloatArray, worse: FloatArray) -> FloatArray:
    return np.asarray(1.0 - better / np.where(worse > 0, worse, 1.0))
