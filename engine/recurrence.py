"""When something that happens again and again happens next: pure functions, no clock."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import takewhile

from cronsim import CronSim, CronSimError

from engine.errors import ConfigError

_PERIOD = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|sec|m|min|h|d|w)?", re.IGNORECASE | re.ASCII)
_FIELDS = 5
_LONGEST_SHOWN = 100
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Cron:
    """A cron expression in a time zone.

    In the hour that a clock repeats, a time of day fires once; one that falls into the hour that a
    clock leaves out fires right after it, as Debian's cron has it.
    """

    def __init__(self, expression: str, zone: tzinfo) -> None:
        self._expression = expression
        self._zone = zone
        try:
            # With a sixth field it would count seconds.
            if len(expression.split()) != _FIELDS:
                raise CronSimError("it must have five fields")
            CronSim(expression, datetime(2026, 1, 1, tzinfo=zone))
        except (CronSimError, ValueError) as error:
            raise ConfigError(
                f"{expression[:_LONGEST_SHOWN]!r} is not a cron expression: {error}",
                fix='Five fields: minute, hour, day, month, weekday; "0 6 * * *" is daily at 6:00',
            ) from None

    def after(self, moment: float) -> Iterator[float]:
        """The times after a moment, in seconds since the epoch; none when it never fires again."""
        times = CronSim(self._expression, datetime.fromtimestamp(moment, self._zone))
        for time in times:
            # In the hour that a clock repeats, the first pass has the same times of day as the
            # second.
            if time.timestamp() > moment:
                yield time.timestamp()


class Every:
    """A fixed period, counted from an anchor: restarts do not shift it."""

    def __init__(self, seconds: float, anchor: float) -> None:
        self._seconds = seconds
        self._anchor = anchor

    def after(self, moment: float) -> Iterator[float]:
        """The times after a moment, in seconds since the epoch."""
        count = max(math.floor((moment - self._anchor) / self._seconds), 0) + 1
        while True:
            time = self._anchor + count * self._seconds
            if time > moment:  # the division may have been rounded down
                yield time
            count += 1


Recurrence = Cron | Every


def next_time(recurrence: Recurrence, moment: float) -> float | None:
    """The first time after a moment; None when there is none."""
    return next(iter(recurrence.after(moment)), None)


def due_times(recurrence: Recurrence, first: float, now: float, *, most: int) -> list[float]:
    """The times from `first` up to now; of very many the newest.

    Args:
        recurrence: When.
        first: A time that is due, the oldest.
        now: The present.
        most: How many to return at most.
    """
    due = deque([first], maxlen=most)
    due.extend(takewhile(lambda time: time <= now, recurrence.after(first)))
    return list(due)


def parse_period(text: str) -> float:
    """Read a period such as `90s`, `30m`, `6h`, `1d`; a bare number is seconds.

    Raises:
        ConfigError: It is not one.
    """
    found = _PERIOD.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is not a period", fix="For example 90s, 30m, 6h or 1d")
    seconds = float(found[1]) * _SECONDS[(found[2] or "s").lower()]
    if not math.isfinite(seconds):
        raise ConfigError("the period is longer than any time", fix="For example 30m, 6h or 1d")
    return seconds
