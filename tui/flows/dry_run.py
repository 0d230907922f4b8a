"""What a launch would do, asked of the engine and told on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui import verbs
from tui.flows.launch_form import LaunchForm
from tui.flows.launcher import prospect
from tui.flows.values import shown
from tui.language import tr
from tui.overlays.page import Page
from tui.paint import Line, clip, rule, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_INPUTS = {
    "source": "reads",
    "dataset": "data set",
    "candidate": "candidate of run",
    "evaluation": "evaluation of run",
}


class DryRun:
    """One dry run: asked as it is opened, shown as the answer comes.

    Args:
        app: The application.
        form: What would be launched.
    """

    def __init__(self, app: ControlCenter, form: LaunchForm) -> None:
        self._app = app
        self._flow = form.flow
        self._command = form.request().command()
        self._settings = form.fresh_request().settings()
        self._answer: verbs.Answer | None = None

    def open(self) -> None:
        """Lay the page over the screen and ask."""
        self._app.open_overlay(Page(self._app, tr("Dry run"), self.lines))
        self._app.link.look(f"dry run {self._command}", self._ask)

    async def _ask(self) -> None:
        arguments = ("run", self._flow, "--dry-run", *self._settings)
        self._answer = await verbs.ask(self._app.workspace, *arguments)

    def lines(self, width: int) -> list[Line]:
        """The command, and what it would do."""
        lines: list[Line] = [[(text, "accent")] for text in wrap(self._command, width)]
        lines.append([])
        if self._answer is None:
            return [*lines, [(tr("asking what would run ..."), "dim")]]
        data = self._answer.data if isinstance(self._answer.data, dict) else {}
        if "flows" not in data:
            said = data.get("error", {}).get("message") or self._answer.problem
            lines.append([(tr("It would be refused:"), "bad")])
            return [*lines, *([(f"  {text}", "")] for text in wrap(said, width - 2))]
        lines += self._plan(data, width)
        lines += _differences(data, width)
        said, tone = prospect(self._app, self._flow)
        return [*lines, [], [(said, tone)], [(tr("Nothing was launched."), "dim")]]

    def _plan(self, data: dict[str, Any], width: int) -> list[Line]:
        lines: list[Line] = []
        for one in data["flows"]:
            lines.append([("● ", "run"), (one["flow"], "strong")])
            steps = " → ".join(one["steps"])
            lines += [[("    ", ""), (text, "dim")] for text in wrap(steps, width - 4)]
        lines += [[], [(f"{tr('data type')}  ", "dim"), (data["data_type"], "")]]
        begins = data["input"]
        kind = tr(_INPUTS.get(begins["kind"], begins["kind"]))
        lines.append([(f"{kind}  ", "dim"), (clip(begins["value"] or "–", width - 20), "")])
        if begins["problem"]:
            said = tr("It could not begin: {why}", why=begins["problem"])
            lines += [[(text, "bad")] for text in wrap(said, width)]
        if data["model"]:
            model = ", ".join(f"{name} {value}" for name, value in data["model"].items())
            lines.append([(f"{tr('model')}  ", "dim"), (clip(model, width - 10), "")])
        if data["champion"]:
            champion = clip(data["champion"], width // 2)
            lines.append([(f"{tr('held against the champion')}  ", "dim"), (champion, "")])
        return lines


def _differences(data: dict[str, Any], width: int) -> list[Line]:
    found = data["differences"]
    lines: list[Line] = [[], rule(width, tr("Differs from the defaults"), str(len(found)))]
    for one in found:
        was = clip(shown(one["was"]) or "–", width // 4)
        now = clip(shown(one["value"]) or "–", width // 4)
        name = clip(one["key"], width // 2 - 8)
        lines.append([(f"  {name}  ", ""), (was, "dim"), (" → ", "dim"), (now, "accent")])
    for note in data["notes"]:
        lines += [[(text, "warn")] for text in wrap(note, width)]
    return lines
