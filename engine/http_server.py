"""A web server that leaves the signals to the process that it is part of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn


class QuietServer(uvicorn.Server):
    """uvicorn's server without its signal handlers: stopping is more than closing the server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    def leave(self) -> None:
        """Answer what was asked and end."""
        self.should_exit = True
