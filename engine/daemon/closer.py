"""Telling Prefect how runs ended that could not do so themselves, until it knows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from engine.daemon.prefect import Prefect
from engine.daemon.workers import Workers
from engine.errors import EngineError, NotFoundError, StorageError
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.records import close_run_tree, read_timeline_rows
from engine.runs.outcome import Outcome
from engine.runs.traces import read_traces
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 2.0
_FAULTY_SECONDS = 60.0
# A request of a process that was killed may lie in the socket of a server that is being replaced,
# and be handled after ours: what was corrected is looked at again after this long.
_LATE_SECONDS = 0.3


class Closer:
    """Closes runs that have ended, several at once, each until it is closed.

    Args:
        workspace: Where the runs are.
        table: The table of runs.
        prefect: The server.
        workers: Threads to wait in.
        closed: Called with the id of a run that is now closed.
    """

    def __init__(
        self,
        workspace: Workspace,
        table: RunTable,
        prefect: Prefect,
        workers: Workers,
        closed: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._prefect = prefect
        self._workers = workers
        self._closed = closed
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def close(self, run_id: str) -> None:
        """Begin to close a run that has ended; one that is being closed goes on."""
        if run_id not in self._tasks:
            task = asyncio.create_task(self._until_closed(run_id))
            self._tasks[run_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(run_id, None))

    @property
    def open_runs(self) -> int:
        """How many runs are being closed."""
        return len(self._tasks)

    def stop(self) -> None:
        """Leave the rest to the next engine."""
        for task in self._tasks.values():
            task.cancel()

    async def _until_closed(self, run_id: str) -> None:
        while True:
            await self._prefect.child.ready.wait()
            try:
                record = await self._workers.table(self._table.get, run_id)
                while await self._workers.server(
                    close_in_prefect, self._workspace, self._prefect.api, record
                ):
                    await asyncio.sleep(_LATE_SECONDS)
                await self._workers.table(self._table.set_closed, run_id)
            except NotFoundError:
                return  # deleted meanwhile
            except EngineError as error:
                logger.warning("run %s cannot be closed yet: %s", run_id, error)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                logger.exception("run %s cannot be closed", run_id)
                await asyncio.sleep(_FAULTY_SECONDS)
            else:
                self._closed(run_id)
                return


def close_in_prefect(workspace: Workspace, api: PrefectApi, record: RunRecord) -> bool:
    """Make Prefect's record of a run true, and keep its timeline with the run.

    A run that Prefect does not know has nothing to be corrected there.

    Returns:
        Whether Prefect had another state for the run.
    """
    prefect_id = record.prefect_id or api.flow_run_id_of_key(record.id)
    if prefect_id is None:
        return False
    folder = workspace.run_folder(record.id)
    try:
        is_news = close_run_tree(api, prefect_id, record.state, record.message, read_traces(folder))
        rows = read_timeline_rows(api, prefect_id)
    except NotFoundError:
        return False
    if folder.is_dir():
        outcome = Outcome.read(folder) or Outcome(record.state, record.message, record.error_kind)
        try:
            outcome.with_rows(rows).write(folder)
        except StorageError as error:
            # The timeline can be read from Prefect too; the run is closed all the same.
            logger.warning("the timeline of run %s could not be kept: %s", record.id, error)
    return is_news
