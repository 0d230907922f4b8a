"""All runs: a list of any length, and a preview that follows the cursor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import ConfigError
from engine.schema import RunInfo
from tui import memory
from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.paint import Line, beside, clip, filled, fit, pad, rule
from tui.runs.actions import RunActions
from tui.runs.columns import align_of, columns_for, heading, values_of
from tui.runs.comparison import compare_runs
from tui.runs.preview import preview_lines
from tui.runs.timeline import FlowsTimeline, TimelineKeys
from tui.view import View

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.control_center import ControlCenter

_PANES_FROM = 140
_BOTH_FROM = 30
_BELOW = 7
# A cursor that rests for this long wants to know more of the run.
_REST_SECONDS = 0.2
# Rows that have not come after this long are shown as missing.
_PATIENCE_SECONDS = 0.3


class RunsView(TimelineKeys, RunActions, ListKeys, View):
    """The list of runs."""

    name = "runs"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.listing = Listing()
        self.marked: dict[str, RunInfo] = {}
        self._selected: str | None = None
        self.timeline = FlowsTimeline(app)
        self._shows_timeline = False
        self._rest: Timer | None = None
        self._table_lines: list[Line] = []
        self._table_size = (0, 0)
        self._waits_since: float | None = None
        self._list_top = 0
        self._list_width = 80

    # What is selected

    def count(self) -> int:
        """How many runs fit the filter."""
        return len(self.app.board.book)

    def selected(self) -> RunInfo | None:
        """The run under the cursor."""
        return self.app.board.book.row(self.listing.cursor)

    def chosen(self) -> list[RunInfo]:
        """The marked runs, or else the one under the cursor."""
        run = self.selected()
        return list(self.marked.values()) or ([run] if run else [])

    def moved(self) -> None:
        """Remember which run is meant: new ones push it down the list."""
        run, before = self.selected(), self._selected
        self._selected = run.id if run else None
        is_known = run is None or run.id in self.app.board.details
        # At the top every frame asks; it must not put off what is awaited for the same run.
        if self._selected == before and (self._rest is not None or is_known):
            return
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.app.set_timer(_REST_SECONDS, self._rested)

    def _rested(self) -> None:
        """Fetch the steps of the run that is looked at; once is enough for one that has ended."""
        self._rest = None
        board, run = self.app.board, self.selected()
        if self.app.view is self and run is not None and run.id not in board.details:
            self.app.link.want_detail(run.id)

    def subject(self) -> dict[str, str]:
        """Short ids of what is chosen."""
        runs = self.chosen()
        return {
            "run": " ".join(run.id[:8] for run in runs),
            "flow": runs[0].flow if runs else "",
        }

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """List, preview and timeline: beside each other where there is room, else below."""
        if width >= _PANES_FROM:
            left = width * 3 // 5
            right = width - left - 1
            timeline = self.timeline.lines(right)
            preview = filled(self._preview(right, height - len(timeline)), height - len(timeline))
            return beside(self._table(left, height), [*preview, *timeline], left, right, height)
        if height >= _BOTH_FROM:
            timeline = self.timeline.lines(width)
            preview = [rule(width, tr("Preview")), *filled(self._preview(width, 9), 9)]
            table = self._table(width, height - len(preview) - len(timeline))
            return [*table, *preview, *timeline]
        below = _BELOW if height >= 16 else 0
        return [*self._table(width, height - below), *self._foot(width, below)]

    def _foot(self, width: int, height: int) -> list[Line]:
        """Where there is room for one only: preview or timeline, by the keys of tabs."""
        if not height:
            return []
        timeline = self.timeline.lines(width, labels=False) if self._shows_timeline else []
        if timeline:
            return filled(timeline, height)
        title = rule(width, tr("Preview"), tr("] timeline"))
        return filled([title, *self._preview(width, height - 1)], height)

    def _table(self, width: int, height: int) -> list[Line]:
        self._list_width = width
        book = self.app.board.book
        self._keep_cursor_on_its_run()
        columns = columns_for(width, self.app.time_mode)
        lines = [heading(columns, width)]
        self._list_top = 1
        if not len(book):
            return filled([*lines, *_empty(self.app, width)], height)
        rows = self.listing.window(len(book), height - 1)
        runs = [book.row(row) for row in rows]
        if not self._wait_for(runs, width, height):
            seen = zip(rows, runs, strict=True)
            lines += [self._row(row, run, columns, width) for row, run in seen]
            self._table_lines = filled(lines, height)
        return self._table_lines

    def _wait_for(self, runs: list[RunInfo | None], width: int, height: int) -> bool:
        """Whether what was seen stays a moment longer, because the new rows are on their way.

        They come within some thousandths of a second: to paint blank rows before them costs twice
        the bytes, and flickers.
        """
        is_whole = all(run is not None for run in runs)
        now = time.monotonic()
        if is_whole or (width, height) != self._table_size:
            self._table_size, self._waits_since = (width, height), None
            return False
        if self._waits_since is None:
            self._waits_since = now
        return bool(self._table_lines) and now - self._waits_since < _PATIENCE_SECONDS

    def _keep_cursor_on_its_run(self) -> None:
        book = self.app.board.book
        if self._selected is None:
            self.moved()
            return
        at = book.index_of(self._selected)
        # At the very top one wants to see what is new.
        if at is not None and at != self.listing.cursor and self.listing.cursor > 0:
            shift = at - self.listing.cursor
            self.listing.cursor = at
            self.listing.first = max(0, self.listing.first + shift)
        elif at is None or self.listing.cursor == 0:
            self.moved()

    def _row(self, row: int, run: RunInfo | None, columns: dict[str, int], width: int) -> Line:
        under = "cursor" if row == self.listing.cursor else ""
        if run is None:
            return pad([("  ···", f"dim {under}".strip())], width, under)
        values = values_of(self.app, run)
        is_marked = run.id in self.marked
        line: Line = [("▌", f"mark {under}".strip()) if is_marked else (" ", under)]
        for name, size in columns.items():
            text, look = values[name]
            line.append((fit(text, size, align_of(name)), f"{look} {under}".strip()))
            line.append((" ", under))
        return pad(line, width, under)

    def _preview(self, width: int, height: int) -> list[Line]:
        run = self.selected()
        return [] if run is None else preview_lines(self.app, run, width, height)

    def title(self) -> str:
        """Where the cursor stands, and what is filtered and marked."""
        book = self.app.board.book
        if book.total is None:
            return tr("asking for the runs")
        parts = [f"{min(self.listing.cursor + 1, book.total):,}/{book.total:,}"]
        if book.filter:
            parts.append(f"/{book.filter}")
        if self.marked:
            parts.append(tr("{count} marked", count=len(self.marked)))
        return "   ".join(parts)

    # Acting

    def do_open(self) -> None:
        """Go to the run."""
        run = self.selected()
        if run is not None:
            self.app.open_run(run.id)

    def do_mark(self) -> None:
        """Mark the run, or take the mark away, and go on."""
        run = self.selected()
        if run is None:
            return
        if self.marked.pop(run.id, None) is None:
            self.marked[run.id] = run
        self.do_down()

    def do_unmark_all(self) -> None:
        """Take all marks away."""
        self.marked.clear()

    def do_back(self) -> None:
        """Marks first, then the filter."""
        if self.marked:
            self.marked.clear()
        elif self.filter_text():
            self.use_filter("")

    def do_compare(self) -> None:
        """The marked runs side by side."""
        compare_runs(self.app, list(self.marked.values()))

    def do_next_tab(self) -> None:
        """Preview or timeline, where there is room for one only."""
        self._shows_timeline = not self._shows_timeline

    do_previous_tab = do_next_tab

    def do_next_match(self) -> None:
        """The next run that ended badly: what people look for in a long list."""
        self._seek(1)

    def do_previous_match(self) -> None:
        """The one before."""
        self._seek(-1)

    def _seek(self, step: int) -> None:
        at = self.listing.cursor + step
        while 0 <= at < self.count():
            run = self.app.board.book.row(at)
            if run is None:
                break
            if run.state in ("FAILED", "CRASHED"):
                self.listing.cursor = at
                self.moved()
                return
            at += step
        self.app.say(tr("no other failed run among those that were looked at"), "dim")

    def do_delete(self) -> None:
        """Delete runs that have ended, after asking."""
        self.delete(self.chosen(), self.marked.clear)

    # Filtering, mouse, memory

    def filter_text(self) -> str:
        """The filter in force."""
        return self.app.board.book.filter

    def use_filter(self, text: str) -> str:
        """Show only the runs that fit; a text that is not understood changes nothing."""
        problem = problem_of(text)
        if problem:
            return problem
        self.app.board.book.use_filter(text.strip())
        self._selected = None
        self.listing.cursor = 0
        self.app.changed()
        return ""

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select; a double click opens."""
        row = self.listing.row_at(y - self._list_top, self.count())
        if row is not None and x < self._list_width:
            self.listing.cursor = row
            self.moved()
            if double:
                self.do_open()

    def yanks(self) -> list[tuple[str, str]]:
        """Id, row, JSON, command."""
        run = self.selected()
        if run is None:
            return []
        row = "\t".join(str(value) for value, _ in values_of(self.app, run).values())
        return [
            ("id", run.id),
            ("row", row),
            ("JSON", msgspec.json.encode(run).decode()),
            ("command", f"engine run show {run.id}"),
            ("message", run.message or run.waiting),
        ]

    def as_data(self) -> Any:
        """The runs in memory."""
        return self.app.board.book.as_data()

    def as_text(self) -> str:
        """The runs in memory, a line each."""
        rows = (values_of(self.app, run) for run in self.app.board.book.known())
        return "\n".join("\t".join(str(text) for text, _ in row.values()) for row in rows) + "\n"

    def remember(self) -> dict[str, Any]:
        """Filter and place."""
        return {
            "filter": self.filter_text(),
            "run": self._selected or "",
            "timeline": self.timeline.remember(),
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Filter and place of last time."""
        text = memory.text(kept, "filter")
        if text and not problem_of(text):
            self.app.board.book.use_filter(text)
        self._selected = memory.text(kept, "run") or None
        self.timeline.restore(memory.part(kept, "timeline"))

    def entered(self) -> None:
        """Ask for what is seen."""
        self.app.board.book.forget_order()

    def tick(self) -> None:
        """Load the chart library, after the first data stand there."""
        if self.app.board.recent and not self.timeline.can_draw():
            self.app.link.look("charts", self.timeline.prepare)


def problem_of(filter_text: str) -> str:
    """What is wrong with a filter, or ""."""
    # Imported late: its language is needed by whoever filters, not to see a list.
    from engine.run_filter import parse_filter

    try:
        parse_filter(filter_text)
    except ConfigError as error:
        return error.what
    return ""


def _empty(app: ControlCenter, width: int) -> list[Line]:
    board = app.board
    if board.book.total is None:
        said = board.trouble if board.lost is not None else tr("asking for the runs")
        return [[], [(clip("  " + said, width), "dim")]]
    if board.book.filter:
        return [[], [("  ", ""), (tr("no run fits the filter; esc takes it away"), "dim")]]
    return [
        [],
        [("  ", ""), (tr("No runs yet."), "strong")],
        [("  ", ""), ("r", "key"), ("  " + tr("starts one: full_flow trains and deploys"), "")],
    ]
