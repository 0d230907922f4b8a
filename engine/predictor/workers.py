"""Work that takes milliseconds of a core, done beside the event loop and never too much of it.

Forecasts take a tenth of a millisecond and are answered in the loop itself; a picture is decoded,
classified and drawn in a thread, so that nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from engine.refusal import RefusalError

MOST_THREADS = 2
"""Each may decode a picture of 25 megapixels, which takes 250 MB for a moment; further cores are
used by further workers."""

MOST_WAITING = 512
MOST_BYTES = 256 * 1024 * 1024
"""Of the bodies of all requests that are read, wait or are worked on."""

_AGAIN = {b"retry-after": b"1"}

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A few threads, and the room in front of them.

    Args:
        threads: How many work at once; 0: as many as there are cores, 2 at most.
        most_waiting: Further requests are refused, so that whoever waits waits a bounded time.
        most_bytes: So are those whose bodies would fill the memory.
    """

    def __init__(
        self,
        threads: int = 0,
        most_waiting: int = MOST_WAITING,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._threads = threads or min(_cores(), MOST_THREADS)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="picture")
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._present = 0
        self._bytes = 0

    @contextmanager
    def place(self, size: int) -> Iterator[None]:
        """Room for one request, from before its body is read until it is answered.

        Args:
            size: What its body may take, in bytes.

        Raises:
            RefusalError: 503: there is none.
        """
        if self._present >= self._most_waiting or self._bytes + size > self._most_bytes:
            raise RefusalError(503, f"{self._present} requests wait already: try again", _AGAIN)
        self._present += 1
        self._bytes += size
        try:
            yield
        finally:
            self._present -= 1
            self._bytes -= size

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do this in a thread, when one is free."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))


def _cores() -> int:
    return len(os.sched_getaffinity(0))
