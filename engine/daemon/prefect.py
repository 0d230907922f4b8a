"""What the rest of the engine sees of the Prefect server, wherever that runs."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from engine.daemon.children import Child
from engine.errors import ServerError
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection


class Prefect(ABC):
    """A Prefect server: whether it answers, and how to talk to it.

    Attributes:
        child: Ready when the server answers.
        connection: Address and credentials, None when they are not fixed yet.
    """

    child: Child

    def __init__(self) -> None:
        self._api: PrefectApi | None = None
        self.connection: Connection | None = None

    @property
    def api(self) -> PrefectApi:
        """A client of the server.

        Raises:
            ServerError: There is none yet.
        """
        if self._api is None:
            raise ServerError("the Prefect server is not up yet", fix="See `engine status`")
        return self._api

    @property
    def address(self) -> str:
        """Where the server listens, "" when that is not fixed yet."""
        return self.connection.url if self.connection else ""

    async def wait_ready(self, seconds: float) -> None:
        """Return when the server answers.

        Raises:
            ServerError: It does not within these seconds, or has been given up on.
        """
        try:
            if not self.child.has_failed:
                async with asyncio.timeout(seconds):
                    await self.child.ready.wait()
                return
        except TimeoutError:
            pass
        raise ServerError(
            f"the Prefect server is not up: {self.child.problem or 'it is starting'}",
            fix="See `engine status`",
        )

    @property
    @abstractmethod
    def inherited(self) -> tuple[int, ...]:
        """Open files that every process which needs the server has to have."""

    @property
    @abstractmethod
    def why_not_ready(self) -> str:
        """Why runs have to wait for the server, as a sentence; "" when they need not."""

    @property
    def problem(self) -> str:
        """What is wrong although the server is up, "" when nothing is."""
        return ""

    @abstractmethod
    async def prepare(self) -> Connection:
        """Fix the address, so that others may start while the server does."""

    @abstractmethod
    async def stop(self) -> None:
        """End the server, if it is the engine's to end."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the server, which may go on."""
