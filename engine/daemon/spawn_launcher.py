"""Starts a new interpreter for every run: slow, and possible everywhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from engine.daemon.children import Child
from engine.daemon.launching import Exit, LaunchedProcess, run_environment
from engine.daemon.prefect import Prefect
from engine.daemon.watch import DeathWatch, watch_process
from engine.errors import ServerError
from engine.processes import start_mark
from engine.runs.log import LOG_FILE
from engine.runs.order import Order
from engine.workspace import Workspace


class SpawnLauncher:
    """Starts a new interpreter for every run: slow, and possible everywhere."""

    child: Child | None = None

    def __init__(self, workspace: Workspace, prefect: Prefect) -> None:
        self._workspace = workspace
        self._prefect = prefect

    async def launch(self, order: Order) -> LaunchedProcess:
        """Start the process and tell it on its standard input what to do."""
        await self._prefect.prepare()
        log = self._workspace.run_folder(order.run_id) / LOG_FILE
        try:
            with log.open("ab") as file:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        "-P",
                        "-m",
                        "engine.execution.process",
                        str(self._workspace.root),
                    ],
                    env=run_environment(self._workspace, self._prefect),
                    cwd=self._workspace.root,
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=file,
                    pass_fds=self._prefect.inherited,
                    start_new_session=True,
                    umask=0o077,
                )
            assert process.stdin is not None, "Popen was given a pipe"
            with process.stdin as stdin:
                stdin.write(order.line())
        except OSError as error:
            raise ServerError(f"no process could be made for it: {error}") from error
        loop = asyncio.get_running_loop()
        exit_: asyncio.Future[Exit] = loop.create_future()
        watch = watch_process(process.pid, start_mark(process.pid) or "")
        return LaunchedProcess(process.pid, _CollectingWatch(watch, process, exit_), exit_)

    async def stop(self) -> None:
        """Nothing to end."""


class _CollectingWatch:
    """Collects a child of our own when it is dead."""

    def __init__(
        self, watch: DeathWatch, process: subprocess.Popen[bytes], exit_: asyncio.Future[Exit]
    ) -> None:
        self._watch = watch
        self._process = process
        self._exit = exit_

    async def death(self) -> None:
        """Return when the process is dead."""
        await self._watch.death()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if not self._exit.done():
            self._exit.set_result(
                Exit(
                    self._process.returncode,
                    usage.ru_utime + usage.ru_stime,
                    usage.ru_maxrss * _maxrss_unit(),
                )
            )

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()


def _maxrss_unit() -> int:
    return 1 if sys.platform == "darwin" else 1024
