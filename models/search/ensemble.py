"""Which weights make the best blend of what several models answer.

Of three, the safest that is good enough: the best candidate alone; the mean of those that are
nearly as good, half of it shared equally and half by selection; a selection from all. A mean of
equals is the better bet before anything is measured, so it has to be no worse than the best one; a
selection that leans on weaker ones has to be better beyond noise. Both are asked on series, or on
pictures, that the weights were not picked on (cross-fitting).

Selection is greedy, with replacement and bagged: Caruana et al. (2004), "Ensemble selection from
libraries of models", and Caruana, Munson and Niculescu-Mizil (2006), "Getting the most out of
ensemble selection".

The examples that pick the weights are those that decided when each member stopped. Both choices
are small beside what was learnt: one of a few epochs, and a handful of weights that add up to 1. A
part of the validation examples for each would leave too few for either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import FloatArray
from models.search.judging import Estimate, Judge, Residuals

_Places = npt.NDArray[np.integer]

# Weights come in steps of one part in this many, before bags are averaged.
_STEPS = 24
_BAGS, _BAGS_A_FOLD = 8, 3
_FOLDS = 4
_SMALLEST_WEIGHT = 0.03


@dataclass(frozen=True, eq=False)
class Blend:
    """Weights of candidates, and what they make.

    Args:
        weights: float64 (candidates,), at least 0, sum 1.
        score: Of the blend.
        gain: How much smaller its score is than that of the best candidate alone, on units that
            neither was picked on; 0 where that is the blend.
    """

    weights: FloatArray
    score: Estimate
    gain: Estimate


def select(judge: Judge, residuals: Residuals, *, members: int) -> Blend:
    """The blend of at most so many members.

    Args:
        judge: Scores the blends.
        residuals: Of each candidate, (candidates, n, ...); at least one candidate.
        members: Most candidates with a weight.
    """
    chooser = _Chooser(judge, residuals, members)
    tried = [chooser.held_out_losses(way) for way in (chooser.single, chooser.mean, chooser.free)]
    weights, gain = chooser.single(judge.everything), Estimate(0.0, 0.0, 0.0)
    if (found := judge.gain(tried[1], tried[0])).value > 0:
        weights, gain = chooser.mean(judge.everything), found
    before = tried[1] if gain.value > 0 else tried[0]
    if judge.gain(tried[2], before).low > 0:
        weights, gain = chooser.free(judge.everything), judge.gain(tried[2], tried[0])
    if np.count_nonzero(weights) == 1:
        gain = Estimate(0.0, 0.0, 0.0)
    return Blend(weights, judge.score(_blended(weights, residuals)), gain)


def leaning(judge: Judge, residuals: Residuals, *, members: int) -> FloatArray:
    """How much a blend leans on each candidate, whichever it will be: quick, for on the way.

    Returns:
        float64 (candidates,), sum 1.
    """
    chooser = _Chooser(judge, residuals, members)
    ways = [way(judge.everything, _BAGS_A_FOLD) for way in (chooser.mean, chooser.free)]
    return np.asarray(np.mean(ways, axis=0))


class _Chooser:
    """Three ways to choose weights, each for units that count as much as they are told to."""

    def __init__(self, judge: Judge, residuals: Residuals, members: int) -> None:
        self._judge = judge
        self._residuals = residuals
        self._losses = judge.losses(residuals)
        self._members = members

    def single(self, units: FloatArray, bags: int = _BAGS) -> FloatArray:
        """All weight on the best candidate."""
        weights = np.zeros(len(self._residuals))
        weights[self._alone(units).argmin()] = 1.0
        return weights

    def mean(self, units: FloatArray, bags: int = _BAGS) -> FloatArray:
        """Half shared equally among those that are nearly as good as the best, half selected."""
        near = np.flatnonzero(self._judge.near(self._losses, units))
        weights = self._half_and_half(near, units, bags)
        if len(near) > self._members:
            near = np.sort(np.argsort(-weights, kind="stable")[: self._members])
            weights = self._half_and_half(near, units, bags)
        return weights

    def free(self, units: FloatArray, bags: int = _BAGS) -> FloatArray:
        """Selected among all."""
        weights = self._selected(np.arange(len(self._residuals)), units, bags)
        # Those that do not make it leave their weight to be given anew.
        chosen = np.sort(np.argsort(-weights, kind="stable")[: self._members])
        chosen = chosen[weights[chosen] >= _SMALLEST_WEIGHT]
        if len(chosen) < np.count_nonzero(weights):
            weights = self._selected(chosen, units, bags)
        return weights

    def held_out_losses(self, way: Callable[[FloatArray, int], FloatArray]) -> FloatArray:
        """Losses of each unit under weights that were picked without it: float64 (units,)."""
        judge = self._judge
        folds = judge.folds(_FOLDS)
        losses = np.empty(judge.units)
        for fold in range(folds.max() + 1):
            kept = judge.everything * (folds != fold)
            if not kept.any():
                kept = judge.everything  # a single unit, which there is no other to pick on
            weights = way(kept / kept.sum(), _BAGS_A_FOLD)
            found = judge.losses(_blended(weights, self._residuals)[None])[0]
            losses[folds == fold] = found[folds == fold]
        return losses

    def _alone(self, units: FloatArray) -> FloatArray:
        return self._judge.scores(self._losses, units)

    def _half_and_half(self, among: _Places, units: FloatArray, bags: int) -> FloatArray:
        weights = 0.5 * self._selected(among, units, bags)
        weights[among] += 0.5 / len(among)
        return weights

    def _selected(self, among: _Places, units: FloatArray, bags: int) -> FloatArray:
        """Mean of the greedy selections of all bags: float64 (candidates,), sum 1."""
        weights = np.zeros(len(self._residuals))
        if len(among) == 1:
            weights[among] = 1.0
            return weights
        total = np.zeros(len(among))
        for bag in self._judge.resamples(bags):
            counted = bag * units
            # A bag may hold none of the units that count.
            counted = counted if counted.any() else units
            total += self._greedy(among, counted / counted.sum())
        weights[among] = total / total.sum()
        return weights

    def _greedy(self, among: _Places, units: FloatArray) -> FloatArray:
        """How often each is taken when every step takes the one that helps most: sum 1."""
        residuals = self._residuals[among]
        taken = np.zeros(len(among))
        total = np.zeros_like(residuals[0])
        best_score, best_taken = np.inf, taken
        for step in range(1, _STEPS + 1):
            tried = self._judge.losses((total + residuals) / np.float32(step))
            scores = self._judge.scores(tried, units)
            choice = int(scores.argmin())
            taken[choice] += 1
            total = total + residuals[choice]
            if scores[choice] < best_score:
                best_score, best_taken = float(scores[choice]), taken.copy()
        return np.asarray(best_taken / best_taken.sum())


def _blended(weights: FloatArray, residuals: Residuals) -> Residuals:
    return np.asarray(np.tensordot(weights.astype(np.float32), residuals, axes=1))
