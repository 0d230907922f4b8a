"""A terminal on a stage: a frozen clock, and answers that were recorded once from a real engine.

No process, no network, no engine: whatever the screens ask, they are told what a workspace at work
answered at one moment, so that they always look the same.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from engine.client.calls import Call
from engine.errors import EngineError, NotFoundError, ServerError
from engine.predictor_client import PredictorAnswer, ServingModel
from engine.schema import (
    EngineStatus,
    FlowsReply,
    NotificationsReply,
    ProgressReply,
    RunDetail,
    RunInfo,
    RunPage,
    SchedulesReply,
)
from engine.workspace import Workspace
from tests.tui.terminal import Terminal
from tui import verbs
from tui.control_center import ControlCenter
from tui.link import Link
from tui.predict import forecasts
from tui.screens import system
from tui.system.usage import Meter, Usage

RECORDED = Path(__file__).parent / "recorded"
GIB = 1 << 30
Struct = TypeVar("Struct", bound=msgspec.Struct)


@cache
def recorded(name: str) -> Any:
    """A document that was recorded."""
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def engine_said(name: str, kind: type[Struct]) -> Struct:
    """A recorded answer of the engine."""
    return msgspec.convert(recorded("engine")[name], kind)


def no(error: EngineError, code: int = 1) -> verbs.Answer:
    """What a command answers that cannot be carried out."""
    return verbs.Answer(code, {"error": error.to_dict()}, str(error))


@dataclass
class Script:
    """What is answered on a stage.

    Attributes:
        now: The present.
        status: Of the engine.
        runs: All of them, newest first.
        details: By id; of another run there is only the run itself.
        commands: Answers by the words of a command; other commands find nothing.
        predictor: Whether one runs.
    """

    now: float = field(default_factory=lambda: float(recorded("engine")["now"]))
    status: EngineStatus = field(default_factory=lambda: engine_said("status", EngineStatus))
    runs: list[RunInfo] = field(default_factory=list)
    flows: FlowsReply = field(default_factory=lambda: FlowsReply(flows=()))
    schedules: SchedulesReply = field(default_factory=lambda: SchedulesReply(schedules=()))
    details: dict[str, RunDetail] = field(default_factory=dict)
    progress: dict[str, ProgressReply] = field(default_factory=dict)
    commands: dict[str, verbs.Answer] = field(default_factory=dict)
    predictor: bool = False

    def reply(self, call: Call[Any]) -> Any:
        """What the engine answers.

        Raises:
            NotFoundError: There is no such thing.
        """
        parts = call.path.strip("/").split("/")
        if parts == ["status"]:
            return self.status
        if parts == ["flows"]:
            return self.flows
        if parts == ["schedules"]:
            return self.schedules
        if parts == ["notifications"]:
            return NotificationsReply(notifications=())
        if parts == ["runs"]:
            return self._page(call.query)
        run = next((run for run in self.runs if run.id == parts[1]), None)
        if run is None:
            raise NotFoundError(f"there is no run {parts[1]}")
        if parts[2:] == ["progress"]:
            return self.progress.get(run.id, ProgressReply(events=(), offset=0))
        assert len(parts) == 2, f"nobody has rehearsed {call}"
        return self.details.get(run.id) or RunDetail(run=run, folder="")

    def answer(self, *arguments: str) -> verbs.Answer:
        """What a command answers: the longest known one that it begins with."""
        words = " ".join(arguments)
        known = [name for name in self.commands if f"{words} ".startswith(f"{name} ")]
        if not known:
            return no(NotFoundError("there is nothing yet", fix="Run full_flow"), 5)
        return self.commands[max(known, key=len)]

    def _page(self, query: Any) -> RunPage:
        found = [
            run
            for run in self.runs
            if query.get("flow", run.flow) == run.flow
            and query.get("state", run.state) == run.state
            and run.created < float(query.get("before", math.inf))
        ]
        at, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
        return RunPage(runs=tuple(found[at : at + limit]), total=len(found))


def at_work(workspace: Workspace) -> Script:
    """A workspace with everything in it: runs that run, wait, failed; versions; data."""
    engine = recorded("engine")
    details = msgspec.convert(engine["details"], dict[str, RunDetail])
    for run_id, files in engine["folders"].items():
        folder = workspace.run_folder(run_id)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else " " * content)
        details[run_id] = msgspec.structs.replace(details[run_id], folder=str(folder))
    commands = {
        name: verbs.Answer(answer["code"], answer["data"], answer["said"])
        for name, answer in recorded("commands").items()
    }
    return Script(
        runs=msgspec.convert(engine["runs"], list[RunInfo]),
        flows=engine_said("flows", FlowsReply),
        schedules=engine_said("schedules", SchedulesReply),
        details=details,
        progress=msgspec.convert(engine["progress"], dict[str, ProgressReply]),
        commands=commands,
        predictor=True,
    )


def untouched() -> Script:
    """A workspace in which nothing was done yet, with its engine."""
    script = Script()
    script.status = msgspec.structs.replace(script.status, running=0, queued=0, counts={})
    known = recorded("commands")
    for name in ("doctor", "config form full_flow", "config check full_flow",
                 "config show engine", "config show data_flow"):  # fmt: skip
        script.commands[name] = verbs.Answer(known[name]["code"], known[name]["data"], "")
    for name in ("models", "models log", "data list"):
        script.commands[name] = verbs.Answer(0, [], "")
    nothing = {"dataset": None, "last_day": None, "forecasts": 0, "unreadable": 0, "versions": []}
    message = "not enough data yet: no forecast of a series with a name (series_id) was served"
    script.commands["quality"] = verbs.Answer(0, nothing | {"message": message}, "")
    return script


class StagedLink(Link):
    """Answers by a script; what is asked, and when, is up to the real link."""

    script: Script
    is_lost = False

    async def start(self) -> None:
        """Know at once what a real one would know after a moment."""
        self.allow_looks()
        board = self._board
        board.status, board.answered = self.script.status, self.script.now
        board.take_recent(tuple(self.script.runs[:200]))
        board.flows = {facts.flow: facts for facts in self.script.flows.flows}
        board.schedules = self.script.schedules.schedules
        self._changed()

    async def send(self, call: Call[Any]) -> Any:
        """Answer."""
        if self.is_lost:
            raise ServerError("the engine does not answer")
        return self.script.reply(call)


class StagedTerminal(Terminal):
    """A terminal on a stage; see `perform`."""

    @property
    def link(self) -> StagedLink:
        """Where its answers come from."""
        assert isinstance(self.app.link, StagedLink)
        return self.app.link

    async def settled(self, is_so: Callable[[], Any] = lambda: True) -> None:
        """Wait until everything that was asked has been answered, and something is so."""

        def is_quiet() -> bool:
            self.app.draw()
            asked = [name for name in self.link._under_way if not name.startswith("log ")]
            # A list asks for what the cursor stands on when that has rested there.
            rests = getattr(self.app.view, "_rest", None) is None
            return rests and not asked and not self.app._working and is_so()

        for _ in range(2):
            await self.until(is_quiet, "for rest")
            await self._pilot.pause()
        # A message would say how long ago it came.
        self.app.message = None
        self.app.draw()

    def picture(self) -> str:
        """What is seen now."""
        self.app.draw()
        return self.app.picture()


def perform(
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    script: Script,
    scenario: Callable[[StagedTerminal], Awaitable[None]],
    *,
    size: tuple[int, int] = (120, 40),
    **options: Any,
) -> None:
    """Put the real application on a stage and do with it what the scenario says."""
    _set_scene(monkeypatch, script)

    async def run() -> None:
        looks = {"theme_name": "dark", "chosen_language": "en", "clock": lambda: script.now}
        app = ControlCenter(workspace, **looks | options)
        app.link = StagedLink(workspace, app.board, app.changed, app.crash)
        app.link.script = script
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await scenario(StagedTerminal(app, pilot))

    asyncio.run(run())


def _set_scene(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    """Everything that a screen asks past the link: commands, predictor, machine."""

    async def ask(_: Workspace, *arguments: str) -> verbs.Answer:
        return script.answer(*arguments)

    def load(meter: Meter) -> None:
        meter._system = script
        meter.now = Usage((0.62, 0.35), (1.84, 1.37, 0.92), 32 * GIB, 11 * GIB, 4 * GIB, 0,
                          480 * GIB, 211 * GIB)  # fmt: skip
        for at in range(120):
            meter.cpu.append(0.5 + 0.45 * math.sin(at / 3) * math.cos(at / 8))
            meter.memory.append(0.30 + 0.0004 * at)

    sizes = {"datasets": 1, "central_storage": 3, "runs": 44, "prefect": 12, "data": 2, "other": 1}
    monkeypatch.setattr(verbs, "ask", ask)
    monkeypatch.setattr(Meter, "load", load)
    monkeypatch.setattr(Meter, "read", lambda meter: None)
    monkeypatch.setattr(system, "gpus", list)
    monkeypatch.setattr(
        system, "workspace_bytes", lambda _: {name: n << 20 for name, n in sizes.items()}
    )
    said = recorded("commands")["predict"]["data"]
    model = ServingModel(said["version"], said["model_type"], said["window"], said["horizon"], True)
    days = said["forecast"]
    interval = ([day["lower"] for day in days], [day["upper"] for day in days])
    answer = PredictorAnswer(model.version, [day["value"] for day in days], 0.41, interval)
    monkeypatch.setattr(forecasts, "_serving", lambda _: model if script.predictor else None)
    monkeypatch.setattr(forecasts, "_forecast", lambda *_: ("http://127.0.0.1:4242", model, answer))
