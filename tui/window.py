"""The one widget: it holds the lines of the whole screen and repaints only what changed.

Over SSH each byte counts. A new frame is held against the one that is seen, line by line and column
by column, and only the differences are declared dirty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

# What charts and frames are drawn with: each takes one column.
_NARROW = re.compile("[\x20-\x7e·–‖…‹›←-↓⊘─-▟●○◌◆▸▾⠀-⣿✓✗]*")


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
            Region(0, row, end, 1)
            for row, (old, new) in enumerate(zip_longest(self.strips, strips))
            if (end := changed_until(old, new))
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


def changed_until(old: Strip | None, new: Strip | None) -> int:
    """The columns up to the last one in which two lines differ; 0 where they look the same.

    Only the last one matters: the compositor paints a part of a line from its beginning. A line
    that has come or gone differs as a whole.
    """
    if old is new:
        return 0
    if old is None or new is None or old.cell_length != new.cell_length:
        strip = new or old
        return strip.cell_length if strip is not None else 0
    if old == new:
        return 0
    column = new.cell_length
    for one, two in zip(_cells_backwards(old), _cells_backwards(new), strict=False):
        if one != two:
            return column
        column -= 1
    return 0


def _cells_backwards(strip: Strip) -> Iterator[tuple[str, object]]:
    """Character and style of each column, the last first."""
    for segment in reversed(list(strip)):
        yield from reversed(_cells(segment))


def _cells(segment: Segment) -> list[tuple[str, object]]:
    """Those of a part of a line; a wide character stands in both of its columns."""
    text, style, _ = segment
    # Of a blank only its ground is seen.
    is_plain = style is not None and not style.underline and not style.reverse
    blank = (" ", style.bgcolor if is_plain and style is not None else style)
    if text.isascii() or _NARROW.fullmatch(text):
        return [blank if char == " " else (char, style) for char in text]
    cells: list[tuple[str, object]] = []
    for char in text:
        width = cell_len(char)
        if width == 0 and cells:
            # A mark belongs to the character before it.
            cells[-1] = (cells[-1][0] + char, style)
        cells.extend([blank if char == " " else (char, style)] * width)
    return cells
