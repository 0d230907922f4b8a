"""Prediction intervals around any forecaster's point forecast, by split conformal calibration.

Errors on days that the model was not fitted to say how far it misses: an interval reaches as far
as the wanted part of them did. No distribution is assumed, and any level can be asked for later.
The same is kept of totals, the first days of a forecast added up: whether stock lasts until a
day depends on all days until then, and how their errors go together only totals tell.

Sources: Vovk, Gammerman and Shafer (2005), "Algorithmic learning in a random world"; Lei et al.
(2018), "Distribution-free predictive inference for regression". Their guarantee needs samples that
can be exchanged. Days of one series can only be so roughly, and the windows overlap, so what holds
exactly there is an approximation here; `engine run eval_flow` measures how good it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from models.arrays import BoolArray, FloatArray, Windows
from models.errors import ModelProblem
from models.forecasting.error_units import ErrorUnit, unit_of_totals
from models.forecasting.movement import ShortScales, window_scales
from models.forecasting.quantiles import GRID, ErrorQuantiles

__all__ = ["GRID", "Calibration", "window_scales"]

MOST_TOTAL_GROWTH = 2.0
"""Largest power of the steps that totals are taken to miss with."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far forecasts miss, in units of how much their windows move and how high they are.

    Args:
        quantiles: float64 (horizon, len(GRID)), ascending in each row: quantiles of
            (actual - forecast) / unit of the day's error, for each step ahead.
        count: Residuals that each row was made from, at least 1.
        floor: What less movement, and a lower forecast, count as in the unit; above 0.
        growth: How the miss grows beyond the horizon: with (step / horizon) ** growth.
        nonnegative: Whether the values learnt from were never below 0.
        totals: The same of the first days together: sum of (actual - forecast) / unit of the total
            over the steps 1 .. h for each h; None in what was calibrated before this was kept.
        short: How far forecasts miss where only the last days of a window are known; likewise.
        unit: What a day's error is measured in; how much the window moves, and nothing else, in
            what was calibrated before there was a choice.

    Raises:
        ModelProblem: Numbers that are not such a calibration.
    """

    quantiles: FloatArray
    count: int
    floor: float
    growth: float
    nonnegative: bool
    totals: ErrorQuantiles | None = None
    short: ShortScales | None = None
    unit: ErrorUnit = field(default_factory=ErrorUnit)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", np.asarray(self.quantiles, dtype=np.float64))
        days = self._days  # refuses quantiles that are none
        if not 0 < self.floor < math.inf or not 0 <= self.growth <= 1:
            raise ModelProblem(
                "a calibration needs a floor above 0 and a growth from 0 to 1, "
                f"not {self.floor} and {self.growth}"
            )
        if self.totals is not None and self.totals.horizon != days.horizon:
            raise ModelProblem(
                f"a calibration of {days.horizon} steps needs totals of as many, "
                f"not {self.totals.horizon}"
            )

    @cached_property
    def _days(self) -> ErrorQuantiles:
        return ErrorQuantiles(self.quantiles, self.count, self.growth)

    @property
    def horizon(self) -> int:
        """Steps that were calibrated each by itself."""
        return self._days.horizon

    def interval(
        self, point: FloatArray, windows: Windows, level: float
    ) -> tuple[FloatArray, FloatArray]:
        """The interval that holds the actual value with probability `level`, each day by itself.

        Both tails are cut off at the same probability, so the interval is as lopsided as the
        errors were. Of n residuals the ceil((n + 1)(1 + level) / 2)-th smallest is the upper end,
        likewise below: the + 1 is for the value that is to come. A level that asks for more than
        n residuals can tell gets the largest of them. The lower end is not below 0 where neither
        the values learnt from nor the window ever were; the point forecast is always inside.

        Beyond the horizon the last step's errors are widened by (step / horizon) ** growth: a
        forecast that is fed back misses more and more, at most as fast as it did from the first
        horizon to the second when it was calibrated. That is 0.5 for a random walk and 0 for a
        series that returns to its level.

        Args:
            point: float64 (n, steps), any number of steps.
            windows: The n windows that it was made from.
            level: Above 0, below 1.

        Returns:
            Lower and upper ends, both float64 (n, steps); lower <= point <= upper.

        Raises:
            ModelProblem: A level out of range, or an end that is not finite.
        """
        return self._interval(self._days, point, windows, level, self._unit(point, windows))

    def total_interval(
        self, point: FloatArray, windows: Windows, level: float
    ) -> tuple[FloatArray, FloatArray]:
        """The interval that holds the total of the days 1 .. h, for each h; see `interval`.

        Beyond the horizon it is widened by (step / horizon) ** growth of the totals, measured as
        that of days is: 0.5 where days miss independently of each other, 1 where all miss to the
        same side, 1.5 for a random walk.

        Args:
            point: float64 (n, steps), the forecast of each day.
            windows: The n windows that it was made from.
            level: Above 0, below 1.

        Returns:
            Lower and upper ends of the totals, both float64 (n, steps).

        Raises:
            ModelProblem: As `interval`; or no totals were kept.
        """
        totals, unit = self._known_totals(), self._total_unit(point, windows)
        return self._interval(totals, point.cumsum(axis=1), windows, level, unit)

    def total_quantile(self, point: FloatArray, windows: Windows, probability: float) -> FloatArray:
        """What the total of the days 1 .. h stays at or below with a probability, for each h.

        Args:
            point: float64 (n, steps), the forecast of each day.
            windows: The n windows that it was made from.
            probability: Above 0, below 1.

        Returns:
            float64 (n, steps); ascending where nothing was ever negative.

        Raises:
            ModelProblem: A probability out of range, no totals, or an end that is not finite.
        """
        _check_level(probability)
        bound = self._known_totals().bound(probability, point.shape[1])
        unit = self._total_unit(point, windows)
        return _finite(self._ascending(point.cumsum(axis=1) + unit * bound, windows))

    def total_mean(self, point: FloatArray, windows: Windows) -> FloatArray:
        """Mean of the total of the days 1 .. h, for each h, whatever the forecast aims at.

        The sum of forecasts that aim at the median is less where a value is often 0.

        Args:
            point: float64 (n, steps), the forecast of each day.
            windows: The n windows that it was made from.

        Returns:
            float64 (n, steps); ascending where nothing was ever negative.

        Raises:
            ModelProblem: No totals were kept.
        """
        mean = self._known_totals().mean(point.shape[1])
        unit = self._total_unit(point, windows)
        return self._ascending(point.cumsum(axis=1) + unit * mean, windows)

    def probability_total_above(
        self, point: FloatArray, windows: Windows, amount: FloatArray
    ) -> FloatArray:
        """Probability that the total of the days 1 .. h is above an amount, such as what is there.

        Args:
            point: float64 (n, steps), the forecast of each day.
            windows: The n windows that it was made from.
            amount: float64 (n, steps) or what broadcasts to it, in the units of the series.

        Returns:
            float64 (n, steps), 0 to 1.

        Raises:
            ModelProblem: No totals were kept.
        """
        miss = (amount - point.cumsum(axis=1)) / self._total_unit(point, windows)
        above = 1.0 - self._known_totals().share_at_most(miss)
        # What was never below 0 is above whatever is.
        return np.where(self._never_negative(windows) & (amount < 0), 1.0, above)

    def probability_at_most(
        self, point: FloatArray, windows: Windows, threshold: float
    ) -> FloatArray:
        """Probability that each day's actual value is at or below a threshold.

        Where nothing was ever negative, all that the errors put below 0 is at 0: the part of an
        empty shelf.

        Args:
            point: float64 (n, steps).
            windows: The n windows that it was made from.
            threshold: In the units of the series.

        Returns:
            float64 (n, steps), 0 to 1.
        """
        at_most = self._days.share_at_most((threshold - point) / self._unit(point, windows))
        return np.where(self._never_negative(windows) & (threshold < 0), 0.0, at_most)

    def probability_below(
        self, point: FloatArray, windows: Windows, threshold: float
    ) -> FloatArray:
        """Probability that each day's actual value is below a threshold, such as an empty shelf.

        Args:
            point: float64 (n, steps).
            windows: The n windows that it was made from.
            threshold: In the units of the series.

        Returns:
            float64 (n, steps), 0 to 1.
        """
        below = self._days.share_at_most((threshold - point) / self._unit(point, windows))
        return np.where(self._never_negative(windows) & (threshold <= 0), 0.0, below)

    def as_dict(self) -> dict[str, Any]:
        """The calibration as JSON-able data; `of_dict` reads it."""
        totals = {}
        if self.totals is not None:
            kept = {"growth": self.totals.growth, "quantiles": self.totals.quantiles.tolist()}
            totals = {"totals": kept}
        short = {} if self.short is None else {"short": self.short.as_dict()}
        return {
            "count": self.count,
            "floor": self.floor,
            "growth": self.growth,
            "nonnegative": self.nonnegative,
            "probabilities": GRID.tolist(),
            "quantiles": self.quantiles.tolist(),
            "unit": self.unit.as_dict(),
            **totals,
            **short,
        }

    @classmethod
    def of_dict(cls, data: Any) -> Calibration:
        """The calibration that `as_dict` described, or that of a version before totals were kept.

        Raises:
            ModelProblem: Something else, or quantiles at other probabilities.
        """
        match data:
            case {
                "count": int(count),
                "floor": float(floor),
                "growth": float(growth),
                "nonnegative": bool(nonnegative),
                "probabilities": list(probabilities),
                "quantiles": list(quantiles),
                **others,
            } if others.keys() <= {"totals", "short", "unit"} and probabilities == GRID.tolist():
                totals = _totals(others["totals"], count) if "totals" in others else None
                short = ShortScales.of_dict(others["short"]) if "short" in others else None
                unit = ErrorUnit.of_dict(others["unit"]) if "unit" in others else ErrorUnit()
                return cls(_rows(quantiles), count, floor, growth, nonnegative, totals, short, unit)
        raise ModelProblem("this is not a calibration, or one of another form")

    def _interval(
        self,
        errors: ErrorQuantiles,
        point: FloatArray,
        windows: Windows,
        level: float,
        unit: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        _check_level(level)
        below, above = errors.ends(level, point.shape[1])
        # A model that leans to one side may have its point outside; it stays inside here.
        lower = point + unit * np.minimum(below, 0.0)
        upper = point + unit * np.maximum(above, 0.0)
        cut = np.minimum(np.maximum(lower, 0.0), point)
        lower = np.where(self._never_negative(windows), cut, lower)
        return _finite(lower), _finite(upper)

    def _unit(self, point: FloatArray, windows: Windows) -> FloatArray:
        """The unit of each day's error, (n, steps)."""
        if windows.known_days is None:
            return self.unit.of_days(point, window_scales(windows), self.floor)
        if self.short is None:
            raise ModelProblem(
                "this model does not know how far it misses where only some days of its window "
                "are known: it was trained before that was kept",
                "Train and deploy it again, or ask without an interval.",
            )
        units = self.unit.of_days(point, self.short.movement(windows), self.floor)
        return units * self.short.widening(windows)[:, None]

    def _total_unit(self, point: FloatArray, windows: Windows) -> FloatArray:
        """The unit of the errors of totals, (n, steps)."""
        units = unit_of_totals(self._unit(point, windows))
        if self.short is None or windows.known_days is None:
            return units
        return units * self.short.total_widening(windows, point.shape[1], self.horizon)

    def _never_negative(self, windows: Windows) -> BoolArray:
        """Whether neither the values learnt from nor the window ever were below 0, (n, 1)."""
        never: BoolArray = (windows.values.min(axis=1, initial=np.inf) >= 0)[:, None]
        return never & self.nonnegative

    def _ascending(self, totals: FloatArray, windows: Windows) -> FloatArray:
        """Totals of what is never below 0 do not fall from one day to the next."""
        ascending = np.maximum.accumulate(np.maximum(totals, 0.0), axis=1)
        return np.where(self._never_negative(windows), ascending, totals)

    def _known_totals(self) -> ErrorQuantiles:
        if self.totals is None:
            raise ModelProblem(
                "this model does not know how the errors of several days add up: it was trained "
                "before that was kept",
                "Train and deploy it again.",
            )
        return self.totals


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ModelProblem(f"level must be above 0 and below 1, not {level:g}")


def _finite(ends: FloatArray) -> FloatArray:
    if not np.isfinite(ends).all():
        raise ModelProblem(
            "an interval ends at a value that is not finite", "Check the input for extreme values."
        )
    return ends


def _rows(quantiles: list[Any]) -> FloatArray:
    try:
        return np.array(quantiles, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelProblem(f"quantiles that are no numbers: {error}") from error


def _totals(data: Any, count: int) -> ErrorQuantiles:
    match data:
        case {"growth": float(growth), "quantiles": list(quantiles), **others} if not others:
            if not growth <= MOST_TOTAL_GROWTH:
                raise ModelProblem(f"totals grow with a power of at most 2, not {growth}")
            return ErrorQuantiles(_rows(quantiles), count, growth)
    raise ModelProblem("the totals of a calibration have another form")
