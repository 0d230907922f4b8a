"""A series as one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

# The full block is left out: lines of a table above each other would grow together.
_LEVELS = "▁▂▃▄▅▆▇"
_ASCII_LEVELS = "_.-=+*#"


def sparkline(values: Sequence[float], width: int, *, ascii: bool = False) -> str:
    """Return the values as at most `width` characters of growing height.

    More values than columns are averaged in groups. Values that are not finite are blank, and a
    constant series lies in the middle.
    """
    levels = _ASCII_LEVELS if ascii else _LEVELS
    columns = min(width, len(values))
    if columns <= 0:
        return ""
    means = [
        _mean(values[i * len(values) // columns : (i + 1) * len(values) // columns])
        for i in range(columns)
    ]
    finite = [mean for mean in means if mean is not None]
    if not finite:
        return " " * columns
    # Halved, so that the distance of two huge values does not overflow.
    low, high = min(finite) / 2, max(finite) / 2
    return "".join(_character(mean, low, high, levels) for mean in means)


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else None


def _character(value: float | None, low: float, high: float, levels: str) -> str:
    if value is None:
        return " "
    if high == low:
        return levels[(len(levels) - 1) // 2]
    return levels[min(len(levels) - 1, int((value / 2 - low) / (high - low) * len(levels)))]
