"""How likely each class of one picture is, as bars."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from engine.charts.bars import bar
from engine.charts.text import clip, fit, paint
from engine.text import printable

_PERCENT = len("> 99.9 %")
_LEAST_BARS = 4


def probability_bars(
    probabilities: Sequence[float],
    classes: Sequence[str],
    width: int,
    *,
    most: int = 5,
    rest: str = "{count} others",
    colour: bool = True,
    ascii: bool = False,
) -> list[str]:
    """Draw one line a class: name, bar, percent; the likeliest first and told apart.

    A full bar is certainty, so that a doubtful answer looks doubtful.

    Args:
        probabilities: Of each class, 0 to 1.
        classes: Their names, shown escaped, in the same order.
        width: Columns to fill.
        most: Classes to draw, at least 1; what is left for the others is one more line.
        rest: How that line reads; has `{count}`.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.

    Raises:
        ValueError: Not one name for each probability, none at all, or sizes that mean nothing.
    """
    if len(probabilities) != len(classes) or not classes:
        raise ValueError(f"{len(classes)} classes need as many probabilities, at least one")
    if width < 0 or most < 1:
        raise ValueError(f"width must be at least 0 and most 1, not {width} and {most}")
    order = sorted(range(len(classes)), key=lambda place: (-probabilities[place], place))
    rows = [(classes[place], probabilities[place]) for place in order[:most]]
    if others := order[most:]:
        left = sum(probabilities[place] for place in others)
        rows.append((rest.format(count=len(others)), left))
    names = [printable(name[:400], ascii=ascii) for name, _ in rows]
    label = min(max(map(cell_len, names)), max(8, width * 2 // 5))
    room = width - label - _PERCENT - 2
    lines = []
    for place, (name, (_, share)) in enumerate(zip(names, rows, strict=True)):
        style = "green" if place == 0 else "cyan" if place < most else "grey"
        percent = f"{percent_of(share):>{_PERCENT}}"
        if room < _LEAST_BARS:
            line = clip(f"{percent} {name}", width, ascii=ascii)
            lines.append(paint(line, "bold", colour) if place == 0 else line)
            continue
        drawn = bar(share, room, ascii=ascii)
        cells = paint(drawn, style, colour) + " " * (room - len(drawn))
        name, end = fit(name, label, ascii=ascii), percent
        if place == 0:
            name, end = paint(name, "bold", colour), paint(percent, "bold", colour)
        lines.append(f"{name} {cells} {end}")
    return lines


def percent_of(share: float) -> str:
    """A share as people read it: never 0 % of what there is, never 100 % of what is not all."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{share * 100:.1f} %"
