"""The unit that errors of forecasts are kept in: how far each is expected to miss.

A forecast misses by more where its window moves more, and where it is higher: a shop that sells 4
pieces on a Monday and none on a closed Saturday misses on Mondays. How much either counts differs
from data to data, so both powers are learnt. Counts have the square root of their level by nature
(their variance is their mean), so the level counts for no more than that. Powers that add up to
less than 1 say that a window which moved unusually much is followed by one that moves less.

Source of choosing by the pinball loss, which is smallest for the true quantiles: Gneiting and
Raftery (2007), "Strictly proper scoring rules, prediction, and estimation".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import FloatArray
from models.errors import ModelProblem

_MOVEMENT = (1.0, 0.75, 0.5, 0.25)
_LEVEL = (0.0, 0.125, 0.25, 0.375, 0.5)
_LEAST_TOGETHER = 0.5
_PROBABILITIES = np.array([0.025, 0.1, 0.25, 0.75, 0.9, 0.975])
_MOST_SAMPLES = 5_000


@dataclass(frozen=True)
class ErrorUnit:
    """The unit of a day's error is movement ** `movement` * |forecast| ** `level`.

    Args:
        movement: Power of how much the window moves, see `movement.window_scales`.
        level: Power of how high the forecast is.

    Raises:
        ModelProblem: A power that is not from 0 to 1.
    """

    movement: float = 1.0
    level: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.movement <= 1 and 0 <= self.level <= 1):
            raise ModelProblem(
                f"the unit of errors needs powers from 0 to 1, not {self.movement} and {self.level}"
            )

    def of_days(self, point: FloatArray, movement: FloatArray, floor: float) -> FloatArray:
        """The unit of each day's error: float64 (n, steps), above 0.

        Args:
            point: float64 (n, steps), the forecasts.
            movement: float64 (n,), how much each window moves.
            floor: What less movement, and a lower forecast, count as; above 0.
        """
        moved = np.maximum(movement, floor)[:, None] ** self.movement
        return np.asarray(moved * np.maximum(np.abs(point), floor) ** self.level)

    def as_dict(self) -> dict[str, float]:
        """As JSON-able data; `of_dict` reads it."""
        return {"movement": self.movement, "level": self.level}

    @classmethod
    def of_dict(cls, data: Any) -> ErrorUnit:
        """What `as_dict` described.

        Raises:
            ModelProblem: Something else.
        """
        match data:
            case {"movement": float(movement), "level": float(level), **others} if not others:
                return cls(movement, level)
        raise ModelProblem("the unit of errors has another form")


def unit_of_totals(days: FloatArray) -> FloatArray:
    """The unit of the error of the days 1 .. h together, for each h: float64 (n, steps).

    The root mean square of that of each day, so that days of the same unit have it together too.
    """
    # The largest is taken out first: a square must not overflow.
    largest = np.maximum.accumulate(days, axis=1)[:, -1:]
    mean = np.cumsum((days / largest) ** 2, axis=1) / np.arange(1, days.shape[1] + 1)
    return np.asarray(largest * np.sqrt(mean))


def errors_in_units(
    residuals: FloatArray, point: FloatArray, movement: FloatArray, unit: ErrorUnit, floor: float
) -> tuple[FloatArray, FloatArray]:
    """Errors of days, and of the days until each together, in their units: float64 (n, steps).

    Args:
        residuals: float64 (n, steps), actual less forecast.
        point: float64 (n, steps), the forecasts.
        movement: float64 (n,), how much each window moves.
        unit: What errors are measured in.
        floor: What less movement, and a lower forecast, count as; above 0.

    Raises:
        ModelProblem: An error that is not finite.
    """
    units = unit.of_days(point, movement, floor)
    with np.errstate(over="ignore"):
        days, totals = residuals / units, residuals.cumsum(axis=1) / unit_of_totals(units)
    if not (np.isfinite(days).all() and np.isfinite(totals).all()):
        raise ModelProblem(
            "an error of the model is too large to calibrate intervals with",
            "Look for extreme values in the data.",
        )
    return days, totals


def learn_unit(
    residuals: FloatArray, point: FloatArray, movement: FloatArray, floor: float, worth: FloatArray
) -> ErrorUnit:
    """The unit whose quantiles come closest to what a model that was not fitted to it missed by.

    Args:
        residuals: float64 (n, steps), actual less forecast.
        point: float64 (n, steps), the forecasts.
        movement: float64 (n,), how much each window moves.
        floor: Smallest movement that counts.
        worth: float64 (n,), what a loss is divided by, above 0: the scale of the series that the
            window is from.
    """
    count = min(len(residuals), _MOST_SAMPLES)
    rows = np.arange(count) * len(residuals) // count
    residuals, point, movement, worth = (
        values[rows] for values in (residuals, point, movement, worth)
    )
    best, least = ErrorUnit(), math.inf
    for of_movement in _MOVEMENT:
        for of_level in _LEVEL:
            if not _LEAST_TOGETHER <= of_movement + of_level <= 1:
                continue
            unit = ErrorUnit(of_movement, of_level)
            loss = _loss(residuals, unit.of_days(point, movement, floor), worth)
            if loss < least:
                best, least = unit, loss
    return best


def _loss(residuals: FloatArray, units: FloatArray, worth: FloatArray) -> float:
    """Mean pinball loss of the quantiles that errors in these units have."""
    with np.errstate(over="ignore", invalid="ignore"):
        quantiles = np.quantile(residuals / units, _PROBABILITIES, axis=0)
        missed = (residuals - quantiles[:, None, :] * units) / worth[:, None]
    tilt = _PROBABILITIES[:, None, None]
    return float(np.maximum(tilt * missed, (tilt - 1) * missed).mean())
