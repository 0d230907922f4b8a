"""A dispatcher with everything around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.config.engine_settings import EngineSettings, FlowLimits, QueueSettings, RunSettings
from engine.daemon.dispatcher import Dispatcher
from engine.daemon.workers import Workers
from engine.errors import StorageError
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.loop import running
from tests.unit.daemon.stand_ins import (
    Flaky,
    KeeperStandIn,
    LauncherStandIn,
    PrefectStandIn,
    end,
)


class Room:
    """A dispatcher with everything around it."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        at_once: int = 2,
        prefect: PrefectStandIn | None = None,
        launcher: LauncherStandIn | None = None,
        **per_flow: int,
    ) -> None:
        self.settings = EngineSettings(
            queue=QueueSettings(max_concurrent=at_once, per_flow=FlowLimits(**per_flow)),
            run=RunSettings(nice=3, memory_limit_mb=512, log_max_mb=9),
        )
        self.workspace = workspace
        self.table = RunTable(workspace.database)
        self.flaky = Flaky(self.table, StorageError("the disk is full"))
        self.prefect = prefect or PrefectStandIn()
        self.launcher = launcher or LauncherStandIn()
        self.keeper = KeeperStandIn()
        self.workers = Workers()
        self.changed: list[str] = []
        self.dispatcher = Dispatcher(
            workspace,
            self.flaky,
            lambda: self.settings,
            self.prefect,
            self.launcher,
            self.keeper,
            self.workers,
            self.changed.append,
        )

    @property
    def launched(self) -> list[str]:
        return [order.run_id for order in self.launcher.orders]

    def why(self, run_id: str) -> str:
        return self.dispatcher.why_waiting(self.table.get(run_id))

    def ends(self, run_id: str) -> None:
        """The process of a run is done and gone."""
        end(self.table, run_id)
        del self.keeper.living[run_id]
        self.dispatcher.wake()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        try:
            async with running(self.dispatcher.dispatch()):
                self.dispatcher.wake()
                yield
                self.dispatcher.stop()
        finally:
            self.workers.close()
