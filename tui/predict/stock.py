"""Stock beside a forecast: what is on hand, when it runs out, and how much to order."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import DataError
from tui import told
from tui.language import tr
from tui.paint import clip

MOST_DAYS = 365
LEAST_SERVICE = 50.0
_BETWEEN = re.compile(r"[\s,;]+")
_FROM_DATA = "-"


@dataclass(frozen=True, slots=True)
class OnHand:
    """What is known of the stock.

    Attributes:
        quantity: After the last known day; None: as the data set says.
        on_order: What is on its way: how much, and in how many days it can be had.
        lead_time: Days until what is ordered now can be had; None: no order is asked for.
        service_level: So often an order is to be enough, in percent; None: as usual.
    """

    quantity: float | None = None
    on_order: tuple[tuple[float, int], ...] = ()
    lead_time: int | None = None
    service_level: float | None = None

    def arguments(self) -> list[str]:
        """Options of `engine predict`."""
        found = [] if self.quantity is None else ["--on-hand", plain(self.quantity)]
        for quantity, days in self.on_order:
            found += ["--on-order", f"{plain(quantity)}@{days}"]
        if self.lead_time is not None:
            found += ["--lead-time", str(self.lead_time)]
            if self.service_level is not None:
                found += ["--service-level", f"{self.service_level:g}"]
        return found

    def as_text(self) -> str:
        """As one types it."""
        parts = [_FROM_DATA if self.quantity is None else plain(self.quantity)]
        parts += [str(self.lead_time)] if self.lead_time is not None else []
        if self.lead_time is not None and self.service_level is not None:
            parts.append(f"{self.service_level:g}")
        parts += [f"{plain(quantity)}@{days}" for quantity, days in self.on_order]
        return ", ".join(parts)


def plain(value: float) -> str:
    """A number as one would type it, every digit of it."""
    return repr(value).removesuffix(".0")


def read_on_hand(text: str, usual: OnHand | None = None) -> OnHand:
    """Read "120, 5, 95, 40@3": on hand, lead time, service level, and what is on its way.

    Args:
        text: What was typed. "-" for what is on hand takes it from the data set, "-" for the lead
            time asks for no order.
        usual: Where lead time and service level come from when neither is typed.

    Raises:
        DataError: It makes no sense.
    """
    parts = [part for part in _BETWEEN.split(text.replace("%", " ").strip()) if part]
    orders = tuple(_order(part) for part in parts if "@" in part)
    values = [part for part in parts if "@" not in part]
    if len(values) > 3:
        raise DataError(tr("at most three: on hand, lead time, service level"))
    quantity = None
    if values and values[0] != _FROM_DATA:
        quantity = _number(values[0])
    lead = level = None
    if len(values) < 2 and usual is not None:
        lead, level = usual.lead_time, usual.service_level
    elif len(values) > 1 and values[1] != _FROM_DATA:
        lead = _whole(values[1])
    if len(values) > 2:
        level = _number(values[2])
        if not LEAST_SERVICE <= level < 100:
            raise DataError(tr("service level: 50 to below 100 percent"))
    return OnHand(quantity, orders, lead, level)


def _order(part: str) -> tuple[float, int]:
    quantity, _, days = part.partition("@")
    amount = _number(quantity)
    if amount < 0:
        raise DataError(tr("what is on its way is not negative: {text}", text=clip(part, 20)))
    return amount, _whole(days)


def _number(part: str) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(tr("not a number: {text}", text=clip(part, 20)))
    return value


def _whole(part: str) -> int:
    days = int(part) if part.isdecimal() and len(part) < 5 else 0
    if not 1 <= days <= MOST_DAYS:
        raise DataError(tr("days: a whole number from 1 to {most}", most=MOST_DAYS))
    return days


@dataclass(frozen=True, slots=True)
class StockDay:
    """A day ahead.

    Attributes:
        expected: Demand of all days up to it; where the series is the stock, that of the day.
        available: On hand and arrived by then; None where the series is the stock.
        stockout: Probability that it is out on that day.
        stockout_by: On that day or an earlier one.
    """

    expected: float | None
    available: float | None
    stockout: float
    stockout_by: float


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a forecast means for the stock, as `engine predict --json` tells it.

    Attributes:
        is_stock: Whether the series is the stock itself, not what is taken from it.
        on_hand: After the last known day; None where the series is the stock.
        is_from_data: Whether that is from the data set.
        threshold: A stock at or below it is out.
        days: By day ahead.
        at_least: Probability that it is out on any of these days, at least.
        at_most: At most.
        cover_days: How long it lasts at the expected demand; None: for ever, or not known.
        lead_time: Days until an order can be had; None: nothing was asked about orders.
        review: Days until the next occasion to order.
        service_level: In percent.
        reorder_point: What these days need with that service level.
        order_quantity: What to order now; 0 for nothing.
        advice: All of it in sentences, in English.
    """

    is_stock: bool
    on_hand: float | None
    is_from_data: bool
    threshold: float
    days: tuple[StockDay, ...]
    at_least: float
    at_most: float
    cover_days: float | None
    lead_time: int | None
    review: int
    service_level: float | None
    reorder_point: float | None
    order_quantity: float | None
    advice: str


def inventory_of(said: Any) -> Inventory | None:
    """The part "inventory" of an answer; None where there is none."""
    found = told.mapping(said)
    if not found:
        return None
    within = told.mapping(found.get("stockout_within"))
    return Inventory(
        is_stock=found.get("target") == "stock",
        on_hand=told.number(found.get("on_hand")),
        is_from_data=found.get("on_hand_from") == "data",
        threshold=told.number(found.get("threshold")) or 0.0,
        days=tuple(_day(one) for one in told.mappings(found.get("days"))),
        at_least=told.number(within.get("at_least")) or 0.0,
        at_most=told.number(within.get("at_most")) or 0.0,
        cover_days=told.number(found.get("cover_days")),
        lead_time=told.whole(found.get("lead_time")),
        review=told.whole(found.get("review")) or 0,
        service_level=told.number(found.get("service_level")),
        reorder_point=told.number(found.get("reorder_point")),
        order_quantity=told.number(found.get("order_quantity")),
        advice=told.text(found.get("advice")),
    )


def _day(one: Mapping[str, Any]) -> StockDay:
    return StockDay(
        expected=told.number(one.get("expected")),
        available=told.number(one.get("available")),
        stockout=told.number(one.get("stockout")) or 0.0,
        stockout_by=told.number(one.get("stockout_by")) or 0.0,
    )


def date_of(last_day: dt.date | None, ahead: int) -> dt.date | None:
    """The day so many days ahead; None: not known."""
    return None if last_day is None else last_day + dt.timedelta(days=ahead)
