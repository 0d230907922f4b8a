"""What the keys do in a log, and how a view with a log hands its keys on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.logs.line import fold
from tui.logs.source import LogLine
from tui.overlays.page import Page
from tui.paint import Line, clean

if TYPE_CHECKING:
    from tui.control_center import ControlCenter
    from tui.logs.pane import LogPane
    from tui.logs.search import LogSearch
    from tui.logs.source import LogSource

_MOST_MARKED = 1000
_PART = 500


class LogActions(ListKeys):
    """The actions of a pane that shows a log; state and drawing are the pane's."""

    app: ControlCenter
    source: LogSource
    listing: Listing
    search: LogSearch | None
    follows: bool
    wraps: bool
    hides: bool
    shift: int
    marked: set[int]
    drawn: list[int]

    def line_at(self, row: int) -> LogLine | None:
        """The line in a row."""
        raise NotImplementedError

    def rows(self, first: int, count: int) -> list[LogLine]:
        """So many lines that are shown, from a row on."""
        raise NotImplementedError

    def hiding(self) -> LogSearch | None:
        """The search, while lines that do not fit are left out."""
        raise NotImplementedError

    def go_to(self, place: int) -> None:
        """Put the cursor on the line at a place, also if the filter hides it."""
        raise NotImplementedError

    def seek_error(self, place: int, step: int) -> None:
        """Go to the nearest error from a place on, once it is found."""
        raise NotImplementedError

    def use_filter(self, text: str) -> str:
        """Filter by a text; returns what is wrong with it, or ""."""
        raise NotImplementedError

    # Looking

    def do_follow(self) -> None:
        """Stay at the end as the log grows, or stop doing so."""
        self.follows = not self.follows
        said = tr("follows the end") if self.follows else tr("follows no longer; f follows again")
        self.app.say(said, "dim")

    def do_wrap(self) -> None:
        """Break long lines, or let them run out of sight."""
        self.wraps = not self.wraps
        self.shift = 0

    def do_right(self) -> None:
        """See what stands further right."""
        if not self.wraps:
            self._shift_by(1)

    def do_left(self) -> None:
        """Back to the left."""
        self._shift_by(-1)

    def do_open(self) -> None:
        """A line that the filter shows: among its neighbours; else all of a long line."""
        row = self.listing.cursor
        line = self.line_at(row)
        if line is None:
            return
        if self.hides and self.search is not None and self.search.filter.text:
            self.hides = False
            self.go_to(line.place)
            self.app.say(tr("among all lines; n and N go on, esc ends the search"), "dim")
            return
        title = tr("Line {number}", number=f"{row + 1:,}")
        page = Page(self.app, title, partial(_whole, line.text), wide=True)
        self.app.open_overlay(page)

    def do_back(self) -> bool:
        """Marks first, then the filter; returns whether there was anything."""
        if self.marked:
            self.marked.clear()
        elif self.search is not None and self.search.filter.text:
            self.use_filter("")
        else:
            return False
        return True

    # Finding

    def do_first_error(self) -> None:
        """To the first error of the whole log."""
        self.seek_error(0, 1)

    def do_next_match(self) -> None:
        """The next line that fits the filter; without one, the next error."""
        self._to_match(1)

    def do_previous_match(self) -> None:
        """The one before."""
        self._to_match(-1)

    def _to_match(self, step: int) -> None:
        line = self.line_at(self.listing.cursor)
        if line is None:
            return
        search = self.search
        if search is None or not search.filter.text:
            self.seek_error(line.place + (step > 0), step)
            return
        at = search.row_of(line.place + (step > 0)) - (step < 0)
        if 0 <= at < len(search.places):
            self.go_to(search.places[at])
        else:
            said = tr("no other line fits") if search.is_done else tr("none found so far")
            self.app.say(said, "dim")

    # Marking

    def do_mark(self) -> None:
        """Mark the line, or take the mark away, and go on."""
        line = self.line_at(self.listing.cursor)
        if line is None:
            return
        if line.place in self.marked:
            self.marked.remove(line.place)
        elif len(self.marked) < _MOST_MARKED:
            self.marked.add(line.place)
        self.do_down()

    def do_unmark_all(self) -> None:
        """Take all marks away."""
        self.marked.clear()

    # Moving

    def moved(self) -> None:
        """Whoever leaves the end does not want to be taken back to it."""
        raise NotImplementedError

    def _shift_by(self, direction: int) -> None:
        raise NotImplementedError

    # Copying and saving

    def yanks(self, command: str) -> list[tuple[str, str]]:
        """The line, the marked and the seen ones, and the command that prints the log."""
        line = self.line_at(self.listing.cursor)
        if line is None:
            return [("command", command)] if command else []
        seen = self.rows(self.drawn[0], len(set(self.drawn))) if self.drawn else []
        found = [("line", line.text), ("visible lines", _joined(seen))]
        if self.marked:
            found.append(("marked lines", _joined(self.source.read(sorted(self.marked)))))
        return [*found, ("command", command)] if command else found

    def texts(self) -> Iterator[str]:
        """All lines that are shown, also those out of sight, as they stand in the log."""
        search = self.hiding()
        if search is None:
            for block in self.source.blocks(0):
                if isinstance(block, list):
                    yield from (line.text for line in block)
                else:
                    for raw in block.content.removesuffix(b"\n").split(b"\n"):
                        yield raw.decode("utf-8", errors="replace")
            return
        places = search.places.tolist()
        for start in range(0, len(places), _PART):
            yield from (line.text for line in self.source.read(places[start : start + _PART]))


@lru_cache(2)
def _whole(text: str, width: int) -> list[Line]:
    """All of a line, however long."""
    return fold([(clean(text, len(text)), "")], max(10, width), len(text))


def _joined(lines: list[LogLine]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


_HANDED_ON = (
    "follow", "wrap", "right", "left", "open", "first_error", "next_match", "previous_match",
    "mark", "unmark_all", "down", "up", "half_down", "half_up", "top", "bottom",
)  # fmt: skip


class LogKeys:
    """For a view whose log has the keys: a method for each action of `pane`."""

    pane: LogPane


def _hand_on(name: str) -> Callable[[Any], None]:
    def perform(view: LogKeys) -> None:
        getattr(view.pane, name)()

    perform.__doc__ = getattr(LogActions, name).__doc__
    return perform


for _name in _HANDED_ON:
    setattr(LogKeys, f"do_{_name}", _hand_on(f"do_{_name}"))
