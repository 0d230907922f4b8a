"""The asynchronous client: the same calls, for programs with an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TypeVar

import httpx
from msgspec import Struct

from engine.client import calls
from engine.client.calls import Call
from engine.client.start import reach
from engine.client.wire import (
    BASE_URL,
    FEED_TIMEOUT,
    RETRY_PAUSE_SECONDS,
    RETRY_SECONDS,
    TIMEOUT,
    FeedParser,
    error_of,
    reply_of,
    request_of,
    unreachable,
)
from engine.schema import Event
from engine.workspace import Workspace

T = TypeVar("T", bound=Struct)


class AsyncEngineClient:
    """Talks to the engine of a workspace; use it as an asynchronous context manager.

    The arguments and methods are those of `EngineClient`.
    """

    def __init__(self, workspace: Workspace, *, autostart: bool = True) -> None:
        self._workspace = workspace
        self._autostart = autostart
        self._is_reached = False
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(workspace.socket), verify=False),
            base_url=BASE_URL,
            timeout=TIMEOUT,
        )

    async def __aenter__(self) -> AsyncEngineClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, call: Call[T]) -> T:
        """Ask, and return the answer; see `EngineClient.send`."""
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            await self._reach()
            try:
                return reply_of(call, await self._client.request(**request_of(call)))
            except httpx.TransportError as error:
                self._is_reached = False
                if time.monotonic() > deadline:
                    raise unreachable(self._workspace, error) from error
            await asyncio.sleep(RETRY_PAUSE_SECONDS)

    async def events(
        self, run_id: str | None = None, *, logs: bool = False
    ) -> AsyncIterator[Event]:
        """Follow the live feed, for ever; see `EngineClient.events`."""
        parser = FeedParser()
        query = calls.events_query(run_id, logs=logs)
        while True:
            await self._reach()
            try:
                async with self._client.stream(
                    "GET",
                    "/events",
                    params=query,
                    headers=parser.headers(),
                    timeout=FEED_TIMEOUT,
                ) as response:
                    if not response.is_success:
                        raise error_of(await response.aread(), response.status_code)
                    async for line in response.aiter_lines():
                        event = parser.feed(line)
                        if event is not None:
                            yield event
            except httpx.TransportError:
                pass  # it was cut: perhaps the engine is being replaced
            self._is_reached = False
            await asyncio.sleep(RETRY_PAUSE_SECONDS)

    async def _reach(self) -> None:
        if not self._is_reached:
            await asyncio.to_thread(reach, self._workspace, autostart=self._autostart)
            self._is_reached = True
