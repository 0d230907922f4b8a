"""A log on the screen: cursor, following, filter, matches, and reading in the background.

Used by the screen Logs and by the tab of a run:

    pane = LogPane(app, LogFile(folder))       # or a MergedLog
    pane.enter(), pane.leave()                 # while it is seen, it reads on
    pane.lines(width, height), pane.title()    # what is seen
    pane.do_follow(), ...                      # every action that a log knows; see `LogActions`
    pane.filter_text(), pane.use_filter(text), pane.scroll(lines), pane.click(x, y)

Only the lines that are seen are read and styled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.language import tr
from tui.listing import Listing
from tui.logs.actions import LogActions
from tui.logs.filter import LogFilter, parse_log_filter
from tui.logs.rows import LogRows, Look
from tui.logs.search import LogSearch, find_error
from tui.logs.source import LogLine, LogSource
from tui.paint import Line, Span, fit, pad, restyle

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_LOOK_SECONDS = 0.1
_SHIFT = 20


class LogPane(LogActions):
    """Shows a source of lines.

    Args:
        app: The application.
        source: The lines.
        is_live: Whether more may be written.
        label: Text and style of the column that names a line's run; None for no such column.
        of_run: Whether a run, by its id, is meant by the text behind `run:`.

    Attributes:
        follows: Whether it stays at the end.
        hides: Whether lines that do not fit the filter are left out.
        search: What the filter found; None while all lines are shown.
        hidden: Runs whose lines are left out; change it by `hide`.
        marked: Places of marked lines.
    """

    def __init__(
        self,
        app: ControlCenter,
        source: LogSource,
        *,
        is_live: Callable[[], bool] = lambda: True,
        label: Callable[[str], Span] | None = None,
        of_run: Callable[[str, str], bool] = lambda run_id, text: True,
    ) -> None:
        self.app = app
        self.source = source
        self.listing = Listing()
        self.search: LogSearch | None = None
        self.hidden: frozenset[str] = frozenset()
        self.marked: set[int] = set()
        self.follows = True
        self.wraps = False
        self.hides = True
        self.shift = 0
        self._is_live = is_live
        self._label = label
        self._of_run = of_run
        self._place: int | None = None
        self._known: tuple[object, ...] = ()
        self.drawn: list[int] = []
        self._widest = 0
        self._made = LogRows()
        self._seen = False
        self._wanted: tuple[int, int] | None = None
        self._wake = asyncio.Event()

    # Reading in the background

    def enter(self) -> None:
        """It is seen: read on."""
        self._seen = True
        self.wake()
        self.app.link.look(f"log {id(self)}", self._keep_up)

    def leave(self) -> None:
        """It is seen no longer."""
        self._seen = False
        self.wake()

    def wake(self) -> None:
        """There may be something new: look at once."""
        self._wake.set()

    async def _keep_up(self) -> None:
        try:
            while self._seen:
                self._wake.clear()
                changed = await asyncio.to_thread(self._work)
                changed = await self._seek_wanted() or changed
                if changed:
                    self.app.changed()
                if self._is_busy:
                    continue
                timeout = _LOOK_SECONDS if self._is_live() else None
                try:
                    async with asyncio.timeout(timeout):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            # A search in a thread ends with it.
            self._seen = False

    def _work(self) -> bool:
        changed = self.source.refresh(_LOOK_SECONDS / 2)
        search = self.search
        return (search.advance(_LOOK_SECONDS / 2) if search is not None else False) or changed

    @property
    def _is_busy(self) -> bool:
        return not self.source.is_whole or (self.search is not None and not self.search.is_done)

    async def _seek_wanted(self) -> bool:
        if self._wanted is None or not self.source.is_whole:
            return False
        wanted = self._wanted
        place, step = wanted

        def goes_on() -> bool:
            return self._seen and self._wanted is wanted

        found = await asyncio.to_thread(find_error, self.source, place, step, goes_on)
        if goes_on():
            self._wanted = None
            if found is None:
                self.app.say(tr("no other error") if place else tr("no error in this log"), "dim")
            else:
                self.go_to(found)
        return True

    def seek_error(self, place: int, step: int) -> None:
        """Go to the nearest error from a place on, once it is found."""
        self._wanted = (place, step)
        self.wake()

    # Rows and the cursor

    def count(self) -> int:
        """How many rows there are: lines, or those that fit."""
        search = self.hiding()
        return self.source.count if search is None else len(search.places)

    def line_at(self, row: int) -> LogLine | None:
        """The line in a row."""
        found = self.rows(row, 1)
        return found[0] if found else None

    def moved(self) -> None:
        """Whoever leaves the end does not want to be taken back to it."""
        if self.follows and self.listing.cursor < self.count() - 1:
            self.follows = False
            self.app.say(tr("follows no longer; f follows again"), "dim")
        self._keep_place()

    def _go(self, step: int) -> None:
        # What came since the last frame belongs to what the user sees as the end.
        self._settle()
        super()._go(step)

    def go_to(self, place: int) -> None:
        """Put the cursor on the line at a place, also if the filter hides it."""
        search = self.hiding()
        if search is not None:
            row = search.row_of(place)
            if row == len(search.places) or search.places[row] != place:
                self.hides = False
        self.follows = False
        first = self.listing.first
        self._place, self._known = place, ()
        self._settle()
        self.listing.first = first
        at = self.listing.cursor
        if not self.listing.first <= at < self.listing.first + self.listing.height:
            # What leads there is as interesting as what follows.
            self.listing.first = max(0, at - self.listing.height // 3)

    def hiding(self) -> LogSearch | None:
        """The search, while lines that do not fit are left out."""
        return self.search if self.hides else None

    def rows(self, first: int, count: int) -> list[LogLine]:
        """So many lines that are shown, from a row on."""
        search = self.hiding()
        if search is None:
            return self.source.lines(first, count)
        return self.source.read(search.places[first : first + count].tolist())

    def _row_of(self, place: int) -> int:
        search = self.hiding()
        return self.source.number_of(place) if search is None else search.row_of(place)

    def _keep_place(self) -> None:
        line = self.line_at(self.listing.cursor)
        self._place = line.place if line is not None else None

    def _settle(self) -> None:
        """Find the cursor's line again when rows have come, gone or got other numbers."""
        count = self.count()
        if self.follows:
            self.listing.cursor = max(0, count - 1)
            self._place = None
            return
        search = self.hiding()
        source = self.source
        known = (source.numbering, source.is_whole, search, len(search.places) if search else 0)
        if self._place is None:
            self._keep_place()
        elif known != self._known:
            row = min(self._row_of(self._place), max(0, count - 1))
            self.listing.first = max(0, self.listing.first + row - self.listing.cursor)
            self.listing.cursor = row
        self._known = known

    # Filter

    def filter_text(self) -> str:
        """The filter in force."""
        return self.search.filter.text if self.search is not None else ""

    def use_filter(self, text: str) -> str:
        """Show only the lines that fit; a text that is not understood changes nothing."""
        found, problem = parse_log_filter(text)
        if not problem and (found.text != self.filter_text() or not self.hides):
            self._search_for(found)
        return problem

    def hide(self, runs: frozenset[str]) -> None:
        """Leave out the lines of these runs."""
        self.hidden = runs
        self._search_for(self.search.filter if self.search is not None else LogFilter())

    def _search_for(self, wanted: LogFilter) -> None:
        if self._place is None:
            self._keep_place()
        is_plain = not wanted.terms and not self.hidden
        self.hides = True
        self.search = (
            None if is_plain else LogSearch(self.source, wanted, self._of_run, self.hidden)
        )
        self.wake()

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """The rows that are seen."""
        self._settle()
        count = self.count()
        self.drawn = []
        if not count:
            return []
        self._made.use(self._look(width, height))
        rows: list[Line] = []
        self._widest = 0
        first = self._first_row(count, height) if self.wraps else None
        window = self.listing.window(count, height)
        start = window.start if first is None else first
        self.listing.first = start
        for row, line in enumerate(self.rows(start, height), start):
            room = height - len(rows)
            if room <= 0:
                break
            shown = self._made.rows(line)[:room]
            self._widest = max(self._widest, self._made.width(line))
            self.drawn += [row] * len(shown)
            rows += self._framed(row, line, shown, width)
        return rows

    def _first_row(self, count: int, height: int) -> int:
        """With wrapped lines, the first row with which the cursor's line is still seen."""
        self.listing.height = height
        cursor = min(max(0, self.listing.cursor), count - 1)
        first = min(self.listing.first, cursor)
        lowest = self._highest_start(cursor, height)
        if count - first <= height:
            # At the end, no room is left below the last line.
            first = min(first, self._highest_start(count - 1, height))
        return max(first, lowest)

    def _highest_start(self, last: int, height: int) -> int:
        """From which row on everything up to the end of row `last` fits."""
        start = max(0, last - height + 1)
        taken, row = 0, last + 1
        for line in reversed(self.rows(start, last - start + 1)):
            taken += len(self._made.rows(line))
            if taken > height:
                break
            row -= 1
        return min(row, last)

    def _look(self, width: int, height: int) -> Look:
        """How lines are shown now."""
        app = self.app
        # Only times in words depend on the present, and on whole seconds of it.
        now = app.now() // 1 if app.time_mode == "ago" else 0.0
        return Look(
            room=max(1, width - self._margin(width)),
            height=height,
            wraps=self.wraps,
            shift=self.shift,
            mode=app.time_mode,
            zone=app.zone,
            now=now,
            patterns=self.search.filter.highlight if self.search is not None else (),
            language=app.chosen_language,
            numbering=self.source.numbering,
        )

    def _margin(self, width: int) -> int:
        return 1 + (0 if self._label is None else self._label_width(width) + 1)

    def _label_width(self, width: int) -> int:
        return 20 if width >= 100 else 14

    def _framed(self, row: int, line: LogLine, shown: list[Line], width: int) -> list[Line]:
        """Rows with their margin: mark and name of the run; the cursor over all of it."""
        mark = "▌" if line.place in self.marked else " "
        under = "cursor" if row == self.listing.cursor else ""
        framed: list[Line] = []
        for at, part in enumerate(shown):
            before: Line = [(mark, "mark")]
            if self._label is not None:
                text, style = self._label(line.run_id) if at == 0 else ("", "")
                before += [(fit(text, self._label_width(width)), style), (" ", "")]
            whole = pad([*before, *part], width)
            framed.append(restyle(whole, under) if under else whole)
        return framed

    def _shift_by(self, direction: int) -> None:
        longest = max(0, self._widest - _SHIFT)
        self.shift = min(max(0, self.shift + direction * _SHIFT), longest)

    def title(self) -> str:
        """Where the cursor stands, and what is followed, filtered and found."""
        count = self.count()
        parts = [f"{min(self.listing.cursor + 1, count):,}/{count:,}"]
        if not self.source.is_whole:
            parts.append(tr("reading"))
        search = self.search
        if search is not None and search.filter.text:
            found = tr("{count} found", count=f"{len(search.places):,}")
            parts.append(f"/{search.filter.text}  {found}")
            if not search.is_done:
                parts.append(tr("searching"))
        if self.follows:
            parts.append(tr("follows the end") if self._is_live() else tr("at the end"))
        if self.wraps:
            parts.append(tr("wrapped"))
        if self.shift:
            parts.append(tr("from column {number}", number=self.shift + 1))
        if self.marked:
            parts.append(tr("{count} marked", count=len(self.marked)))
        return "   ".join(parts)

    # Mouse

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        if self.wraps:
            # Rows are of different heights: the cursor leads.
            self._go(lines)
        else:
            self._settle()
            super().scroll(lines)

    def click(self, x: int, y: int) -> bool:
        """Select the line in a row of the pane; returns whether there is one."""
        if not 0 <= y < len(self.drawn):
            return False
        self.listing.cursor = self.drawn[y]
        self.moved()
        return True
