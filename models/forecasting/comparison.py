"""How sure it is that one forecaster is better than another: a paired bootstrap over series.

Two forecasters are held against each other on the same series and origins, so that what makes a
series difficult for both cancels out. The series are then drawn again and again with replacement,
each with all of its origins, which leaves what the origins of a series have in common as it is.
The spread of the mean over such draws is how far it could have come out otherwise with other series
of the same kind. What it cannot tell is how other weeks would have come out: all series share
these.

Sources: Efron and Tibshirani (1993), "An introduction to the bootstrap" (percentile intervals);
Koehn (2004), "Statistical significance tests for machine translation evaluation" (paired, and the
part of the draws in which one is better); Field and Welsh (2007), "Bootstrapping clustered data"
(clusters drawn whole).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import FloatArray

LEAST_SERIES = 5
"""Fewer have too few different draws for an interval that means something."""

RESAMPLES = 2000
LEVEL = 0.95
_DRAWN_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Difference:
    """A forecaster's mean error minus that of another on the same forecasts: below 0 is better.

    Args:
        value: The difference that was measured.
        lower: Lower end of its 95 % interval; None with fewer than `LEAST_SERIES` series.
        upper: Upper end.
        probability_better: Part of the draws in which the forecaster is better, a tie counting
            half; None with too few series.
        series: Series that both were scored on.
    """

    value: float
    lower: float | None
    upper: float | None
    probability_better: float | None
    series: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves no doubt which one is better."""
        return self.lower is not None and self.upper is not None and self.lower * self.upper > 0


def mean_interval(errors: FloatArray, *, seed: int) -> tuple[float, float] | None:
    """The 95 % interval of a forecaster's mean error.

    Args:
        errors: float64 (origins, series), NaN where there is none; see `Backtest.errors`.
        seed: The same errors and seed give the same interval.

    Returns:
        Its ends; None with fewer than `LEAST_SERIES` series.
    """
    means = _resampled_means(errors, seed)
    return None if means is None else _ends(means)


def difference(errors: FloatArray, others: FloatArray, *, seed: int) -> Difference | None:
    """Hold a forecaster against another.

    Args:
        errors: float64 (origins, series) of the forecaster, NaN where there is none.
        others: The same of the other one, of the same series at the same origins.
        seed: The same errors and seed give the same answer.

    Returns:
        The difference; None when no forecast of both was scored.
    """
    apart = errors - others  # NaN where either is
    known = ~np.isnan(apart)
    if not known.any():
        return None
    value = float(np.mean(apart[known]))
    series = int(known.any(axis=0).sum())
    means = _resampled_means(apart, seed)
    if means is None:
        return Difference(value, None, None, None, series)
    lower, upper = _ends(means)
    better = float(np.mean(means < 0) + np.mean(means == 0) / 2)
    return Difference(value, lower, upper, better, series)


def _resampled_means(values: FloatArray, seed: int) -> FloatArray | None:
    """Mean of all known values of as many series drawn with replacement: float64 (RESAMPLES,)."""
    known = ~np.isnan(values)
    has_any = known.any(axis=0)
    size = int(has_any.sum())
    if size < LEAST_SERIES:
        return None
    counts = known.sum(axis=0)[has_any]
    sums = np.where(known, values, 0.0).sum(axis=0)[has_any]
    rng = np.random.default_rng(seed)
    means, at_once = [], max(1, _DRAWN_AT_ONCE // size)
    for begin in range(0, RESAMPLES, at_once):
        drawn = rng.integers(size, size=(min(at_once, RESAMPLES - begin), size))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _ends(means: FloatArray) -> tuple[float, float]:
    lower, upper = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(lower), float(upper)
