"""Logs: the lines of all runs as they come, or the whole log of one run."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.schema import RunInfo
from engine.states import FINAL_STATES
from tui import memory
from tui.language import tr
from tui.logs.actions import LogKeys
from tui.logs.file import LogFile
from tui.logs.line import run_style
from tui.logs.merged import MergedLog
from tui.logs.pane import LogPane
from tui.logs.save import write_lines
from tui.logs.side import short_name, side_of_all, side_of_one
from tui.overlays.menu import Choice, Menu
from tui.paint import Line, Span, beside, clip, rule, wrap
from tui.runs.actions import RunActions
from tui.states import sign, size, word
from tui.view import View

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_ENDED_AT_FIRST = 8
_RUNS_SHOWN = 40


class LogsView(LogKeys, RunActions, View):
    """All logs together, until one is opened."""

    name = "logs"
    filter_hint: ClassVar[str] = "word level:error task:train run:otter !word ~regex"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.run_id: str | None = None
        """The run whose log is shown; None: all together."""
        self._merged = MergedLog()
        self._names: dict[str, str] = {}
        self._all = LogPane(
            app,
            self._merged,
            is_live=lambda: self._merged.is_live,
            label=self._label,
            of_run=self._is_of_run,
        )
        self._file: LogFile | None = None
        self._one: LogPane | None = None
        self._revision = -1
        self._seen = False
        self._pane_width = 80

    # Which log

    @property
    def pane(self) -> LogPane:  # type: ignore[override]
        """The log that is shown."""
        return self._one if self._one is not None else self._all

    def open(self, run_id: str, place: int | None = None) -> None:
        """Show the whole log of a run; with a place, from the line there."""
        if run_id != self.run_id or self._one is None:
            self._leave_pane()
            self.run_id = run_id
            self._file = LogFile(self.app.workspace.run_folder(run_id))
            self._one = LogPane(
                self.app,
                self._file,
                is_live=self._is_live,
                of_run=lambda _, text: self._is_of_run(run_id, text),
            )
        if place is not None:
            self.pane.go_to(place)
        if self._seen:
            self._enter_pane()

    def show_all(self) -> None:
        """Show all logs together."""
        self._leave_pane()
        self.run_id = self._file = self._one = None
        if self._seen:
            self._enter_pane()

    def _enter_pane(self) -> None:
        if self.run_id is not None and self.app.board.run(self.run_id) is None:
            self.app.link.want_detail(self.run_id)
        self.pane.enter()

    def _leave_pane(self) -> None:
        self.pane.leave()

    def entered(self) -> None:
        """Read what was written since."""
        self._seen = True
        self._take_runs()
        self._enter_pane()

    def left(self) -> None:
        """Nothing is read while nobody looks."""
        self._seen = False
        self._leave_pane()

    def _is_live(self) -> bool:
        return self._file is not None and not self._file.is_settled

    def _take_runs(self) -> None:
        """Follow the logs of what runs, and of the last that ended."""
        board = self.app.board
        if board.revision == self._revision:
            return
        self._revision = board.revision
        runs = board.newest()
        self._names.update({run.id: f"{run.flow} {run.name}".lower() for run in runs})
        followed = set(self._merged.runs)
        ended = 0
        for run in runs:
            is_over = run.state in FINAL_STATES
            ended += is_over
            if run.started is not None and (
                not is_over or run.id in followed or (not followed and ended <= _ENDED_AT_FIRST)
            ):
                folder = self.app.workspace.run_folder(run.id)
                self._merged.follow(run.id, folder, ended=is_over)
        for run_id in followed - {run.id for run in runs}:
            self._merged.forget(run_id)
        shown = self.shown_run()
        if shown is not None and self._file is not None:
            self._file.ended = shown.state in FINAL_STATES
        self.pane.wake()

    def shown_run(self) -> RunInfo | None:
        """The run whose log is shown, if it is known."""
        return self.app.board.run(self.run_id) if self.run_id is not None else None

    def _shown_runs(self) -> list[RunInfo]:
        """The runs of the merged log, newest first."""
        followed = set(self._merged.runs)
        return [run for run in self.app.board.newest() if run.id in followed][:_RUNS_SHOWN]

    def _label(self, run_id: str) -> Span:
        run = self.app.board.recent.get(run_id)
        return (short_name(run) if run is not None else run_id[:8]), run_style(run_id)

    def _is_of_run(self, run_id: str, text: str) -> bool:
        # Called in a thread: only what does not change under it.
        return run_id.startswith(text) or text.lower() in self._names.get(run_id, "")

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """The log; beside it, where there is room, runs and the line under the cursor."""
        self._take_runs()
        if width < _PANES_FROM:
            return self._log(width, height)
        right = min(60, width // 4)
        left = width - right - 1
        log = self._log(left, height)
        line = self.pane.line_at(self.pane.listing.cursor)
        if self.run_id is not None:
            side = side_of_one(self.app, self.shown_run(), line, right, height)
        else:
            runs, hidden = self._shown_runs(), self._all.hidden
            side = side_of_all(self.app, runs, hidden, line, right, height)
        return beside(log, side, left, right, height)

    def _log(self, width: int, height: int) -> list[Line]:
        self._pane_width = width
        rows = self.pane.lines(width, height - 1)
        return [self._heading(width), *(rows or self._nothing(width))]

    def _heading(self, width: int) -> Line:
        if self._file is None or self.run_id is None:
            runs = self._shown_runs()
            running = sum(run.state not in FINAL_STATES for run in runs)
            hidden = len(self._all.hidden)
            facts = [
                tr("{count} running", count=running) if running else "",
                tr("{count} hidden", count=hidden) if hidden else "",
            ]
            return rule(width, tr("All runs"), " · ".join(fact for fact in facts if fact))
        run = self.shown_run()
        name = f"{run.flow} {run.name} {run.id[:8]}" if run is not None else self.run_id[:8]
        state = f"{sign(run.state)} {word(run.state)}" if run is not None else ""
        facts = [state, size(self._file.size)]
        return rule(width, name, " · ".join(fact for fact in facts if fact))

    def _nothing(self, width: int) -> list[Line]:
        said, hint = self._why_nothing()
        rows: list[Line] = [[], *([(f"  {part}", "strong")] for part in wrap(said, width - 4))]
        return [*rows, [(clip(f"  {hint}", width), "dim")]] if hint else rows

    def _why_nothing(self) -> tuple[str, str]:
        search = self.pane.search
        if not self.pane.source.is_whole:
            return tr("reading"), ""
        if search is not None and not search.is_done:
            return tr("searching"), ""
        if search is not None and self.pane.source.count:
            return tr("No line fits the filter."), tr("esc takes it away; v shows hidden runs")
        board = self.app.board
        if self._file is None:
            if board.status is None:
                return (board.trouble if board.lost is not None else tr("asking for the runs")), ""
            hint = tr("What runs write is shown here as it comes; r starts one, 2 lists them.")
            return tr("Nothing is written at the moment."), hint
        run = self.shown_run()
        if self._file.trouble:
            return self._file.trouble, ""
        if run is not None and run.waiting:
            return tr("It waits: {why}", why=run.waiting), tr("its log appears once it begins")
        if run is not None and run.state in FINAL_STATES:
            return tr("This run left no log."), run.message
        if run is None and board.status is not None:
            return tr("This run is not known; it may have been deleted."), tr("esc shows all runs")
        return tr("Nothing is written yet."), ""

    def title(self) -> str:
        """What the pane says of itself."""
        return self.pane.title()

    # Acting

    def chosen(self) -> list[RunInfo]:
        """The run whose log it is, or that of the line under the cursor."""
        line = self.pane.line_at(self.pane.listing.cursor)
        run_id = self.run_id or (line.run_id if line is not None else "")
        run = self.app.board.run(run_id) if run_id else None
        return [run] if run is not None else []

    def subject(self) -> dict[str, str]:
        """The run that is meant."""
        found: dict[str, str] = {"run": self.run_id[:8]} if self.run_id is not None else {}
        for run in self.chosen():
            found = {"run": run.id[:8], "flow": run.flow}
        return found

    def do_open(self) -> None:
        """From a line of all logs to the same line of its run's log; else all of the line."""
        line = self.pane.line_at(self.pane.listing.cursor)
        origin = self._merged.origin(line.place) if line is not None and not self.run_id else None
        if origin is not None:
            self.open(*origin)
        else:
            self.pane.do_open()

    def do_back(self) -> None:
        """Marks, then the filter, then from one run to all."""
        if not self.pane.do_back() and self.run_id is not None:
            self.show_all()

    def do_all_logs(self) -> None:
        """From all runs to the one of the line, and back."""
        if self.run_id is not None:
            self.show_all()
        else:
            self.do_open()

    def do_next_tab(self) -> None:
        """The log of the next older run."""
        self._step(1)

    def do_previous_tab(self) -> None:
        """The log of the next newer run; before the newest, all together."""
        self._step(-1)

    def _step(self, step: int) -> None:
        runs = [run.id for run in self.app.board.newest() if run.started is not None]
        at = (runs.index(self.run_id) if self.run_id in runs else -1) + step
        if at == -1:
            self.show_all()
        elif 0 <= at < len(runs):
            self.open(runs[at])

    def do_hide_run(self) -> None:
        """Hide the lines of the run under the cursor."""
        runs = self.chosen()
        if self.run_id is None and runs:
            self._toggle(runs[0].id)

    def do_which_runs(self) -> None:
        """Choose whose lines are shown."""
        if self.run_id is not None:
            self.show_all()
        hidden = self._all.hidden
        choices = [Choice(tr("all of them"), "", partial(self._all.hide, frozenset()))]
        for run in self._shown_runs():
            said = tr("hidden") if run.id in hidden else tr("shown")
            label = f"{sign(run.state)} {short_name(run)}"
            choices.append(Choice(label, said, partial(self._toggle_and_ask, run.id)))
        self.app.open_overlay(Menu(self.app, tr("Whose lines are shown"), choices))

    def _toggle_and_ask(self, run_id: str) -> None:
        self._toggle(run_id)
        self.do_which_runs()

    def _toggle(self, run_id: str) -> None:
        self._all.hide(self._all.hidden ^ {run_id})

    # Filter, mouse, copying, saving, memory

    def filter_text(self) -> str:
        """The filter in force."""
        return self.pane.filter_text()

    def use_filter(self, text: str) -> str:
        """Show only the lines that fit."""
        return self.pane.use_filter(text)

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        self.pane.scroll(lines)

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a line, a double click opens it; beside all logs, hide or show a run."""
        if x < self._pane_width:
            if self.pane.click(x, y - 1) and double:
                self.do_open()
            return
        runs = self._shown_runs()
        if self.run_id is None and 1 <= y <= min(len(runs), self.size[1] * 3 // 5 - 1):
            self._toggle(runs[y - 1].id)

    def yanks(self) -> list[tuple[str, str]]:
        """Lines, and the command that prints the log."""
        run = self.subject().get("run", "")
        return self.pane.yanks(f"engine logs {run}" if run else "")

    def as_text(self) -> str:
        """All lines that are shown, also those out of sight."""
        return "".join(f"{text}\n" for text in self.pane.texts())

    def do_save_all(self) -> None:
        """A file of all lines: of one run written in the background, it may be large."""
        if self.run_id is None:
            self.app.actions.do_save_all()
            return
        pane, now = self.pane, datetime.fromtimestamp(self.app.now(), self.app.zone)
        path = Path.cwd() / f"log-{self.run_id[:8]}-{now:%Y%m%d-%H%M%S}.txt"

        async def write() -> str:
            count = await asyncio.to_thread(write_lines, path, pane.texts())
            return tr("saved: {count} lines, {path}", count=f"{count:,}", path=path)

        self.app.act(f"engine logs {self.run_id[:8]} > {path.name}", write)

    def as_data(self) -> Any:
        """The lines of all runs with their runs."""
        if self.run_id is not None:
            return None
        lines = self._merged.lines(0, self._merged.count)
        return [{"run": line.run_id, "line": line.text} for line in lines]

    def remember(self) -> dict[str, Any]:
        """Which log, and how it is looked at."""
        return {
            "run": self.run_id or "",
            "filter": self.filter_text(),
            "wrap": self.pane.wraps,
            "hidden": sorted(self._all.hidden),
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """The same as last time."""
        self._all.hide(frozenset(memory.texts(kept, "hidden")))
        run_id = memory.text(kept, "run")
        if run_id and (self.app.workspace.runs / run_id).parent == self.app.workspace.runs:
            self.open(run_id)
        self.pane.wraps = kept.get("wrap") is True
        self.pane.use_filter(memory.text(kept, "filter"))
