"""What clients can do to runs: launch, cancel, repeat, delete."""

from __future__ import annotations

import asyncio
import logging
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coolname import generate_slug
from msgspec.structs import replace

from engine.config.engine_settings import EngineSettings
from engine.config.resolve import Resolved, resolve
from engine.daemon.closer import Closer
from engine.daemon.dispatcher import Dispatcher
from engine.daemon.feed import Feed
from engine.daemon.keeper import Keeper
from engine.daemon.prefect import Prefect
from engine.daemon.views import call_it, run_info
from engine.daemon.workers import Workers
from engine.errors import ConflictError, EngineError, NotFoundError, StorageError
from engine.schema import (
    ChooseRequest,
    DeletedEvent,
    LaunchReply,
    LaunchRequest,
    RerunRequest,
    RunEvent,
    RunInfo,
    RunsReply,
)
from engine.tables.handoffs import Handoffs
from engine.tables.run_record import NewRun, RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

DELETED_PREFIX = ".deleted-"
"""Beginning of the name of a run's folder that is being deleted."""

_MOST_AT_ONCE = 10_000
_READY_SECONDS = 30.0


class RunActions:
    """Changes runs on behalf of clients, schedules and retention."""

    def __init__(
        self,
        workspace: Workspace,
        table: RunTable,
        settings: Callable[[], EngineSettings],
        *,
        prefect: Prefect,
        dispatcher: Dispatcher,
        keeper: Keeper,
        closer: Closer,
        feed: Feed,
        workers: Workers,
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._settings = settings
        self._prefect = prefect
        self._dispatcher = dispatcher
        self._keeper = keeper
        self._closer = closer
        self._feed = feed
        self._workers = workers
        self._handoffs = Handoffs(workspace.database)
        self._background: set[asyncio.Task[None]] = set()

    def info(self, record: RunRecord) -> RunInfo:
        """A run as clients see it."""
        living = self._keeper.living.get(record.id)
        waiting = "" if record.pid or record.is_final else self._dispatcher.why_waiting(record)
        usage = living.used(is_over=record.is_final) if living else None
        return run_info(record, waiting=waiting, usage=usage)

    async def launch(self, request: LaunchRequest, rerun_of: str | None = None) -> LaunchReply:
        """Accept a run: from now on it will be done, whatever happens to this process.

        Raises:
            ConfigError: The settings are wrong; nothing was accepted.
        """
        resolved = await self._workers.settings(
            _resolve, self._workspace, request.flow, request.overrides, request.flags
        )
        new = NewRun(
            id=str(uuid.uuid4()),
            flow=request.flow,
            name=generate_slug(2),
            document=resolved.document,
            parameters=resolved.parameters,
            launch_key=request.key,
            priority=request.priority,
            origin=request.origin,
            rerun_of=rerun_of,
            request={"overrides": list(request.overrides), "flags": request.flags},
            tags=request.tags,
        )
        record, created = await self._workers.table(self._table.accept, new)
        if created:
            logger.info("accepted %s (%s)", call_it(record), record.origin or "unknown origin")
            self._dispatcher.wake()
            self._feed.publish(RunEvent(run=self.info(record)))
        return LaunchReply(run=self.info(record), created=created, notes=resolved.notes)

    async def rerun(self, run_id: str, change: RerunRequest) -> LaunchReply:
        """Accept a run with the request of an earlier one, changed by what is given.

        The files of the configuration are read again: what was corrected there counts.
        """
        earlier = await self._workers.table(self._table.get, run_id)
        if not earlier.request:
            raise ConflictError(
                f"{call_it(earlier)} was made by an earlier version, which did not keep what was "
                "asked for",
                fix="Launch it anew",
            )
        request = LaunchRequest(
            flow=earlier.flow,
            overrides=(*earlier.request.get("overrides", ()), *change.overrides),
            flags={**earlier.request.get("flags", {}), **change.flags},
            key=change.key,
            priority=earlier.priority if change.priority is None else change.priority,
            origin=change.origin,
            tags=earlier.tags if change.tags is None else change.tags,
        )
        return await self.launch(request, rerun_of=earlier.id)

    async def cancel(self, run_id: str, *, hard: bool) -> RunInfo:
        """End a run: one that waits at once, one that goes on by asking its process.

        Cancelling a run that has ended changes nothing.
        """
        known = await self._workers.table(self._table.get, run_id)
        if known.is_final:
            return self.info(known)
        record = await self._workers.table(self._table.request_cancel, known.id)
        logger.info("cancelling %s%s", call_it(record), " at once" if hard else "")
        if record.is_final:
            self._closer.close(record.id)
            self._dispatcher.wake()
        else:
            grace = self._settings().run.cancel_grace_seconds
            self._keeper.ask_to_end(record, hard=hard, grace_seconds=grace)
            self._tell_prefect_soon(record)
        self._feed.publish(RunEvent(run=self.info(record)))
        return self.info(record)

    async def cancel_all(self, chosen: ChooseRequest, *, hard: bool) -> RunsReply:
        """Cancel the chosen runs that have not ended."""
        records, reply = await self._choose(chosen, ended=False)
        done = [await self.cancel(record.id, hard=hard) for record in records]
        return replace(reply, runs=tuple(done))

    async def delete(self, chosen: ChooseRequest, *, force: bool) -> RunsReply:
        """Delete the chosen runs that have ended, with their folders, here and in Prefect.

        A run that a next flow would take something up from is kept unless forced.
        """
        records, reply = await self._choose(chosen, ended=True)
        refused = dict(reply.refused)
        needed = {} if force else await self._workers.table(self._handoffs.run_ids)
        deleted = []
        for record in records:
            if record.id in needed:
                kind = needed[record.id]
                refused[record.id] = f"it left the newest {kind}, which the next flow takes up"
                continue
            try:
                await self.delete_one(record)
            except EngineError as error:
                refused[record.id] = str(error)
            else:
                deleted.append(self.info(record))
        return replace(reply, runs=tuple(deleted), refused=refused)

    async def delete_one(self, record: RunRecord) -> None:
        """Delete one run that has ended and is closed.

        Raises:
            ConflictError: It has not ended yet.
            ServerError: Prefect cannot be told; the run is kept.
        """
        if not record.is_final:
            raise ConflictError(f"{call_it(record)} has not ended yet", fix="Cancel it first")
        if not record.closed:
            raise ConflictError(
                f"the end of {call_it(record)} is still being recorded",
                fix="Try again in a moment, or see `engine status`",
            )
        prefect_id = record.prefect_id
        if prefect_id is None and self._prefect.child.ready.is_set():
            # One that was cancelled before it began may be known there all the same.
            prefect_id = await self._workers.server(self._prefect.api.flow_run_id_of_key, record.id)
        if prefect_id is not None:
            await self._prefect.wait_ready(_READY_SECONDS)
            await self._workers.server(self._prefect.api.delete_flow_runs, prefect_id)
        await self._workers.table(self._delete_here, record)
        self._feed.publish(DeletedEvent(run_id=record.id))

    def _delete_here(self, record: RunRecord) -> None:
        folder = self._workspace.run_folder(record.id)
        remains = folder.with_name(f"{DELETED_PREFIX}{record.id}")
        # Out of the way in one move; what follows may be cut short, and is made up for later.
        try:
            folder.rename(remains)
        except FileNotFoundError:
            pass  # it never had one, or an earlier deletion came this far
        except OSError as error:
            raise StorageError(f"cannot be removed: {error.strerror}", where=str(folder)) from error
        self._table.delete(record.id)
        shutil.rmtree(remains, ignore_errors=True)

    async def _choose(
        self, chosen: ChooseRequest, *, ended: bool
    ) -> tuple[list[RunRecord], RunsReply]:
        """The runs that are meant, and the beginning of a reply: those that cannot be."""
        if not chosen.ids and not chosen.all and chosen.flow is None and chosen.state is None:
            raise ConflictError("no runs were chosen", fix="Name runs, a flow, a state, or all")
        if not chosen.ids:
            records = await self._workers.table(
                self._table.newest, _MOST_AT_ONCE, flow=chosen.flow, state=chosen.state
            )
            return [record for record in records if record.is_final == ended], RunsReply(runs=())
        found: dict[str, RunRecord] = {}
        refused: dict[str, str] = {}
        unknown: list[str] = []
        for run_id in chosen.ids:
            try:
                record = await self._workers.table(self._table.get, run_id)
            except NotFoundError as error:
                refused[run_id] = str(error)
                unknown.append(run_id)
                continue
            if record.is_final == ended:
                found[record.id] = record
            else:
                refused[record.id] = "it has not ended yet" if ended else "it has ended already"
        return list(found.values()), RunsReply(runs=(), refused=refused, unknown=tuple(unknown))

    def _tell_prefect_soon(self, record: RunRecord) -> None:
        task = asyncio.create_task(self._tell_prefect(record))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _tell_prefect(self, record: RunRecord) -> None:
        """Show the run as CANCELLING to who looks at Prefect; its end comes by another way."""
        if record.prefect_id is None or not self._prefect.child.ready.is_set():
            return
        try:
            await self._workers.server(self._prefect.api.propose_cancelling, record.prefect_id)
        except EngineError as error:
            logger.info("Prefect was not told that run %s is cancelling: %s", record.id, error)


def _resolve(
    workspace: Workspace, flow: str, overrides: Sequence[str], flags: Mapping[str, Any]
) -> Resolved:
    return resolve(flow, workspace_configs=workspace.configs, overrides=overrides, flags=flags)
