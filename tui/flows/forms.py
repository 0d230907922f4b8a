"""The launch forms of a terminal, and what is asked in the background to fill and check them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.schema import RunInfo
from tui import verbs
from tui.flows.launch_form import Earlier, LaunchForm
from tui.language import tr

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_FRESH_SECONDS = 20.0
_PAUSE_SECONDS = 0.25
"""So long nothing is typed before the engine's check is asked."""


class Forms:
    """A form for each flow, and one for a run that is launched again.

    Attributes:
        problems: Why the form of a flow could not be made, by flow.
        kept: What was typed when the terminal was left, by flow, until the form is there.
        again: The form of the run that is launched again.
        wanted: Id of that run while it is asked for.
    """

    def __init__(self, app: ControlCenter) -> None:
        self._app = app
        self._forms: dict[str, LaunchForm] = {}
        self._data: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, float] = {}
        self._checking: LaunchForm | None = None
        self.problems: dict[str, str] = {}
        self.kept: dict[str, tuple[dict[str, str], list[str]]] = {}
        self.again: LaunchForm | None = None
        self.wanted = ""

    def get(self, flow: str) -> LaunchForm | None:
        """The form of a flow; that of a run launched again comes before."""
        if self.again is not None and self.again.flow == flow:
            return self.again
        return None if self.wanted else self._forms.get(flow)

    def typed(self) -> dict[str, tuple[dict[str, str], list[str]]]:
        """What is typed in each form: texts by key, and which of them `--set` gives."""
        typed = {flow: (form.texts, sorted(form.as_set)) for flow, form in self._forms.items()}
        return {**self.kept, **typed}

    def drop_again(self) -> None:
        """No run is launched again any more."""
        self.again, self.wanted = None, ""

    def is_old(self, flow: str) -> bool:
        """Whether the form of a flow was asked for so long ago that files may have changed."""
        return self._app.now() - self._asked.get(flow, 0.0) > _FRESH_SECONDS

    # Asking

    def want(self, flow: str, *, anew: bool = False) -> None:
        """Make the form of a flow, if there is none or if it is wanted anew."""
        if flow in self._data and not anew:
            self.want_last(flow)
            return

        async def fetch() -> None:
            await self._ask_form(flow)
            form = self._forms.get(flow)
            if form is not None:
                form.renew(self._data[flow])
            else:
                form = self._forms[flow] = LaunchForm(self._data[flow])
                if flow in self.kept:
                    form.put_back(*self.kept.pop(flow))
            self.want_last(flow)
            self.want_check(form)

        self._app.link.look(f"form {flow}", self._telling(flow, fetch))

    def want_last(self, flow: str) -> None:
        """Learn what the last run of a flow was asked for."""
        form, run = self._forms.get(flow), self._last_run(flow)
        if form is None or run is None:
            return
        if form.last is not None and form.last.run.id == run.id:
            return

        async def fetch() -> None:
            form.last = await self._earlier(run.id)

        self._app.link.look(f"request of {run.id}", fetch)

    def want_again(self, flow: str, run_id: str) -> None:
        """Make a form with what a run was asked for, to launch it again."""
        self.again, self.wanted = None, run_id

        async def fetch() -> None:
            try:
                if flow not in self._data:
                    await self._ask_form(flow)
                earlier = await self._earlier(run_id)
            except EngineError as error:
                if self.wanted == run_id:
                    self.wanted = ""
                    self._app.say(str(error), "bad")
                return
            if self.wanted != run_id:
                return
            form = LaunchForm(self._data[flow])
            form.again = earlier
            form.take(earlier)
            self.again, self.wanted = form, ""
            self.want_check(form)

        self._app.link.look(f"again {run_id}", fetch)

    def want_check(self, form: LaunchForm) -> None:
        """Let the engine check a form, once nothing has been typed for a moment."""
        self._checking = form
        self._app.link.look("check of a form", self._check)

    async def _ask_form(self, flow: str) -> None:
        self._asked[flow] = self._app.now()
        self._data[flow] = await self._app.engine("config", "form", flow)
        self.problems.pop(flow, None)

    def _telling(
        self, flow: str, work: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """The same, with what fails kept beside the flow."""

        async def told() -> None:
            try:
                await work()
            except EngineError as error:
                self.problems[flow] = str(error)

        return told

    async def _earlier(self, run_id: str) -> Earlier:
        from engine.client import calls

        return Earlier.of(await self._app.link.send(calls.run(run_id)))

    def _last_run(self, flow: str) -> RunInfo | None:
        recent = next((run for run in self._app.board.newest() if run.flow == flow), None)
        facts = self._app.board.flows.get(flow)
        return recent or (facts.last_started if facts else None)

    async def _check(self) -> None:
        while (form := self._checking) is not None and form.is_readable:
            request = form.fresh_request()
            if request == form.checked:
                return
            await asyncio.sleep(_PAUSE_SECONDS)
            if form is not self._checking or form.fresh_request() != request:
                continue
            answer = await verbs.ask(
                self._app.workspace, "config", "check", form.flow, *request.settings()
            )
            if form.fresh_request() == request:
                form.checked = request
                form.refused, form.notes = _found(answer)
            self._app.changed()


def _found(answer: verbs.Answer) -> tuple[dict[str, str], tuple[str, ...]]:
    """What a check says is wrong, by key, and its notes."""
    data = answer.data if isinstance(answer.data, dict) else {}
    refused: dict[str, str] = {}
    for problem in data.get("problems", ()):
        said = problem["message"]
        if problem["suggestion"]:
            said += tr('; did you mean "{word}"?', word=problem["suggestion"])
        refused.setdefault(problem["key"], said)
    if answer.code and not refused:
        refused[""] = data.get("error", {}).get("message") or answer.problem
    return refused, tuple(data.get("notes", ()))
