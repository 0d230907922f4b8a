"""Ticks at values that people would choose, and how numbers and durations read."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

Tick = tuple[float, str]

SECOND_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30),
    *(60 * m for m in (1, 2, 5, 10, 15, 20, 30)),
    *(3600 * h for h in (1, 2, 3, 6, 12)),
    *(86400 * d for d in (1, 2, 7, 14, 30, 90, 365)),
)
UNITS = ((86400, "d"), (3600, "h"), (60, "m"))
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis: the values at its two ends and the labelled ticks between them."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def position(self, value: float) -> float:
        """Return where a value lies, 0 at the low and 1 at the high end."""
        # Halved first: the distance between two huge values of opposite sign overflows.
        span = self.high / 2 - self.low / 2
        return (value / 2 - self.low / 2) / span if span else 0.5


def format_duration(seconds: float) -> str:
    """Return a duration as people say it: "12.3 s", "2 m 05 s", "1 h 02 m", "3 d 04 h"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} m"
    return f"{minutes // 1440} d {minutes % 1440 // 60:02d} h"


def elapsed_ticks(seconds: float, most: int) -> tuple[Tick, ...]:
    """Return at most `most` (at least 1) round times after the start: +0 s, +10 s, +20 s."""
    step = SECOND_STEPS[-1]
    for candidate in SECOND_STEPS:
        if int(seconds / candidate + 1e-9) + 1 <= most:
            step = candidate
            break
    else:
        step *= max(1, math.ceil(seconds / step / max(1, most - 1)))
    size, unit = next(((s, u) for s, u in UNITS if step % s == 0), (1, "s"))
    return tuple(
        (i * step, f"+{round(i * step / size, 1):g} {unit}")
        for i in range(int(seconds / step + 1e-9) + 1)
    )


def number_scale(low: float, high: float, most: int, *, whole: bool = False) -> Scale:
    """Return an axis from a round value at or below `low` to one at or above `high`.

    Equal ends (a constant series) get room around them. At least two ticks, at most
    max(3, most); steps are 1, 2 or 5 times a power of ten (Heckbert, Graphics Gems, 1990), and
    with `whole` never below 1. Any finite floats will do.
    """
    if low == high:
        room = abs(low) / 10 or 1.0
        low, high = max(low - room, -sys.float_info.max), min(high + room, sys.float_info.max)
    largest = max(abs(low), abs(high))
    # Near the ends of what a float can hold, differences overflow or vanish.
    if not (1e-290 < largest < 1e290 and high - low > largest * 1e-12):
        return Scale(low, high, ((low, f"{low:.3g}"), (high, f"{high:.3g}")))
    raw = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(max(raw, 1.0) if whole else raw))
    for factor in (1, 2, 5, 10, 20, 50, 100):
        step = factor * power
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first + 1 <= max(3, most):
            break
    largest = max(abs(first), abs(last)) * step
    ticks = tuple(
        (i * step, format_number(i * step, step, largest)) for i in range(first, last + 1)
    )
    return Scale(first * step, last * step, ticks)


def tight(scale: Scale, low: float, high: float, *, room: float = 0.0) -> Scale:
    """Return the scale cut to the given ends and a share of `room` beyond them.

    It stays as it is where fewer than two ticks would remain.
    """
    margin = (high - low) * room
    low, high = max(scale.low, low - margin), min(scale.high, high + margin)
    ticks = tuple(tick for tick in scale.ticks if low <= tick[0] <= high)
    return Scale(low, high, ticks) if low < high and len(ticks) > 1 else scale


def format_number(value: float, step: float, largest: float) -> str:
    """Return a tick label with the digits that tell it from its neighbours `step` away.

    `largest` is the greatest magnitude on the axis: all labels of an axis share one form.
    """
    if abs(value) < step / 2:
        return "0"
    for size, factor, suffix in ((1e6, 1.0, ""), (1e9, 1e6, " M"), (1e12, 1e9, " G")):
        if step >= 1e-4 and largest < size:
            return f"{value / factor:,.{_decimals(step / factor)}f}{suffix}"
    return f"{value:.{max(1, math.ceil(math.log10(largest / step)) + 1)}g}"


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def day_ticks(first: date, last: date, most: int) -> tuple[Tick, ...]:
    """Return at most `most` (at least 1) days between the two, as (ordinal, label).

    Short spans get days or Mondays ("5 Jan"), longer ones the first of months or years.
    """
    for step in (1, 2, 7, 14, 28):
        # 1 January of the year 1, ordinal 1, was a Monday.
        start = first.toordinal() + ((1 - first.toordinal()) % 7 if step >= 7 else 0)
        ordinals = range(start, last.toordinal() + 1, step)
        if 1 <= len(ordinals) <= most:
            return tuple((ordinal, day_label(ordinal)) for ordinal in ordinals)
    for months in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200):
        if (last - first).days > 31 * months * (most + 1):
            continue
        starts = list(_month_starts(first, last, months))
        if 1 <= len(starts) <= most:
            return tuple((day.toordinal(), _month_label(day, months)) for day in starts)
    return ((first.toordinal(), str(first.year)),)


def _month_starts(first: date, last: date, months: int) -> Iterator[date]:
    month = first.year * 12 + first.month - 1 + (first.day > 1)
    month += -month % months
    while month // 12 <= min(last.year, date.max.year):
        day = date(month // 12, month % 12 + 1, 1)
        if day > last:
            return
        yield day
        month += months


def day_label(ordinal: int) -> str:
    """Return a day as "5 Jan"."""
    day = date.fromordinal(ordinal)
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _month_label(day: date, months: int) -> str:
    if months % 12 == 0:
        return str(day.year)
    return f"{_MONTHS[day.month - 1]} {day.year}" if day.month == 1 else _MONTHS[day.month - 1]
