"""A Prefect server that somebody else runs, by its URL: nothing is started, it is only looked at.

Runs wait for it as long as it takes: nobody here can make it answer, and nothing fails meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from engine.config.engine_settings import PrefectServerSettings
from engine.daemon.children import Child, Started
from engine.daemon.prefect import Prefect
from engine.daemon.workers import Workers
from engine.errors import ServerError
from engine.prefect_server.address import check_server, given_connection
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection, write_short_certificates
from engine.schema import ChildInfo
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 10.0
_LOOKS_MISSED = 3


class PrefectElsewhere(Prefect):
    """A server at `prefect_server.url`."""

    def __init__(
        self,
        workspace: Workspace,
        settings: Callable[[], PrefectServerSettings],
        workers: Workers,
        changed: Callable[[ChildInfo], None],
    ) -> None:
        super().__init__()
        self.child = Child("prefect server", self._start, changed, gives_up=False)
        self._secrets = workspace.secrets
        self._home: Path = workspace.prefect_home
        self._url = settings().url
        self._settings = settings
        self._workers = workers

    @property
    def inherited(self) -> tuple[int, ...]:
        """None: it does not know who needs it."""
        return ()

    @property
    def why_not_ready(self) -> str:
        """What it said the last time, or that it did not."""
        if self.child.ready.is_set():
            return ""
        return f"waits for the Prefect server: {self.child.problem or 'it is being asked'}"

    async def prepare(self) -> Connection:
        """Read the address and the credentials, as they are now."""
        self.connection = await self._workers.settings(self._given)
        return self.connection

    async def stop(self) -> None:
        """It is not ours to end."""

    def close(self) -> None:
        """Close the connections."""
        if self._api is not None:
            self._api.close()

    def _given(self) -> Connection:
        write_short_certificates(self._home)
        # The address that it had when this engine started: another one is for the next engine.
        return given_connection(self._url, self._settings().auth, self._secrets)

    async def _start(self) -> Started:
        connection = await self.prepare()
        found = await self._workers.settings(check_server, connection)
        logger.info("the Prefect server at %s has version %s", connection.url, found)
        if self._api is not None:
            self._api.close()
        self._api = PrefectApi(connection)
        return Started(None, _Look(connection, self._workers), connection.url)


class _Look:
    """Takes a server for gone that was asked some times and did not answer as it should."""

    def __init__(self, connection: Connection, workers: Workers) -> None:
        self._connection = connection
        self._workers = workers

    async def death(self) -> None:
        """Return when the server does not answer any more."""
        missed = 0
        while missed < _LOOKS_MISSED:
            await asyncio.sleep(_LOOK_EVERY_SECONDS / (1 + 4 * missed))
            try:
                await self._workers.settings(check_server, self._connection)
                missed = 0
            except ServerError as error:
                logger.info("%s", error)
                missed += 1

    def close(self) -> None:
        """Nothing to give back."""
