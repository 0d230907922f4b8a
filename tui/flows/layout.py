"""Where everything of the screen of flows stands, at every size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.schema import FLOW_NAMES
from tui.flows.launch_form import LaunchForm
from tui.flows.launcher import prospect
from tui.flows.lines import (
    button_line,
    detail_lines,
    difference_lines,
    field_line,
    section_line,
)
from tui.flows.overview import flow_lines, schedule_line
from tui.language import tr
from tui.paint import Line, beside, clip, pad, rule, width_of, wrap

if TYPE_CHECKING:
    from tui.screens.flows import FlowsView

_TWO_FROM, _THREE_FROM = 100, 140
_LEFT = 38
_SCHEDULES_SEEN = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a pane on the screen, for the mouse."""

    left: int
    right: int
    line: int
    pane: str
    index: int


class FlowLayout:
    """Draws the screen and remembers what stands where.

    Args:
        view: Whose state is drawn.
    """

    def __init__(self, view: FlowsView) -> None:
        self._view = view
        self.places: list[Place] = []

    def place_at(self, x: int, y: int) -> Place | None:
        """What stands at a column and line."""
        return next((p for p in self.places if p.line == y and p.left <= x < p.right), None)

    def lines(self, width: int, height: int) -> list[Line]:
        """The whole screen."""
        self.places = []
        below = self._command(width, 2 if height < 26 else 3)
        room = height - len(below)
        body = self._narrow(width, room) if width < _TWO_FROM else self._wide(width, room)
        body += [[] for _ in range(room - len(body))]
        return [*body[:room], *below]

    def _wide(self, width: int, height: int) -> list[Line]:
        third = min(56, width // 3 - 4) if width >= _THREE_FROM else 0
        middle = width - _LEFT - 1 - (third + 1 if third else 0)
        left = self._left(height)
        form = self._form(_LEFT + 1, 0, middle, height, detail=0 if third else 8)
        right = third + 1 + middle if third else middle
        if third:
            form = beside(form, self._about(third, height), middle, third, height)
        return beside(left, form, _LEFT, right, height)

    def _narrow(self, width: int, height: int) -> list[Line]:
        """One above the other; of the flows only their names while the form is filled in."""
        if self._view.pane == "form" and height < 30:
            top = [self._strip(width)]
        else:
            top = self._flows(width, 1, 0)
            seen = min(_SCHEDULES_SEEN, len(self._view.app.board.schedules))
            if seen:
                top.append(rule(width, tr("Schedules")))
                top += self._schedules(width, seen, len(top))
        rest = height - len(top)
        detail = 0 if rest < 8 else 3 if rest < 20 else 6
        return [*top, *self._form(0, len(top), width, rest, detail=detail)]

    # Flows and schedules

    def _left(self, height: int) -> list[Line]:
        wanted = len(self._view.app.board.schedules) or 1
        tall = 3 if height >= 18 + min(wanted, 6) + 1 else 2 if height >= 14 else 1
        lines = [rule(_LEFT, tr("Flows")), *self._flows(_LEFT, tall, 1)]
        lines.append(rule(_LEFT, tr("Schedules")))
        return [*lines, *self._schedules(_LEFT, height - len(lines), len(lines))]

    def _flows(self, width: int, tall: int, top: int) -> list[Line]:
        lines: list[Line] = []
        for index, flow in enumerate(FLOW_NAMES):
            under = self._under("flows", flow == self._view.flow)
            for line in flow_lines(self._view.app, flow, width, tall, under):
                self.places.append(Place(0, width, top + len(lines), "flows", index))
                lines.append(line)
        return lines

    def _strip(self, width: int) -> Line:
        """The names of the flows in one line."""
        line: Line = [(" ", "")]
        is_tight = width < 80
        for index, flow in enumerate(FLOW_NAMES):
            start = width_of(line)
            name = flow.removesuffix("_flow") if is_tight else flow
            line.append((f" {name} ", "tab" if flow == self._view.flow else "dim"))
            line.append((" ", ""))
            self.places.append(Place(start, width_of(line), 0, "flows", index))
        return pad(line, width)

    def _schedules(self, width: int, height: int, top: int) -> list[Line]:
        found = self._view.app.board.schedules
        if not found:
            say = tr("none; engine schedule add FLOW --cron ...")
            return [[(f" {text}", "dim")] for text in wrap(say, width - 2)][: max(0, height)]
        lines: list[Line] = []
        for row in self._view.schedules.window(len(found), max(1, height)):
            under = self._under("schedules", row == self._view.schedules.cursor)
            self.places.append(Place(0, width, top + len(lines), "schedules", row))
            lines.append(schedule_line(self._view.app, found[row], width, under))
        return lines

    def _under(self, pane: str, is_selected: bool) -> str:
        if not is_selected:
            return ""
        if self._view.pane == pane:
            return "cursor"
        # Which flow the form is of stays marked; a schedule means something only while chosen.
        return "idle-cursor" if pane == "flows" else ""

    # The form

    def _form(self, left: int, top: int, width: int, height: int, *, detail: int) -> list[Line]:
        view = self._view
        form = view.current_form()
        lines = [rule(width, self._form_title(form), self._form_note(form))]
        if form is None:
            return [*lines, *self._missing(width)]
        rows = view.rows()
        room = max(1, height - 1 - (detail + 1 if detail else 0))
        for number in view.listing.window(len(rows), room):
            row = rows[number]
            here = number == view.listing.cursor
            under = "" if not here else "cursor" if view.pane == "form" else "idle-cursor"
            self.places.append(Place(left, left + width, top + len(lines), "form", number))
            if row.kind == "field":
                editor = view.editor if view.edited == row.key else None
                line = field_line(form, form.fields[row.key], width, under, editor)
            elif row.kind == "section":
                opened = bool(view.needle) or row.key in view.opened
                line = section_line(form, row.key, width, under, opened)
            else:
                line = button_line(width, under, self.prospect(form))
            lines.append(line)
        if detail:
            lines += [[] for _ in range(room + 1 - len(lines))]
            row = rows[view.listing.cursor]
            lines.append(rule(width, row.key if row.kind != "button" else tr("Launch")))
            lines += detail_lines(form, row, width, detail, view.offers())
        return lines

    def _about(self, width: int, height: int) -> list[Line]:
        """What is known of the field under the cursor, and what the form differs from."""
        form = self._view.current_form()
        if form is None:
            return [rule(width)]
        row = self._view.rows()[self._view.listing.cursor]
        differences = difference_lines(self._view.app, form, width)
        room = max(6, height - len(differences) - 2)
        lines = [rule(width, row.key if row.kind != "button" else tr("Launch"))]
        lines += detail_lines(form, row, width, min(room, 16), self._view.offers())
        notes = [[(f" {text}", "warn")] for note in form.notes for text in wrap(note, width - 2)]
        return [*lines, [], *differences, *([rule(width, tr("Notes")), *notes] if notes else [])]

    def _form_title(self, form: LaunchForm | None) -> str:
        flow = self._view.flow
        if form is not None and form.again is not None:
            run = form.again.run
            return tr("{flow}: {name} again", flow=flow, name=f"{run.name} ({run.id[:8]})")
        return flow

    def _form_note(self, form: LaunchForm | None) -> str:
        parts = []
        if self._view.needle:
            parts.append(f"/{self._view.needle}")
        if form is not None:
            parts.append(tr("{count} changed", count=len(form.changed())))
            earlier = form.again or form.last
            if earlier is not None:
                count = len(form.differing(earlier))
                parts.append(tr("{count} unlike the last run", count=count))
        return " · ".join(parts)

    def _missing(self, width: int) -> list[Line]:
        problem = self._view.forms.problems.get(self._view.flow)
        if problem is None:
            return [[], [(f"  {tr('asking for the settings ...')}", "dim")]]
        said = [[(f"  {text}", "bad")] for text in wrap(problem, width - 4)]
        hint = tr("put the files right (screen Data, E), then ctrl+g asks again")
        return [[], *said, [], [(clip(f"  {hint}", width), "dim")]]

    def prospect(self, form: LaunchForm) -> tuple[str, str]:
        """What stands beside the button."""
        if self._view.launcher.is_under_way:
            waits = self._view.app.board.status is None
            said = tr("launching; the engine is starting") if waits else tr("launching ...")
            return said, "run"
        problems = form.problems()
        if problems:
            return tr("{count} to put right first", count=len(problems)), "bad"
        return prospect(self._view.app, form.flow)

    # The command

    def _command(self, width: int, most: int) -> list[Line]:
        form = self._view.current_form()
        if form is None:
            return [rule(width, tr("Command")), [(f" engine run {self._view.flow}", "dim")]]
        text = form.request().command()
        wrapped = wrap(text, width - 3)
        if len(wrapped) > most:
            wrapped = [*wrapped[: most - 1], clip(" ".join(wrapped[most - 1 :]), width - 3)]
        said, tone = self._check(form)
        head = rule(width, tr("Command"))
        said = f" {clip(said, width // 2 + 10)} "
        tail: Line = [(said, tone), ("─", "rule")]
        head = [*pad(head, width - width_of(tail)), *tail]
        lines: list[Line] = [[(f" {line}", "accent")] for line in wrapped]
        return [head, *lines]

    def _check(self, form: LaunchForm) -> tuple[str, str]:
        """How the check of the form stands."""
        problems = form.problems()
        if problems:
            key, said = problems[0]
            return f"✗ {key}: {said}" if key else f"✗ {said}", "bad"
        if form.checked != form.fresh_request():
            return tr("checking ..."), "dim"
        return f"✓ {tr('checked')}", "good"
