"""Curves over steps or epochs, such as training and validation loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.charts.canvas import Layer, Point
from engine.charts.plot import Entry, Page, compose, finite_range
from engine.charts.scales import number_scale, tight

_COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")
_MARKERS = ("braille", "●", "×", "+", "o", "▪")
_ASCII_MARKERS = ("*", "o", "x", "+", "#", "%")


@dataclass(frozen=True)
class Words:
    """What a chart of curves says, in the language of who looks at it.

    Args:
        by: Title of the axis; has `{unit}`.
        lowest: Of a curve, after its latest value; has `{value}` and `{at}`.
        at: Where the marked point is; has `{at}`.
    """

    by: str = "by {unit}"
    lowest: str = "lowest {value} at {at}"
    at: str = "at {at}"


ENGLISH = Words()


def curve_chart(
    curves: Mapping[str, Sequence[Point]],
    *,
    title: str,
    width: int,
    height: int,
    x_name: str = "epoch",
    mark: tuple[str, Point] | None = None,
    words: Words = ENGLISH,
    colour: bool = True,
    ascii: bool = False,
) -> str:
    """Draw curves in one frame; the legend gives each one's latest and lowest value.

    Args:
        curves: Points (x, y) of each curve in the order of x; values that are not finite are
            gaps. Markers and colours repeat from the seventh curve on.
        title: Heading, shown escaped.
        width: Columns to fill.
        height: Lines to stay within.
        x_name: What x counts.
        mark: A point to mark over the curves, with its name, such as the best epoch.
        words: What is said beside names and numbers.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.

    Returns:
        The chart, or a sentence when there is nothing to draw or no room to draw it.
    """
    page = Page(width, height, colour, ascii)
    drawn = _finite(curves)
    across = finite_range(x for points in drawn.values() for x, _ in points)
    values = finite_range(y for points in drawn.values() for _, y in points)
    if across is None or values is None:
        return page.sentence("No values to draw.")
    if page.too_small:
        return page.sentence("Too small for a chart.")

    whole = all(x == int(x) for points in drawn.values() for x, _ in points)
    x = tight(number_scale(*across, page.x_ticks, whole=whole), *across)
    y = tight(number_scale(*values, page.y_ticks), *values, room=0.05)
    markers = _ASCII_MARKERS if ascii else _MARKERS
    layers: list[Layer] = []
    legend: list[Entry] = []
    for index, (name, points) in enumerate(drawn.items()):
        marker = markers[index % len(markers)]
        hue = _COLOURS[index % len(_COLOURS)]
        layers.extend(_layers(curves[name], marker, hue, width, ascii))
        legend.append(_entry(name, points, marker, hue, words))
    # The first curves are the ones people look for: they are painted over the others.
    layers.reverse()
    if mark is not None:
        name, point = mark
        sample = "@" if ascii else "◆"
        layers.append(Layer([point], sample, "green", connected=False))
        where = words.at.format(at=f"{point[0]:g}")
        legend.append(Entry(sample, f"{name} {point[1]:.4g}", "green", f" {where}"))
    return compose(page, title, words.by.format(unit=x_name), layers, x, y, legend)


def _finite(curves: Mapping[str, Sequence[Point]]) -> dict[str, list[Point]]:
    """The points of each curve that can be drawn; a curve without any is left out."""
    finite = {
        name: [one for one in points if all(map(math.isfinite, one))]
        for name, points in curves.items()
    }
    return {name: points for name, points in finite.items() if points}


def _entry(name: str, points: Sequence[Point], marker: str, hue: str, words: Words) -> Entry:
    """What the legend says of a curve: its latest value, and its lowest."""
    lowest = min(points, key=lambda point: point[1])
    sample = "⡠⠊" if marker == "braille" else marker
    detail = words.lowest.format(value=f"{lowest[1]:.4g}", at=f"{lowest[0]:g}")
    return Entry(sample, f"{name} {points[-1][1]:.4g}", hue, f" ({detail})")


def _layers(points: Sequence[Point], marker: str, hue: str, width: int, ascii: bool) -> list[Layer]:
    if ascii or marker == "braille":
        return [Layer(points, marker, hue)]
    # A fine line as for the first curve, with its own marker at some of the points.
    every = max(1, math.ceil(4 * len(points) / width))
    return [Layer(points[::every], marker, hue, connected=False), Layer(points, "braille", hue)]
