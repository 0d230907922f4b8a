"""Starting queued runs when there is room, and saying why the others wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from engine.config.engine_settings import EngineSettings
from engine.daemon.keeper import Keeper
from engine.daemon.launching import Launcher
from engine.daemon.prefect import Prefect
from engine.daemon.views import call_it
from engine.daemon.workers import Workers
from engine.errors import EngineError, NotFoundError, ServerError
from engine.plurals import counted
from engine.prefect_server.pools import place_flow_run
from engine.runs.order import CONFIG_FILE, Order
from engine.runs.placing import PLACED_FLOWS
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_NAMED = 3
_RUNS = "{count} [run|runs]"
_TOLD = 20
# Each has a process here that looks after it.
_MOST_PLACED = 64
_POOL_SECONDS = 5.0


@dataclass(frozen=True)
class Slot:
    """A run that takes a slot; one that is done elsewhere takes none of those of this machine."""

    id: str
    flow: str
    is_placed: bool = False


class Dispatcher:
    """Starts queued runs: those of high priority first, then in the order of their acceptance.

    Args:
        workspace: Where the runs are.
        table: The table of runs.
        settings: The engine's settings as they are now.
        prefect: The server, which must know a run before it starts.
        launcher: Makes processes.
        keeper: Watches over them.
        workers: Threads to wait in.
        changed: Called with the id of a run whose record changed.
    """

    def __init__(
        self,
        workspace: Workspace,
        table: RunTable,
        settings: Callable[[], EngineSettings],
        prefect: Prefect,
        launcher: Launcher,
        keeper: Keeper,
        workers: Workers,
        changed: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._settings = settings
        self._prefect = prefect
        self._launcher = launcher
        self._keeper = keeper
        self._workers = workers
        self._changed = changed
        self._wake = asyncio.Event()
        self._launching: dict[str, RunRecord] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._said: dict[str, str] = {}
        # Work pools that cannot be used: until when (monotonic clock) and why, as a sentence.
        self._unusable: dict[str, tuple[float, str]] = {}
        self.queue: list[RunRecord] = []

    def wake(self) -> None:
        """Look at the queue again: something was queued, freed or became ready."""
        self._wake.set()

    async def dispatch(self) -> None:
        """Start what can be started, whenever woken, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                self.queue = await self._workers.table(self._table.queued)
            except EngineError as error:
                logger.error("the queue cannot be read: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()
                continue
            self._start_what_fits()

    def _start_what_fits(self) -> None:
        said: dict[str, str] = {}
        for place, record in enumerate(self.queue):
            if self._has_begun(record.id):
                continue
            obstacle = self._obstacle(record.flow)
            if not obstacle:
                self._begin(record)
            elif place < _TOLD:
                # Of a long queue only the head is told when it waits for something else now.
                said[record.id] = obstacle
                if obstacle != self._said.get(record.id):
                    self._changed(record.id)
        self._said = said

    def _has_begun(self, run_id: str) -> bool:
        return run_id in self._launching or run_id in self._keeper.living

    def _begin(self, record: RunRecord) -> None:
        self._launching[record.id] = record
        task = asyncio.create_task(self._launch(record))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Start nothing more; what is in the queue stays there."""
        for task in self._tasks:
            task.cancel()

    def why_waiting(self, record: RunRecord) -> str:
        """Why a queued run does not start, as a sentence; "" when nothing keeps it."""
        if self._has_begun(record.id):
            return self._prefect.why_not_ready or "its process is being made"
        full = self._pool_problem(record.flow) or self._no_room(record.flow)
        place = f"{full}; number {self._place(record)} in the queue" if full else ""
        return self._not_ready() or place

    def _obstacle(self, flow: str) -> str:
        """What keeps runs of a flow from starting; "" when nothing does."""
        return self._not_ready() or self._pool_problem(flow) or self._no_room(flow)

    def _not_ready(self) -> str:
        """Which part of the engine every run has to wait for; "" when all are there."""
        if why := self._prefect.why_not_ready:
            return why
        fork_server = self._launcher.child
        if fork_server and not fork_server.ready.is_set():
            if fork_server.has_failed:
                return f"the fork server does not start: {fork_server.problem}"
            return "the training libraries are being loaded, which takes a few seconds"
        return ""

    def _pool_of(self, flow: str) -> str:
        """The work pool that runs of a flow are placed in, "" when they are done here."""
        return self._settings().prefect_server.work_pool if flow in PLACED_FLOWS else ""

    def _pool_problem(self, flow: str) -> str:
        until, why = self._unusable.get(self._pool_of(flow), (0.0, ""))
        return why if time.monotonic() < until else ""

    def _no_room(self, flow: str) -> str:
        queue = self._settings().queue
        taken = self._taken()
        of_flow = [slot for slot in taken if slot.flow == flow]
        limit = int(getattr(queue.per_flow, flow))
        if limit and len(of_flow) >= limit:
            return (
                f"waits for {_names(of_flow)}: at most {counted(_RUNS, limit)} of {flow} at once "
                f"(queue.per_flow.{flow})"
            )
        here = [slot for slot in taken if not slot.is_placed]
        if self._pool_of(flow):
            elsewhere = [slot for slot in taken if slot.is_placed]
            if len(elsewhere) >= _MOST_PLACED:
                most = counted(_RUNS, _MOST_PLACED)
                return f"waits for {_names(elsewhere)}: at most {most} are placed"
        elif len(here) >= queue.max_concurrent:
            return (
                f"waits for {_names(here)}: at most {counted(_RUNS, queue.max_concurrent)} at once "
                "(queue.max_concurrent)"
            )
        return ""

    def _taken(self) -> list[Slot]:
        living = [
            Slot(run_id, run.flow, run.is_placed) for run_id, run in self._keeper.living.items()
        ]
        making = [
            Slot(run_id, run.flow, bool(self._pool_of(run.flow)))
            for run_id, run in self._launching.items()
            if run_id not in self._keeper.living
        ]
        return living + making

    def _place(self, record: RunRecord) -> int:
        """Its place in the queue; a run that was accepted a moment ago is the last."""
        place = 1
        for run in self.queue:
            if run.id == record.id:
                return place
            place += not self._has_begun(run.id)
        return place

    async def _launch(self, record: RunRecord) -> None:
        """Bring one run to life; what goes wrong with the engine puts it back into the queue."""
        try:
            document = await self._workers.table(self._prepare_folder, record)
            if document is not None:  # else it was cancelled or deleted while it waited
                await self._make_process(record, document)
        except (ServerError, NotFoundError) as error:
            logger.warning("%s could not be launched yet: %s", call_it(record), error)
            await self._begin_anew(record.id)
            await asyncio.sleep(_RETRY_SECONDS)
        except (EngineError, OSError) as error:
            message = f"could not be started: {error}"
            kind = error.kind if isinstance(error, EngineError) else "StorageError"
            await self._workers.table(self._table.finish, record.id, "FAILED", message, kind)
            self._changed(record.id)
        except Exception:
            logger.exception("%s could not be launched", call_it(record))
            await self._begin_anew(record.id)
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._launching.pop(record.id, None)
            self.wake()

    async def _begin_anew(self, run_id: str) -> None:
        """Perhaps a process was made and nobody heard of it: it does the run now, or never will."""
        while True:
            try:
                await self._workers.table(self._table.new_attempt, run_id)
                record = await self._workers.table(self._table.get, run_id)
                if record.pid is not None and not record.is_final:
                    await self._keeper.adopt(record)
                return
            except NotFoundError:
                return  # deleted meanwhile
            except EngineError as error:
                logger.error("run %s cannot be looked up: %s", run_id, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _make_process(self, record: RunRecord, document: str) -> None:
        settings = self._settings()
        pool = self._pool_of(record.flow)
        parameters = {"settings": yaml_values(document)}
        if pool:
            placed = await self._place_in_pool(record, pool, parameters)
            if placed is None:
                return
            prefect_id, pool = placed
        else:
            prefect_id = await self._workers.server(
                self._prefect.api.create_flow_run,
                record.flow,
                name=record.name,
                parameters=parameters,
                idempotency_key=record.id,
                tags=record.tags,
            )
            # It may have been placed when the settings were others: there it stays.
            pool = record.pool
        run = settings.run
        order = Order(
            run_id=record.id,
            attempt=record.attempt,
            prefect_id=prefect_id,
            nice=run.nice,
            memory_limit_mb=run.memory_limit_mb,
            log_max_mb=run.log_max_mb,
            pool=pool or settings.prefect_server.work_pool,
            is_placed=bool(pool),
            lost_after_seconds=settings.prefect_server.lost_after_seconds,
            cancel_seconds=run.cancel_grace_seconds,
            dask_scheduler=run.dask_scheduler,
        )
        launched = await self._launcher.launch(order)
        self._keeper.watch(record.id, record.flow, launched, is_placed=order.is_placed)

    async def _place_in_pool(
        self, record: RunRecord, pool: str, parameters: dict[str, Any]
    ) -> tuple[str, str] | None:
        """Make the flow run in a work pool; None when the pool cannot be used, and runs wait."""
        try:
            return await self._workers.server(
                place_flow_run,
                self._prefect.api,
                pool,
                record.flow,
                name=record.name,
                parameters=parameters,
                idempotency_key=record.id,
                tags=record.tags,
            )
        except (NotFoundError, ServerError) as error:
            self._unusable[pool] = (time.monotonic() + _POOL_SECONDS, str(error))
            asyncio.get_running_loop().call_later(_POOL_SECONDS, self.wake)
            logger.warning("%s waits: %s", call_it(record), error)
            return None

    def _prepare_folder(self, record: RunRecord) -> str | None:
        document = self._table.document(record.id)
        if document is None:
            return None
        folder = self._workspace.run_folder(record.id)
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / CONFIG_FILE).write_text(document, encoding="utf-8")
        return document


def yaml_values(document: str) -> dict[str, Any]:
    """The settings of a run as Prefect records them."""
    values: dict[str, Any] = yaml.load(
        document, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return values


def _names(slots: list[Slot]) -> str:
    if len(slots) <= _NAMED:
        return " or ".join(f"{slot.flow} {slot.id[:8]}" for slot in slots)
    counts = Counter(slot.flow for slot in slots)
    return "one of " + ", ".join(f"{count} {flow}" for flow, count in counts.items())
