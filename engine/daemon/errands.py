"""Work that a short process of its own does now and then, out of the way of everything else.

The engine itself loads no library that such work needs, and loses nothing when the work fails,
hangs or takes a machine's memory: it is done by `python -m MODULE WORKSPACE`, nice'd, one thread,
killed when it takes too long, tried again after a pause that grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable

from engine.daemon.launching import ONE_THREAD
from engine.daemon.watch import watch_process
from engine.processes import signal_group, start_mark, step_back
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

# It gets a tenth of a processor that others need: who is always busy must not starve it.
_NICE = 10
_PAUSES = (5.0, 15.0, 60.0, 300.0)


class Errand:
    """One kind of such work.

    The module must be able to be killed at any moment and to go on the next time. It takes a lock
    of its own: the process of an engine that was killed may still be at it.

    Args:
        workspace: Where it works; its output is kept there, of the last time only.
        name: What to call it.
        module: What does it, given the workspace's folder as its only argument.
        is_due: Whether there is anything to do; asked when woken and at every interval.
        every_seconds: The interval, also when nobody wakes it.
        most_seconds: How long it may take before it is killed.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        module: str,
        is_due: Callable[[], Awaitable[bool]],
        *,
        every_seconds: float,
        most_seconds: float = 600.0,
    ) -> None:
        self.name = name
        self.problem = ""
        self._workspace = workspace
        self._module = module
        self._is_due = is_due
        self._every = every_seconds
        self._most = most_seconds
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look now whether there is something to do, or as soon as it is back."""
        self._wake.set()

    async def run_regularly(self) -> None:
        """Do it whenever it is due, until cancelled."""
        failures = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._wake.wait()
            self._wake.clear()
            if not await self._is_due():
                continue
            self.problem = await self._run()
            if self.problem:
                logger.warning("%s", self.problem)
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                self._wake.set()
            else:
                failures = 0

    async def _run(self) -> str:
        """Do it once; return what went wrong, "" when nothing did."""
        log = self._workspace.errand_log(self.name)
        try:
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", self._module, str(self._workspace.root)],
                    env=os.environ | ONE_THREAD,
                    cwd=self._workspace.root,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    umask=0o077,
                )
        except OSError as error:
            return f"{self.name} could not be started: {error}"
        step_back(_NICE, process.pid)
        watch = watch_process(process.pid, start_mark(process.pid) or "")
        try:
            async with asyncio.timeout(self._most):
                await watch.death()
        except TimeoutError:
            return f"{self.name} took longer than {self._most:g} s and was ended; see {log}"
        finally:
            watch.close()
            # Nothing is waited for here: who is cancelled twice must not leave it running.
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            return f"{self.name} failed (exit status {process.returncode}); see {log}"
        return ""
