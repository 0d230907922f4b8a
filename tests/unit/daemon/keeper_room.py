"""A keeper with everything around it, and processes for it to watch over."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from engine.daemon.feed import Feed
from engine.daemon.keeper import Keeper
from engine.daemon.launching import Exit, LaunchedProcess
from engine.daemon.tails import Tails
from engine.daemon.watch import watch_process
from engine.daemon.workers import Workers
from engine.errors import StorageError
from engine.processes import start_mark
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.loop import running, until
from tests.unit.daemon.stand_ins import CloserStandIn, Flaky, accept

# A process that the kernel's usual way of asking does not end.
STUBBORN = 'trap "" TERM; echo ready; exec sleep 60'

Process = subprocess.Popen[bytes]
Start = Callable[..., Process]


@contextmanager
def starting() -> Iterator[Start]:
    """Start processes in groups of their own, as those of runs are; they end with the block."""
    with ExitStack() as stack:

        def start_one(script: str = "exec sleep 60") -> Process:
            process = stack.enter_context(
                subprocess.Popen(
                    ["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
                )
            )
            stack.callback(process.kill)
            return process

        yield start_one


class Room:
    """A keeper with everything around it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.table = RunTable(workspace.database)
        self.flaky = Flaky(self.table, StorageError("the disk is full"))
        self.closer = CloserStandIn()
        self.workers = Workers()
        self.changed: list[str] = []
        self.freed = 0
        self.tails = Tails(Feed("boot"), self.changed.append)
        self.keeper = Keeper(
            workspace,
            self.flaky,
            self.closer,
            self.tails,
            self.workers,
            changed=self.changed.append,
            freed=self._free,
        )

    def _free(self) -> None:
        self.freed += 1

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        try:
            async with running(self.keeper.look_after()):
                yield
        finally:
            self.workers.close()

    def accept(self, run_id: str = "a") -> str:
        accept(self.table, run_id)
        self.workspace.run_folder(run_id).mkdir()
        return run_id

    def claim(self, run_id: str, process: Process, *, pool: str = "") -> RunRecord:
        mark = start_mark(process.pid)
        assert mark is not None
        attempt = self.table.get(run_id).attempt
        assert self.table.claim(
            run_id, attempt, pid=process.pid, mark=mark, prefect_id="p", pool=pool
        )
        return self.table.get(run_id)

    def watch(self, run_id: str, process: Process, exit_: Exit | None = None) -> None:
        """Watch over a process that was just made, and that ends as it is said here."""
        how: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        if exit_ is not None:
            how.set_result(exit_)
        else:
            # Nobody is left to ask: what makes processes died with it.
            how.cancel()
        watch = watch_process(process.pid, start_mark(process.pid) or "")
        self.keeper.watch(run_id, "train_flow", LaunchedProcess(process.pid, watch, how))

    async def ended(self, run_id: str) -> RunRecord:
        """The run, once it has an end."""
        await until(lambda: self.table.get(run_id).is_final and not self.keeper.living)
        await until(lambda: self.freed)
        return self.table.get(run_id)
