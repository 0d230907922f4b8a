"""Smoothing parameters pooled over all series of a panel, by the error of what they forecast.

A series' own window is far too short to say how fast its level moves; thousands of windows of
many series are not. A forecast here is

    level + cut(values - level) @ weights + shift * spread

with level and spread (mean and mean absolute deviation) of the window. What is farther from the
level than `clip` spreads is cut to that: one wild day is no news about the next week. The shift is
the median (or mean) of the errors that are left: demand leans to one side, and a symmetrical
method forecasts its mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models.arrays import FloatArray, Windows, floored
from models.base import MEDIAN
from models.forecasting.windows import Samples

Parameters = dict[str, float]
WeightsOf = Callable[[Parameters], FloatArray]
"""Maps parameters to weights (window, horizon)."""

CLIPS = (1.0, 1.5, 2.0, 3.0, 5.0, math.inf)


@dataclass(frozen=True, eq=False)
class PooledForecast:
    """The forecast described above.

    Args:
        weights: float64 (window, horizon).
        clip: In spreads of the window; infinity cuts nothing.
        shift: In spreads of the window.
    """

    weights: FloatArray
    clip: float
    shift: float

    def answer(self, windows: Windows) -> FloatArray:
        """Forecasts (n, horizon) in the units of the values."""
        level, centred, spread = centre(windows.values)
        cut = cut_to(centred, spread, self.clip)
        return level + (cut @ self.weights + self.shift * spread)


def centre(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Level (n, 1), values - level (n, window) and spread (n, 1) of windows."""
    level = values.mean(axis=1, keepdims=True)
    centred = values - level
    return level, centred, np.abs(centred).mean(axis=1, keepdims=True)


def cut_to(centred: FloatArray, spread: FloatArray, clip: float) -> FloatArray:
    """Values no farther from the level than `clip` spreads."""
    if math.isinf(clip):
        return centred
    return np.clip(centred, -clip * spread, clip * spread)


class PooledLoss:
    """The mean error that parameters make on some samples, each series in units of its own.

    Args:
        samples: Windows and what came after them.
        scales: float64 (n,), what one unit of loss is for each sample's series.
        objective: `models.base.MEDIAN` for the absolute error, else the squared one.
        nonnegative: Whether forecasts are floored at 0 as `models.arrays.floored` says.
    """

    def __init__(
        self, samples: Samples, scales: FloatArray, objective: str, nonnegative: bool
    ) -> None:
        self._samples = samples
        self._scales = scales[:, None]
        self._median = objective == MEDIAN
        self._nonnegative = nonnegative
        self._level, self._centred, self._spread = centre(samples.windows.values)
        self._cut: dict[float, FloatArray] = {}

    # What is too large for a number makes an error that is none; who searches says so.
    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, forecast: PooledForecast) -> float:
        """The mean error of a forecast."""
        return self._mean_error(forecast.answer(self._samples.windows))

    @np.errstate(over="ignore", invalid="ignore")
    def fit_shift(self, weights: FloatArray, clip: float) -> tuple[float, float]:
        """The shift that leaves errors with median (or mean) 0, and the mean error with it."""
        if clip not in self._cut:
            self._cut[clip] = cut_to(self._centred, self._spread, clip)
        answer = self._level + self._cut[clip] @ weights
        moves = self._spread > 0
        errors = (self._samples.targets - answer) / np.where(moves, self._spread, 1.0)
        # An error of one spread weighs as much as the spread is in units of the loss; a window
        # that does not move weighs nothing.
        importance = np.broadcast_to(self._spread / self._scales, errors.shape)
        middle = _weighted_median if self._median else _weighted_mean
        shift = middle(errors.ravel(), importance.ravel())
        return shift, self._mean_error(answer + shift * self._spread)

    def _mean_error(self, answer: FloatArray) -> float:
        if self._nonnegative:
            answer = floored(answer, self._samples.windows)
        error = (answer - self._samples.targets) / self._scales
        return float(np.mean(np.abs(error) if self._median else error**2))


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    """What makes the weighted sum of absolute distances smallest."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order])
    half = running[-1] / 2
    return float(values[order[np.searchsorted(running, half)]]) if half > 0 else 0.0


def _weighted_mean(values: FloatArray, weights: FloatArray) -> float:
    """Half way from what makes the weighted distances add up to 0 to the smallest square of them.

    The smallest square alone forecasts too little: in it, windows that have just seen a wild day,
    after which less comes, weigh more than in the sum that is to be right.
    """
    if not weights.any():
        return 0.0
    relative = weights / weights.max()
    unbiased = np.average(values, weights=relative)
    smallest = np.average(values, weights=relative**2)
    return float(unbiased + smallest) / 2


@dataclass(frozen=True)
class Found:
    """Parameters that were tried, and the error that they make."""

    parameters: Parameters
    clip: float
    shift: float
    loss: float


def search(
    loss: PooledLoss,
    weights_of: WeightsOf,
    starts: tuple[Parameters, ...],
    grid: Mapping[str, tuple[float, ...]],
    most_passes: int,
) -> Iterator[Found]:
    """Coordinate descent over a grid, from several starts; yields the best after every pass.

    A pass tries every value of every parameter, one parameter after the other, and of the clip. A
    start is done when a pass changes nothing, or after `most_passes`.
    """
    seen: dict[tuple[float, ...], Found] = {}

    def tried(parameters: Parameters, clip: float) -> Found:
        key = (*(parameters[name] for name in grid), clip)
        if key not in seen:
            shift, error = loss.fit_shift(weights_of(parameters), clip)
            seen[key] = Found(parameters, clip, shift, error)
        return seen[key]

    best: Found | None = None
    for start in starts:
        here = tried(start, CLIPS[-1])
        for _ in range(most_passes):
            before = here
            for name, values in grid.items():
                at, clip = here.parameters, here.clip
                here = _best(here, *(tried({**at, name: value}, clip) for value in values))
            at = here.parameters
            here = _best(here, *(tried(at, clip) for clip in CLIPS))
            best = here if best is None else _best(best, here)
            yield best
            if here is before:
                break


def _best(*found: Found) -> Found:
    """The one with the smallest error, the first of them where some have the same."""
    return min(found, key=lambda one: one.loss)
