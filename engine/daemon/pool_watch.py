"""Who works for the work pool that runs are placed in, looked at now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.config.engine_settings import PrefectServerSettings
from engine.daemon.prefect import Prefect
from engine.daemon.workers import Workers
from engine.errors import EngineError
from engine.prefect_server.pools import Pool, read_pool
from engine.schema import PoolInfo, WorkerInfo

_EVERY_SECONDS = 15.0


class PoolWatch:
    """Knows the pool and its workers, as of a moment ago.

    Args:
        prefect: The server.
        settings: Which pool, as of now.
        workers: Threads to wait in.
    """

    def __init__(
        self, prefect: Prefect, settings: Callable[[], PrefectServerSettings], workers: Workers
    ) -> None:
        self._prefect = prefect
        self._settings = settings
        self._workers = workers
        self.info: PoolInfo | None = None

    async def watch(self) -> None:
        """Look at it regularly, until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(_EVERY_SECONDS)

    async def _look(self) -> None:
        name = self._settings().work_pool
        if not name:
            self.info = None
        elif self._prefect.child.ready.is_set():
            try:
                self.info = _info(await self._workers.server(read_pool, self._prefect.api, name))
            except EngineError as error:
                self.info = PoolInfo(name=name, problem=str(error))
        else:
            self.info = PoolInfo(name=name, problem=self._prefect.why_not_ready)


def _info(pool: Pool) -> PoolInfo:
    problem = ""
    if pool.is_paused:
        problem = "it is paused"
    elif not pool.online:
        problem = f"no worker polls it; start one: engine worker --pool {pool.name}"
    workers = tuple(
        WorkerInfo(name=one.name, heard=one.heard, online=one.is_online) for one in pool.workers
    )
    return PoolInfo(name=pool.name, type=pool.type, problem=problem, workers=workers)
