"""A measure over days, beside what it is held against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from engine.charts.canvas import Layer, Point
from engine.charts.plot import Entry, Page, compose, finite_range
from engine.charts.scales import Scale, day_ticks, number_scale, tight


def by_day_chart(
    days: Sequence[date],
    values: Sequence[float | None],
    *,
    title: str,
    name: str,
    width: int,
    height: int,
    bars: Sequence[tuple[str, float]] = (),
    colour: bool = True,
    ascii: bool = False,
) -> str:
    """Draw a measure as a line over days, and what it is held against as level lines.

    Args:
        days: Ascending.
        values: One a day; None or what is not finite is a gap.
        title: Heading, shown escaped.
        name: What the legend calls the measure.
        width: Columns to fill.
        height: Lines to stay within.
        bars: Name and height of each level line.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.

    Returns:
        The chart, or a sentence when there is nothing to draw or no room to draw it.
    """
    page = Page(width, height, colour, ascii)
    points = [
        (float(day.toordinal()), math.nan if value is None else float(value))
        for day, value in zip(days, values, strict=True)
    ]
    limits = [(text, level) for text, level in bars if math.isfinite(level)]
    found = finite_range(value for _, value in points)
    if found is None:
        return page.sentence("No values to draw.")
    if page.too_small:
        return page.sentence("Too small for a chart.")
    every = [*found, *(level for _, level in limits), 0.0]
    low, high = min(every), max(every)
    first, last = min(days), max(days)
    x = Scale(first.toordinal(), last.toordinal() + (first == last), _ticks(first, last, page))
    y = tight(number_scale(low, high, page.y_ticks), low, high, room=0.05)
    layers, legend = _layers(points, limits, name, x, ascii)
    dash = "-" if ascii else "–"
    note = f"{first:%Y-%m-%d} {dash} {last:%Y-%m-%d}"
    return compose(page, title, note, layers, x, y, legend)


def _ticks(first: date, last: date, page: Page) -> tuple[tuple[float, str], ...]:
    return tuple((float(at), label) for at, label in day_ticks(first, last, page.x_ticks))


def _layers(
    points: list[Point], limits: list[tuple[str, float]], name: str, x: Scale, ascii: bool
) -> tuple[list[Layer], list[Entry]]:
    line, dot, level_mark = "*o-" if ascii else ("braille", "●", "╌")
    hues = ("yellow", "grey")
    layers: list[Layer] = []
    legend = [Entry("o" if ascii else "●", name, "cyan")]
    for place, (text, level) in enumerate(limits):
        hue = hues[place % len(hues)]
        layers.append(Layer([(x.low, level), (x.high, level)], level_mark, hue))
        legend.append(Entry(level_mark, f"{text} {level:.3g}", hue))
    layers.append(Layer(points, line, "cyan"))
    layers.append(Layer(points, dot, "cyan", connected=False))
    return layers, legend
