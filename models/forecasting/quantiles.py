"""Tables of error quantiles: how far forecasts miss a number of days ahead, at any probability.

Kept at the probabilities of `GRID`; between two of them on a straight line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import FloatArray
from models.errors import ModelProblem

GRID: FloatArray = np.concatenate(
    [[0.0, 0.001, 0.0025, 0.005], np.arange(1, 100) / 100, [0.995, 0.9975, 0.999, 1.0]]
)
"""Probabilities at which quantiles are kept: dense in the tails, 0 and 1 are the extremes."""

_DIGITS = 7
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class ErrorQuantiles:
    """How far forecasts miss, for each step ahead.

    Args:
        quantiles: float64 (horizon, len(GRID)), ascending in each row.
        count: Errors that each row was made from, at least 1.
        growth: Beyond the horizon the last row is widened by (step / horizon) ** growth; 0 or
            more.

    Raises:
        ModelProblem: Numbers that are not such a table.
    """

    quantiles: FloatArray
    count: int
    growth: float

    def __post_init__(self) -> None:
        quantiles = np.asarray(self.quantiles, dtype=np.float64)
        object.__setattr__(self, "quantiles", quantiles)
        if quantiles.ndim != 2 or quantiles.shape[1] != GRID.size or not len(quantiles):
            raise ModelProblem(f"a calibration needs quantiles of shape (horizon, {GRID.size})")
        if not np.isfinite(quantiles).all() or (np.diff(quantiles, axis=1) < 0).any():
            raise ModelProblem("the quantiles of a calibration must be finite and ascending")
        if self.count < 1 or not 0 <= self.growth < math.inf:
            raise ModelProblem(
                "a calibration needs a count from 1 and a growth from 0, "
                f"not {self.count} and {self.growth}"
            )

    @classmethod
    def of(cls, errors: FloatArray, growth: float) -> ErrorQuantiles:
        """The table of some errors, float64 (n, horizon)."""
        quantiles = np.quantile(errors, GRID, axis=0).T
        return cls(rounded(np.maximum.accumulate(quantiles, axis=1)), len(errors), growth)

    @property
    def horizon(self) -> int:
        """Steps that have a row of their own."""
        return int(self.quantiles.shape[0])

    def bound(self, probability: float, steps: int) -> FloatArray:
        """What the next error stays at or below with a probability, for each step: (steps,).

        Of n errors it is the ceil((n + 1) probability)-th smallest: the + 1 is for the one that is
        to come. A probability that asks for more than n errors can tell gets the largest of them.
        """
        rows, widening = self._steps(steps)
        return self._quantile(self._share(probability))[rows] * widening

    def ends(self, level: float, steps: int) -> tuple[FloatArray, FloatArray]:
        """Between what the next error lies with a probability, as rarely below as above.

        Returns:
            Both ends, (steps,) each.
        """
        rows, widening = self._steps(steps)
        above = self._share((1 + level) / 2)
        low, high = self._quantile(1.0 - above)[rows], self._quantile(above)[rows]
        return low * widening, high * widening

    def share_at_most(self, errors: FloatArray) -> FloatArray:
        """Part of the errors of each step that are at or below some: (n, steps) in and out."""
        rows, widening = self._steps(errors.shape[1])
        columns = [
            # Of quantiles that are the same np.interp takes the last: those at the value count.
            np.interp(errors[:, step] / widening[step], self.quantiles[row], GRID, left=0.0)
            for step, row in enumerate(rows)
        ]
        return np.stack(columns, axis=1) if columns else np.empty(errors.shape)

    def mean(self, steps: int) -> FloatArray:
        """Mean error of each step, (steps,).

        Errors beyond those of one in a thousand count as these: what happened once in years is not
        what is expected.
        """
        rows, widening = self._steps(steps)
        common = np.clip(self.quantiles, self.quantiles[:, 1:2], self.quantiles[:, -2:-1])
        means = np.asarray(np.trapezoid(common, GRID, axis=1))
        return np.asarray(means[rows] * widening)

    def _share(self, probability: float) -> float:
        """Where the error that a probability asks for stands among all, 0 to 1."""
        # 100 * 1.1 / 2 is a little more than 55 in floating point: that is not the 56th.
        rank = max(math.ceil((self.count + 1) * probability - _ROUNDING), 1)
        return min((rank - 1) / (self.count - 1), 1.0) if self.count > 1 else 1.0

    def _steps(self, steps: int) -> tuple[list[int], FloatArray]:
        """For each step: the row of its quantiles, and how much they are widened."""
        ahead = np.arange(1, steps + 1)
        widening = np.maximum(ahead / self.horizon, 1.0) ** self.growth
        return (np.minimum(ahead, self.horizon) - 1).tolist(), widening

    def _quantile(self, probability: float) -> FloatArray:
        """The quantile of every step, (horizon,)."""
        right = min(max(int(np.searchsorted(GRID, probability)), 1), GRID.size - 1)
        left = right - 1
        part = (probability - GRID[left]) / (GRID[right] - GRID[left])
        between: FloatArray = (
            self.quantiles[:, left] * (1.0 - part) + self.quantiles[:, right] * part
        )
        return between


def rounded(values: Any) -> FloatArray:
    """To so many digits that matter: small files, and the order stays."""
    exact = np.asarray(values, dtype=np.float64)
    texts = np.char.mod(f"%.{_DIGITS}g", exact)
    return np.asarray(texts, dtype=np.float64)
