"""How much windows move, which is what errors are measured by.

Of a window that is known in part, what is known says something, and the less that is, the more
counts how much windows of its level usually move. How much further forecasts from
such windows miss is learnt by cutting whole windows and looking at what came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import DAYS_A_WEEK, BoolArray, FloatArray, Windows
from models.errors import ModelProblem
from models.forecasting.error_units import ErrorUnit, errors_in_units
from models.forecasting.quantiles import rounded
from models.forecasting.short import shortened

# Movement below this part of the largest value is rounding (float64 has 2e-16).
_NOISE = 1e-12
_LENGTHS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 56, 112, 224)
_MOST_SAMPLES = 4_000
_TYPICAL_LEVEL = 0.8
"""The part of errors that widths are made to hold alike; a shape that is the same holds others."""


def window_scales(windows: Windows) -> FloatArray:
    """How much each window moves beside its week: float64 (n,), 0 where it stands still.

    The mean absolute deviation from the mean of the same weekday, which needs no date. A window
    of less than two weeks is measured from its mean.
    """
    values = windows.values
    if not len(values):
        return np.empty(0)
    period = DAYS_A_WEEK if values.shape[1] >= 2 * DAYS_A_WEEK else 1
    # In columns of one weekday; the oldest days that fill no week are left out.
    whole = values[:, values.shape[1] % period :].reshape(len(values), -1, period)
    deviation: FloatArray = np.abs(whole - whole.mean(axis=1, keepdims=True)).mean(axis=(1, 2))
    return np.where(deviation > _NOISE * np.abs(values).max(axis=1), deviation, 0.0)


@dataclass(frozen=True)
class ShortScales:
    """How far forecasts miss from windows of which only the last days are known.

    Args:
        level_share: How much windows usually move, as a part of their mean absolute value.
        factors: Numbers of known days, ascending; how much further a day's forecast then misses;
            and that of the total of a whole horizon: where little is known all days miss to the
            same side.

    Raises:
        ModelProblem: Numbers that are not such a table.
    """

    level_share: float
    factors: tuple[tuple[int, float, float], ...]

    def __post_init__(self) -> None:
        days = [known for known, _, _ in self.factors]
        if not days or days[0] < 1 or days != sorted(set(days)):
            raise ModelProblem("the numbers of known days must be ascending and at least 1")
        if not 0 <= self.level_share < math.inf or not all(
            0 < factor < math.inf for _, *both in self.factors for factor in both
        ):
            raise ModelProblem("short windows need a share from 0 and factors above 0")

    def movement(self, windows: Windows) -> FloatArray:
        """How much windows move of which some are known in part: float64 (n,)."""
        moved = window_scales(windows)
        for known, rows in _cut(windows):
            moved[rows] = _known_scales(windows.values[rows, -known:], self.level_share)
        return moved

    def widening(self, windows: Windows) -> FloatArray:
        """How much further days miss than their unit says: float64 (n,), 1 for whole windows."""
        further = np.ones(len(windows))
        days, factors, _ = np.array(self.factors).T
        for known, rows in _cut(windows):
            further[rows] = np.interp(known, days, factors)
        return further

    def total_widening(self, windows: Windows, steps: int, horizon: int) -> FloatArray:
        """How much further totals of the days 1 .. h miss than days do: float64 (n, steps).

        1 for the first day, which is a day; what was learnt from the horizon on; in between on a
        straight line. 1 for whole windows.
        """
        if windows.known_days is None:
            return np.ones((len(windows), steps))
        days, factors, totals = np.array(self.factors).T
        further = np.interp(windows.known_days, days, totals / factors)
        further = np.where(windows.known_days < windows.window, further, 1.0)[:, None]
        part = np.minimum(np.arange(steps) / max(horizon - 1, 1), 1.0)
        return np.asarray(1.0 + (further - 1.0) * part)

    def as_dict(self) -> dict[str, Any]:
        """As JSON-able data; `of_dict` reads it."""
        return {
            "level_share": self.level_share,
            "factors": [list(row) for row in self.factors],
        }

    @classmethod
    def of_dict(cls, data: Any) -> ShortScales:
        """What `as_dict` described.

        Raises:
            ModelProblem: Something else.
        """
        match data:
            case {"level_share": float(share), "factors": list(rows), **others} if not others:
                factors = []
                for row in rows:
                    match row:
                        case [int(days), float(factor), float(total)]:
                            factors.append((days, factor, total))
                        case _:
                            raise ModelProblem("a factor of short windows has another form")
                return cls(share, tuple(factors))
        raise ModelProblem("what is kept of short windows has another form")


def learn_short_scales(
    predict: Callable[[Windows, int], FloatArray],
    windows: Windows,
    targets: FloatArray,
    errors: tuple[FloatArray, FloatArray],
    *,
    unit: ErrorUnit,
    floor: float,
) -> ShortScales:
    """Cut windows to some lengths, and see how much further forecasts miss then.

    Args:
        predict: The fitted model.
        windows: Whole windows that it was not fitted to.
        targets: float64 (n, horizon), what came.
        errors: How far it missed with these, of `error_units.errors_in_units`.
        unit: What errors are measured in.
        floor: Smallest movement that counts.

    Raises:
        ModelProblem: An error that is not finite.
    """
    count = min(len(windows), _MOST_SAMPLES)
    rows = np.arange(count, dtype=np.int64) * len(windows) // count
    windows, targets = windows.take(rows), targets[rows]
    usual = _typical(*(one[rows] for one in errors))
    level_share = _level_share(windows)
    factors = []
    for days in (days for days in _LENGTHS if days < windows.window):
        cut = shortened(windows, np.full(count, days, dtype=np.int64))
        moved = _known_scales(windows.values[:, -days:], level_share)
        point = predict(cut, targets.shape[1])
        missed = _typical(*errors_in_units(targets - point, point, moved, unit, floor))
        # Where whole windows are forecast without a miss, nothing can be said in their units.
        day, total = (
            float(rounded(further / known if further > 0 and known > 0 else 1.0))
            for further, known in zip(missed, usual, strict=True)
        )
        factors.append((days, day, total))
    return ShortScales(float(rounded(level_share)), tuple(factors))


def _cut(windows: Windows) -> Iterator[tuple[int, BoolArray]]:
    """The numbers of days that are known of some windows only in part, and of which these are."""
    if windows.known_days is not None:
        for known in np.unique(windows.known_days[windows.known_days < windows.window]).tolist():
            yield known, windows.known_days == known


def _typical(days: FloatArray, totals: FloatArray) -> tuple[float, float]:
    """How far most days miss, and how far most totals of all days: of float64 (n, horizon)."""
    return (
        float(np.quantile(np.abs(days), _TYPICAL_LEVEL)),
        float(np.quantile(np.abs(totals[:, -1]), _TYPICAL_LEVEL)),
    )


def _known_scales(known: FloatArray, level_share: float) -> FloatArray:
    """How much windows probably move of which so many days are known: (n, days) to (n,).

    As if a week of usual days stood beside those that are known. One day tells nothing about
    how much a series moves.
    """
    days = known.shape[1]
    trusted = (days - 1) / (days - 1 + DAYS_A_WEEK)
    usual = level_share * np.abs(known).mean(axis=1)
    own = window_scales(Windows(known, np.zeros(len(known), dtype=np.int64)))
    return np.asarray(trusted * own + (1 - trusted) * usual)


def _level_share(windows: Windows) -> float:
    scales, levels = window_scales(windows), np.abs(windows.values).mean(axis=1)
    moving = scales > 0
    return float(np.median(scales[moving] / levels[moving])) if moving.any() else 0.0
