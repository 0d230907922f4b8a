"""Data and configuration: prepared data, drift, odd days, and the settings in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from tui import memory
from tui.data.anomalies_pane import AnomaliesPane
from tui.data.config_pane import ConfigPane
from tui.data.drift_pane import DriftPane
from tui.data.pane import Pane
from tui.data.sets_pane import SetsPane
from tui.language import tr
from tui.paint import Line, filled, text_of
from tui.view import View

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

# Lines that a pane may need for what is no row of a list: charts, reports.
_BESIDE_ROWS = 48


class DataView(View):
    """Four tabs; each is a pane with lists of its own."""

    name = "data"
    filter_hint = "words that stand in it"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.config = ConfigPane(app)
        self.drift = DriftPane(app)
        self.panes: list[Pane] = [SetsPane(app), self.drift, AnomaliesPane(app), self.config]
        self.pane = self.panes[0]

    def lines(self, width: int, height: int) -> list[Line]:
        """The tabs, and the one that is seen."""
        return filled([self._tabs(), *self.pane.lines(width, height - 1)], height)

    def _tabs(self) -> Line:
        line: Line = [(" ", "")]
        for pane in self.panes:
            style = "tab" if pane is self.pane else "dim"
            line += [(f" {tr(pane.title)} ", style), (" ", "")]
        return line

    def title(self) -> str:
        """Where the cursor stands."""
        return self.pane.place()

    # Asking

    def entered(self) -> None:
        """Ask for what the tab shows."""
        self.pane.ask()

    def tick(self) -> None:
        """Once a second."""
        self.pane.tick()

    def open_tab(self, name: str) -> None:
        """See a tab: "sets", "drift", "anomalies" or "config"."""
        pane = next(pane for pane in self.panes if pane.name == name)
        if pane is not self.pane:
            self.pane = pane
            pane.ask()
            self.app.changed()

    # Moving

    def do_down(self) -> None:
        """One row down."""
        self.pane.do_down()

    def do_up(self) -> None:
        """One row up."""
        self.pane.do_up()

    def do_half_down(self) -> None:
        """Half a page down."""
        self.pane.do_half_down()

    def do_half_up(self) -> None:
        """Half a page up."""
        self.pane.do_half_up()

    def do_top(self) -> None:
        """To the first row."""
        self.pane.do_top()

    def do_bottom(self) -> None:
        """To the last row."""
        self.pane.do_bottom()

    def do_left(self) -> None:
        """To the first list."""
        self.pane.give_focus(0)

    def do_right(self) -> None:
        """To the last list."""
        self.pane.give_focus(-1)

    def do_next_pane(self) -> None:
        """To the next list."""
        self.pane.give_focus(self.pane.focus + 1)

    def do_previous_pane(self) -> None:
        """To the list before."""
        self.pane.give_focus(self.pane.focus - 1)

    def do_next_tab(self) -> None:
        """The next tab."""
        self._turn(1)

    def do_previous_tab(self) -> None:
        """The tab before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        at = self.panes.index(self.pane)
        self.open_tab(self.panes[(at + step) % len(self.panes)].name)

    def do_open(self) -> None:
        """All that is to say about what is selected."""
        self.pane.open()

    # What belongs to one tab is there only while that is seen.

    @property
    def do_edit(self) -> Callable[[], None] | None:
        """Edit the file."""
        return self.config.edit if self.pane is self.config else None

    @property
    def do_only_changed(self) -> Callable[[], None] | None:
        """Only what differs."""
        return self.config.toggle_changed if self.pane is self.config else None

    @property
    def do_check(self) -> Callable[[], None] | None:
        """Check the files."""
        return self.config.check if self.pane is self.config else None

    @property
    def do_drift_now(self) -> Callable[[], None] | None:
        """Look for drift of what serves."""
        return self.drift.look_now if self.pane is self.drift else None

    @property
    def do_drift_pictures(self) -> Callable[[], None] | None:
        """Hold later pictures against those that were learned from, where there are any."""
        is_there = self.pane is self.drift and self.drift.has_pictures
        return self.drift.ask_pictures if is_there else None

    @property
    def do_next_match(self) -> Callable[[], None] | None:
        """The next setting that differs."""
        return self._seek_next if self.pane is self.config else None

    @property
    def do_previous_match(self) -> Callable[[], None] | None:
        """The one before."""
        return self._seek_previous if self.pane is self.config else None

    def _seek_next(self) -> None:
        self.config.seek(1)

    def _seek_previous(self) -> None:
        self.config.seek(-1)

    # Filter, mouse, copying, memory

    def filter_text(self) -> str:
        """The filter of the tab."""
        return self.pane.filter

    def use_filter(self, text: str) -> str:
        """Filter what the tab lists."""
        return self.pane.use_filter(text)

    def click(self, x: int, y: int, *, double: bool) -> None:
        """A tab, or a row."""
        if y > 0:
            self.pane.click(x, y - 1, double=double)
            return
        at = 0
        titles = {f" {tr(pane.title)} ": pane.name for pane in self.panes}
        for text, _ in self._tabs():
            end = at + cell_len(text)
            if text in titles and at <= x < end:
                self.open_tab(titles[text])
            at = end

    def scroll(self, lines: int) -> None:
        """The wheel."""
        self.pane.scroll(lines)

    def subject(self) -> dict[str, str]:
        """What is selected."""
        return self.pane.subject()

    def yanks(self) -> list[tuple[str, str]]:
        """What can be copied of it."""
        return self.pane.yanks()

    def as_data(self) -> Any:
        """What the tab shows."""
        return self.pane.as_data()

    def as_text(self) -> str:
        """All rows of the tab, as on a screen that is long enough."""
        width = max(120, self.size[0])
        lines = self.pane.lines(width, self.pane.rows() + _BESIDE_ROWS)
        return "\n".join(text_of(line).rstrip() for line in lines).rstrip() + "\n"

    def remember(self) -> dict[str, Any]:
        """The tab, and what each keeps."""
        return {"tab": self.pane.name, **{pane.name: pane.remember() for pane in self.panes}}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take that up again."""
        for pane in self.panes:
            pane.restore(memory.part(kept, pane.name))
        tab = memory.text(kept, "tab")
        self.pane = next((pane for pane in self.panes if pane.name == tab), self.panes[0])
