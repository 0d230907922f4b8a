"""The part of a Gantt chart that a screen shows: some of the rows, a window of the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Literal

from rich.cells import cell_len

from engine.charts.canvas import Span, draw_spans
from engine.charts.gantt import Cells, length_text
from engine.charts.looks import DEEPEST_GUIDE, branches, colour_of, look_of, marker_of
from engine.charts.rows import Ghost, Row, run_start
from engine.charts.text import clip, fit, paint
from engine.charts.time_axis import TimeView, elapsed_ticks_between, window_text
from engine.text import printable
from engine.timeline import Bar, Segment

# "~365 d 23 h": always the same, so that bars keep their place while rows go by.
_DURATION = 11
# Below this there is no room for durations beside names and bars.
_DURATIONS_FROM = 50
# Sign of the state, mark of the critical path, and the blanks beside the name.
_SIGNS = 4
_LEAST_BARS = 4

# What fills a cell: marker and colour.
Ink = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Glyphs:
    critical: str
    opened: str
    closed: str
    border: str
    ghost: str
    earlier: str
    later: str


_GLYPHS = _Glyphs("◆", "▾", "▸", "│", "┊", "‹", "›")
_ASCII_GLYPHS = _Glyphs("@", "v", ">", "|", ":", "<", ">")


@dataclass(frozen=True, slots=True)
class GanttView(TimeView):
    """A drawn Gantt chart.

    Attributes:
        first_row: Index of the row that the first line shows.
    """

    first_row: int

    def row_at(self, line: int) -> int | None:
        """Return the index of the row that a line shows, None where there is none."""
        return self.first_row + line if 0 <= line < len(self.lines) else None


@dataclass(frozen=True, slots=True)
class _Page:
    """What all rows of one drawing share."""

    start: datetime
    end: datetime
    width: int
    label: int
    bars: int
    duration: int
    critical: frozenset[str]
    colour: bool
    ascii: bool

    @property
    def glyphs(self) -> _Glyphs:
        return _ASCII_GLYPHS if self.ascii else _GLYPHS


def gantt_lines(
    rows: Sequence[Row],
    width: int,
    *,
    start: datetime,
    end: datetime,
    height: int,
    first_row: int = 0,
    critical: frozenset[str] = frozenset(),
    ghost: Ghost | None = None,
    origin: datetime | None = None,
    longest: int | None = None,
    labels: bool = True,
    colour: bool = True,
    ascii: bool = False,
    tz: tzinfo = UTC,
) -> GanttView:
    """Draw rows `first_row` to `first_row + height` in the window of time from `start` to `end`.

    A row has the sign of its state, a mark if it is on the critical path, the branches of the
    tree, a triangle if it can be opened, its name, its bar, and how long it ran. Waiting is drawn
    light and running solid; a bar is cut where the window ends, and where it lies outside
    altogether an arrow points to it. A border stands where a task was tried again. Where a row
    ended in an earlier run, counted from the start of the run, a faint mark stands: what goes on
    behind it is slower than last time.

    Args:
        rows: All rows, of `timeline_rows`.
        width: Columns to fill.
        start: Start of the window, timezone-aware.
        end: End of the window.
        height: Most rows to draw; two more lines are the axis.
        first_row: Index of the first row to draw.
        critical: Ids on the critical path.
        ghost: An earlier run to compare with.
        origin: What elapsed time on the axis counts from; when the first row begins if None.
        longest: What `longest_label` returned for the rows; looked for at each drawing if None.
        labels: Whether to draw signs and names at the left and durations at the right.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.
        tz: Timezone of the heading.

    Raises:
        ValueError: The window is empty or a size negative.
    """
    if end <= start:
        raise ValueError("the window must end after its start")
    if min(width, height, first_row) < 0:
        raise ValueError("width, height and first_row must not be negative")
    shown = rows[first_row : first_row + height]
    if longest is None and labels:
        longest = longest_label(rows)
    page = _page(longest or 0, width, start, end, labels, critical, colour, ascii)
    heading = clip(window_text(start, end, tz, ascii=ascii), width, ascii=ascii)
    bars_at = page.label + _SIGNS if labels and page.bars else 0
    if not page.bars or not shown:
        lines = [_line(row, "", page, labels) for row in shown]
        return GanttView(tuple(lines), ("", ""), heading, bars_at, 0, start, end, first_row)

    drawn = draw_spans(
        list(_spans(rows, shown, ghost, page)),
        len(shown),
        page.bars,
        _ticks(rows, origin, page),
        colour=colour,
        ascii=ascii,
    )
    lines = [_line(row, cells, page, labels) for row, cells in zip(shown, drawn, strict=False)]
    axis, below = (" " * bars_at + line for line in drawn[len(shown) :])
    return GanttView(
        tuple(lines), (axis, below), heading, bars_at, page.bars, start, end, first_row
    )


def longest_label(rows: Sequence[Row]) -> int:
    """Return how many columns the longest name takes, with its branches.

    Of all rows, not of those shown: bars must keep their place while rows go by.
    """
    return max((_label_length(row) for row in rows), default=0)


def window_cells(bar: Bar, start: datetime, end: datetime, width: int) -> list[Cells]:
    """Return which of `width` cells a bar fills in a window, as (kind, first, last).

    Where running follows waiting it starts in the very next cell. Whatever ran in the window
    fills at least one cell, however short it was; waiting shorter than a cell may have none.
    """
    return [cells for _, cells in _parts(bar, start, end, width)]


def _parts(bar: Bar, start: datetime, end: datetime, width: int) -> Iterator[tuple[Segment, Cells]]:
    length = end - start
    for part in bar.segments:
        if part.start == part.end:
            inside = start <= part.start <= end
        else:
            inside = part.end > start and part.start < end
        if not inside:
            continue
        first = max(0, round((part.start - start) / length * width))
        last = min(width, round((part.end - start) / length * width)) - 1
        if part.kind == "running":
            first = min(first, width - 1)
            last = max(first, last)
        if last >= first:
            yield part, (part.kind, first, last)


def _page(
    longest: int,
    width: int,
    start: datetime,
    end: datetime,
    labels: bool,
    critical: frozenset[str],
    colour: bool,
    ascii: bool,
) -> _Page:
    if not labels:
        bars = width if width >= _LEAST_BARS else 0
        return _Page(start, end, width, 0, bars, 0, critical, colour, ascii)
    label = min(longest, max(8, width * 2 // 5 - _SIGNS))
    duration = _DURATION if width >= _DURATIONS_FROM else 0
    bars = width - label - _SIGNS - (duration + 1 if duration else 0)
    bars = bars if bars >= _LEAST_BARS else 0
    return _Page(start, end, width, label, bars, duration, critical, colour, ascii)


def _label_length(row: Row) -> int:
    name = row.bar.name[:400]
    length = len(name) if name.isascii() else cell_len(printable(name))
    if row.bar.kind == "flow":
        length += len(_addition(row.bar, ascii=False))
    return length + 2 * min(row.depth, DEEPEST_GUIDE) + 2 * row.can_open


def _addition(bar: Bar, ascii: bool) -> str:
    """Return what stands behind the name of a flow: its run, how much it hides."""
    text = ""
    if bar.depth == 0 and bar.run_name:
        text = f" {printable(bar.run_name[:400], ascii=ascii)}"
    if bar.counts:
        text += f" ({sum(number for _, number in bar.counts)})"
    return text


def _line(row: Row, cells: str, page: _Page, labels: bool) -> str:
    if not labels:
        return cells
    bar, glyphs = row.bar, page.glyphs
    look = look_of(bar.state)
    is_critical = not page.critical.isdisjoint(row.members)
    levels = range(1, min(row.depth, DEEPEST_GUIDE) + 1)
    label = branches([bool(row.continues >> level & 1) for level in levels], page.ascii)
    if row.can_open:
        label += f"{glyphs.opened if row.is_open else glyphs.closed} "
    label += printable(bar.name[:400], ascii=page.ascii)
    if bar.kind == "flow":
        label += _addition(bar, page.ascii)
    sign = look.sign_in(page.ascii)
    mark = glyphs.critical if is_critical else " "
    if not page.bars:
        return clip(f"{sign}{mark} {label}", page.width, ascii=page.ascii)
    name = fit(label, page.label, ascii=page.ascii)
    style = "magenta" if is_critical else "bold" if bar.kind == "flow" else ""
    length = f" {clip(length_text(bar), page.duration):>{page.duration}}" if page.duration else ""
    return (
        f"{paint(sign, look.colour, page.colour)}{paint(mark, 'magenta', page.colour)} "
        f"{paint(name, style, page.colour) if style else name} {cells}{length}"
    )


def _spans(
    rows: Sequence[Row], shown: Sequence[Row], ghost: Ghost | None, page: _Page
) -> Iterator[Span]:
    began = run_start(rows[0].bar)
    for index, row in enumerate(shown):
        ended = ghost.end_of(row) if ghost is not None else None
        faint = began + ended if began is not None and ended is not None else None
        at = 0
        for ink, cells in groupby(_ink(row.bar, faint, page)):
            number = len(list(cells))
            if ink is not None:
                yield Span(index, at, at + number - 1, *ink)
            at += number


def _ink(bar: Bar, faint: datetime | None, page: _Page) -> list[Ink | None]:
    """Return what fills each cell of the bars of one row."""
    ink: list[Ink | None] = [None] * page.bars
    parts = list(_parts(bar, page.start, page.end, page.bars))
    kinds: tuple[Literal["waiting", "running"], ...] = ("waiting", "running")
    # Running last: what ran for less than a cell must not vanish below what waited beside it.
    for kind in kinds:
        pen = marker_of(bar, kind, page.ascii), colour_of(bar, kind)
        for _, (what, first, last) in parts:
            if what == kind:
                ink[first : last + 1] = [pen] * (last + 1 - first)
    if not (bar.counts and bar.kind == "task"):
        for cell in _borders(parts, page):
            ink[cell] = page.glyphs.border, colour_of(bar, "running")
    if faint is not None and page.start <= faint <= page.end:
        ink[_cell(faint, page)] = page.glyphs.ghost, "grey"
    if bar.segments and not parts and bar.segments[-1].end <= page.start:
        ink[0] = page.glyphs.earlier, look_of(bar.state).colour
    elif bar.segments and not parts and bar.segments[0].start >= page.end:
        ink[-1] = page.glyphs.later, look_of(bar.state).colour
    return ink


def _borders(parts: Sequence[tuple[Segment, Cells]], page: _Page) -> Iterator[int]:
    """Return the cells where an attempt begins right behind the one before."""
    before: int | None = None
    for part, (kind, first, last) in parts:
        if kind != "running":
            continue
        if before is not None and first <= before + 1 and part.start >= page.start:
            yield first
        before = last


def _cell(time: datetime, page: _Page) -> int:
    cell = round((time - page.start) / (page.end - page.start) * page.bars)
    return min(cell, page.bars - 1)


def _ticks(rows: Sequence[Row], origin: datetime | None, page: _Page) -> list[tuple[float, str]]:
    if origin is None:
        segments = rows[0].bar.segments
        origin = segments[0].start if segments else page.start
    low = (page.start - origin) / timedelta(seconds=1)
    high = (page.end - origin) / timedelta(seconds=1)
    return [
        (min(page.bars - 1, round((seconds - low) / (high - low) * page.bars)), label)
        for seconds, label in elapsed_ticks_between(low, high, page.bars)
    ]
