"""The first screen: how the engine, its queue, its runs and the model in service are doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.schema import RunInfo
from tui import memory
from tui.language import tr
from tui.models import moves as model_moves
from tui.paint import Line, clip
from tui.panels import Block, PanelsView, Plan, Target, split
from tui.pulse.blocks import (
    Steady,
    failures_block,
    flows_block,
    health_block,
    latest_block,
    now_block,
    schedules_block,
)
from tui.pulse.model_in_service import ModelInService, model_block
from tui.runs.actions import RunActions
from tui.runs.timeline import FlowsTimeline, TimelineKeys
from tui.verbs import spell

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.control_center import ControlCenter

_THREE_FROM = 140
_TWO_FROM = 76
# Below this many lines everything is told in as few as can be.
_AIRY_FROM = 30
_TALL_FROM = 45
_FAILURES = 5
_LATEST = 40
_DETAILS_WATCHED = 3
# How long ago something was is told anew no oftener than this.
_STALE_SECONDS = 10.0


class PulseView(TimelineKeys, RunActions, PanelsView):
    """Everything at a glance."""

    name = "pulse"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.timeline = FlowsTimeline(app)
        self.service = ModelInService(app)
        self._steady = Steady()
        self._made: dict[str, tuple[Any, Any, Block]] = {}

    # What is shown

    def lines(self, width: int, height: int) -> list[Line]:
        """The blocks; where no engine was ever reached, how to start one."""
        board = self.app.board
        if board.status is None and board.lost is not None:
            return _no_engine(self.app, width, height)
        return super().lines(width, height)

    def plan(self, width: int, height: int) -> Plan:
        """One column, two or three, and the timeline below them."""
        airy = height >= _AIRY_FROM
        count = 3 if width >= _THREE_FROM else 2 if width >= _TWO_FROM else 1
        widths = split(width, count)
        foot = self.timeline.lines(width, labels=airy) if count > 1 else []
        columns = [
            [self._block(name, size, height) for name in names]
            for names, size in zip(_ARRANGEMENTS[count], widths, strict=True)
        ]
        if airy and foot:
            foot = [*foot, []]
        return Plan(columns, widths, foot)

    def _block(self, name: str, width: int, height: int) -> Block:
        """A block; those with many lines are made anew only when they may have changed."""
        app = self.app
        if name == "health":
            return health_block(app, self._steady, width)
        if name == "now":
            return now_block(app, width)
        if name == "model":
            return model_block(app, self.service, width, brief=height < _AIRY_FROM)
        moment = int(app.now() // _STALE_SECONDS)
        key = (width, height, app.board.revision, moment, app.time_mode, app.chosen_language)
        # The board has no number for its facts by flow and its schedules: each is told as a whole.
        told = (app.board.flows, app.board.schedules)
        known = self._made.get(name)
        if known is None or known[0] != key or known[1][0] is not told[0] or known[1][1] != told[1]:
            known = self._made[name] = (key, told, self._make(name, width, height))
        return known[2]

    def _make(self, name: str, width: int, height: int) -> Block:
        if name == "failures":
            return failures_block(self.app, width, _FAILURES, brief=height < _AIRY_FROM)
        if name == "flows":
            return flows_block(self.app, width, brief=height < _TALL_FROM)
        if name == "latest":
            return latest_block(self.app, width, min(_LATEST, height))
        return schedules_block(self.app, width)

    def prefers(self, target: Target) -> bool:
        """The cursor begins on a run."""
        return target.kind == "run"

    def title(self) -> str:
        """What there is in all."""
        status = self.app.board.status
        if status is None:
            return "" if self.app.board.lost is not None else tr("connecting")
        total = sum(status.counts.values())
        return tr("1 run") if total == 1 else tr("{count} runs", count=f"{total:,}")

    # Looking

    def entered(self) -> None:
        """The schedules; the rest is followed anyway or asked for by and by."""
        if self.app.board.status is not None:
            self.app.link.want_schedules()

    def refreshed(self) -> None:
        """Ask for the model too."""
        self.service.forget()
        self.entered()

    def tick(self) -> None:
        """Ask for what is shown and not known: steps of what runs, the model, the chart library.

        Not before the first second is over: by then the first data stands there.
        """
        board, link = self.app.board, self.app.link
        if board.status is None or board.lost is not None:
            return
        self.service.look()
        if board.recent and not self.timeline.can_draw():
            link.look("charts", self.timeline.prepare)
        running = [run for run in board.open_runs() if run.started is not None]
        for run in running[:_DETAILS_WATCHED]:
            if run.id not in board.details:
                link.want_detail(run.id)

    # Acting

    def selected(self) -> RunInfo | None:
        """The run under the cursor."""
        target = self.target()
        if target is None or target.kind != "run":
            return None
        return self.app.board.run(target.key)

    def chosen(self) -> list[RunInfo]:
        """The run under the cursor."""
        run = self.selected()
        return [run] if run else []

    def subject(self) -> dict[str, str]:
        """What the cursor stands on, by kind."""
        target, run = self.target(), self.selected()
        if run is not None:
            return {"run": run.id[:8], "flow": run.flow}
        return {target.kind: target.key} if target is not None else {}

    def do_open(self) -> None:
        """Go to where there is more about it."""
        target = self.target()
        if target is None:
            return
        if target.kind == "run":
            self.app.open_run(target.key)
        elif target.kind == "model":
            self.app.show("models")
        elif target.kind == "flow":
            self.app.show("runs").use_filter(f"flow={target.key}")
        else:
            self.app.show("system")

    def do_filter(self) -> None:
        """What is looked for is found in the list of all runs."""
        self.app.show("runs")
        self.app.actions.do_filter()

    def do_rollback(self) -> None:
        """Let the version before serve again; where several models serve, that of the selected."""
        model_moves.rollback(self.app, self.service.forget, data_type=self._moved_type())

    def _moved_type(self) -> str:
        target, served = self.target(), self.service.models
        if len(served) < 2:
            return ""
        return target.key if target is not None and target.kind == "model" else served[0].data_type

    def command_of(self, action: Action) -> str:
        """A rollback is of one data type, where several serve."""
        if action.id == "rollback":
            return spell(model_moves.rollback_arguments(self._moved_type()))
        return super().command_of(action)

    # Copying, saving, keeping

    def yanks(self) -> list[tuple[str, str]]:
        """Of a run, its id, message, JSON and command; of the rest, what it is called."""
        run, target = self.selected(), self.target()
        if run is not None:
            return [
                ("id", run.id),
                ("message", run.message or run.waiting),
                ("JSON", msgspec.json.encode(run).decode()),
                ("command", f"engine run show {run.id}"),
            ]
        model = self.service.of(target.key) if target and target.kind == "model" else None
        if model is not None:
            command = spell(("models", "show", model.version))
            return [("id", model.version), ("command", command)]
        return [("name", target.key)] if target is not None else []

    def as_data(self) -> Any:
        """All that is shown."""
        board = self.app.board
        return msgspec.to_builtins(
            {
                "status": board.status,
                "open": board.open_runs(),
                "recent": board.newest(),
                "flows": list(board.flows.values()),
                "schedules": board.schedules,
                "models": [_plain(model) for model in self.service.models],
                "live_error": _plain(self.service.live),
            }
        )

    def remember(self) -> dict[str, Any]:
        """The window of the timeline."""
        return {"timeline": self.timeline.remember()}

    def restore(self, kept: dict[str, Any]) -> None:
        """The window of the timeline."""
        self.timeline.restore(memory.part(kept, "timeline"))


# Blocks by how many columns there are; what matters most stands first.
_ARRANGEMENTS: dict[int, list[list[str]]] = {
    1: [["health", "now", "failures", "model", "flows", "next"]],
    2: [["health", "now", "next"], ["model", "failures", "flows"]],
    3: [["health", "now", "next"], ["failures", "latest"], ["model", "flows"]],
}


def _plain(value: Any) -> Any:
    """A value of slots as a dictionary; None stays None."""
    return None if value is None else {name: getattr(value, name) for name in value.__slots__}


def _no_engine(app: ControlCenter, width: int, height: int) -> list[Line]:
    """What to do where no engine was ever reached."""
    lines: list[Line] = [[] for _ in range(max(0, height // 2 - 4))]
    return [
        *lines,
        [("   ○ ", "bad"), (tr("No engine runs in this workspace."), "strong")],
        [(clip(f"     {app.workspace.root}", width), "dim")],
        [(clip(f"     {app.board.trouble}", width), "dim")],
        [],
        [("     U", "key"), (f"  {tr('starts it')}   ", ""), ("engine up", "accent")],
    ]
