"""The one widget: it holds the lines of the whole screen and repaints only what changed.

Over SSH each byte counts. A new frame is held against the one that is seen, line by line and column
by column, and only the differences are declared dirty.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Window(Widget, can_focus=True):
    """Shows strips; `show` gives it the next frame.

    Attributes:
        strips: The frame that is seen, a strip a line.
    """

    DEFAULT_CSS = "Window { width: 100%; height: 100%; }"

    def __init__(self) -> None:
        super().__init__()
        self.strips: list[Strip] = []

    def show(self, strips: Sequence[Strip]) -> None:
        """The next frame, a strip a line, each as wide as the widget."""
        dirty = [
            Region(start, row, end - start, 1)
            for row, (old, new) in enumerate(zip_longest(self.strips, strips))
            for start, end in changed_columns(old, new)
        ]
        self.strips = list(strips)
        if dirty:
            self.refresh(*dirty)

    def forget(self) -> None:
        """Nothing is known of what the terminal shows: repaint everything next time."""
        self.strips = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line for the compositor."""
        if y < len(self.strips):
            return self.strips[y]
        return Strip.blank(self.size.width)

    def get_content_width(self, container: object, viewport: object) -> int:
        """It takes what there is."""
        return self.app.size.width


def changed_columns(old: Strip | None, new: Strip | None) -> list[tuple[int, int]]:
    """The columns from the first to the last in which two lines differ, as one (start, end).

    One stretch and not several: the compositor paints each from the beginning of its line. A line
    that has come or gone differs as a whole.
    """
    if old is new:
        return []
    if old is None or new is None or old.cell_length != new.cell_length:
        strip = new or old
        return [(0, strip.cell_length)] if strip is not None else []
    before, after, offset = _unlike(old, new)
    if len(before) != len(after):
        return [(0, new.cell_length)]
    changed = [
        at for at, (one, two) in enumerate(zip(before, after, strict=True), offset) if one != two
    ]
    return [(changed[0], changed[-1] + 1)] if changed else []


def _unlike(
    old: Strip, new: Strip
) -> tuple[list[tuple[str, object]], list[tuple[str, object]], int]:
    """The cells of two lines between their equal beginnings and ends, and where those begin."""
    before, after = list(old), list(new)
    start = offset = 0
    for one, two in zip(before, after, strict=False):
        if one != two:
            break
        offset += one.cell_length
        start += 1
    stop = 0
    most = min(len(before), len(after)) - start
    while stop < most and before[-1 - stop] == after[-1 - stop]:
        stop += 1
    return (
        _cells(before[start : len(before) - stop]),
        _cells(after[start : len(after) - stop]),
        offset,
    )


def _cells(segments: Sequence[Segment]) -> list[tuple[str, object]]:
    """Character and style of each column; a wide character stands in both of its columns."""
    cells: list[tuple[str, object]] = []
    for segment in segments:
        cells.extend(_segment_cells(segment))
    return cells


def _segment_cells(segment: Segment) -> list[tuple[str, object]]:
    text, style, _ = segment
    # Of a blank only its ground is seen.
    is_plain = style is not None and not style.underline and not style.reverse
    blank = (" ", style.bgcolor if is_plain and style is not None else style)
    if text.isascii():
        return [blank if char == " " else (char, style) for char in text]
    cells: list[tuple[str, object]] = []
    for char in text:
        width = cell_len(char)
        if width == 0 and cells:
            # A mark belongs to the character before it.
            cells[-1] = (cells[-1][0] + char, style)
        cells.extend([blank if char == " " else (char, style)] * width)
    return cells
