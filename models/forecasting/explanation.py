"""Why a forecast is what it is: how much each past day of its window pushed it up or down.

Shapley values (Shapley, 1953, "A value for n-person games"): the days of the window are players,
and a day that does not take part has the value that it usually has. What a day contributes is how
much the forecast moves when it joins, averaged over all orders of joining. Orders are drawn at
random, each with its reverse (Mitchell et al., 2022, "Sampling permutations for Shapley value
estimation"), and whatever is drawn, the contributions add up to the difference between the
forecast and that of the usual window.

Any model will do: it is only asked for forecasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, IntArray, Windows
from models.errors import ModelProblem

Ask = Callable[[Windows], FloatArray]
"""Maps n windows to forecasts (n, steps)."""

_PAIRS = 32
_WINDOWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Explanation:
    """What the days of one window did to its forecast.

    Args:
        usual: float64 (window,), what each day counts as while it does not take part.
        baseline: float64 (steps,), the forecast of the usual window.
        forecast: float64 (steps,), that of the window as it is.
        contributions: float64 (window, steps); each column adds up to forecast - baseline.
        standard_error: float64 (window, steps), of the contributions, for that orders were drawn.
    """

    usual: FloatArray
    baseline: FloatArray
    forecast: FloatArray
    contributions: FloatArray
    standard_error: FloatArray

    def of_day(self, ahead: int | None) -> FloatArray:
        """Contributions to one day (1 is the first), or to all days together: (window,)."""
        if ahead is None:
            return np.asarray(self.contributions.sum(axis=1))
        return self.contributions[:, ahead - 1]


def explain(
    ask: Ask,
    window: Windows,
    *,
    usual: FloatArray | None = None,
    pairs: int = _PAIRS,
    seed: int = 7,
) -> Explanation:
    """Attribute the forecast of one window to its days.

    Args:
        ask: The model, for as many days ahead as are to be explained. It is asked for about
            2 * pairs * window windows, thousands at a time.
        window: One window; its covariates, where it has any, stay as they are.
        usual: float64 (window,), what stands for a day that does not take part; None: see
            `usual_values`.
        pairs: Orders of joining that are drawn, each taken forwards and backwards; at least 2.
        seed: The same seed draws the same ones.

    Raises:
        ModelProblem: Not one window, fewer than 2 pairs, or what the model raises.
    """
    if len(window) != 1 or pairs < 2:
        raise ModelProblem(
            f"one window is explained by 2 or more pairs, not {len(window)} by {pairs}"
        )
    days = window.window
    values = window.values[0]
    absent = usual_values(values) if usual is None else np.asarray(usual, dtype=np.float64)
    orders = _orders(days, pairs, seed)
    # Row k of an order has its first k days as they are; the last row is the window itself.
    rank = np.argsort(orders, axis=1)
    joined = rank[:, None, :] < np.arange(1, days)[None, :, None]
    asked = np.where(joined, values, absent).reshape(-1, days)
    ends = _ask(ask, window, np.stack([absent, values]))
    steps = ends.shape[1]
    between = _ask(ask, window, asked).reshape(len(orders), days - 1, steps)
    path = np.concatenate(
        [
            np.broadcast_to(ends[0], (len(orders), 1, steps)),
            between,
            np.broadcast_to(ends[1], (len(orders), 1, steps)),
        ],
        axis=1,
    )
    moved = np.diff(path, axis=1)
    # From the order in which they joined to the order of the days.
    by_day = np.take_along_axis(moved, rank[:, :, None], axis=1)
    both_ways = (by_day[:pairs] + by_day[pairs:]) / 2
    return Explanation(
        usual=absent,
        baseline=ends[0],
        forecast=ends[1],
        contributions=both_ways.mean(axis=0),
        standard_error=both_ways.std(axis=0, ddof=1) / np.sqrt(pairs),
    )


def usual_values(values: FloatArray) -> FloatArray:
    """What each day of a window usually is: the mean of its weekday, (window,) in and out.

    No date is needed. A window of less than two weeks has its mean everywhere.
    """
    period = DAYS_A_WEEK if values.size >= 2 * DAYS_A_WEEK else 1
    usual = np.empty(values.size)
    for weekday in range(period):
        usual[weekday::period] = values[weekday::period].mean()
    return usual


def _orders(days: int, pairs: int, seed: int) -> IntArray:
    """Orders of the days, (2 * pairs, days): those drawn, then the reverse of each."""
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(np.arange(days), (pairs, 1)), axis=1)
    return np.concatenate([drawn, drawn[:, ::-1]])


def _ask(ask: Ask, window: Windows, values: FloatArray) -> FloatArray:
    """Forecasts of windows that differ from one in their values only."""
    if not len(values):  # a window of one day, which has nobody to join
        return np.empty(0)
    answers = []
    for begin in range(0, len(values), _WINDOWS_AT_ONCE):
        part = values[begin : begin + _WINDOWS_AT_ONCE]
        same = window.take(np.zeros(len(part), dtype=np.int64))
        answers.append(ask(replace(same, values=part)))
    return np.concatenate(answers)
