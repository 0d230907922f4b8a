"""How states and times are told: by sign, letter, word and colour."""

from __future__ import annotations

import time
from datetime import datetime, tzinfo
from typing import Literal

from engine.charts.scales import format_duration
from tui.language import tr

TimeMode = Literal["ago", "clock", "date"]
TIME_MODES: tuple[TimeMode, ...] = ("ago", "clock", "date")

# Sign, letter and style: where there is no colour the letter tells, where there are no signs too.
_LOOKS = {
    "COMPLETED": ("✓", "C", "good"),
    "FAILED": ("✗", "F", "bad"),
    "CRASHED": ("!", "!", "bad"),
    "CANCELLED": ("⊘", "X", "warn"),
    "CANCELLING": ("⊘", "x", "warn"),
    "RUNNING": ("●", "R", "run"),
    "PENDING": ("○", "P", "dim"),
    "SCHEDULED": ("○", "S", "dim"),
    "PAUSED": ("‖", "=", "warn"),
}
_WORDS = {
    "COMPLETED": "done",
    "FAILED": "failed",
    "CRASHED": "crashed",
    "CANCELLED": "cancelled",
    "CANCELLING": "stopping",
    "RUNNING": "running",
    "PENDING": "waiting",
}


def sign(state: str) -> str:
    """The sign of a state."""
    return _LOOKS.get(state, ("?", "?", ""))[0]


def letter(state: str) -> str:
    """The letter of a state."""
    return _LOOKS.get(state, ("?", "?", ""))[1]


def style(state: str) -> str:
    """The name of the style of a state."""
    return _LOOKS.get(state, ("?", "?", "magenta"))[2]


def word(state: str) -> str:
    """A state in one word of the interface's language."""
    known = _WORDS.get(state)
    return tr(known) if known else state.lower()


def ago(seconds: float) -> str:
    """How long ago something was, or how long it takes until then, in few columns."""
    before = seconds >= 0
    seconds = abs(seconds)
    for size, unit in ((86400, "{count} d"), (3600, "{count} h"), (60, "{count} m")):
        if seconds >= size:
            amount = tr(unit, count=int(seconds // size))
            break
    else:
        # Seconds would change, and be sent, all the time.
        if seconds < 10:
            return tr("now")
        amount = tr("<1 m")
    return tr("{time} ago", time=amount) if before else tr("in {time}", time=amount)


def moment(at: float | None, mode: TimeMode, now: float, zone: tzinfo | None) -> str:
    """A time in the chosen way; "" for none."""
    if at is None:
        return ""
    if mode == "ago":
        return ago(now - at)
    local = datetime.fromtimestamp(at, zone)
    if mode == "clock":
        same_day = local.date() == datetime.fromtimestamp(now, zone).date()
        return f"{local:%H:%M:%S}" if same_day else f"{local:%d %b %H:%M}"
    return f"{local:%Y-%m-%d %H:%M:%S}"


def duration(start: float | None, end: float | None, now: float) -> str:
    """How long something took, or takes so far; "" if it never began."""
    if start is None:
        return ""
    seconds = (now if end is None else end) - start
    if seconds < -1:
        # The clock was set back: a negative duration means nothing.
        return "?"
    return format_duration(max(0.0, seconds))


def size(number: float | None) -> str:
    """Bytes in few columns."""
    if number is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(number) < 1024 or unit == "TiB":
            return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1024
    return ""


def present() -> float:
    """The present, in seconds since the epoch."""
    return time.time()
