"""Blending forecasts: how good each is on days it was not fitted to, and which weights are best.

Greedy ensemble selection with replacement, bagged: Caruana et al. (2004), "Ensemble selection from
libraries of models", and Caruana, Munson and Niculescu-Mizil (2006), "Getting the most out of
ensemble selection". Bags and confidence intervals resample whole series, because the windows of
one series overlap and tell of each other (cluster bootstrap).

The days that pick the weights are those that decided when each member stopped. Both choices are
small beside what was learnt: one of a few epochs, and a handful of weights that add up to 1, so
what they make the validation error look better is a small part of what separates members. A part
of the validation days for each would leave too few days for either.
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
# Weights come in steps of one part in this many, before bags are averaged.
_STEPS = 24
_BAGS = 16
_SMALLEST_WEIGHT = 0.03
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
        if weights is None:
            weights = np.full(self.units, 1.0 / self.units)
        return np.asarray(errors @ weights.T)

    def score(self, residuals: Residuals) -> Estimate:
        """The score of one set of forecasts, with its interval."""
        losses = self.losses(residuals[None])
        return self._interval(self.scores(losses)[0], self.scores(losses, self.resamples())[0])

    def gain(self, better: Residuals, worse: Residuals) -> Estimate:
        """How much smaller one score is than another, as a part of the other (paired bootstrap)."""
        losses = self.losses(np.stack([better, worse]))
        value = _reduction(*self.scores(losses))
        return self._interval(float(value), _reduction(*self.scores(losses, self.resamples())))

    def resamples(self, count: int = _RESAMPLES) -> FloatArray:
        """How much each unit counts in each resample: float64 (count, units), rows add up to 1."""
        rng = np.random.default_rng([self._seed, count])
        drawn = rng.multinomial(self.units, np.full(self.units, 1.0 / self.units), size=count)
        return drawn / self.units

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


@dataclass(frozen=True, eq=False)
class Blend:
    """Weights of candidates, and what they make.

    Args:
        weights: float64 (candidates,), at least 0, sum 1.
        score: Of the blend.
        gain: How much smaller that is than the score of the best candidate alone.
    """

    weights: FloatArray
    score: Estimate
    gain: Estimate


def select(judge: Judge, residuals: Residuals, *, members: int, bags: int = _BAGS) -> Blend:
    """The weights that make the smallest score, for at most so many members.

    A blend that is not better than its best member beyond noise is that member alone: the lower
    end of its gain has to be above 0.

    Args:
        judge: Scores the blends.
        residuals: (candidates, n, horizon), at least one candidate.
        members: Most candidates with a weight.
        bags: Resamples whose selections are averaged.
    """
    alone = judge.scores(judge.losses(residuals))
    best = int(alone.argmin())
    weights = _bagged(judge, residuals, np.arange(len(alone)), bags)
    # Those that did not make it leave their weight to be given anew.
    chosen = np.sort(np.argsort(-weights, kind="stable")[:members])
    chosen = chosen[weights[chosen] >= _SMALLEST_WEIGHT]
    if len(chosen) < np.count_nonzero(weights):
        weights = _bagged(judge, residuals, chosen, bags)
    gain = judge.gain(_blended(weights, residuals), residuals[best])
    if not gain.low > 0:
        weights = np.zeros(len(alone))
        weights[best] = 1.0
        gain = Estimate(0.0, 0.0, 0.0)
    return Blend(weights, judge.score(_blended(weights, residuals)), gain)


def _blended(weights: FloatArray, residuals: Residuals) -> Residuals:
    return np.asarray(np.tensordot(weights.astype(np.float32), residuals, axes=1))


def _bagged(
    judge: Judge, residuals: Residuals, among: npt.NDArray[np.integer], bags: int
) -> FloatArray:
    """Mean of the greedy selections of all bags: float64 (candidates,), sum 1."""
    weights = np.zeros(len(residuals))
    if len(among) == 1:
        weights[among] = 1.0
        return weights
    total = np.zeros(len(among))
    for bag in judge.resamples(bags):
        total += _greedy(judge, residuals[among], bag)
    weights[among] = total / total.sum()
    return weights


def _greedy(judge: Judge, residuals: Residuals, bag: FloatArray) -> FloatArray:
    """How often each candidate is taken when each step takes the one that helps most."""
    taken = np.zeros(len(residuals))
    total = np.zeros_like(residuals[0])
    best_score, best_taken = np.inf, taken
    for step in range(1, _STEPS + 1):
        tried = judge.losses((total + residuals) / np.float32(step))
        scores = judge.scores(tried, bag)
        choice = int(scores.argmin())
        taken[choice] += 1
        total = total + residuals[choice]
        if scores[choice] < best_score:
            best_score, best_taken = float(scores[choice]), taken.copy()
    return np.asarray(best_taken / best_taken.sum())
