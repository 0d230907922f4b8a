"""One run: its steps over time, and its log, parameters, curves, results and mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from engine.schema import RunInfo
from engine.states import FINAL_STATES
from tui import memory
from tui.language import tr
from tui.logs.pane import LogPane
from tui.overlays.page import Page
from tui.paint import Line
from tui.run.drawing import RunDrawing
from tui.run.facts import RunFacts
from tui.run.layout import step_of
from tui.run.panes import Pane, PaneKeys
from tui.run.tabs import TABS, Tabs
from tui.run.timeline import RunTimeline
from tui.runs.actions import RunActions

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_LOOK_AGAIN_SECONDS = 5
_ZOOM = 2.0
_PAN = 0.25
_TEXT_WIDTH = 120


class RunView(RunActions, PaneKeys, RunDrawing):
    """A run with its timeline and tabs."""

    name = "run"
    filter_hint: ClassVar[str] = "word state:failed !word"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self._ticks = 0
        self._is_of_last_time = False

    # Which run

    def open(self, run_id: str) -> None:
        """Show a run; an unambiguous beginning of its id is enough."""
        if self.facts is None or self.facts.run_id != run_id:
            self._leave_log()
            self.facts = RunFacts(self.app, run_id)
            self.tabs = Tabs(self.app, self.facts)
            shows_critical, self.timeline = self.timeline.shows_critical, RunTimeline()
            self.timeline.shows_critical = shows_critical
        self._is_of_last_time = False
        self.facts.want_detail()

    def chosen(self) -> list[RunInfo]:
        """This run."""
        run = self.run()
        return [run] if run else []

    def subject(self) -> dict[str, str]:
        """Short id and flow."""
        run = self.run()
        return {"run": run.id[:8], "flow": run.flow} if run else {}

    def lines(self, width: int, height: int) -> list[Line]:
        """What is seen; where no run was opened, the one that runs or ran last."""
        if self.facts is None or (self._is_of_last_time and self.facts.missing):
            self._open_newest()
        return super().lines(width, height)

    def entered(self) -> None:
        """Ask for the run."""
        if self.facts is not None:
            self.facts.want_detail()

    def left(self) -> None:
        """Nothing is read while nobody looks."""
        self._leave_log()

    def _leave_log(self) -> None:
        if self.tabs is not None:
            self.tabs.leave()

    def refreshed(self) -> None:
        """Ask for everything anew."""
        if self.facts is not None:
            self.facts.forget()
        self.entered()

    def tick(self) -> None:
        """Look again now and then: what it uses and why it waits changes without an event."""
        self._ticks += 1
        if self.facts is None or self.app.board.lost is not None:
            return
        self.facts.retry()
        run = self.run()
        is_gone = run is None and not self.facts.missing
        is_open = run is not None and run.state not in FINAL_STATES
        if is_gone or (is_open and self._ticks % _LOOK_AGAIN_SECONDS == 0):
            self.facts.want_detail()

    def _open_newest(self) -> None:
        board = self.app.board
        found = board.open_runs()[-1:] or board.newest()[:1]
        if found:
            self.open(found[0].id)

    # Moving

    def pane(self) -> Pane:
        """The timeline, or the tab that has the keys."""
        shown = self.shown_tab()
        on_timeline = not self.beside if self.is_wide else shown == "timeline"
        found = None if on_timeline or self.tabs is None else self.tabs.pane(shown)
        return self.timeline if found is None else found

    def log(self) -> LogPane | None:
        """The log, where it has the keys."""
        log = self.tabs.log if self.tabs is not None else None
        return log if self.pane() is log else None

    def do_open(self) -> None:
        """Open or close a group or flow; of a task, or a line of the log, show all of it."""
        log = self.log()
        if log is not None:
            log.do_open()
        elif self.pane() is self.timeline and not self.timeline.toggle():
            self._open_step()

    def _open_step(self) -> None:
        row = self.timeline.selected()
        if row is not None:
            self.app.open_overlay(Page(self.app, row.bar.name, self.step))

    def do_fold(self) -> None:
        """Open or close the group or flow under the cursor."""
        if not self.timeline.toggle():
            self.app.say(tr("there is nothing to fold here"), "dim")

    def do_left(self) -> None:
        """Close what is open, or go to what the row lies in; in the log, back to the left."""
        log = self.log()
        if log is not None:
            log.do_left()
        elif self.pane() is self.timeline:
            self.timeline.close()

    def do_right(self) -> None:
        """Open what is closed; in the log, see what stands further right."""
        log = self.log()
        if log is not None:
            log.do_right()
        elif self.pane() is self.timeline:
            self.timeline.open()

    def do_next_tab(self) -> None:
        """The tab to the right."""
        self._turn(1)

    def do_previous_tab(self) -> None:
        """The tab to the left."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        names = self.tab_names()
        self.tab = names[(names.index(self.shown_tab()) + step) % len(names)]

    def do_next_pane(self) -> None:
        """From the timeline to the tab beside it, and back."""
        if self.is_wide:
            self.beside = not self.beside
        else:
            self._turn(1)

    def do_previous_pane(self) -> None:
        """The same backwards."""
        if self.is_wide:
            self.beside = not self.beside
        else:
            self._turn(-1)

    def do_back(self) -> None:
        """Filter first, then the tab, then the screen."""
        log = self.log()
        if log is not None and log.do_back():
            return
        if self.timeline.filter and self.pane() is self.timeline:
            self.use_filter("")
        elif self.is_wide and self.beside:
            self.beside = False
        elif not self.is_wide and self.tab != "timeline":
            self.tab = "timeline"
        else:
            self.app.actions.do_back()

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a tab or a row; a double click opens the row."""
        kind, which = self.place_at(x, y)
        if kind == "tab":
            self.tab = str(which)
        elif kind == "row":
            self.beside = False
            self.timeline.listing.cursor = int(which)
            self.timeline.moved()
            if double:
                self.do_open()
        elif kind == "pane" and self.is_wide:
            self.beside = True

    # The timeline

    def do_zoom_in(self) -> None:
        """Closer, around the step under the cursor."""
        self.timeline.zoom(_ZOOM)

    def do_zoom_out(self) -> None:
        """Farther away."""
        self.timeline.zoom(1 / _ZOOM)

    def do_pan_left(self) -> None:
        """Earlier."""
        self.timeline.pan(-_PAN)

    def do_pan_right(self) -> None:
        """Later."""
        self.timeline.pan(_PAN)

    def do_zoom_all(self) -> None:
        """All of the time."""
        self.timeline.zoom_all()

    def do_critical(self) -> None:
        """Mark what decided when the run ended, or no longer."""
        self.timeline.mark_critical(not self.timeline.shows_critical)

    def do_ghost(self) -> None:
        """Draw where the steps of the run before ended, or no longer."""
        self.shows_ghost = not self.shows_ghost

    # The log

    def _show_log(self) -> LogPane | None:
        """The log, with the keys; None where the run is not known yet."""
        log = self.tabs.log if self.tabs is not None else None
        if log is not None:
            self.tab, self.beside = "logs", True
        return log

    def do_follow(self) -> None:
        """Show the end of the log, and stay there as it grows; again: no longer."""
        is_there = self.shown_tab() == "logs"
        log = self._show_log()
        if log is not None and is_there:
            log.do_follow()
        elif log is not None:
            log.follows = True

    def do_wrap(self) -> None:
        """Break long lines of the log, or let them run out of sight."""
        log = self._show_log()
        if log is not None:
            log.do_wrap()

    def do_first_error(self) -> None:
        """Go to the first line of the log that tells of a mistake."""
        log = self._show_log()
        if log is not None:
            log.do_first_error()

    def do_next_match(self) -> None:
        """The next step that ended badly; in the log, the next line that fits or errs."""
        log = self.log()
        if log is not None:
            log.do_next_match()
        else:
            self._seek_step(1)

    def do_previous_match(self) -> None:
        """The one before."""
        log = self.log()
        if log is not None:
            log.do_previous_match()
        else:
            self._seek_step(-1)

    def _seek_step(self, step: int) -> None:
        if not self.timeline.seek_bad(step):
            self.app.say(tr("no more failures that way"), "dim")

    # Filter, copying, saving, memory

    def filter_text(self) -> str:
        """The filter of the log where that has the keys, else of the steps."""
        log = self.log()
        return self.timeline.filter if log is None else log.filter_text()

    def use_filter(self, text: str) -> str:
        """Show only the steps, or the lines of the log, that fit."""
        log = self.log()
        if log is not None:
            return log.use_filter(text)
        self.timeline.use_filter(text)
        self.app.changed()
        return ""

    def title(self) -> str:
        """Where the cursor stands."""
        log = self.log()
        if log is not None:
            return log.title()
        count = len(self.timeline.rows)
        return f"{self.timeline.listing.cursor + 1:,}/{count:,}" if count else ""

    def yanks(self) -> list[tuple[str, str]]:
        """Id, JSON, command, folder, error, step, log."""
        run, detail, row = self.run(), self.detail(), self.timeline.selected()
        if run is None:
            return []
        found = [("id", run.id), ("command", f"engine run show {run.id}")]
        found.append(("JSON", msgspec.json.encode(detail or run).decode()))
        if detail is not None:
            found.append(("folder", detail.folder))
        if run.message:
            found.append(("error", run.message))
        if row is not None and detail is not None:
            step = step_of(detail, row)
            found.append(("step", msgspec.json.encode(step or row.bar.to_dict()).decode()))
        log = self.log()
        return found + (log.yanks("") if log is not None else [])

    def as_data(self) -> Any:
        """Everything about the run."""
        detail = self.detail()
        return None if detail is None else msgspec.to_builtins(detail)

    def as_text(self) -> str:
        """All steps, or all of the tab that has the keys."""
        detail, tabs = self.detail(), self.tabs
        if detail is None or tabs is None:
            return ""
        if self.pane() is not self.timeline:
            return tabs.as_text(self.shown_tab())
        return self.timeline.as_text(_TEXT_WIDTH)

    def remember(self) -> dict[str, Any]:
        """Run and tab."""
        return {"run": self.facts.run_id if self.facts else "", "tab": self.tab}

    def restore(self, kept: dict[str, Any]) -> None:
        """Run and tab of last time."""
        tab = memory.text(kept, "tab", "timeline")
        self.tab = tab if tab in TABS else "timeline"
        run_id = memory.text(kept, "run")
        if run_id:
            self._is_of_last_time = True
            self.facts = RunFacts(self.app, run_id)
            self.tabs = Tabs(self.app, self.facts)
