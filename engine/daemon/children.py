"""Keeping a process running: notice its death at once, start it again, give up in time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.daemon.watch import DeathWatch
from engine.database.problems import DatabaseError
from engine.errors import EngineError
from engine.schema import ChildInfo

logger = logging.getLogger(__name__)

# The first replacement comes at once: most deaths are accidents. What dies again and again is
# given more and more time, and in the end up on.
_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_LONGEST_PATIENT_PAUSE = 5.0
_STABLE_SECONDS = 60.0
# Trying costs seconds of a core, and nobody may come for a night.
_OUTSIDE_PAUSES = (2.0, 5.0, 10.0, 20.0, 30.0)


@dataclass(frozen=True)
class Started:
    """A child that is ready: its process number, a watch over it, and where it answers others.

    What runs elsewhere has no process number here.
    """

    pid: int | None
    watch: DeathWatch
    address: str = ""


class Child:
    """One process that shall always run.

    Args:
        name: What to call it.
        start: Starts the process, or finds the one that already runs, and returns when it is ready.
        changed: Called whenever `info` has changed.
        gives_up: Whether it is given up on after some attempts in a row, until it is revived.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[Started]],
        changed: Callable[[ChildInfo], None],
        *,
        gives_up: bool = True,
    ) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self._start = start
        self._changed = changed
        self._state = "off"
        self._since = time.time()
        self._pid: int | None = None
        self._restarts = 0
        self._address = ""
        self._problem = ""
        self._gives_up = gives_up
        self._revived = asyncio.Event()
        self.waits_for_database = False

    @property
    def info(self) -> ChildInfo:
        """How it is doing."""
        return ChildInfo(
            name=self.name,
            state=self._state,
            pid=self._pid,
            since=self._since,
            restarts=self._restarts,
            address=self._address,
            problem=self._problem,
        )

    @property
    def pid(self) -> int | None:
        """Its process number while it is ready."""
        return self._pid

    @property
    def problem(self) -> str:
        """Why it is not ready."""
        return self._problem

    @property
    def has_failed(self) -> bool:
        """Whether it was given up on."""
        return self._state == "failed"

    def revive(self) -> None:
        """Try again what was given up on."""
        self._revived.set()

    async def supervise(self) -> None:
        """Keep it running until cancelled."""
        failures = vain = 0
        while True:
            self._set("restarting" if self._restarts else "starting")
            began = time.monotonic()
            try:
                started = await self._start()
            except (EngineError, OSError) as error:
                self.waits_for_database = isinstance(error, DatabaseError)
                if str(error) != self._problem:
                    logger.error("%s does not start: %s", self.name, error)
                self._problem = str(error)
                self._set("restarting")
            else:
                self.waits_for_database = False
                vain = 0
                await self._watch(started)
                if time.monotonic() - began > _STABLE_SECONDS:
                    failures = 0
            self._restarts += 1
            if self.waits_for_database:
                # Whoever puts that right knows nothing of this process: it goes on trying.
                await asyncio.sleep(_OUTSIDE_PAUSES[min(vain, len(_OUTSIDE_PAUSES) - 1)])
                vain += 1
            elif failures == len(_PAUSES) and self._gives_up:
                await self._wait_for_revival()
                failures = 0
            else:
                await asyncio.sleep(self._pause(failures))
                failures = min(failures + 1, len(_PAUSES))

    def _pause(self, failures: int) -> float:
        if self._gives_up:
            return _PAUSES[failures]
        # Whoever waits for others for hours wants to go on soon after they are back.
        return min(_PAUSES[min(failures, len(_PAUSES) - 1)], _LONGEST_PATIENT_PAUSE)

    async def _watch(self, started: Started) -> None:
        self._pid = started.pid
        self._address = started.address
        self._problem = ""
        self._set("ready")
        self.ready.set()
        try:
            await started.watch.death()
        finally:
            started.watch.close()
            self.ready.clear()
            self._pid = None
            self._address = ""
        lost = f"process {started.pid} ended unexpectedly" if started.pid else "does not answer"
        self._problem = lost
        logger.warning("%s: %s", self.name, self._problem)
        self._set("restarting")

    async def _wait_for_revival(self) -> None:
        self._problem = f"given up after {len(_PAUSES) + 1} attempts; the last: {self._problem}"
        self._set("failed")
        self._revived.clear()
        await self._revived.wait()

    def _set(self, state: str) -> None:
        self._state = state
        self._since = time.time()
        self._changed(self.info)
