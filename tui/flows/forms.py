"""The launch forms of a terminal, and what is asked in the background to fill and check them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.schema import FLOW_NAMES, RunInfo
from models.data_types import DATA_TYPES
from tui import memory, verbs
from tui.flows.launch_form import Earlier, LaunchForm, kind_of
from tui.language import tr

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

Key = tuple[str, str]
"""A flow, and the kind of data that it is to run on."""

Typed = tuple[dict[str, str], list[str]]
"""Texts by key, and which of them `--set` gives."""

_FRESH_SECONDS = 20.0
_PAUSE_SECONDS = 0.25
"""So long nothing is typed before the engine's check is asked."""


class Forms:
    """A form for each flow and kind of data, and one for a run that is launched again.

    Attributes:
        problems: Why the form of a flow could not be made, by flow.
        kept: What was typed when the terminal was left, by flow and kind of data, until the form
            is there.
        kinds: The kind of data that was chosen, by flow; that of a usual launch where none was.
        again: The form of the run that is launched again.
        wanted: Id of that run while it is asked for.
    """

    def __init__(self, app: ControlCenter) -> None:
        self._app = app
        self._forms: dict[Key, LaunchForm] = {}
        self._asked: dict[str, float] = {}
        self._usual: dict[str, str] = {}
        self._checking: LaunchForm | None = None
        self.problems: dict[str, str] = {}
        self.kept: dict[Key, Typed] = {}
        self.kinds: dict[str, str] = {}
        self.again: LaunchForm | None = None
        self.wanted = ""

    def get(self, flow: str) -> LaunchForm | None:
        """The form of a flow; that of a run launched again comes before."""
        if self.again is not None and self.again.flow == flow:
            return self.again
        return None if self.wanted else self._shown(flow)

    def _shown(self, flow: str) -> LaunchForm | None:
        return self._forms.get((flow, self.kinds.get(flow) or self._usual.get(flow, "")))

    def turn(self, flow: str, kind: str) -> None:
        """Show the form of a flow for another kind of data."""
        self.kinds[flow] = kind
        self.want(flow)

    def remember(self) -> dict[str, Any]:
        """What is typed in each form, texts by key and which of them `--set` gives; the kinds."""
        typed = {key: (form.texts, sorted(form.as_set)) for key, form in self._forms.items()}
        told: dict[str, Any] = {kind: {} for kind in DATA_TYPES}
        for (flow, kind), (texts, as_set) in {**self.kept, **typed}.items():
            if texts:
                told[kind][flow] = {"texts": texts, "as_set": as_set}
        return {"typed": told, "kinds": self.kinds}

    def restore(self, kept: dict[str, Any]) -> None:
        """All of that as it was."""
        kinds = memory.part(kept, "kinds")
        self.kinds = {flow: kinds[flow] for flow in FLOW_NAMES if kinds.get(flow) in DATA_TYPES}
        for kind in DATA_TYPES:
            typed = memory.part(memory.part(kept, "typed"), kind)
            for flow in FLOW_NAMES:
                one = memory.part(typed, flow)
                texts = memory.part(one, "texts")
                known = {key: text for key, text in texts.items() if isinstance(text, str)}
                if known:
                    self.kept[flow, kind] = (known, memory.texts(one, "as_set"))

    def drop_again(self) -> None:
        """No run is launched again any more."""
        self.again, self.wanted = None, ""

    def is_old(self, flow: str) -> bool:
        """Whether the form of a flow was asked for so long ago that files may have changed."""
        return self._app.now() - self._asked.get(flow, 0.0) > _FRESH_SECONDS

    # Asking

    def want(self, flow: str, *, anew: bool = False) -> None:
        """Make the form of a flow, if there is none or if it is wanted anew."""
        if self._shown(flow) is not None and not anew:
            self.want_last(flow)
            return
        kind = self.kinds.get(flow, "")

        async def fetch() -> None:
            data = await self._ask_form(flow, kind)
            key = (flow, str(data["data_type"]))
            form = self._forms.get(key)
            if form is not None:
                form.renew(data)
            else:
                form = self._forms[key] = LaunchForm(data)
                if key in self.kept:
                    form.put_back(*self.kept.pop(key))
            self.want_last(flow)
            self.want_check(form)

        self._app.link.look(f"form {flow} {kind}", self._telling(flow, fetch))

    def want_last(self, flow: str) -> None:
        """Learn what the last run of a flow on this kind of data was asked for."""
        form = self._shown(flow)
        run = self._last_run(form) if form is not None else None
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
                earlier = await self._earlier(run_id)
                data = await self._ask_form(flow, kind_of(earlier.run))
            except EngineError as error:
                if self.wanted == run_id:
                    self.wanted = ""
                    self._app.say(str(error), "bad")
                return
            if self.wanted != run_id:
                return
            form = LaunchForm(data)
            form.again = earlier
            form.take(earlier)
            self.again, self.wanted = form, ""
            self.want_check(form)

        self._app.link.look(f"again {run_id}", fetch)

    def want_check(self, form: LaunchForm) -> None:
        """Let the engine check a form, once nothing has been typed for a moment."""
        self._checking = form
        self._app.link.look("check of a form", self._check)

    async def _ask_form(self, flow: str, kind: str) -> dict[str, Any]:
        self._asked[flow] = self._app.now()
        said = ("--data-type", kind) if kind else ()
        data: dict[str, Any] = await self._app.engine("config", "form", flow, *said)
        self._usual[flow] = data["usual_data_type"]
        self.problems.pop(flow, None)
        return data

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

    def _last_run(self, form: LaunchForm) -> RunInfo | None:
        facts = self._app.board.flows.get(form.flow)
        older = facts.last_started if facts else None
        runs = [*self._app.board.newest(), *([older] if older is not None else [])]
        same = (run for run in runs if run.flow == form.flow and kind_of(run) == form.data_type)
        return next(same, None)

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
