"""Values that were typed or pasted: numbers with signs between them, and days if there are any."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.errors import DataError
from tui.language import tr
from tui.paint import clip

MOST_VALUES = 5000
_BETWEEN = re.compile(r"[\s,;|]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Pasted:
    """Values oldest first, and the day of the last one; None: not known."""

    values: tuple[float, ...]
    last_day: dt.date | None


def read_values(text: str) -> Pasted:
    """Read numbers with commas, semicolons, blanks, tabs, bars or line ends between them.

    One day, written as 2026-01-31, before or after them all is that of the last value. With a day
    beside every value they may come in any order, but none between the first and the last may be
    missing.

    Args:
        text: What was typed or pasted.

    Raises:
        DataError: Something is no number, there is none, or the days make no sense.
    """
    parts = [part for part in _BETWEEN.split(text.replace("\N{MINUS SIGN}", "-")) if part]
    days = [(at, _day(part)) for at, part in enumerate(parts) if _DAY.fullmatch(part)]
    numbers = [part for part in parts if not _DAY.fullmatch(part)]
    values = [_number(part, index) for index, part in enumerate(numbers, 1)]
    if not values:
        raise DataError(tr("there is no number in it"))
    if len(values) > MOST_VALUES:
        raise DataError(tr("at most {most} values at once", most=f"{MOST_VALUES:,}"))
    if not days:
        return Pasted(tuple(values), None)
    if len(days) == 1 and days[0][0] in (0, len(parts) - 1):
        return Pasted(tuple(values), days[0][1])
    if len(days) != len(values):
        raise DataError(tr("one day for all the values, or one for each"))
    return _in_order([day for _, day in days], values)


def _in_order(days: Sequence[dt.date], values: Sequence[float]) -> Pasted:
    pairs = sorted(zip(days, values, strict=True), key=lambda pair: pair[0])
    for (day, _), (next_day, _) in pairwise(pairs):
        if (next_day - day).days != 1:
            raise DataError(tr("{day} is followed by {next}", day=day, next=next_day))
    return Pasted(tuple(value for _, value in pairs), pairs[-1][0])


def _day(part: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(part)
    except ValueError:
        day = dt.date.min
    # The days before and after it must be there too.
    if not 1000 <= day.year < 9000:
        raise DataError(tr("there is no day {day}", day=part))
    return day


def _number(part: str, index: int) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(
            tr("value {index} is not a number: {text}", index=index, text=clip(part, 20))
        )
    return value
