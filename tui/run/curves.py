"""Curves of what a run measures by epoch, round or fold, from its progress events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.curve_lines import Point, curve_lines
from tui.language import tr
from tui.paint import Line, clip, fit

_NOT_MEASURES = frozenset({"at", "kind", "step", "done", "total"})
# Measures whose sizes differ by more than this would flatten each other in one chart.
_APART = 8.0
_LEAST_CHART = 8
_READABLE = 11
_MOST_CHART = 20


@dataclass
class Curve:
    """What one step measured.

    Attributes:
        step: Name of the step.
        unit: What it counts, such as "epoch".
        done: How many of them it has done.
        total: How many there are.
        attempt: Which attempt at the step it is, from 1.
        points: By measure, (units done, value) in their order.
    """

    step: str
    unit: str
    done: int = 0
    total: int = 0
    attempt: int = 1
    points: dict[str, list[Point]] = field(default_factory=dict)

    @property
    def judged_by(self) -> str:
        """The measure that tells which epoch was best: lower is better."""
        names = [name for name in self.points if not _is_accuracy(name)] or list(self.points)
        return next((name for name in names if "validation" in name), names[0] if names else "")

    @property
    def best(self) -> Point | None:
        """The best epoch so far with its value."""
        points = self.points.get(self.judged_by, ())
        best = max if _is_accuracy(self.judged_by) else min
        return best(points, key=lambda point: point[1], default=None)


def _is_accuracy(name: str) -> bool:
    """Whether more of it is better."""
    return "accuracy" in name


class Curves:
    """Folds progress events into curves; where it has come to is the offset of the next request.

    Attributes:
        offset: Bytes of progress that were taken in.
        curves: One for each step that counts something, in the order of their start.
        revision: Changes with every event that matters.
    """

    def __init__(self) -> None:
        self.offset = 0
        self.curves: list[Curve] = []
        self.revision = 0

    def apply(self, events: Iterable[Mapping[str, Any]], offset: int) -> None:
        """Take in what came since the last offset."""
        self.offset = offset
        for event in events:
            if isinstance(event.get("step"), str) and event.get("done") is not None:
                self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        known = [curve for curve in self.curves if curve.step == event["step"]]
        curve = known[-1] if known else None
        # A step that counts from the beginning again was tried again.
        if curve is None or event["done"] <= curve.done:
            curve = Curve(event["step"], str(event["kind"]), attempt=len(known) + 1)
            self.curves.append(curve)
        curve.done, curve.total = event["done"], event.get("total", 0)
        for name, value in event.items():
            if name in _NOT_MEASURES or not isinstance(value, int | float):
                continue
            if math.isfinite(value):
                curve.points.setdefault(name, []).append((float(event["done"]), float(value)))
        self.revision += 1


def metrics_lines(curves: Curves, width: int, height: int, *, ascii: bool = False) -> list[Line]:
    """The newest curves first: charts, numbers of the last epoch, and the best epoch.

    Args:
        curves: What was measured.
        width: Columns.
        height: Lines to fill; more steps than fit follow below.
        ascii: Keep to ASCII.
    """
    measured = [curve for curve in reversed(curves.curves) if curve.points]
    if not measured:
        return [[], [(clip(" " + tr("Nothing was measured yet."), width), "dim")]]
    lines: list[Line] = []
    for curve in measured:
        groups = _groups(curve)
        room = height - 1 - len(curve.points)
        # Charts that would be too low to read follow below the first.
        together = len(groups) if room >= len(groups) * _READABLE else 1
        each = min(_MOST_CHART, max(_LEAST_CHART, room // together))
        lines += _chart(curve, groups[0], width, each, ascii)
        if together == 1:
            lines += [*_numbers(curve, width), []]
        for names in groups[1:]:
            lines += _chart(curve, names, width, each, ascii)
        if together > 1:
            lines += _numbers(curve, width)
        lines.append([])
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _groups(curve: Curve) -> list[list[str]]:
    """Measures that may share a chart: those whose values are of about the same size.

    What falls as it gets better and what rises say little beside each other. The chart of the
    measure that tells which epoch was best comes first. A measure that never changed has no chart:
    its number says it all.
    """
    groups: list[tuple[float, list[str]]] = []
    for name, points in curve.points.items():
        values = [value for _, value in points]
        if min(values) == max(values) and name != curve.judged_by:
            continue
        size = max(map(abs, values)) or 1e-12
        for known, names in groups:
            if _is_accuracy(name) != _is_accuracy(names[0]):
                continue
            if max(size, known) <= _APART * min(size, known):
                names.append(name)
                break
        else:
            groups.append((size, [name]))
    return sorted((names for _, names in groups), key=lambda names: curve.judged_by not in names)


def _chart(curve: Curve, names: list[str], width: int, height: int, ascii: bool) -> list[Line]:
    best = curve.best if curve.judged_by in names and curve.done > 1 else None
    title = curve.step
    if curve.attempt > 1:
        title += " " + tr("(attempt {number})", number=curve.attempt)
    chart = curve_lines(
        tuple((name, tuple(curve.points[name])) for name in names),
        title=title,
        width=width - 2,
        height=height,
        x_name=curve.unit,
        mark=None if best is None else (tr("best"), best),
        ascii=ascii,
    )
    return [[(" ", ""), *line] for line in chart]


def _numbers(curve: Curve, width: int) -> list[Line]:
    """The last value of each measure, and its value in the best epoch."""
    best = curve.best
    at = f"{curve.unit} {curve.done}/{curve.total}"
    size = max(12, *(len(name) for name in curve.points))
    size = min(size, max(8, width - 30))
    heading: Line = [(" " + fit("", size), ""), (f"{at:>14}", "dim")]
    if best is not None:
        name = tr("best: {unit} {number}", unit=curve.unit, number=f"{best[0]:g}")
        heading.append((fit(name, 20, "right"), "good"))
    lines = [heading]
    for name, points in curve.points.items():
        line: Line = [(" " + fit(name, size), ""), (f"{points[-1][1]:>14.5g}", "strong")]
        there = next((value for x, value in points if best is not None and x == best[0]), None)
        if there is not None:
            look = "good" if name == curve.judged_by else "dim"
            mark = "◆ " if name == curve.judged_by else ""
            line.append((f"{mark + format(there, '.5g'):>20}", look))
        lines.append(line)
    return lines
