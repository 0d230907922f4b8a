"""The only module that knows plotext: it paints spans and lines onto a grid of characters.

plotext keeps one figure for the whole process and draws with a native library. So every drawing
takes a lock, starts from a cleared figure and builds a string without printing it. The library
ends the process when a line holds a NaN, and warns on the error stream about values that lie too
close together: what comes here is therefore already scaled, and cut at gaps.

Loading it takes about 0.3 s: the first chart pays for that, not every program that could draw.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine.charts.scales import Scale, Tick

# Palette numbers of the sixteen colours that every terminal theme defines.
_PALETTE = {"red": 1, "green": 2, "yellow": 3, "blue": 4, "magenta": 5, "cyan": 6, "grey": 8}
_ASCII_FRAME = str.maketrans("┌┐└┘├┤┬┴┼─│", "+++++++++-|")
_LOCK = threading.Lock()

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring cells of one row, `first` to `last` inclusive, filled with one character."""

    row: int
    first: int
    last: int
    marker: str
    colour: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A series of points in data units; a point that is not finite is a gap.

    Attributes:
        points: (x, y) in the order to connect them.
        marker: One character, or "braille" for a fine line.
        colour: A key of the palette.
        connected: Draw the lines between neighbours too.
    """

    points: Sequence[Point]
    marker: str
    colour: str
    connected: bool = True


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two lines, in data units; `edges` are (x, lower y, upper y)."""

    edges: Sequence[tuple[float, float, float]]
    marker: str
    colour: str


def draw_spans(
    spans: Sequence[Span],
    rows: int,
    width: int,
    ticks: Sequence[Tick],
    *,
    colour: bool,
    ascii: bool = False,
) -> list[str]:
    """Paint spans row by row, later ones over earlier ones, above an axis.

    Args:
        spans: What to paint.
        rows: Number of rows, at least 1.
        width: Columns of each row, at least 1.
        ticks: Column and label of each tick.
        colour: Whether to write ANSI colour codes.
        ascii: Draw the axis in ASCII.

    Returns:
        `rows` lines, the axis, and its labels, each `width` columns wide.
    """
    # A figure takes ten times as long for the same cells, so it draws the axis alone.
    with _figure(width, 3) as (figure, plotext):
        figure.axes(False)
        figure.axes(True, axis="x", side="lower")
        figure.ruler("x").lim(0, max(1, width - 1))
        figure.ruler("y").lim(0, 1)
        figure.ruler("y").ticks([])
        figure.ruler("x").ticks([place for place, _ in ticks], [label for _, label in ticks])
        # Without ticks it leaves out the line of the labels.
        axis = _lines(figure, colour, ascii)[1:] if ticks else _lines(figure, colour, ascii)[2:]
        axis += [""] * (2 - len(axis))
        return [*_cells(plotext, spans, rows, width, colour), *axis]


def _cells(plotext: Any, spans: Sequence[Span], rows: int, width: int, colour: bool) -> list[str]:
    grid = plotext.matrix(width, rows, plotext.pixel())
    pixels = {name: _pixel(plotext, name, colour) for name in {span.colour for span in spans}}
    for span in spans:
        text = span.marker * (span.last - span.first + 1)
        grid.insert(span.first, span.row, plotext.colorize(text, pixels[span.colour]))
    drawn: str = grid.string(colorless=not colour)
    return drawn.rstrip("\n").split("\n")


