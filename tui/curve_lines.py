"""Charts of curves as lines of the terminal, in the chosen language."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tui.language import tr
from tui.paint import Line, from_ansi

if TYPE_CHECKING:
    from engine.charts.curves import Words

Point = tuple[float, float]
Curves = tuple[tuple[str, tuple[Point, ...]], ...]
"""Name and points of each curve."""


def curve_lines(
    curves: Curves,
    *,
    width: int,
    height: int,
    x_name: str,
    ascii: bool,
    title: str = "",
    mark: tuple[str, Point] | None = None,
) -> tuple[Line, ...]:
    """A chart by `engine.charts.curves.curve_chart`, which is only loaded where one is drawn.

    The last few are kept: drawing takes longer than a key may.
    """
    from engine.charts.curves import Words

    words = Words(by=tr("by {unit}"), lowest=tr("lowest {value} at {at}"), at=tr("at {at}"))
    return _drawn(curves, width, height, x_name, ascii, title, mark, words)


@lru_cache(8)
def _drawn(
    curves: Curves,
    width: int,
    height: int,
    x_name: str,
    ascii: bool,
    title: str,
    mark: tuple[str, Point] | None,
    words: Words,
) -> tuple[Line, ...]:
    from engine.charts.curves import curve_chart

    text = curve_chart(
        dict(curves),
        title=title,
        width=width,
        height=height,
        x_name=x_name,
        mark=mark,
        words=words,
        ascii=ascii,
    )
    return tuple(from_ansi(line) for line in text.split("\n"))
