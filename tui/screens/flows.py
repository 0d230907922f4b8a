"""The flows: how their runs go, when they are launched by themselves, and a form to launch them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine.schema import FLOW_NAMES, LaunchReply, ScheduleInfo
from tui import memory
from tui.actions import BY_ID
from tui.flows.dry_run import DryRun
from tui.flows.editing import FormEditing
from tui.flows.forms import Forms
from tui.flows.launch_form import LaunchForm
from tui.flows.launcher import Launcher
from tui.flows.layout import FlowLayout
from tui.flows.overview import schedule_details
from tui.flows.rows import Row, rows_of
from tui.flows.schedule_actions import ScheduleActions
from tui.language import tr
from tui.listing import Listing
from tui.overlays.page import Page
from tui.paint import Line, text_of
from tui.prompt import Prompt
from tui.view import View

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.control_center import ControlCenter

_AROUND_LINES = 40
_PANES = ("flows", "schedules", "form")


class FlowsView(ScheduleActions, FormEditing, View):
    """The flows, the schedules, and the form of the selected flow.

    Attributes:
        flow: The selected flow.
        pane: Which of flows, schedules and form the keys are for.
        listing: The cursor in the form.
        schedules: The cursor among the schedules.
        opened: Sections of the form that are unfolded.
        needle: Only fields with this in their name are shown.
    """

    name = "flows"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.flow = "full_flow"
        self.pane = "flows"
        self.listing = Listing()
        self.schedules = Listing()
        self.opened = ["train.hparams"]
        self.needle = ""
        self.forms = Forms(app)
        self.launcher = Launcher(app)
        self._layout = FlowLayout(self)

    # What is seen

    def open(self, flow: str, run_id: str | None = None) -> None:
        """Show the form of a flow; with a run, filled in to launch that again."""
        if flow in FLOW_NAMES:
            self._select(flow)
        self.pane = "form"
        self.needle = ""
        self.listing.cursor = 0
        if run_id is not None:
            self.forms.want_again(self.flow, run_id)
        self.app.changed()

    def entered(self) -> None:
        """Ask for the form, the last run and the schedules."""
        self.forms.want(self.flow, anew=self.forms.is_old(self.flow))
        self.app.link.want_schedules()

    def refreshed(self) -> None:
        """Ask for the form anew: files of the configuration may have changed."""
        self.stop()
        self.forms.want(self.flow, anew=True)
        self.app.link.want_schedules()

    def left(self) -> None:
        """What was being typed stays as it is."""
        self.stop()

    def tick(self) -> None:
        """A run may have been launched elsewhere."""
        self.forms.want_last(self.flow)

    def lines(self, width: int, height: int) -> list[Line]:
        """Flows, form and command."""
        return self._layout.lines(width, height)

    def title(self) -> str:
        """What the keys do in the pane they are for."""
        if self.editor is not None:
            return tr("enter keeps it · esc takes it back · tab completes a path")
        if self.pane == "flows":
            return tr("enter goes into the form")
        if self.pane == "schedules":
            return tr("P pauses or resumes · enter shows the next launches")
        return tr("enter edits · h l choose · / finds a setting · tab other pane")

    def current_form(self) -> LaunchForm | None:
        """The form that is seen."""
        return self.forms.get(self.flow)

    def current_row(self) -> Row | None:
        """What the cursor stands on, while the keys are for the form."""
        rows = self.rows()
        if self.pane != "form" or not rows:
            return None
        self.listing.cursor = min(self.listing.cursor, len(rows) - 1)
        return rows[self.listing.cursor]

    def rows(self) -> list[Row]:
        """The lines of the form."""
        form = self.current_form()
        return rows_of(form, self.opened, self.needle) if form is not None else []

    def typed(self, form: LaunchForm) -> None:
        """Let the engine check what was typed."""
        self.forms.want_check(form)
        self.app.changed()

    def turn_to(self, data_type: str) -> None:
        """Go to the form of another kind of data; what is typed in this one stays there."""
        form = self.current_form()
        if form is None or form.data_type == data_type:
            return
        if form.again is not None:
            self.app.say(tr("a run is launched again on its own kind of data"), "warn")
            return
        self.stop()
        self.needle = ""
        self.listing.cursor = 0
        self.forms.turn(self.flow, data_type)
        self.app.changed()

    def schedule(self) -> ScheduleInfo | None:
        """The schedule that is meant: the selected one, or the first of the selected flow."""
        found = self.app.board.schedules
        if self.pane == "schedules" and found:
            return found[min(self.schedules.cursor, len(found) - 1)]
        return next((one for one in found if one.flow == self.flow), None)

    def subject(self) -> dict[str, str]:
        """Flow and schedule."""
        one = self.schedule()
        return {"flow": self.flow, "schedule": one.name if one else ""}

    def command_of(self, action: Action) -> str:
        """What is done, exactly as it would be."""
        form, one = self.current_form(), self.schedule()
        if action.id == "launch" and form is not None:
            return form.request().command()
        if action.id == "dry-run" and form is not None:
            return f"{form.fresh_request().command()} --dry-run"
        if action.id == "pause-schedule" and one is not None:
            return self.pause_command(one)
        return super().command_of(action)

    # Moving

    def do_down(self) -> None:
        """One line down."""
        self.move(1)

    def do_up(self) -> None:
        """One line up."""
        self.move(-1)

    def do_half_down(self) -> None:
        """Half a page down."""
        self.move(max(1, self.listing.height // 2))

    def do_half_up(self) -> None:
        """Half a page up."""
        self.move(-max(1, self.listing.height // 2))

    def do_top(self) -> None:
        """To the first."""
        self.move(-10_000)

    def do_bottom(self) -> None:
        """To the last: in the form that is the button."""
        self.move(10_000)

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        if self.editor is None:
            self.move(lines)

    def move(self, step: int) -> None:
        """Go up or down in the pane that the keys are for."""
        if self.pane == "flows":
            at = FLOW_NAMES.index(self.flow) + step
            self._select(FLOW_NAMES[min(max(0, at), len(FLOW_NAMES) - 1)])
        elif self.pane == "schedules":
            self.schedules.move(step, len(self.app.board.schedules))
        else:
            self.listing.move(step, len(self.rows()))

    def do_left(self) -> None:
        """Fold, take the choice before, or leave the form."""
        row, form = self.current_row(), self.current_form()
        if row is None or form is None:
            return
        if row.kind == "section" and row.key in self.opened:
            self.opened.remove(row.key)
        elif row.kind != "field" or not self.step(form, form.fields[row.key], -1):
            self.pane = "flows"

    def do_right(self) -> None:
        """Unfold, take the next choice, or go into the form."""
        row, form = self.current_row(), self.current_form()
        if row is None or form is None:
            self.pane = "form"
        elif row.kind == "section" and row.key not in self.opened:
            self.opened.append(row.key)
        elif row.kind == "field":
            self.step(form, form.fields[row.key], 1)

    def do_next_pane(self) -> None:
        """The next pane."""
        self._turn(1)

    def do_previous_pane(self) -> None:
        """The pane before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        panes = [pane for pane in _PANES if pane != "schedules" or self.app.board.schedules]
        at = panes.index(self.pane) if self.pane in panes else 0
        self.pane = panes[(at + step) % len(panes)]

    def _select(self, flow: str) -> None:
        self.stop()
        if flow != self.flow or self.forms.again is not None or self.forms.wanted:
            self.forms.drop_again()
            self.listing = Listing()
        self.flow = flow
        self.forms.want(flow)

    # Acting

    def do_open(self) -> None:
        """Into the form; into a field; fold and unfold; the button launches."""
        if self.pane == "flows":
            self.pane = "form"
            return
        one = self.schedule()
        if self.pane == "schedules":
            if one is not None:
                content = partial(schedule_details, self.app, one)
                self.app.open_overlay(Page(self.app, one.name, content))
            return
        row, form = self.current_row(), self.current_form()
        if row is None or form is None:
            return
        if row.kind == "field":
            self.begin(form, form.fields[row.key])
        elif row.kind == "button":
            self.app.perform(BY_ID["launch"])
        elif row.key in self.opened:
            self.opened.remove(row.key)
        else:
            self.opened.append(row.key)

    def do_back(self) -> None:
        """What is narrowed first, then the run that is launched again, then the form."""
        row = self.current_row()
        if self.needle:
            self.needle = ""
            # What was found stays under the cursor.
            self.go_to(row.key if row is not None else "")
        elif self.forms.again is not None or self.forms.wanted:
            self.forms.drop_again()
            self.forms.want(self.flow)
        else:
            self.pane = "flows"

    def do_launch(self) -> None:
        """Launch what the form says, and go to the run."""
        form = self.current_form()
        if form is None:
            self.app.say(tr("the settings are not known yet"), "warn")
            return
        problems = form.problems()
        if problems:
            key, said = problems[0]
            self.app.say(f"{key}: {said}" if key else said, "bad")
            self.go_to(key)
            # It may have been put right elsewhere.
            form.checked = None
            self.forms.want_check(form)
            return
        self.launcher.launch(form.request(), self._launched)

    def _launched(self, reply: LaunchReply) -> None:
        if self.forms.again is not None:
            self.forms.drop_again()
        if self.app.view is self:
            self.app.open_run(reply.run.id)

    def go_to(self, key: str) -> None:
        """Put the cursor on a field, wherever it is folded away."""
        form = self.current_form()
        if form is None or key not in form.fields:
            return
        self.pane, self.needle = "form", ""
        row = Row("field", key)
        if row not in self.rows():
            self.opened.append(form.fields[key].section)
        rows = self.rows()
        if row in rows:
            self.listing.cursor = rows.index(row)

    def do_dry_run(self) -> None:
        """Show what a launch would do."""
        form = self.current_form()
        if form is not None:
            DryRun(self.app, form).open()

    # Finding, copying, memory

    def do_filter(self) -> None:
        """Type a part of the name of a setting."""
        before = self.needle
        self.pane = "form"
        self.app.ask(
            Prompt(
                "/",
                self.use_filter,
                text=before,
                changed=self.use_filter,
                cancelled=lambda: self._narrow_to(before),
                hint=tr("a part of the name of a setting"),
            )
        )

    def filter_text(self) -> str:
        """What the fields are narrowed by."""
        return self.needle

    def use_filter(self, text: str) -> str:
        """Show only the fields with this in their name."""
        self._narrow_to(text)
        return ""

    def _narrow_to(self, text: str) -> None:
        self.needle = text.strip()
        self.listing.cursor = 0
        self.app.changed()

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select; a double click edits, unfolds or launches."""
        place = self._layout.place_at(x, y)
        if place is None:
            return
        self.stop()
        self.pane = place.pane
        if place.pane == "flows":
            self._select(FLOW_NAMES[place.index])
        elif place.pane == "schedules":
            self.schedules.cursor = place.index
        else:
            self.listing.cursor = place.index
        if double:
            self.do_open()

    def as_text(self) -> str:
        """The whole form, also what is below the last line."""
        lines = self._layout.lines(self.size[0], len(self.rows()) + _AROUND_LINES)
        return "\n".join(text_of(line).rstrip() for line in lines) + "\n"

    def as_data(self) -> Any:
        """The form: values, defaults, differences."""
        form = self.current_form()
        return form.as_data() if form is not None else None

    def remember(self) -> dict[str, Any]:
        """The selected flow, what is unfolded, and what is typed."""
        return {"flow": self.flow, "opened": self.opened, **self.forms.remember()}

    def restore(self, kept: dict[str, Any]) -> None:
        """All of that as it was."""
        flow = memory.text(kept, "flow")
        if flow in FLOW_NAMES:
            self.flow = flow
        if "opened" in kept:
            self.opened = memory.texts(kept, "opened")
        self.forms.restore(kept)
