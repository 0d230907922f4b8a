"""Watching over living runs: each has a process, or an end.

The process of a run that dies without a word is noticed by the kernel's own notification, whoever
started it: also after this engine, the fork server or the Prefect server was replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from engine.daemon.closer import Closer
from engine.daemon.launching import Exit, LaunchedProcess, signal_name
from engine.daemon.tails import Tails
from engine.daemon.usage import Usage, look
from engine.daemon.watch import DeathWatch, watch_process
from engine.daemon.workers import Workers
from engine.errors import EngineError, NotFoundError
from engine.exits import CANNOT_WRITE
from engine.processes import is_alive, signal_group
from engine.runs.outcome import Outcome
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_REACH_SECONDS = 30.0
_RETRY_SECONDS = 1.0
# A process that ended before it claimed its run may have had bad luck; many in a row have a reason.
_MOST_VAIN_PROCESSES = 5


@dataclass
class Living:
    """A run with a process.

    Attributes:
        flow: Its flow.
        pid: Its process.
        usage: What the process used when it was looked at last.
        peak: Most memory that was seen.
        kill_at: When to stop waiting for a run that was asked to end (monotonic clock).
        is_placed: Whether the process only sees to it that a work pool does the run.
    """

    flow: str
    pid: int
    is_placed: bool = False
    usage: Usage | None = None
    peak: int = 0
    kill_at: float | None = None

    def used(self, *, is_over: bool) -> Usage | None:
        """What it uses; of a run that is over, whose process may live on for a moment, the most."""
        if self.usage is None or not is_over:
            return self.usage
        return Usage(self.usage.cpu_seconds, self.peak)


class Keeper:
    """Keeps the table of runs true.

    Args:
        workspace: Where the runs are.
        table: The table of runs.
        closer: Tells Prefect.
        tails: Follows what runs write.
        workers: Threads for the table.
        changed: Called with the id of a run whenever its record changed.
        freed: Called whenever a run has ended and its slot is free.
    """

    def __init__(
        self,
        workspace: Workspace,
        table: RunTable,
        closer: Closer,
        tails: Tails,
        workers: Workers,
        *,
        changed: Callable[[str], None],
        freed: Callable[[], None],
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._closer = closer
        self._tails = tails
        self._workers = workers
        self._changed = changed
        self._freed = freed
        self._watching: set[asyncio.Task[None]] = set()
        self._vain: Counter[str] = Counter()
        self.living: dict[str, Living] = {}
        self.problem = ""

    async def take_over(self, grace_seconds: float) -> None:
        """Adopt living runs and close dead ones, as an earlier engine left them."""
        await self._workers.table(self._table.new_attempts)
        for record in await self._workers.table(self._table.unclosed):
            if record.is_final:
                self._closer.close(record.id)
            elif record.pid is not None:
                await self.adopt(record)
                if record.cancel_requested:
                    self.kill_after(record.id, grace_seconds)

    async def adopt(self, record: RunRecord) -> None:
        """Watch over a run that has a process which nobody here made; it may be dead already."""
        assert record.pid is not None, "there is nothing to adopt"
        if not is_alive(record.pid, record.pid_mark):
            await self._end(record, None)
            return
        assert record.pid_mark is not None, "is_alive asks for it"
        watch = watch_process(record.pid, record.pid_mark)
        living = Living(record.flow, record.pid, is_placed=bool(record.pool))
        self._begin(record.id, living, watch, None)
        logger.info("run %s goes on as process %d", record.id, record.pid)

    def watch(
        self, run_id: str, flow: str, launched: LaunchedProcess, *, is_placed: bool = False
    ) -> None:
        """Watch over a process that was just made for a run."""
        living = Living(flow, launched.pid, is_placed=is_placed)
        self._begin(run_id, living, launched.watch, launched)

    def ask_to_end(self, record: RunRecord, *, hard: bool, grace_seconds: float) -> None:
        """Signal the processes of a run: SIGTERM and, after a while or at once, SIGKILL."""
        if record.pid is None or not is_alive(record.pid, record.pid_mark):
            return
        signal_group(record.pid, signal.SIGKILL if hard else signal.SIGTERM)
        if not hard:
            self.kill_after(record.id, grace_seconds)

    def kill_after(self, run_id: str, seconds: float) -> None:
        """End a run that was asked to end and has not after a while; the first deadline stays."""
        living = self.living.get(run_id)
        if living is not None and living.kill_at is None:
            # Who is elsewhere needs longer to be reached, and the process here holds that itself.
            seconds += _REACH_SECONDS if living.is_placed else 0.0
            living.kill_at = time.monotonic() + seconds

    def kill_all(self) -> None:
        """Kill the processes of all runs: what they do has nowhere to go."""
        for living in self.living.values():
            signal_group(living.pid, signal.SIGKILL)

    async def look_after(self) -> None:
        """Measure what runs use and hold deadlines, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS if self.living else _LOOK_SECONDS * 2)
            for run_id, living in list(self.living.items()):
                living.usage = await asyncio.to_thread(look, living.pid) or living.usage
                if living.usage is not None:
                    living.peak = max(living.peak, living.usage.memory)
                if living.kill_at is not None and time.monotonic() >= living.kill_at:
                    await self._kill(run_id, living)

    async def _kill(self, run_id: str, living: Living) -> None:
        try:
            record = await self._workers.table(self._table.get, run_id)
        except EngineError as error:
            logger.error("run %s cannot be looked up to be killed: %s", run_id, error)
            return  # the deadline stays, and is held the next time
        living.kill_at = None
        if record.pid is not None and is_alive(record.pid, record.pid_mark):
            logger.warning("run %s did not end when asked: its processes are killed", run_id)
            signal_group(record.pid, signal.SIGKILL)

    def _begin(
        self, run_id: str, living: Living, watch: DeathWatch, launched: LaunchedProcess | None
    ) -> None:
        self.living[run_id] = living
        self._tails.follow(run_id, self._workspace.run_folder(run_id))
        task = asyncio.create_task(self._stay(run_id, living.pid, watch, launched))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _stay(
        self, run_id: str, pid: int, watch: DeathWatch, launched: LaunchedProcess | None
    ) -> None:
        try:
            await watch.death()
        finally:
            watch.close()
        exit_ = await launched.exit() if launched else None
        living = self.living.pop(run_id)
        self._tails.drop(run_id)
        # What a run leaves running would be nobody's: its process group ends with it.
        with contextlib.suppress(PermissionError):
            signal_group(pid, signal.SIGKILL)
        await self._record_end(run_id, pid, living, exit_)
        self._freed()

    async def _record_end(self, run_id: str, pid: int, living: Living, exit_: Exit | None) -> None:
        """Write the end down; a disk that is full must not make the engine forget it."""
        while True:
            try:
                record = await self._workers.table(self._table.get, run_id)
                await self._keep_usage(run_id, living, exit_)
                if record.pid == pid:
                    await self._end(record, exit_)
                elif record.pid is None and not record.is_final:
                    await self._not_begun(record, exit_)
                else:
                    self._changed(run_id)
                self.problem = ""
                return
            except NotFoundError:
                return
            except EngineError as error:
                problem = f"the end of run {run_id} cannot be written down: {error}"
                if problem != self.problem:
                    logger.error("%s", problem)
                self.problem = problem
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:
                # Whatever it was: a run without a process must not be called RUNNING.
                logger.exception("the end of run %s cannot be written down", run_id)
                self.problem = f"the end of run {run_id} cannot be written down: {error!r}"
                await asyncio.sleep(_RETRY_SECONDS)

    async def _keep_usage(self, run_id: str, living: Living, exit_: Exit | None) -> None:
        peak = max(living.peak, exit_.peak_bytes if exit_ else 0)
        cpu = exit_.cpu_seconds if exit_ else (living.usage.cpu_seconds if living.usage else 0.0)
        await self._workers.table(self._table.set_usage, run_id, cpu, peak)

    async def _end(self, record: RunRecord, exit_: Exit | None) -> None:
        """The process of a run is dead: if it could not say how the run ended, say it.

        A run that is done elsewhere has not ended by that: another process takes over.
        """
        if await self._taken_over(record, exit_):
            return
        if not record.is_final:
            outcome = await self._workers.table(
                Outcome.read, self._workspace.run_folder(record.id)
            ) or _end_of(record, exit_)
            await self._workers.table(
                self._table.finish, record.id, outcome.state, outcome.message, outcome.error_kind
            )
            logger.info("run %s: %s %s", record.id, outcome.state, outcome.message)
        self._changed(record.id)
        if not record.closed:
            self._closer.close(record.id)

    async def _taken_over(self, record: RunRecord, exit_: Exit | None) -> bool:
        """Put a run that goes on elsewhere back into the queue; False when it ends here."""
        if not record.pool or record.is_final or record.cancel_requested or record.pid is None:
            return False
        folder = self._workspace.run_folder(record.id)
        if await self._workers.table(Outcome.read, folder) is not None:
            return False  # it could still write down how the run ended
        if exit_ is not None and exit_.status == CANNOT_WRITE:
            return False
        self._vain[record.id] += 1
        if self._vain[record.id] >= _MOST_VAIN_PROCESSES:
            del self._vain[record.id]
            return False
        logger.warning("run %s goes on elsewhere; its process here %s", record.id, _how(exit_))
        await self._workers.table(self._table.release, record.id, record.pid)
        self._changed(record.id)
        return True

    async def _not_begun(self, record: RunRecord, exit_: Exit | None) -> None:
        """The process ended before it could claim the run: the run is as it was."""
        self._vain[record.id] += 1
        if self._vain[record.id] < _MOST_VAIN_PROCESSES:
            await self._workers.table(self._table.new_attempt, record.id)
            return
        times = self._vain.pop(record.id)
        message = f"{times} processes ended before they began with it; the last one {_how(exit_)}"
        await self._workers.table(self._table.finish, record.id, "FAILED", message, "ServerError")
        self._changed(record.id)
        self._closer.close(record.id)


def _end_of(record: RunRecord, exit_: Exit | None) -> Outcome:
    """How a run ended that could not say so itself."""
    if record.cancel_requested:
        return Outcome("CANCELLED", "cancelled")
    if exit_ is not None and exit_.status == CANNOT_WRITE:
        message = (
            "it could not write how it ended: no space in the workspace, or no permission; the "
            "end of its log may say more"
        )
        return Outcome("FAILED", message, "StorageError")
    return Outcome("CRASHED", f"its process {_how(exit_)}")


def _how(exit_: Exit | None) -> str:
    if exit_ is None:
        return "died without a word"
    if exit_.status >= 0:
        return f"ended with exit status {exit_.status}, without a word"
    name = signal_name(exit_.status)
    used = f"it had used {exit_.peak_bytes / 1024**2:,.0f} MiB of memory"
    if name == "SIGKILL":
        return f"was killed (SIGKILL), by somebody or for lack of memory: {used}"
    return f"was ended by {name}: {used}"
