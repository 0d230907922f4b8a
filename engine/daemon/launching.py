"""What it takes to make the process of a run, whichever way it is made."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from typing import Protocol

from engine.daemon.children import Child
from engine.daemon.prefect import Prefect
from engine.daemon.watch import DeathWatch
from engine.errors import ServerError
from engine.prefect_server.connection import client_environment
from engine.runs.order import Order
from engine.workspace import Workspace

# Libraries read these when they are imported. One thread each: what else runs on this machine must
# get its share, and a run that is to have more asks for them by itself.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
# The end of a process is seen a moment before whoever collects it can say how it ended.
_EXIT_SECONDS = 0.5


@dataclass(frozen=True)
class Exit:
    """How a process ended: its exit status (a negative one is a signal) and what it used."""

    status: int
    cpu_seconds: float
    peak_bytes: int


class LaunchedProcess:
    """The process of a run that was just made."""

    def __init__(self, pid: int, watch: DeathWatch, exit_: asyncio.Future[Exit]) -> None:
        self.pid = pid
        self.watch = watch
        self._exit = exit_

    async def exit(self) -> Exit | None:
        """How it ended, after its death; None when nobody was left to ask."""
        with contextlib.suppress(TimeoutError, ServerError):
            async with asyncio.timeout(_EXIT_SECONDS):
                return await asyncio.shield(self._exit)
        return None


class Launcher(Protocol):
    """Makes processes of runs."""

    @property
    def child(self) -> Child | None:
        """What it needs to be running, if anything."""

    async def launch(self, order: Order) -> LaunchedProcess:
        """Make the process.

        Raises:
            ServerError: It could not be made, or it is not known whether it was.
        """

    async def stop(self) -> None:
        """End what it needs; runs go on."""


def run_environment(workspace: Workspace, prefect: Prefect) -> dict[str, str]:
    """Environment of a process that does runs."""
    assert prefect.connection is not None, "the address is fixed before anything is launched"
    return client_environment(workspace.prefect_home, prefect.connection) | ONE_THREAD


def signal_name(status: int) -> str:
    """Name of the signal that a negative exit status stands for, such as SIGKILL."""
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
