"""The engine as a whole: its parts, their beginning and their end."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from importlib.metadata import version
from typing import Any, Protocol

import msgspec

from engine.config.engine_settings import PrefectServerSettings
from engine.daemon.actions import RunActions
from engine.daemon.children import Child
from engine.daemon.closer import Closer
from engine.daemon.dispatcher import Dispatcher
from engine.daemon.drift_rule import DriftRule
from engine.daemon.errands import Errand
from engine.daemon.feed import Feed
from engine.daemon.fork_launcher import ForkLauncher
from engine.daemon.janitor import Janitor
from engine.daemon.keeper import Keeper
from engine.daemon.launching import Launcher
from engine.daemon.live_settings import LiveSettings
from engine.daemon.metrics.drift_metrics import DriftMetrics
from engine.daemon.metrics.engine_metrics import EngineMetrics
from engine.daemon.metrics.http_answers import HttpAnswers
from engine.daemon.metrics.page import MetricsPage
from engine.daemon.metrics.run_metrics import RunMetrics
from engine.daemon.metrics.tracking_metrics import TrackingMetrics
from engine.daemon.metrics.workspace_metrics import WorkspaceMetrics
from engine.daemon.mirroring import Mirroring
from engine.daemon.notifier import Notifier
from engine.daemon.pool_watch import PoolWatch
from engine.daemon.predictor_child import Predictor, end_workers_from
from engine.daemon.prefect import Prefect
from engine.daemon.prefect_child import PrefectServer
from engine.daemon.prefect_elsewhere import PrefectElsewhere
from engine.daemon.scheduler import Scheduler
from engine.daemon.spawn_launcher import SpawnLauncher
from engine.daemon.tails import Tails
from engine.daemon.usage import look
from engine.daemon.workers import Workers
from engine.database.address import read_address
from engine.errors import EngineError, NotFoundError
from engine.schema import (
    ChildInfo,
    EngineStatus,
    HealthEvent,
    LaunchReply,
    LaunchRequest,
    RunEvent,
)
from engine.tables.run_lists import RunLists
from engine.tables.runs import RunTable
from engine.tables.schedules import ScheduleTable
from engine.tables.sqlite import hold_open
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_WORKSPACE_LOOK_SECONDS = 2.0
_AGAIN_SECONDS = 30.0
_SWEEP_SECONDS = 3600.0


class Service(Protocol):
    """Something that answers others on behalf of the engine.

    Attributes:
        name: What it is called.
        address: Where it answers, "" when it does not.
        problem: Why not, "" when nothing is wrong.
    """

    name: str
    address: str
    problem: str

    @property
    def is_wanted(self) -> bool:
        """Whether it is to answer at all."""


class Engine:
    """Everything that one running engine consists of."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.started = time.time()
        self.settings = LiveSettings(workspace.configs)
        self.workers = Workers()
        self.feed = Feed(uuid.uuid4().hex[:8])
        self.table = RunTable(workspace.database)
        self.lists = RunLists(workspace.database)
        self._held_open = hold_open(workspace.database)
        self.prefect = self._make_prefect()
        self.launcher = self._make_launcher()
        self.predictors = self._make_predictors()
        self.keep_predictor = False
        self.closer = Closer(
            workspace, self.table, self.prefect, self.workers, closed=self._run_changed
        )
        self.tails = Tails(self.feed, self._run_changed)
        self.keeper = Keeper(
            workspace,
            self.table,
            self.closer,
            self.tails,
            self.workers,
            changed=self._run_changed,
            freed=lambda: self.dispatcher.wake(),
        )
        self.dispatcher = self._make_dispatcher()
        self.actions = self._make_actions()
        self.notifier = Notifier(
            workspace, self.table, lambda: self.settings().notifications, self.workers
        )
        self.scheduler = Scheduler(
            workspace,
            ScheduleTable(workspace.database),
            self._launch_scheduled,
            lambda: self.settings().timezone,
            self.feed,
            self.workers,
        )
        self.janitor = Janitor(
            workspace,
            self.table,
            self.actions,
            self.prefect,
            lambda: self.settings().retention,
            self.workers,
        )
        self.pool = PoolWatch(self.prefect, lambda: self.settings().prefect_server, self.workers)
        self.mirroring = Mirroring(workspace, lambda: self.settings().tracking, self.workers)
        self.drift = DriftRule(
            workspace,
            self.table,
            lambda: self.settings().drift,
            launch=self._launch_scheduled,
            targets=self.notifier.targets,
            tell=self.notifier.wake,
            workers=self.workers,
        )
        self.errands = self._make_errands()
        self.services: list[Service] = []
        self.http_answers = HttpAnswers()
        self._workspace_metrics = WorkspaceMetrics(workspace, self.workers)
        self.metrics = self._make_metrics()
        self.stop_requested = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._changes: set[asyncio.Task[None]] = set()
        self._is_warm = False

    async def start(self) -> None:
        """Take over what an earlier engine left, and begin to work."""
        await self.keeper.take_over(self.settings().run.cancel_grace_seconds)
        await end_workers_from(self.workspace, len(self.predictors))
        self._run(self.tails.watch())
        self._run(self.keeper.look_after())
        self._run(self.dispatcher.dispatch())
        self._run(self.scheduler.fire())
        self._run(self._again("notifications", self.notifier.deliver))
        self._run(self._again("work pool", self.pool.watch))
        self._run(self._again("retention", self.janitor.sweep_regularly))
        self._run(self._again("drift", self.drift.act_regularly))
        for errand in self.errands:
            self._run(self._again(errand.name, errand.run_regularly))
        self._run(self._leave_with_the_workspace())
        if await self.workers.table(self.table.unclosed) or await self.scheduler.any_enabled():
            self.warm()

    def warm(self) -> None:
        """Start what runs need; an engine that is only asked for lists does without."""
        for child in self._children():
            if child.has_failed:
                child.revive()
        if self._is_warm:
            return
        self._is_warm = True
        for child in self._children():
            self._run(child.supervise())

    async def stop(self) -> None:
        """End the engine. Runs go on, and the Prefect server as long as they do."""
        self.dispatcher.stop()
        self.closer.stop()
        self._workspace_metrics.close()
        for task in [*self._tasks, *self._changes]:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._changes, return_exceptions=True)
        await self.launcher.stop()
        if not self.keep_predictor:
            await asyncio.gather(*(predictor.stop() for predictor in self.predictors))
        if not self.keeper.living:
            await self.prefect.stop()
        self.prefect.close()
        self.workers.close()
        self._held_open.close()

    async def status(self) -> EngineStatus:
        """How everything is doing."""
        settings = self.settings()  # which also looks whether the file is still right
        counts = await self.workers.table(self.table.counts)
        queued = await self.workers.table(self.table.queued)
        problems = [self.settings.problem, self.keeper.problem, self.prefect.problem]
        problems += [service.problem for service in self.services]
        problems += [errand.problem for errand in self.errands]
        mlflow, not_mirrored = await self.mirroring.look()
        own = await asyncio.to_thread(look, os.getpid(), alone=True)
        return EngineStatus(
            version=version("mlops-tui"),
            pid=os.getpid(),
            workspace=str(self.workspace.root),
            started=self.started,
            children=tuple([await self._with_usage(child.info) for child in self._children()]),
            running=len(self.keeper.living),
            queued=len([run for run in queued if run.id not in self.keeper.living]),
            max_concurrent=settings.queue.max_concurrent,
            counts=counts,
            problems=tuple(problem for problem in problems if problem),
            warnings=(not_mirrored,) if not_mirrored else (),
            mlflow=mlflow,
            memory=own.memory if own else None,
            cpu_seconds=own.cpu_seconds if own else None,
            timezone=settings.timezone,
            addresses={
                service.name: service.address for service in self.services if service.address
            },
            pool=self.pool.info,
            prefect_url=self.prefect.connection.url if self.prefect.connection else "",
        )

    def _make_errands(self) -> list[Errand]:
        sweep = Errand(
            self.workspace,
            "shared-storage",
            "engine.store.depot_sweep",
            self._is_storage_swept,
            every_seconds=_SWEEP_SECONDS,
        )
        return [self.mirroring.errand, self.drift.errand, sweep]

    async def _is_storage_swept(self) -> bool:
        """Whether runs leave something in the shared storage, which goes with them."""
        return bool(self.settings().prefect_server.work_pool)

    def _children(self) -> list[Child]:
        children = [self.prefect.child, self.launcher.child]
        children += [predictor.child for predictor in self.predictors]
        return [child for child in children if child is not None]

    def _make_prefect(self) -> Prefect:
        def settings() -> PrefectServerSettings:
            return self.settings().prefect_server

        if settings().url:
            return PrefectElsewhere(self.workspace, settings, self.workers, self._child_changed)
        return PrefectServer(
            self.workspace.prefect_home,
            settings,
            self.workers,
            self._child_changed,
            lambda: read_address(self.settings().database.url, self.workspace.secrets),
        )

    def _make_launcher(self) -> Launcher:
        method = self.settings().run.start_method
        if method == "fork" or (method == "auto" and sys.platform == "linux"):
            return ForkLauncher(self.workspace, self.prefect, self._child_changed)
        return SpawnLauncher(self.workspace, self.prefect)

    def _make_predictors(self) -> list[Predictor]:
        settings = self.settings()
        predictor, storage = settings.predictor, settings.storage.url
        return [
            Predictor(self.workspace, index, predictor, storage, self._child_changed)
            for index in range(predictor.workers if predictor.enabled else 0)
        ]

    def _make_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.workspace,
            self.table,
            self.settings,
            self.prefect,
            self.launcher,
            self.keeper,
            self.workers,
            self._run_changed,
        )

    def _make_actions(self) -> RunActions:
        return RunActions(
            self.workspace,
            self.table,
            self.settings,
            prefect=self.prefect,
            dispatcher=self.dispatcher,
            keeper=self.keeper,
            closer=self.closer,
            feed=self.feed,
            workers=self.workers,
        )

    def _make_metrics(self) -> MetricsPage:
        return MetricsPage(
            {
                "engine": EngineMetrics(
                    self.status,
                    lambda: {one.name: bool(one.address) for one in self.services if one.is_wanted},
                    lambda: {errand.name: bool(errand.problem) for errand in self.errands},
                ),
                "runs": RunMetrics(self.workspace.database, self.workers),
                "workspace": self._workspace_metrics,
                "drift": DriftMetrics(self.workspace, self.workers),
                "tracking": TrackingMetrics(self.mirroring.behind),
                "http": self.http_answers,
            }
        )

    def _child_changed(self, info: ChildInfo) -> None:
        logger.info("%s: %s %s", info.name, info.state, info.problem)
        self.feed.publish(HealthEvent(child=info))
        self.dispatcher.wake()

    def _run_changed(self, run_id: str) -> None:
        task = asyncio.create_task(self._tell_of(run_id))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)

    async def _tell_of(self, run_id: str) -> None:
        try:
            record = await self.workers.table(self.table.get, run_id)
        except NotFoundError:
            return
        except EngineError as error:
            logger.warning("what became of run %s cannot be told: %s", run_id, error)
            return
        self.feed.publish(RunEvent(run=self.actions.info(record)))
        if record.is_final:
            self.notifier.wake()
            self.mirroring.errand.wake()
            if not record.closed:
                self.closer.close(run_id)

    async def _launch_scheduled(self, request: LaunchRequest) -> LaunchReply:
        self.warm()
        return await self.actions.launch(request)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def _again(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Keep doing what runs can do without: a mistake in it must not cost the engine."""
        while True:
            try:
                await work()
            except Exception:
                logger.exception("%s: something is wrong with this program", name)
            await asyncio.sleep(_AGAIN_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of the engine's own loops may end by itself: half an engine is worse than none."""
        if not task.cancelled() and task.exception() is not None:
            logger.critical("the engine is broken and stops", exc_info=task.exception())
            self.stop_requested.set()

    async def _with_usage(self, info: ChildInfo) -> ChildInfo:
        # The children of the fork server are runs, which are counted by themselves.
        usage = await asyncio.to_thread(look, info.pid, alone=True) if info.pid else None
        if usage is None:
            return info
        return msgspec.structs.replace(info, memory=usage.memory, cpu_seconds=usage.cpu_seconds)

    async def _leave_with_the_workspace(self) -> None:
        while self.workspace.database.exists():
            await asyncio.sleep(_WORKSPACE_LOOK_SECONDS)
        logger.error("the workspace is gone: the engine leaves, and ends what runs in it")
        self.keeper.kill_all()
        self.stop_requested.set()
