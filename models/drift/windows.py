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
_POWERS = 10.0 ** np.arange(23)
_SMALLEST, _LARGEST = 1e-16, 1e20
# A spread below this part of the largest value is rounding, not movement.
_NOISE = 1e-12


def numbers_of(values: FloatArray) -> FloatArray:
    """The numbers of windows: float64 (n, 6), in the order of `NUMBERS`.

    Args:
        values: float64 (n, window), without NaN. Of values near the largest float some numbers
            are infinite or NaN.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _numbers_of(values)


def _numbers_of(values: FloatArray) -> FloatArray:
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
    """Values to six significant digits: what is kept of many must be short.

    The quotient of a whole number and a power of ten, both of which floats have exactly, is the
    float that is written with just these digits. What is too small or large for that stays.
    """
    size = np.abs(values)
    usable = (size > _SMALLEST) & (size < _LARGEST)
    with np.errstate(invalid="ignore"):
        power = _DIGITS - 1 - np.floor(np.log10(np.where(usable, size, 1.0))).astype(np.int64)
        up, down = _POWERS[np.maximum(power, 0)], _POWERS[np.maximum(-power, 0)]
        short = np.round(values * up / down) * down / up
    return np.where(usable, short, values)
