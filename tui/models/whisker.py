"""A measure with its interval, drawn as a point on a stretch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tui.paint import Line

Measured = tuple[float | None, float | None, float | None]
"""From where on, at what, and up to where a measure lies; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What the first and the last column of a drawing mean."""

    low: float
    high: float

    @classmethod
    def over(cls, measures: Iterable[Measured]) -> Axis:
        """An axis on which the better measures are told apart; those that are far off are cut."""
        known = sorted(one for one in measures if one[1] is not None)
        points = sorted(point for _, point, _ in known if point is not None)
        most = points[max(1, len(points) * 3 // 4) - 1] if points else 0.0
        near = [one for one in known if one[1] is not None and one[1] <= most]
        ends = [value for one in near for value in one if value is not None]
        return cls(min(ends, default=0.0), max(ends, default=0.0))

    def column(self, value: float, width: int) -> int:
        """Where a value is in so many columns."""
        if self.high <= self.low:
            return 0
        part = (value - self.low) / (self.high - self.low)
        return min(width - 1, max(0, round(part * (width - 1))))


def whisker(measured: Measured, axis: Axis, width: int, look: str) -> Line:
    """The stretch from low to high with the point on it; blank where one of them is not known."""
    low, point, high = measured
    if width <= 0 or low is None or point is None or high is None:
        return [(" " * max(0, width), "")]
    first, at, last = (axis.column(value, width) for value in (low, point, high))
    return [
        (" " * first, ""),
        ("─" * (at - first) + "●" + "─" * (last - at), look),
        (" " * (width - 1 - last), ""),
    ]
