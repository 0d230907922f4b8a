"""Connections with deadlines: uvicorn waits for a slow client for ever, this does not.

A client that sends one byte a second would otherwise keep a connection, and thousands of them all
that the system has.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS = 10.0
"""From the first byte of a request, or from the connection, to the last byte of the request."""


class ImpatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools, with a deadline for each request to be complete."""

    _deadline: asyncio.TimerHandle | None = None

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
        if self._deadline is None:
            self._begin_deadline()

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
