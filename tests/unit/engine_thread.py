"""A real engine in a thread of the test's own process: all of it but what runs need.

It listens on the workspace's socket, answers, keeps the tables and watches over processes. It
starts neither a Prefect server, a fork server nor errands, so that what is launched stays in the
queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from engine.daemon.engine import Engine
from engine.daemon.main import listening, run_engine
from engine.daemon.web.servers import web_servers
from engine.processes import start_mark
from engine.tables.runs import RunTable
from engine.workspace import Workspace

PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.005


class LightEngine(Engine):
    """An engine that only counts how often it was asked to start what runs need.

    A class of its own, because an engine that finds rows in the table warms itself as it starts.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        # Each of their processes imports for seconds.
        self.errands.clear()
        self.warmed = 0
        self.begun: Future[asyncio.AbstractEventLoop] = Future()

    async def start(self) -> None:
        """Begin, and tell so: whoever connects from now on is answered."""
        await super().start()
        self.begun.set_result(asyncio.get_running_loop())

    def warm(self) -> None:
        """Start nothing."""
        self.warmed += 1


class EngineThread:
    """The engine of a workspace, from entering to leaving; use it as a context manager.

    What is put into the table before it is entered, the engine finds as an earlier one left it.
    """

    def __init__(self, workspace: Workspace, *, web: bool = False) -> None:
        self._workspace = workspace.create()
        self._web = web
        self.engine = LightEngine(workspace)
        """The engine itself; what changes it belongs into its own thread, see `do`."""
        self._pool = ThreadPoolExecutor(1, "engine")
        self._ended: Future[None] | None = None

    def __enter__(self) -> EngineThread:
        self._ended = self._pool.submit(lambda: asyncio.run(self._serve()))
        either: list[Future[Any]] = [self.engine.begun, self._ended]
        wait(either, PATIENCE_SECONDS, FIRST_COMPLETED)
        if not self.engine.begun.done():
            self.stop()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet, by whatever way."""
        return self._ended is not None and not self._ended.done()

    def do(self, action: Callable[[LightEngine], object]) -> None:
        """Let something be done in the thread of the engine, and wait until it is."""

        async def act() -> None:
            action(self.engine)

        loop = self.engine.begun.result(0)
        asyncio.run_coroutine_threadsafe(act(), loop).result(PATIENCE_SECONDS)

    def stop(self) -> None:
        """Ask it to end and wait until it has; an error of the engine itself is raised here."""
        if self.engine.begun.done():
            loop = self.engine.begun.result()
            # It may have been asked by somebody else and be gone already.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.engine.stop_requested.set)
        try:
            if self._ended is not None:
                self._ended.result(PATIENCE_SECONDS)
        finally:
            self._pool.shutdown(wait=False)

    async def _serve(self) -> None:
        with listening(self._workspace.socket) as listener:
            web = web_servers(self.engine) if self._web else []
            await run_engine(self.engine, listener, web)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look until something is so; that it never becomes so is a failure."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(_LOOK_SECONDS)


@contextlib.contextmanager
def meanwhile(action: Callable[[], None]) -> Iterator[None]:
    """Do something in another thread while the block goes on; what fails there is raised here."""
    with ThreadPoolExecutor(1, "meanwhile") as pool:
        done = pool.submit(action)
        yield
        done.result(PATIENCE_SECONDS)


@contextlib.contextmanager
def process_of_a_run(table: RunTable, run_id: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has claimed a run and does nothing until its input is closed.

    It leads a group of its own, as the process of every run does: the engine signals groups.
    """
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as process:
        mark = start_mark(process.pid)
        assert mark is not None
        attempt = table.get(run_id).attempt
        assert table.claim(run_id, attempt, pid=process.pid, mark=mark, prefect_id=None)
        yield process
