"""The synchronous client."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlencode

import httpx
from msgspec import Struct

from engine.client import calls
from engine.client.calls import Call
from engine.client.start import reach
from engine.client.wire import (
    BASE_URL,
    FEED_SECONDS,
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


class EngineClient:
    """Talks to the engine of a workspace; use it as a context manager.

    Args:
        workspace: Whose engine.
        autostart: Start the engine when none runs, also when it dies while one talks to it.
    """

    def __init__(self, workspace: Workspace, *, autostart: bool = True) -> None:
        self._workspace = workspace
        self._autostart = autostart
        self._is_reached = False
        self._feeds: dict[socket.socket, ExitStack] = {}
        # No TLS on a Unix socket: reading certificates for it would take 30 ms.
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(workspace.socket), verify=False),
            base_url=BASE_URL,
            timeout=TIMEOUT,
        )

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for line, feed in list(self._feeds.items()):
            # Whoever reads in another thread is let go first: he holds what is to be closed.
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            feed.close()
        self._client.close()

    def send(self, call: Call[T]) -> T:
        """Ask, and return the answer. A connection that breaks is made again.

        Raises:
            EngineError: What the engine refused, as the error that it is.
            ServerError: There is no engine, or it cannot be reached.
        """
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            self._reach()
            try:
                return reply_of(call, self._client.request(**request_of(call)))
            except httpx.TransportError as error:
                self._is_reached = False
                if time.monotonic() > deadline:
                    raise unreachable(self._workspace, error) from error
            time.sleep(RETRY_PAUSE_SECONDS)

    def events(self, run_id: str | None = None, *, logs: bool = False) -> Iterator[Event]:
        """Follow the live feed, for ever; an engine that is replaced is followed on.

        The first event, and every one after events may have been missed, is a `ResetEvent`: ask
        for what you show, then go on.

        Args:
            run_id: Only what concerns this run.
            logs: Also the lines that the run writes to its log.
        """
        parser = FeedParser()
        query = calls.events_query(run_id, logs=logs)
        while True:
            self._reach()
            # When it was cut, perhaps the engine is being replaced.
            with suppress(OSError, HTTPException), self._feed(query, parser.headers()) as lines:
                for line in lines:
                    event = parser.feed(line.decode(errors="replace").rstrip("\r\n"))
                    if event is not None:
                        yield event
            self._is_reached = False
            time.sleep(RETRY_PAUSE_SECONDS)

    @contextmanager
    def _feed(
        self, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Iterator[Iterable[bytes]]:
        """The lines of the feed, on a connection of its own without a lock anywhere.

        Ctrl-C comes at any moment while one watches a run. In the middle of the bookkeeping of a
        connection pool it can leave a lock behind that nobody gives back.
        """
        with ExitStack() as stack:
            line = stack.enter_context(socket.socket(socket.AF_UNIX))
            line.settimeout(FEED_SECONDS)
            line.connect(str(self._workspace.socket))
            connection = stack.enter_context(closing(HTTPConnection("engine")))
            connection.sock = line
            connection.request("GET", f"/events?{urlencode(query)}", headers=dict(headers))
            response = stack.enter_context(closing(connection.getresponse()))
            if not 200 <= response.status < 300:
                raise error_of(response.read(), response.status)
            # Whoever follows may go away without a word: then the client's end is that of the feed.
            self._feeds[line] = stack
            stack.callback(self._feeds.pop, line, None)
            yield response

    def _reach(self) -> None:
        # Asked before connecting: a request that finds nobody costs more than a look.
        if not self._is_reached:
            reach(self._workspace, autostart=self._autostart)
            self._is_reached = True
