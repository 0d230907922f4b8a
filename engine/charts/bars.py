"""Labelled values as horizontal bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len

from engine.charts.canvas import Span, draw_cells
from engine.charts.text import clip, fit
from engine.text import printable

_EIGHTHS = "▏▎▍▌▋▊▉█"
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
        hue: Colour of the bars, a key of the palette.
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
    spans = [
        span
        for row, (_, value) in enumerate(items)
        if math.isfinite(value) and largest
        for span in _bar(row, value / largest, min(finite) < 0, bars, hue, ascii)
    ]
    drawn = draw_cells(spans, len(items), bars, colour=colour)
    return [
        f"{fit(name, label, ascii=ascii)} {cells} {value:>{right}}"
        for name, cells, value in zip(names, drawn, values, strict=True)
    ]


def _bar(row: int, share: float, both: bool, width: int, hue: str, ascii: bool) -> Iterator[Span]:
    """Return the spans of one bar; `share` is its part of the longest, -1 to 1."""
    share = min(max(share, -1.0), 1.0)
    zero = width // 2 if both else 0
    full = "#" if ascii else "█"
    if share < 0:
        # There are no characters that fill a cell from the right, so these end at whole cells.
        cells = round(-share * zero)
        if cells:
            yield Span(row, zero - cells, zero - 1, full, "red")
        return
    eighths = round(share * (width - zero) * 8)
    whole = round(eighths / 8) if ascii else eighths // 8
    if whole:
        yield Span(row, zero, zero + whole - 1, full, hue)
    if eighths % 8 and not ascii:
        yield Span(row, zero + whole, zero + whole, _EIGHTHS[eighths % 8 - 1], hue)
