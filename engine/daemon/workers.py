"""Threads for what would block the event loop, apart by what they may wait for.

A Prefect server that does not answer, or a model file that takes its time, must not keep anyone
from reading the table of runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SERVER_THREADS = 8
_SETTINGS_THREADS = 4


class Workers:
    """Runs blocking calls elsewhere."""

    def __init__(self) -> None:
        # One: SQLite lets one write at a time anyhow, and so nobody waits for a lock.
        self._tables = ThreadPoolExecutor(1, "tables")
        self._server = ThreadPoolExecutor(_SERVER_THREADS, "prefect")
        self._settings = ThreadPoolExecutor(_SETTINGS_THREADS, "settings")

    async def table(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do what works on the engine's database and on small files."""
        return await self._run(self._tables, lambda: call(*args, **kwargs))

    async def server(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do what talks to the Prefect server."""
        return await self._run(self._server, lambda: call(*args, **kwargs))

    async def settings(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do what reads configurations, which may have to wait for the user's own code."""
        return await self._run(self._settings, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """Let go of the threads; calls that wait for a server are not waited for."""
        self._tables.shutdown(wait=True)
        for pool in (self._server, self._settings):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(pool, call)
