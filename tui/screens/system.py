"""The machine, the engine, what it keeps running, and what the doctor says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from engine.schema import NotificationInfo, ScheduleInfo
from tui import verbs
from tui.flows.schedule_actions import ScheduleActions
from tui.language import tr
from tui.overlays.question import Question
from tui.panels import Block, PanelsView, Plan, Target, split
from tui.system.blocks import (
    addresses,
    addresses_block,
    children_block,
    disk_block,
    doctor_block,
    engine_block,
    machine_block,
    notifications_block,
    schedule_block,
)
from tui.system.usage import Meter, gpus, workspace_bytes

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_THREE_FROM = 140
_TWO_FROM = 100
# Folders are added up again when the screen is entered, but not more often.
_SIZES_SECONDS = 60.0


class SystemView(ScheduleActions, PanelsView):
    """Everything below the runs."""

    name = "system"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.meter = Meter(app.workspace.root)
        self.gpus: list[str] = []
        self.sizes: dict[str, int] | None = None
        self.checks: Any = None
        self.notifications: tuple[NotificationInfo, ...] = ()
        self._added_up: float | None = None
        self._examined: float | None = None

    def plan(self, width: int, height: int) -> Plan:
        """One column, two or three, that go on below the last line."""
        count = 3 if width >= _THREE_FROM else 2 if width >= _TWO_FROM else 1
        widths = split(width, count)
        columns = [
            [block for name in names if (block := self._block(name, size)) is not None]
            for names, size in zip(_ARRANGEMENTS[count], widths, strict=True)
        ]
        return Plan(columns, widths, scrolls=True)

    def _block(self, name: str, width: int) -> Block | None:
        app, usage = self.app, self.meter.now
        if name == "machine":
            return machine_block(self.meter, self.gpus, width)
        if name == "disk":
            return disk_block(usage, self.sizes, width)
        if name == "doctor":
            return doctor_block(app, self.checks, self._examined, width)
        if name == "notifications":
            return notifications_block(app, self.notifications, width)
        make = {
            "engine": engine_block,
            "children": children_block,
            "addresses": addresses_block,
            "schedules": schedule_block,
        }
        return make[name](app, width)

    def title(self) -> str:
        """What is selected."""
        target = self.target()
        return f"{tr(target.kind)}: {target.key}" if target is not None else ""

    # Looking

    def entered(self) -> None:
        """Ask for everything that is not followed anyway."""
        link = self.app.link
        if not self.meter.is_ready:
            link.look("meter", self._load)
        now = self.app.now()
        if self._added_up is None or now - self._added_up > _SIZES_SECONDS:
            link.look("folders", self._add_up)
        if self.checks is None:
            self.do_doctor()
        if self.app.board.status is not None:
            link.want_schedules()
            link.look("notifications", self._ask_notifications)

    def refreshed(self) -> None:
        """All of it, however lately it was asked for."""
        self._added_up = None
        self.checks = None
        self.entered()

    def is_lively(self) -> bool:
        """The machine is read each second."""
        return True

    def tick(self) -> None:
        """The next reading of the machine."""
        self.meter.read()

    async def _load(self) -> None:
        await asyncio.to_thread(self.meter.load)
        self.gpus = await asyncio.to_thread(gpus)
        self.meter.read()

    async def _add_up(self) -> None:
        self.sizes = await asyncio.to_thread(workspace_bytes, self.app.workspace)
        self._added_up = self.app.now()

    async def _ask_notifications(self) -> None:
        from engine.client import calls

        self.notifications = (await self.app.link.send(calls.notifications())).notifications

    async def _examine(self) -> None:
        # It ends with an error status when something is wrong, and tells what all the same.
        answer = await verbs.ask(self.app.workspace, "doctor")
        found = answer.data.get("checks") if isinstance(answer.data, dict) else None
        broken = {"name": "engine doctor", "ok": False, "message": answer.problem}
        self.checks = found if isinstance(found, list) else [broken]
        self._examined = self.app.now()
        self.app.note_command("engine doctor")

    # Acting

    def subject(self) -> dict[str, str]:
        """The schedule or run under the cursor."""
        target = self.target()
        return {target.kind: target.key} if target is not None else {}

    def do_open(self) -> None:
        """Go to the run that a message was about."""
        target = self.target()
        if target is not None and target.kind == "run":
            self.app.open_run(target.key)

    def do_doctor(self) -> None:
        """Let the doctor look at everything."""
        self.app.link.look("doctor", self._examine)

    def do_engine_restart(self) -> None:
        """Restart the engine, after asking."""
        command = "engine restart"

        async def work() -> str:
            await self.app.engine("restart")
            return tr("the engine runs again")

        text = tr("Restart the engine? Runs go on; it takes them up again.")
        self.app.open_overlay(
            Question(self.app, text, command, lambda: self.app.act(command, work))
        )

    def schedule(self) -> ScheduleInfo | None:
        """The schedule under the cursor."""
        target = self.target()
        if target is None or target.kind != "schedule":
            return None
        return next((one for one in self.app.board.schedules if one.name == target.key), None)

    # Copying and saving

    def yanks(self) -> list[tuple[str, str]]:
        """What is selected, as text and as JSON."""
        target = self.target()
        if target is None:
            return []
        data = self._data_of(target)
        json = [("JSON", msgspec.json.encode(data).decode())] if data is not None else []
        said = data.get("advice") if isinstance(data, dict) else ""
        advice = [("advice", str(said))] if said else []
        return [("name", target.key), *advice, *json]

    def _data_of(self, target: Target) -> Any:
        board = self.app.board
        if target.kind == "child" and board.status is not None:
            return next((one for one in board.status.children if one.name == target.key), None)
        if target.kind == "schedule":
            return self.schedule()
        if target.kind == "check" and isinstance(self.checks, list):
            return next((one for one in self.checks if one.get("name") == target.key), None)
        return None

    def as_data(self) -> Any:
        """All that is shown."""
        usage = self.meter.now
        names = usage.__slots__ if usage is not None else ()
        return msgspec.to_builtins(
            {
                "status": self.app.board.status,
                "addresses": [{"name": name, "url": url} for _, name, url in addresses(self.app)],
                "machine": {name: getattr(usage, name) for name in names},
                "gpus": self.gpus,
                "workspace_bytes": self.sizes,
                "checks": self.checks,
                "schedules": self.app.board.schedules,
                "notifications": self.notifications,
            }
        )


# Blocks by how many columns there are.
_ARRANGEMENTS: dict[int, list[list[str]]] = {
    1: [
        [
            *("engine", "children", "machine", "disk"),
            *("doctor", "notifications", "schedules", "addresses"),
        ]
    ],
    2: [
        ["engine", "children", "addresses", "schedules"],
        ["machine", "disk", "notifications", "doctor"],
    ],
    3: [
        ["engine", "children", "addresses"],
        ["machine", "disk"],
        ["notifications", "doctor", "schedules"],
    ],
}
