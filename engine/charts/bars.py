"""Labelled values as horizontal bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.cells import cell_len

from engine.charts.text import clip, fit, paint
from engine.text import printable

_EIGHTHS: tuple[str, ...] = ("", *"▏▎▍▌▋▊▉")
_LEAST_BARS = 4


def bar_list(
    items: Sequence[tuple[str, float]],
    width: int,
    *,
    show: Callable[[float], str] = "{:.4g}".format,
    most: float | None = None,
    hue: str = "cyan",
    colour: bool = True,
    ascii: bool = False,
) -> list[str]:
    """Draw one line an item: label, bar, value; in the order given.

    Bars start at zero; where values are negative, zero lies inside the area of the bars and
    theirs grow to the left, in red. A value that is not finite has no bar.

    Args:
        items: Label, shown escaped, and value.
        width: Columns to fill.
        show: How a value reads.
        most: Magnitude of the longest bar; the largest one there is if None.
        hue: Colour of the bars, a key of `engine.charts.text.SGR`.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.

    Returns:
        As many lines as items, each at most `width` columns wide; only labels and values where
        there is no room for bars.

    Raises:
        ValueError: The width is negative or `most` is not above 0.
    """
    if width < 0:
        raise ValueError(f"width must not be negative, not {width}")
    if most is not None and not most > 0:
        raise ValueError(f"most must be above 0, not {most}")
    if not items:
        return []
    names = [printable(name[:400], ascii=ascii) for name, _ in items]
    values = [printable(show(value), ascii=ascii) for _, value in items]
    label = min(max(map(cell_len, names)), max(8, width * 2 // 5))
    right = max(map(cell_len, values))
    bars = width - label - right - 2
    if bars < _LEAST_BARS:
        return [
            clip(f"{v:>{right}} {n}", width, ascii=ascii)
            for n, v in zip(names, values, strict=True)
        ]
    finite = [value for _, value in items if math.isfinite(value)]
    largest = most or max(map(abs, finite), default=0.0)
    zero = bars // 2 if min(finite, default=0.0) < 0 else 0
    lines = []
    for name, (_, value), text in zip(names, items, values, strict=True):
        share = value / largest if math.isfinite(value) and largest else 0.0
        drawn = _from_zero(share, zero, bars, hue, colour=colour, ascii=ascii)
        lines.append(f"{fit(name, label, ascii=ascii)} {drawn} {text:>{right}}")
    return lines


def bar(share: float, width: int, *, ascii: bool = False) -> str:
    """A bar as so many of `width` columns as `share` (0 to 1) of them, without blanks behind it.

    It ends at an eighth of a column; in ASCII at a whole one.
    """
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if ascii:
        return "#" * round(eighths / 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def _from_zero(share: float, zero: int, width: int, hue: str, *, colour: bool, ascii: bool) -> str:
    """The cells of one bar that begins at column `zero`; `share` is of the longest, -1 to 1."""
    if share < 0:
        # There are no characters that fill a cell from the right, so these end at whole cells.
        cells = round(min(-share, 1.0) * zero)
        drawn = paint(("#" if ascii else "█") * cells, "red", colour)
        return " " * (zero - cells) + drawn + " " * (width - zero)
    drawn = bar(share, width - zero, ascii=ascii)
    return " " * zero + paint(drawn, hue, colour) + " " * (width - zero - len(drawn))
