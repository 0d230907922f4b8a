"""All runs: a list of any length, and a preview that follows the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import ConfigError
from engine.schema import RunInfo
from engine.states import FINAL_STATES
from tui import memory
from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.paint import Align, Line, beside, clip, filled, fit, pad, rule
from tui.run_actions import RunActions
from tui.run_preview import preview_lines
from tui.states import duration, moment, sign, style, word
from tui.view import View

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_PREVIEW_LINES = 7


class RunsView(RunActions, ListKeys, View):
    """The list of runs."""

    name = "runs"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.listing = Listing()
        self.marked: dict[str, RunInfo] = {}
        self._selected: str | None = None
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
        run = self.selected()
        self._selected = run.id if run else None

    def subject(self) -> dict[str, str]:
        """Short ids of what is chosen."""
        runs = self.chosen()
        return {
            "run": " ".join(run.id[:8] for run in runs),
            "flow": runs[0].flow if runs else "",
        }

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """List and preview: beside each other where there is room, else below."""
        if width >= _PANES_FROM:
            left = width * 3 // 5
            right = width - left - 1
            table = self._table(left, height)
            return beside(table, self._preview(right, height), left, right, height)
        below = _PREVIEW_LINES if height >= 16 else 0
        table = self._table(width, height - below)
        if not below:
            return table
        return [*table, rule(width, tr("Preview")), *self._preview(width, below - 1)]

    def _table(self, width: int, height: int) -> list[Line]:
        self._list_width = width
        book = self.app.board.book
        self._keep_cursor_on_its_run()
        columns = _columns(width)
        lines = [_heading(columns, width)]
        self._list_top = 1
        if not len(book):
            return filled([*lines, *_empty(self.app, width)], height)
        for row in self.listing.window(len(book), height - 1):
            run = book.row(row)
            lines.append(self._row(row, run, columns, width))
        return filled(lines, height)

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
        values = _values(self.app, run)
        line: Line = [("▌" if run.id in self.marked else " ", f"mark {under}".strip())]
        for name, size in columns.items():
            text, look = values[name]
            line.append((fit(text, size, _align(name)), f"{look} {under}".strip()))
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
        row = "\t".join(str(value) for value, _ in _values(self.app, run).values())
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
        rows = (_values(self.app, run) for run in self.app.board.book.known())
        return "\n".join("\t".join(str(text) for text, _ in row.values()) for row in rows) + "\n"

    def remember(self) -> dict[str, Any]:
        """Filter and place."""
        return {"filter": self.filter_text(), "run": self._selected or ""}

    def restore(self, kept: dict[str, Any]) -> None:
        """Filter and place of last time."""
        text = memory.text(kept, "filter")
        if text and not problem_of(text):
            self.app.board.book.use_filter(text)
        self._selected = memory.text(kept, "run") or None

    def entered(self) -> None:
        """Ask for what is seen."""
        self.app.board.book.forget_order()


def problem_of(filter_text: str) -> str:
    """What is wrong with a filter, or ""."""
    # Imported late: its language is needed by whoever filters, not to see a list.
    from engine.run_filter import parse_filter

    try:
        parse_filter(filter_text)
    except ConfigError as error:
        return error.what
    return ""


def _columns(width: int) -> dict[str, int]:
    """Which columns there is room for, and how wide they are."""
    columns = {"state": 11, "flow": 11, "name": 16, "model": 12, "began": 11, "took": 9}
    if width >= 100:
        columns["id"] = 8
    rest = width - 2 - sum(columns.values()) - len(columns)
    if rest >= 12:
        columns["said"] = rest - 1
    else:
        columns["name"] += rest
    return columns


_TITLES = {"said": "", "began": "Began", "took": "Took", "id": "Id"}


def _align(column: str) -> Align:
    return "right" if column == "took" else "left"


def _heading(columns: dict[str, int], width: int) -> Line:
    line: Line = [(" ", "column")]
    for name, size in columns.items():
        title = tr(_TITLES.get(name, name.capitalize()))
        line.append((fit(title, size, _align(name)) + " ", "column"))
    return pad(line, width, "column")


def _values(app: ControlCenter, run: RunInfo) -> dict[str, tuple[str, str]]:
    """A run's columns with their styles."""
    now = app.now()
    pace = app.board.pace(run, now)
    slow = run.state not in FINAL_STATES and pace is not None and pace > 1.5
    return {
        "state": (f"{sign(run.state)} {word(run.state)}", style(run.state)),
        "flow": (run.flow, ""),
        "name": (run.name, ""),
        "model": (str(run.parameters.get("model_type") or ""), "accent"),
        "began": (moment(run.started or run.created, app.time_mode, now, app.zone), "dim"),
        "took": (duration(run.started, run.ended, now), "warn" if slow else ""),
        "id": (run.id[:8], "dim"),
        "said": (run.waiting or run.message, "dim"),
    }


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
