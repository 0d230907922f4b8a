"""Connections with limits: uvicorn waits for a slow client for ever, and reads any head.

A client that sends one byte a second would otherwise keep a connection, and thousands of them all
that the system has; one that sends headers without end would fill the memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.http_server import QuietServer

REQUEST_SECONDS = 10.0
"""From the first byte of a request, or from the connection, to the last byte of the request."""

HEAD_BYTES = 32 * 1024
"""What the head of a request may take, when it does not come at once."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class ImpatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools, with a deadline for each request to be complete."""

    _deadline: asyncio.TimerHandle | None = None
    _is_in_head = False
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is a head without end."""
        super().data_received(data)
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self._begin_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._end_deadline()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Give this request its time."""
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0
        if self._deadline is None:
            self._begin_deadline()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is complete; answering it takes as long as it takes."""
        self._end_deadline()
        super().on_message_complete()

    def _begin_deadline(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._cut)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self._deadline = None
        self.transport.abort()


def impatient_server(
    app: Any, *, keep_alive: int, goodbye: int, most_connections: int | None = None
) -> QuietServer:
    """A server for strangers: nothing about itself in its answers, no word of a proxy believed.

    Args:
        app: What answers.
        keep_alive: Seconds that a connection without a request stays open.
        goodbye: Seconds that answers which go on have at the end.
        most_connections: Beyond these, 503.
    """
    return QuietServer(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            # Whoever connects could claim any address.
            proxy_headers=False,
            limit_concurrency=most_connections,
            timeout_keep_alive=keep_alive,
            timeout_graceful_shutdown=goodbye,
        )
    )
