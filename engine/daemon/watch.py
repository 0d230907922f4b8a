"""Learning of the death of a process at once, also of one that is not our child."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Protocol

from engine.processes import is_alive, start_mark

_POLL_SECONDS = 0.2


class DeathWatch(Protocol):
    """Watches one process."""

    async def death(self) -> None:
        """Return when the process is dead."""

    def close(self) -> None:
        """Stop watching."""


async def end_process(pid: int, patience: float) -> None:
    """Ask a process to end, kill it when it has not after a while, and wait until it has."""
    watch = watch_process(pid, start_mark(pid) or "")
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        try:
            async with asyncio.timeout(patience):
                await watch.death()
            break
        except TimeoutError:
            continue
    watch.close()


def watch_process(pid: int, mark: str) -> DeathWatch:
    """Watch the very process that was recorded as (pid, mark); it may be dead already."""
    if sys.platform == "linux":
        with contextlib.suppress(ProcessLookupError):
            watch = PidfdWatch(os.pidfd_open(pid))
            # Asked after opening: from now on the number cannot mean another process.
            if is_alive(pid, mark):
                return watch
            watch.close()
    return PollingWatch(pid, mark)


class PidfdWatch:
    """A pidfd becomes readable when its process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def death(self) -> None:
        """Return when the process is dead."""
        loop = asyncio.get_running_loop()
        dead = asyncio.Event()
        loop.add_reader(self._descriptor, dead.set)
        try:
            await dead.wait()
        finally:
            loop.remove_reader(self._descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class PollingWatch:
    """Looks again and again, where there is no pidfd."""

    def __init__(self, pid: int, mark: str) -> None:
        self._pid = pid
        self._mark = mark

    async def death(self) -> None:
        """Return when the process is dead."""
        while is_alive(self._pid, self._mark):
            await asyncio.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Nothing to give back."""
