"""Series that are shorter than the window: the days that are lacking are filled from their own.

An older day takes a value that its own weekday had, the newest of these for the newest such day,
and all of them in turn further back. Less than a week is repeated as it is. So a filled window
has the level, the movement and, from a week on, the week of what is known of it, and a model needs
to know nothing about it.

Measured on daily demand, with windows of 30 days cut to less, this misses less from 2 days on than
a mean, the mean of the weekday, or the oldest week repeated: a mean does not move, and models see
values in units of how much their window moves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, IntArray, Panel, Windows
from models.errors import ModelProblem

if TYPE_CHECKING:
    from models.forecasting.backtest import Backtest


def extended(values: FloatArray, window: int) -> FloatArray:
    """Fill what is lacking before the known values of some series.

    Args:
        values: float64 (n, days), oldest first; of more days than `window` the last ones count.
        window: Values wanted.

    Returns:
        float64 (n, window), which ends with what is known.

    Raises:
        ModelProblem: There is no value at all.
    """
    taken: FloatArray = values[:, _positions(values.shape[1], window)]
    return taken


def extended_windows(known: Windows, window: int) -> Windows:
    """Windows of so many values from shorter ones; they remember how many are known.

    A filled day has the covariates of the day that its value is from, for that is what it came
    with. Those of the days to come stay.

    Args:
        known: Windows of 1 value or more.
        window: Values wanted, at least as many.

    Raises:
        ModelProblem: There is no value at all.
    """
    if known.window == window:
        return known
    days, covariates = known.window, known.covariates
    positions = _positions(days, window)
    if covariates is not None:
        covariates = np.concatenate([covariates[:, positions], covariates[:, days:]], axis=1)
    return Windows(
        known.values[:, positions],
        known.weekday,
        covariates,
        np.full(len(known), days, dtype=np.int64),
    )


def shortened(windows: Windows, days: IntArray) -> Windows:
    """Windows as they would be if only their last days were known, the others filled.

    What a model makes of short series is learnt and measured with these.

    Args:
        windows: Whole ones.
        days: int64 (n,), how many stay known of each, 1 to window.
    """
    window, covariates = windows.window, windows.covariates
    # Counted from the end of the known part to the end of the whole window.
    table = np.stack([_positions(count, window) + window - count for count in range(1, window + 1)])
    positions = table[days - 1]
    values = np.take_along_axis(windows.values, positions, axis=1)
    if covariates is not None:
        filled = np.take_along_axis(covariates, positions[:, :, None], axis=1)
        covariates = np.concatenate([filled, covariates[:, window:]], axis=1)
    return Windows(values, windows.weekday, covariates, days)


def some_shortened(windows: Windows, share: float, rng: np.random.Generator) -> Windows:
    """Windows of which a part is cut to a random length, so that training sees short series too.

    Args:
        windows: Whole ones.
        share: Part of them that is cut, 0 to 1; each to 1 .. window - 1 days, equally likely.
        rng: Chooses.
    """
    if share <= 0:
        return windows
    days = rng.integers(1, windows.window, len(windows))
    days[rng.random(len(windows)) >= share] = windows.window
    return shortened(windows, days)


def told(days: int, window: int) -> str:
    """For people: how much of a filled window is known, and what the rest is."""
    source = "its own week" if days >= DAYS_A_WEEK else "these"
    return f"{days} of {window} days known: the older ones are filled from {source}"


def not_measured(backtest: Backtest) -> tuple[int, int]:
    """How many series an evaluation had nothing to ask about.

    Returns:
        Series with values on all days of a forecast, but never a whole window before them; and
        those that never have values on all days of a forecast, because they have ended.
    """
    begins, ends = backtest.panel.spans
    is_measured = np.zeros(len(backtest.panel.ids), dtype=np.bool_)
    has_actuals = np.zeros(len(backtest.panel.ids), dtype=np.bool_)
    for fold in backtest.folds:
        is_measured[fold.rows] = True
        has_actuals |= (begins <= fold.origin) & (ends >= fold.origin + backtest.horizon)
    short = np.count_nonzero(~is_measured & has_actuals)
    return int(short), int(np.count_nonzero(~has_actuals))


def not_learnt_from(history: Panel, window: int, horizon: int, validation_days: int) -> int:
    """How many series have no whole window with a horizon behind it before the validation days."""
    begins, ends = history.spans
    days = np.minimum(ends, history.days - validation_days) - begins
    return int(np.count_nonzero(days < window + horizon))


@lru_cache(maxsize=512)
def _positions(days: int, window: int) -> IntArray:
    """Which of the known days, 0 the oldest, stands at each place of a window: int64 (window,)."""
    if days < 1:
        raise ModelProblem("a series without any value cannot be forecast")
    if days >= window:
        return np.arange(days - window, days, dtype=np.int64)
    place = np.arange(window, dtype=np.int64)
    known = place - (window - days)
    if days < DAYS_A_WEEK:
        return known % days
    # Days of the same weekday are 7 apart: `rest` is the oldest one, of `count` in all.
    rest = known % DAYS_A_WEEK
    count = (days - rest + DAYS_A_WEEK - 1) // DAYS_A_WEEK
    return rest + DAYS_A_WEEK * ((known - rest) // DAYS_A_WEEK % count)