def draw_layers(
    layers: Sequence[Layer | Band],
    x: Scale,
    y: Scale,
    width: int,
    height: int,
    *,
    colour: bool,
    ascii: bool = False,
) -> list[str]:
    """Paint layers of points and lines, later ones over earlier ones, in a labelled frame.

    Returns:
        `height` lines, each `width` columns wide, two of them the axis and its labels.
    """
    with _figure(width, height) as (figure, plotext):
        figure.axes(False)
        figure.axes(True, axis="x", side="lower")
        figure.axes(True, axis="y", side="left")
        for name, scale in (("x", x), ("y", y)):
            ruler = figure.ruler(name)
            ruler.lim(0.0, 1.0)
            ruler.ticks(
                [scale.position(value) for value, _ in scale.ticks],
                [label for _, label in scale.ticks],
            )
        for layer in layers:
            marker = plotext.marker(layer.marker, _pixel(plotext, layer.colour, colour))
            if isinstance(layer, Band):
                for at, low, high in _stripes(layer, x, y, width):
                    figure.draw(figure.segment((at, at), (low, high), marker=marker))
                continue
            for piece in _pieces(_thinned(layer.points, width), x, y):
                signal = figure.signal(
                    [point[0] for point in piece], [point[1] for point in piece], marker=marker
                )
                figure.draw(signal.lines(layer.connected and len(piece) > 1))
        return _lines(figure, colour, ascii)


def _pieces(points: Sequence[Point], x: Scale, y: Scale) -> Iterator[list[Point]]:
    piece: list[Point] = []
    for across, up in points:
        if math.isfinite(across) and math.isfinite(up):
            piece.append((x.position(across), y.position(up)))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _thinned(points: Sequence[Point], width: int) -> list[Point]:
    """Return so many points as the width can show; peaks, troughs and gaps stay."""
    size = math.ceil(len(points) / (2 * width))
    if size <= 4:
        return list(points)
    kept: list[Point] = []
    for at in range(0, len(points), size):
        bucket = points[at : at + size]
        finite = [i for i, point in enumerate(bucket) if math.isfinite(point[1])]
        if finite:
            low = min(finite, key=lambda i: bucket[i][1])
            high = max(finite, key=lambda i: bucket[i][1])
            kept.extend(bucket[i] for i in sorted({finite[0], low, high, finite[-1]}))
        if len(finite) < len(bucket):
            kept.append((bucket[-1][0], math.nan))
    return kept


def _stripes(band: Band, x: Scale, y: Scale, width: int) -> Iterator[tuple[float, float, float]]:
    """Cut a band into one vertical stripe a column: where, from, to; each from 0 to 1."""
    edges = [
        (x.position(at) * width, y.position(low), y.position(high))
        for at, low, high in band.edges
        if math.isfinite(at) and math.isfinite(low) and math.isfinite(high)
    ]
    stripes: dict[int, tuple[float, float]] = {}
    for (x0, low0, high0), (x1, low1, high1) in pairwise([*edges[:1], *edges]):
        for column in range(math.ceil(x0), math.floor(x1) + 1):
            share = (column - x0) / (x1 - x0) if x1 > x0 else 0.0
            low, high = low0 + (low1 - low0) * share, high0 + (high1 - high0) * share
            before = stripes.get(column, (low, high))
            stripes[column] = (min(low, before[0]), max(high, before[1]))
        # Several edges may lie between two columns.
        column = round(x1)
        before = stripes.get(column, (low1, high1))
        stripes[column] = (min(low1, before[0]), max(high1, before[1]))
    for column, (low, high) in stripes.items():
        yield column / width, low, high


@contextmanager
def _figure(width: int, height: int) -> Iterator[tuple[Any, Any]]:
    import plotext

    with _LOCK:
        plotext.terminal.limit(False, False)
        figure = plotext.figure
        figure.clear()
        figure.theme("colorless")
        figure.plot_size(width, height)
        try:
            yield figure, plotext
        finally:
            figure.clear()


def _pixel(plotext: Any, name: str, colour: bool) -> Any:
    return plotext.pixel(_PALETTE[name]) if colour else plotext.pixel()


def _lines(figure: Any, colour: bool, ascii: bool) -> list[str]:
    drawn: str = figure.build().string(colorless=not colour)
    if ascii:
        drawn = drawn.translate(_ASCII_FRAME)
    return drawn.rstrip("\n").split("\n")
