"""What a forecast means for a shelf, as `engine predict` tells it."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from models.forecasting.inventory import Delivery, Reorder, ShelfRisk

Target = Literal["demand", "stock"]

SERVICE_LEVEL = 95.0
_TOLD = (0.05, 0.5)
_WORTH_TELLING = 0.01
_LONG = 365.0
_SEEN = 0.0005
_EXACT = 0.0995


@dataclass(frozen=True)
class Shelf:
    """What a forecast means for a shelf.

    Attributes:
        target: What the series is.
        risk: Of a stock-out on the days that are forecast.
        last_day: Day of the last value; None: not known.
        on_hand: Stock after it; None where the series is the stock.
        on_hand_from: option or data; None where the series is the stock.
        deliveries: On their way.
        threshold: A stock at or below this is out.
        cover_days: Days that the stock lasts at the expected demand; None: for ever.
        lead_time: Days until an order arrives; None: no hint was asked for.
        review: Days until the next occasion to order.
        service_level: In percent.
        hint: What to order.
        before_arrival: Probability of a stock-out before an order placed now arrives.
        is_whole: Whether the series has whole numbers only.
    """

    target: Target
    risk: ShelfRisk
    last_day: dt.date | None
    on_hand: float | None = None
    on_hand_from: str | None = None
    deliveries: tuple[Delivery, ...] = ()
    threshold: float = 0.0
    cover_days: float | None = None
    lead_time: int | None = None
    review: int = 0
    service_level: float = SERVICE_LEVEL
    hint: Reorder | None = None
    before_arrival: float | None = None
    is_whole: bool = True

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        risk = self.risk
        available = [None] * len(risk.expected) if risk.available is None else risk.available
        rows = zip(risk.expected, available, risk.on_day, risk.by_day, strict=True)
        days = [
            {
                "ahead": ahead,
                "day": self._iso(ahead),
                "expected": float(expected),
                "available": None if there is None else float(there),
                "stockout": float(on_day),
                "stockout_by": float(by_day),
            }
            for ahead, (expected, there, on_day, by_day) in enumerate(rows, start=1)
        ]
        first = [(probability, risk.first_day(probability)) for probability in _TOLD]
        return {
            "target": self.target,
            "on_hand": self.on_hand,
            "on_hand_from": self.on_hand_from,
            "on_order": [
                {"quantity": one.quantity, "ahead": one.ahead, "day": self._iso(one.ahead)}
                for one in self.deliveries
            ],
            "threshold": self.threshold,
            "days": days,
            "stockout_within": {"at_least": risk.within[0], "at_most": risk.within[1]},
            "first_days": [
                {"probability": probability, "ahead": ahead, "day": self._iso(ahead)}
                for probability, ahead in first
            ],
            "cover_days": self.cover_days,
            "lead_time": self.lead_time,
            "review": self.review,
            "service_level": self.service_level,
            "reorder_point": None if self.hint is None else self.hint.demand,
            "order_quantity": None if self.hint is None else self.hint.quantity,
            "advice": " ".join(self.sentences()),
        }

    def columns(self) -> list[str]:
        """The probability of a stock-out on each day, to stand behind its forecast."""
        return [f"stock-out {percent(on_day):>7}" for on_day in self.risk.on_day]

    def sentences(self) -> list[str]:
        """What it means, for people."""
        told = [] if self.on_hand is None else [self._cover(self.on_hand)]
        told.append(self._runs_out())
        if self.hint is not None:
            told += self._order(self.hint)
        return told

    def _cover(self, on_hand: float) -> str:
        coming = ", with what is on order," if self.deliveries else ""
        stock = f"The stock of {self._amount(on_hand)}{coming}"
        if self.cover_days is None:
            return f"{stock} lasts for ever: no demand is expected."
        if self.cover_days > _LONG:
            return f"{stock} lasts more than a year at the expected demand."
        return f"{stock} lasts about {self.cover_days:.1f} days at the expected demand."

    def _runs_out(self) -> str:
        what = "It is out"
        if self.target == "stock":
            what = f"The stock is at {self._amount(self.threshold)} or below"
        low, high = self.risk.within
        chance = percent(low)
        if high - low >= _SEEN:
            chance += f" to {percent(high)}"
        count = len(self.risk.expected)
        within = "on the next day" if count == 1 else f"within {count} days"
        first = [(level, self.risk.first_day(level)) for level in _TOLD]
        reached = [
            f"{level * 100:.0f} % from {self._day(at)} on" for level, at in first if at is not None
        ]
        since = f": {', '.join(reached)}" if reached and count > 1 else ""
        return f"{what} {within} with a probability of {chance}{since}."

    def _order(self, hint: Reorder) -> list[str]:
        need = self._amount(hint.demand, up=True)
        days = f"{hint.protected_days} days" if hint.protected_days > 1 else "next day"
        parts = f"lead time {self.lead_time}" + (f" + review {self.review}" if self.review else "")
        enough = (
            f"with a service level of {self.service_level:g} % the {days} ({parts}) need up to "
            f"{need} (the reorder point), and {self._amount(hint.position)} are there or come"
        )
        if hint.quantity <= 0:
            return [f"No order is needed now: {enough}."]
        told = [f"Order {self._amount(hint.quantity, up=True)} now: {enough}."]
        if self.before_arrival is not None and self.before_arrival >= _WORTH_TELLING:
            told.append(
                f"Before it arrives the stock is out with a probability of "
                f"{percent(self.before_arrival)}."
            )
        return told

    def _amount(self, value: float, *, up: bool = False) -> str:
        if not self.is_whole:
            return f"{value:,.2f}"
        # What is a little above a whole number by rounding is that number.
        return f"{math.ceil(value - 1e-9) if up else round(value):,}"

    def _iso(self, ahead: int | None) -> str | None:
        if ahead is None or self.last_day is None:
            return None
        return (self.last_day + dt.timedelta(days=ahead)).isoformat()

    def _day(self, ahead: int) -> str:
        if self.last_day is None:
            return f"day {ahead}"
        return f"{self.last_day + dt.timedelta(days=ahead):%a %Y-%m-%d}"


def percent(probability: float) -> str:
    """A probability for people; below a tenth of a percent the errors seen tell no number."""
    if probability < _SEEN:
        return "< 0.1 %"
    if 1 - _SEEN < probability < 1:
        return "> 99.9 %"
    return f"{probability * 100:.{1 if probability < _EXACT else 0}f} %"
