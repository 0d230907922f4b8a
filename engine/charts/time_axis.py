"""A window of time on a screen: ticks, its heading, zoom and pan, which column is which time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from typing import NamedTuple

from engine.charts.scales import SECOND_STEPS, UNITS, Tick, day_label, day_ticks
from engine.timeline import Timeline

# Closer than this nobody looks, and bars of no length at all need some window too.
_LEAST = timedelta(seconds=1)

# Whole seconds up to half a day, steps that start anew at each midnight.
_CLOCK_STEPS = tuple(int(step) for step in SECOND_STEPS if 1 <= step < 86400)


class Window(NamedTuple):
    """A stretch of time to show, `start < end`, timezone-aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class TimeView:
    """A drawn chart, and where on it is which time.

    Attributes:
        lines: One line a row.
        axis: Two more lines: the axis and its labels; empty where there was no room for bars.
        heading: What the window shows, in wall-clock time.
        bars_at: Column at which the bars begin.
        bars_width: Columns of the bars, 0 where there was no room for them.
        start: Start of the window.
        end: End of the window.
    """

    lines: tuple[str, ...]
    axis: tuple[str, str]
    heading: str
    bars_at: int
    bars_width: int
    start: datetime
    end: datetime

    def time_at(self, column: int) -> datetime | None:
        """Return the time in the middle of a column of the chart, None beside the bars."""
        cell = column - self.bars_at
        if not 0 <= cell < self.bars_width:
            return None
        return self.start + (self.end - self.start) * ((cell + 0.5) / self.bars_width)

    def column_of(self, time: datetime) -> int | None:
        """Return the column of the chart in which a time lies, None outside of the window."""
        if not self.bars_width or not self.start <= time <= self.end:
            return None
        cell = math.floor((time - self.start) / (self.end - self.start) * self.bars_width)
        return self.bars_at + min(cell, self.bars_width - 1)


def whole(timeline: Timeline) -> Window:
    """Return the window that shows all of a timeline, at least a second long."""
    return Window(timeline.start, max(timeline.end, timeline.start + _LEAST))


def zoom(timeline: Timeline, window: Window, factor: float, around: datetime) -> Window:
    """Return a window `factor` times as close (below 1: farther away) within the timeline.

    What is at `around` stays where it is on the screen, as far as the ends of the timeline let
    it. A window is never shorter than a second.

    Raises:
        ValueError: factor is not above 0.
    """
    if not factor > 0:
        raise ValueError(f"factor must be above 0, not {factor}")
    span = whole(timeline)
    around = min(max(around, window.start), window.end)
    length = min(max((window.end - window.start) / factor, _LEAST), span.end - span.start)
    share = (around - window.start) / (window.end - window.start)
    return _within(span, around - length * share, length)


def pan(timeline: Timeline, window: Window, share: float) -> Window:
    """Return the window moved by a share of its length (negative: earlier) within the timeline."""
    span = whole(timeline)
    length = min(window.end - window.start, span.end - span.start)
    # Nobody pans farther than to the other end.
    most = (span.end - span.start) / length + 1
    return _within(span, window.start + length * min(max(share, -most), most), length)


def _within(span: Window, start: datetime, length: timedelta) -> Window:
    start = max(span.start, min(start, span.end - length))
    return Window(start, start + length)


def window_text(start: datetime, end: datetime, tz: tzinfo, *, ascii: bool = False) -> str:
    """Return a window in wall-clock time: "2026-03-05 14:02:11 – 14:02:52 UTC"."""
    start, end = start.astimezone(tz), end.astimezone(tz)
    until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{start:%Y-%m-%d %H:%M:%S} {'-' if ascii else '–'} {until} {start:%Z}"


def elapsed_ticks_between(low: float, high: float, width: int) -> tuple[Tick, ...]:
    """Return round times after a start for an axis of `width` columns from `low` to `high`.

    All in seconds, `low < high`; negative ones are before the start. As many ticks as have room
    for their labels, at least one if there is a round time at all.
    """
    lone: tuple[Tick, ...] = ()
    for step in SECOND_STEPS:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if (last - first + 1) * 4 > width:
            continue
        labels = [elapsed_label(i * step, step, high) for i in range(first, last + 1)]
        ticks = tuple((i * step, label) for i, label in enumerate(labels, first))
        if ticks and step / (high - low) * width >= max(map(len, labels)) + 2:
            return ticks
        lone = ticks[:1] or lone
    return lone


def elapsed_label(seconds: float, step: float, high: float) -> str:
    """Return an elapsed time with the units that tell it from its neighbours `step` away.

    Args:
        seconds: The time, a multiple of `step`.
        step: Distance of the ticks in seconds.
        high: Largest value on the axis; where it is many of a unit, larger units come in.
    """
    sign = "-" if seconds < 0 else "+"
    size, unit = next(((s, u) for s, u in UNITS if step % s == 0), (1, "s"))
    if size == 86400 or high / size <= (48 if size == 3600 else 90):
        return f"{sign}{round(abs(seconds) / size, 1):g} {unit}"
    parts: list[str] = []
    rest = round(abs(seconds), 1)
    for larger, name in (*UNITS, (1, "s")):
        if larger < size:
            break
        number = rest // larger if larger > size else round(rest / larger, 1)
        rest -= number * larger
        if number:
            parts.append(f"{number:02g} {name}" if parts else f"{number:g} {name}")
    return sign + (" ".join(parts) or f"0 {unit}")


def clock_ticks(start: datetime, end: datetime, width: int, tz: tzinfo) -> tuple[Tick, ...]:
    """Return round wall-clock times for an axis of `width` columns.

    Ticks are (seconds after start, label). Labels are "14:05:30", "14:05", or the day where a
    tick is a midnight: "6 Mar". Times that a change of the clocks leaves out have no tick.
    """
    span = (end - start).total_seconds()
    for step in _CLOCK_STEPS:
        if step / span * width >= (8 if step < 60 else 6) + 2:
            return tuple(_wall_ticks(start, end, step, tz))
    first, last = start.astimezone(tz).date(), end.astimezone(tz).date()
    days = (
        (datetime.combine(date.fromordinal(int(day)), time_of_day(), tz), label)
        for day, label in day_ticks(first, last, max(1, width // 8))
    )
    return tuple(
        ((day - start).total_seconds(), label) for day, label in days if start <= day <= end
    )


def _wall_ticks(start: datetime, end: datetime, step: int, tz: tzinfo) -> Iterator[Tick]:
    clock = start.astimezone(tz).replace(tzinfo=None)
    midnight = clock.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + timedelta(seconds=math.ceil((clock - midnight).total_seconds() / step) * step)
    until = end.astimezone(tz).replace(tzinfo=None)
    while at <= until:
        moment = at.replace(tzinfo=tz).astimezone(UTC)
        if start <= moment <= end and moment.astimezone(tz).replace(tzinfo=None) == at:
            label = f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"
            if at.time() == time_of_day():
                label = day_label(at.toordinal())
            yield (moment - start).total_seconds(), label
        at += timedelta(seconds=step)
