"""Windows in a few numbers each, so that what was asked can be kept without keeping it.

mean     of the values
size     mean of their absolute values: the unit in which a series is large or small
std      standard deviation
zeros    share of values that are 0
recent   mean of the last week
week     correlation of the values with those of a week before, -1 to 1; NaN for values that
         do not move, or for less than two weeks
"""

from __future__ import annotations

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray

NUMBERS = ("mean", "size", "std", "zeros", "recent", "week")
MEAN, SIZE, STD, ZEROS, RECENT, WEEK = range(len(NUMBERS))

_DIGITS = 6
# A spread below this part of the largest value is rounding, not movement.
_NOISE = 1e-12


def numbers_of(values: FloatArray) -> FloatArray:
    """The numbers of windows: float64 (n, 6), in the order of `NUMBERS`.

    Args:
        values: float64 (n, window), without NaN.
    """
    found = np.empty((len(values), len(NUMBERS)))
    absolute = np.abs(values)
    found[:, MEAN] = values.mean(axis=1)
    found[:, SIZE] = absolute.mean(axis=1)
    centred = values - found[:, MEAN : MEAN + 1]
    squares = (centred**2).mean(axis=1)
    moves = squares > (_NOISE * absolute.max(axis=1)) ** 2
    found[:, STD] = np.where(moves, np.sqrt(squares), 0.0)
    found[:, ZEROS] = (values == 0).mean(axis=1)
    found[:, RECENT] = values[:, -DAYS_A_WEEK:].mean(axis=1)
    if values.shape[1] >= 2 * DAYS_A_WEEK:
        lagged = (centred[:, DAYS_A_WEEK:] * centred[:, :-DAYS_A_WEEK]).mean(axis=1)
        found[:, WEEK] = np.where(moves, lagged / np.where(moves, squares, 1.0), np.nan)
    else:
        found[:, WEEK] = np.nan
    return found


def rounded(values: FloatArray) -> FloatArray:
    """Values to six significant digits: what is kept of many must be short."""
    short = [float(f"{value:.{_DIGITS}g}") for value in values.ravel().tolist()]
    return np.array(short).reshape(values.shape)
