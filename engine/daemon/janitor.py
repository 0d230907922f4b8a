"""Deleting what is kept for long enough, and what was left lying by accident."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable

from engine.atomic import sweep_unfinished
from engine.config.engine_settings import RetentionSettings
from engine.daemon.actions import DELETED_PREFIX, RunActions
from engine.daemon.prefect import Prefect
from engine.daemon.workers import Workers
from engine.errors import EngineError
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_FIRST_SECONDS = 30.0
_EVERY_SECONDS = 3600.0
# What a search that was cut short has tried is kept for the next launch, but not for ever.
_KEEP_SEARCH_SECONDS = 7 * 86400.0
# Between two deletions others get their turn.
_BREATH_SECONDS = 0.02


class Janitor:
    """Holds the retention settings.

    Args:
        workspace: Where the runs are.
        table: The table of runs.
        actions: Deletes runs.
        prefect: The server, which must forget them too.
        settings: What is kept, as of now.
        workers: Threads for the table.
    """

    def __init__(
        self,
        workspace: Workspace,
        table: RunTable,
        actions: RunActions,
        prefect: Prefect,
        settings: Callable[[], RetentionSettings],
        workers: Workers,
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._actions = actions
        self._prefect = prefect
        self._settings = settings
        self._workers = workers
        self._handoffs = Handoffs(workspace.database)

    async def sweep_regularly(self) -> None:
        """Sweep a while after the start and then every hour, until cancelled."""
        await self._workers.table(self._sweep_remains)
        await asyncio.sleep(_FIRST_SECONDS)
        while True:
            await self._prefect.child.ready.wait()
            try:
                await self.sweep()
            except EngineError as error:
                logger.warning("old runs could not be deleted: %s", error)
            await asyncio.sleep(_EVERY_SECONDS)

    async def sweep(self) -> int:
        """Delete the runs that need not be kept; return how many."""
        settings = self._settings()
        oldest = time.time() - settings.keep_days * 86400.0 if settings.keep_days else 0.0
        found = await self._workers.table(
            self._table.ended_before, oldest, beyond=settings.keep_runs
        )
        needed = await self._workers.table(self._handoffs.run_ids)
        deleted = 0
        for record in found:
            if record.id in needed:
                continue
            try:
                await self._actions.delete_one(record)
                deleted += 1
            except EngineError as error:
                logger.warning("run %s could not be deleted: %s", record.id, error)
            await asyncio.sleep(_BREATH_SECONDS)
        if deleted:
            logger.info("deleted %d runs that need not be kept", deleted)
        await self._workers.table(self._sweep_remains)
        return deleted

    def _sweep_remains(self) -> None:
        """Remove what deletions and writers that were cut short left behind."""
        for folder in self._workspace.runs.glob(f"{DELETED_PREFIX}*"):
            shutil.rmtree(folder, ignore_errors=True)
        storage = self._workspace.central_storage / "versions"
        old = time.time() - _KEEP_SEARCH_SECONDS
        for folder in self._workspace.searches.glob("*"):
            if folder.stat().st_mtime < old:
                shutil.rmtree(folder, ignore_errors=True)
        swept = sum(map(sweep_unfinished, (storage, self._workspace.datasets)))
        if swept:
            logger.info("removed %d folders that were left unfinished", swept)
