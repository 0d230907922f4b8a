"""The timeline of a run on the screen: cursor, folds, window of time, and cached chart lines.

Only the rows that are seen are charted, and a cursor is laid over lines that were drawn before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from engine.charts.rows import Ghost, Row
from engine.charts.screen_gantt import gantt_lines
from engine.charts.time_axis import Window, pan, whole, window_text, zoom
from engine.schema import RunDetail
from engine.states import FINAL_STATES
from tui.listing import Listing, ListKeys
from tui.paint import Line, from_ansi, pad, restyle
from tui.run.layout import Layout, RowKey, arranged, is_bad, key_of, lay_out, toggled

# What is laid out at once, in some milliseconds; more is laid out behind the back of the keys.
_LARGEST_AT_ONCE = 150
_AGAIN_SECONDS = 1.0
_LARGE_AGAIN_SECONDS = 2.0
_PARTS_KEPT = 12
_AXIS_LINES = 2

# Lines of rows, and the two of the axis.
_Part = tuple[list[Line], list[Line]]


class RunTimeline(ListKeys):
    """Rows and bars of one run.

    Attributes:
        listing: Cursor and the part of the rows that is seen.
        layout: The rows, None before the run is known.
        shows_critical: Whether the critical path is marked.
        filter: Words that rows must fit.
    """

    def __init__(self) -> None:
        self.listing = Listing()
        self.layout: Layout | None = None
        self.shows_critical = False
        self.filter = ""
        self._ghost: Ghost | None = None
        self._folds: frozenset[RowKey] = frozenset()
        self._window: Window | None = None
        self._selected: RowKey | None = None
        self._parts: OrderedDict[tuple[object, ...], _Part] = OrderedDict()
        self._shape = (1, 0, False)

    # What it shows

    @property
    def rows(self) -> Sequence[Row]:
        """All rows."""
        return self.layout.rows if self.layout else ()

    def selected(self) -> Row | None:
        """The row under the cursor."""
        rows = self.rows
        return rows[self.listing.cursor] if self.listing.cursor < len(rows) else None

    def is_old(self, detail: RunDetail, now: float) -> bool:
        """Whether the run has gone on since it was laid out."""
        known = self.layout
        if known is None or known.detail.run.state != detail.run.state:
            return True
        if known.detail is detail:
            goes_on = detail.run.state not in FINAL_STATES
            return goes_on and now - known.at >= _AGAIN_SECONDS
        return not self.is_large(detail) or now - known.at >= _LARGE_AGAIN_SECONDS

    @staticmethod
    def is_large(detail: RunDetail) -> bool:
        """Whether laying it out takes longer than a key may wait."""
        tasks = sum(len(row["tasks"]) for row in detail.rows)
        return max(tasks, len(detail.steps)) > _LARGEST_AT_ONCE

    def work(self, detail: RunDetail, now: float) -> Callable[[], Layout]:
        """What lays it out, to be called anywhere; `take` takes what it returns."""
        folds, filter = self._folds, self.filter
        return lambda: lay_out(detail, now, folds, filter)

    def take(self, layout: Layout) -> None:
        """Show a layout; the cursor stays on its row."""
        if (layout.folds, layout.filter) != (self._folds, self.filter):
            # It was laid out while these changed.
            layout = arranged(layout, self._folds, self.filter)
        self.layout = layout
        self._parts.clear()
        at = layout.index_of(self._selected) if self._selected is not None else None
        if at is not None and at != self.listing.cursor:
            self.listing.first = max(0, self.listing.first + at - self.listing.cursor)
            self.listing.cursor = at
        self.moved()

    def moved(self) -> None:
        """Remember which row is meant."""
        row = self.selected()
        self._selected = key_of(row) if row else None

    def use_ghost(self, ghost: Ghost | None) -> None:
        """Compare with an earlier run, or with none."""
        if ghost is not self._ghost:
            self._ghost = ghost
            self._parts.clear()

    def mark_critical(self, marks: bool) -> None:
        """Mark the critical path, or do not."""
        self.shows_critical = marks

    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    # Folding and finding

    def toggle(self) -> bool:
        """Open or close the row under the cursor; returns whether it can be."""
        row = self.selected()
        if self.layout is None or row is None or not row.can_open or self.filter:
            return False
        self._folds ^= {key_of(row)}
        self.take(toggled(self.layout, row, self._folds))
        return True

    def close(self) -> None:
        """Close the row under the cursor, or else go to the one that it lies in."""
        row = self.selected()
        if row is not None and row.can_open and row.is_open:
            self.toggle()
        elif row is not None and self.layout is not None:
            parent = self.layout.parent_of(self.listing.cursor)
            if parent is not None:
                self.listing.cursor = parent
                self.moved()

    def open(self) -> None:
        """Open the row under the cursor."""
        row = self.selected()
        if row is not None and row.can_open and not row.is_open:
            self.toggle()

    def use_filter(self, text: str) -> None:
        """Show only the rows that fit."""
        if text != self.filter:
            self.filter = text
            if self.layout is not None:
                self.take(self.layout)

    def seek_bad(self, step: int) -> bool:
        """Go to the next row that ended badly, or the one before; returns whether there is one."""
        at = self.listing.cursor + step
        while 0 <= at < len(self.rows):
            if is_bad(self.rows[at]):
                self.listing.cursor = at
                self.moved()
                return True
            at += step
        return False

    # The window of time

    def zoom(self, factor: float) -> None:
        """Closer, around what the row under the cursor did; below 1: farther away."""
        if self.layout is None:
            return
        window = self._seen()
        self._window = zoom(self.layout.timeline, window, factor, self._focus(window))
        if self._window == whole(self.layout.timeline):
            self._window = None

    def pan(self, share: float) -> None:
        """Later by a share of what is seen; below 0: earlier."""
        if self.layout is not None and self._window is not None:
            self._window = pan(self.layout.timeline, self._window, share)

    def zoom_all(self) -> None:
        """All of the time, also as it goes on."""
        self._window = None

    @property
    def is_zoomed(self) -> bool:
        """Whether only a part of the time is seen."""
        return self._window is not None

    def heading(self, zone: tzinfo) -> str:
        """What the window shows, in wall-clock time."""
        if self.layout is None:
            return ""
        window = self._seen()
        return window_text(window.start, window.end, zone)

    def _seen(self) -> Window:
        assert self.layout is not None
        return self._window or whole(self.layout.timeline)

    def _focus(self, window: Window) -> datetime:
        row = self.selected()
        if row is not None and row.bar.segments:
            first, last = row.bar.segments[0].start, row.bar.segments[-1].end
            if first < window.end and last > window.start:
                return (
                    max(first, window.start)
                    + (min(last, window.end) - max(first, window.start)) / 2
                )
        return window.start + (window.end - window.start) / 2

    # Drawing

    def lines(
        self, width: int, height: int, *, focused: bool = True, ascii: bool = False
    ) -> list[Line]:
        """Rows with bars, and the axis below them."""
        if not self.rows:
            return []
        size = max(1, height - _AXIS_LINES)
        self._shape = (size, width, ascii)
        lines: list[Line] = []
        axis: list[Line] = []
        for row in self.listing.window(len(self.rows), size):
            part, axis = self._part(row // size, size, width, ascii)
            line = part[row % size]
            if row == self.listing.cursor:
                line = restyle(pad(line, width), "cursor" if focused else "idle-cursor")
            lines.append(line)
        return [*lines, *axis][:height]

    def prepare(self) -> bool:
        """Draw one part that is not seen yet and may be with the next key.

        Returns:
            Whether there was one; each takes some thousandths of a second.
        """
        size, width, ascii = self._shape
        if len(self.rows) <= size:
            return False
        here, last = self.listing.first // size, (len(self.rows) - 1) // size
        for number in (here, here + 1, here - 1, here + 2, last, last - 1, 0, 1):
            if 0 <= number <= last and self._key(number, size, width, ascii) not in self._parts:
                self._part(number, size, width, ascii)
                return True
        return False

    def _key(self, number: int, size: int, width: int, ascii: bool) -> tuple[object, ...]:
        return number, size, width, ascii, self._seen(), self.shows_critical

    def as_text(self, width: int) -> str:
        """All rows with all of the time, for a file."""
        if self.layout is None or not self.rows:
            return ""
        window = whole(self.layout.timeline)
        view = gantt_lines(
            self.layout.rows,
            width,
            start=window.start,
            end=window.end,
            height=len(self.rows),
            critical=self.layout.critical if self.shows_critical else frozenset(),
            ghost=self._ghost,
            origin=self.layout.began,
            colour=False,
        )
        return "\n".join(line.rstrip() for line in (view.heading, *view.lines, *view.axis)) + "\n"

    def row_at(self, line: int) -> int | None:
        """The row in a line of the drawing."""
        return self.listing.row_at(line, len(self.rows))

    def _part(self, number: int, size: int, width: int, ascii: bool) -> _Part:
        """A screenful of rows, drawn once for as long as nothing in it changes."""
        layout = self.layout
        assert layout is not None
        window = self._seen()
        key = self._key(number, size, width, ascii)
        found = self._parts.get(key)
        if found is not None:
            self._parts.move_to_end(key)
            return found
        view = gantt_lines(
            layout.rows,
            max(0, width - 2),
            start=window.start,
            end=window.end,
            height=size,
            first_row=number * size,
            critical=layout.critical if self.shows_critical else frozenset(),
            ghost=self._ghost,
            origin=layout.began,
            longest=layout.longest,
            ascii=ascii,
        )
        part = _with_margin(view.lines), _with_margin(view.axis)
        self._parts[key] = part
        while len(self._parts) > _PARTS_KEPT:
            self._parts.popitem(last=False)
        return part


def _with_margin(lines: Sequence[str]) -> list[Line]:
    return [[(" ", ""), *from_ansi(line)] for line in lines]
