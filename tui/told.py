"""Plain values out of what a command told: it may be old, damaged, or not there."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any


def mapping(value: Any) -> dict[str, Any]:
    """A dictionary; an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """A list; an empty one where there is something else."""
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[dict[str, Any]]:
    """The dictionaries in a list."""
    return [one for one in entries(value) if isinstance(one, dict)]


def text(value: Any) -> str:
    """Anything as a text; nothing is ""."""
    return "" if value is None else str(value)


def number(value: Any) -> float | None:
    """A finite number; None where there is something else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    found = float(value) if abs(value) < 1e300 else math.inf
    return found if math.isfinite(found) else None


def numbers(value: Any) -> tuple[float | None, ...]:
    """A list of numbers, None where one is none."""
    return tuple(number(one) for one in entries(value))


def parts(value: Any) -> tuple[tuple[str, float], ...]:
    """Numbers by name, the largest first; without what is no number."""
    found = [
        (str(name), part) for name, at in mapping(value).items() if (part := number(at)) is not None
    ]
    return tuple(sorted(found, key=lambda one: -one[1]))


def whole(value: Any) -> int | None:
    """A whole number; None where there is something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def day(value: Any) -> dt.date | None:
    """A day such as "2026-01-31"; None where there is something else."""
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
