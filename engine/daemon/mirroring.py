"""When the mirror to MLflow is started; nothing of the engine or of a run waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from engine.config.engine_settings import TrackingSettings
from engine.config.mlflow_address import MlflowAddress, mlflow_address
from engine.daemon.errands import Errand
from engine.daemon.workers import Workers
from engine.errors import EngineError
from engine.secrets_file import read_secrets
from engine.tables.mirrored import MirrorTable, storage_mark, why_not_mirrored
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_MODULE = "engine.tracking.mirror"
_EVERY_SECONDS = 15.0
# Importing MLflow costs seconds of a processor: what ends soon after goes with it.
_GATHER_SECONDS = 2.0
_REST_SECONDS = 15.0


class Mirroring:
    """Knows whether there is anything to mirror, and why it is not.

    Args:
        workspace: The workspace.
        settings: As of now.
        workers: Threads for the table.

    Attributes:
        errand: Does it.
    """

    def __init__(
        self, workspace: Workspace, settings: Callable[[], TrackingSettings], workers: Workers
    ) -> None:
        self._workspace = workspace
        self._settings = settings
        self._workers = workers
        self._rest_until = 0.0
        self.errand = Errand(
            workspace, "tracking", _MODULE, self._is_due, every_seconds=_EVERY_SECONDS
        )

    async def look(self) -> tuple[str, str]:
        """Where runs are mirrored to, and why something is not; each "" when there is nothing."""
        if not self._settings().enabled:
            return "", ""
        return await self._workers.table(self._where_and_why_not)

    async def behind(self) -> tuple[int, int] | None:
        """Runs that wait, and what could not be mirrored; None when nothing is to be.

        Raises:
            EngineError: It cannot be told which MLflow is meant.
        """
        if not self._settings().enabled:
            return None
        return await self._workers.table(self._count_behind)

    async def _is_due(self) -> bool:
        if not self._settings().enabled or not await self._workers.table(self._look):
            return False
        await asyncio.sleep(max(_GATHER_SECONDS, self._rest_until - time.monotonic()))
        self._rest_until = time.monotonic() + _REST_SECONDS
        return True

    def _look(self) -> bool:
        try:
            return self._table().is_due(storage_mark(self._workspace.central_storage))
        except EngineError as error:
            logger.warning("tracking: %s", error)
            return False

    def _where_and_why_not(self) -> tuple[str, str]:
        where = ""
        try:
            where = self._address().words
            why = why_not_mirrored(self._table())
        except EngineError as error:
            why = str(error)
        return where, f"tracking: {why}" if why else ""

    def _count_behind(self) -> tuple[int, int]:
        table = self._table()
        return table.count_waiting(), len(table.failing())

    def _table(self) -> MirrorTable:
        return MirrorTable(self._workspace.database, self._address().place)

    def _address(self) -> MlflowAddress:
        secrets = read_secrets(self._workspace.secrets)
        return mlflow_address(self._workspace, self._settings(), secrets)
