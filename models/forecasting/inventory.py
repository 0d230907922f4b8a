"""What a forecast means for a shelf: when it runs out, and how much to order.

Stock on hand lasts while the total of the demand since then does not exceed it. How far totals of
a forecast miss was measured when the model was calibrated (`Calibration.totals`), so how errors
of several days go together is not assumed here.

Reorder point and order quantity are those of the textbook's periodic review with a cycle service
level (Silver, Pyke and Thomas, 2017, "Inventory and production management in supply chains"),
only that the quantile of the demand during lead time and review is that of the forecast, not of
a normal distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, Windows
from models.errors import ModelProblem
from models.forecasting.intervals import Calibration


@dataclass(frozen=True)
class Delivery:
    """What is on its way.

    Args:
        quantity: How much.
        ahead: On which day it can be sold: 1 is the first day that is forecast.
    """

    quantity: float
    ahead: int


@dataclass(frozen=True, eq=False)
class ShelfRisk:
    """Probability of a stock-out.

    Args:
        expected: float64 (steps,), mean demand of the days 1 .. h together; where stock itself is
            forecast, that of each day.
        available: float64 (steps,), on hand and arrived by then; None where stock is forecast.
        on_day: float64 (steps,), probability that the shelf is empty on that day.
        by_day: float64 (steps,), that it is on that or an earlier one: at least this.
        within: At least and at most this is the probability that it is on any of the days. The
            same number where the stock only falls: who is out of it stays so.
    """

    expected: FloatArray
    available: FloatArray | None
    on_day: FloatArray
    by_day: FloatArray
    within: tuple[float, float]

    def first_day(self, probability: float) -> int | None:
        """The first day (from 1) by which the shelf is empty with this probability, or None."""
        reached = np.flatnonzero(self.by_day >= probability)
        return int(reached[0]) + 1 if reached.size else None


@dataclass(frozen=True)
class Reorder:
    """A hint.

    Args:
        protected_days: Lead time and review: an order placed now has to last so long, for one
            placed at the next review arrives only then.
        demand: What is enough for the demand of these days with the service level: the reorder
            point.
        position: On hand, and on its way to arrive within these days.
    """

    protected_days: int
    demand: float
    position: float

    @property
    def quantity(self) -> float:
        """How much to order now; 0 where there is enough."""
        return max(0.0, self.demand - self.position)


def demand_risk(
    calibration: Calibration,
    point: FloatArray,
    window: Windows,
    on_hand: float,
    deliveries: Sequence[Delivery] = (),
) -> ShelfRisk:
    """Probability that demand exceeds what is there, day by day.

    Args:
        calibration: Of the forecaster; with totals.
        point: float64 (1, steps), the forecast of demand.
        window: The one window that it was made from.
        on_hand: Stock at the end of the last day of the window; what is owed is negative.
        deliveries: On their way.

    Raises:
        ModelProblem: The calibration has no totals.
    """
    steps = point.shape[1]
    available = on_hand + arrivals(deliveries, steps).cumsum()
    above = calibration.probability_total_above(point, window, available[None, :])[0]
    falls = calibration.nonnegative and float(window.values.min()) >= 0
    # Without deliveries a shelf that was empty is so later: what an estimate says less is noise.
    starts = [0, *_delivery_days(deliveries, steps)] if falls else list(range(steps))
    stretches = np.split(above, sorted({*starts} - {0}))
    on_day = np.concatenate([np.maximum.accumulate(stretch) for stretch in stretches])
    most = sum(float(stretch.max()) for stretch in stretches)
    by_day = np.maximum.accumulate(on_day)
    expected = calibration.total_mean(point, window)[0]
    return ShelfRisk(expected, available, on_day, by_day, (float(by_day[-1]), min(most, 1.0)))


def stock_risk(
    calibration: Calibration, point: FloatArray, window: Windows, threshold: float = 0.0
) -> ShelfRisk:
    """Probability that a stock level, itself the series that is forecast, is at or below some.

    Each day is known by itself: that it happens on any of several days is at least as likely as
    on the worst of them and at most as on all of them added up, whatever one day says about the
    next (the bounds of Fréchet and Boole).

    Args:
        calibration: Of the forecaster.
        point: float64 (1, steps), the forecast of the stock.
        window: The one window that it was made from.
        threshold: What counts as empty.
    """
    on_day = calibration.probability_at_most(point, window, threshold)[0]
    by_day = np.maximum.accumulate(on_day)
    return ShelfRisk(
        point[0], None, on_day, by_day, (float(by_day[-1]), min(float(on_day.sum()), 1.0))
    )


def reorder(
    calibration: Calibration,
    point: FloatArray,
    window: Windows,
    on_hand: float,
    deliveries: Sequence[Delivery] = (),
    *,
    lead_time: int,
    review: int = 0,
    service_level: float = 0.95,
) -> Reorder:
    """How much to order now, so that the shelf lasts with a probability until the next delivery.

    Args:
        calibration: Of the forecaster; with totals.
        point: float64 (1, lead_time + review or more), the forecast of demand.
        window: The one window that it was made from.
        on_hand: Stock at the end of the last day of the window.
        deliveries: On their way; those that arrive later than the order would be do not count.
        lead_time: Days until what is ordered now can be sold.
        review: Days until the next occasion to order; 0 where that is every day.
        service_level: Above 0, below 1: in so many of such cycles nobody goes away empty-handed.

    Raises:
        ModelProblem: No day is protected, too few are forecast, a service level out of range, or
            no totals.
    """
    protected = lead_time + review
    if not 1 <= protected <= point.shape[1]:
        raise ModelProblem(
            f"lead time and review are {protected} days together, which must be 1 to "
            f"{point.shape[1]}"
        )
    demand = calibration.total_quantile(point, window, service_level)[0, protected - 1]
    arriving = sum(one.quantity for one in deliveries if one.ahead <= protected)
    return Reorder(protected, float(demand), on_hand + arriving)


def cover_days(
    expected: FloatArray, on_hand: float, deliveries: Sequence[Delivery] = ()
) -> float | None:
    """Days that stock lasts at the expected demand, with a part of the last one.

    Beyond the days that are forecast demand is taken to go on as in the last week of them.

    Args:
        expected: float64 (steps,), mean demand of the days 1 .. h together.
        on_hand: Stock at the end of the last day of the window.
        deliveries: On their way; of those later than the days that are forecast all count.

    Returns:
        None where nothing is demanded, so that it lasts for ever.
    """
    steps = expected.size
    available = on_hand + arrivals(deliveries, steps).cumsum()
    before = np.concatenate([[0.0], expected[:-1]])
    short = np.flatnonzero(expected > available)
    if short.size:
        day = int(short[0])
        left = float(available[day] - before[day])
        return day + left / float(expected[day] - before[day]) if left > 0 else float(day)
    last = min(DAYS_A_WEEK, steps)
    rate = float(expected[-1] - (expected[-last - 1] if steps > last else 0.0)) / last
    if rate <= 0:
        return None
    later = sum(one.quantity for one in deliveries if one.ahead > steps)
    return steps + (float(available[-1] - expected[-1]) + later) / rate


def arrivals(deliveries: Sequence[Delivery], steps: int) -> FloatArray:
    """What arrives on each day, (steps,)."""
    arriving = np.zeros(steps)
    for one in deliveries:
        if one.ahead <= steps:
            arriving[max(one.ahead, 1) - 1] += one.quantity
    return arriving


def _delivery_days(deliveries: Sequence[Delivery], steps: int) -> list[int]:
    """Index of each day on which something arrives."""
    return sorted({max(one.ahead, 1) - 1 for one in deliveries if one.ahead <= steps})
