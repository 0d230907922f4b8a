"""The line to the engine: follows its feed, fetches what is wanted, and never blocks a key.

A user's own request is always carried out; a look that is already under way is not started twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from engine.errors import EngineError
from engine.schema import ResetEvent, RunEvent, ScheduleEvent
from engine.states import FINAL_STATES
from engine.workspace import Workspace
from tui.board import Board
from tui.runs.book import PAGE

if TYPE_CHECKING:
    from engine.client import AsyncEngineClient
    from engine.client.calls import Call

T = TypeVar("T", bound=Struct)

_RECENT = 200
_RETRY_SECONDS = 0.5
_STATUS_SECONDS = 5.0
_ANSWER_SECONDS = 8.0


class Link:
    """Keeps a board true.

    Args:
        workspace: Whose engine.
        board: What is kept true.
        changed: Called after every change of the board.
        crashed: Called with a mistake of ours that ended something here.
        autostart: Start the engine when none runs as the terminal starts.
    """

    def __init__(
        self,
        workspace: Workspace,
        board: Board,
        changed: Callable[[], None],
        crashed: Callable[[BaseException], None],
        *,
        autostart: bool = True,
    ) -> None:
        self._workspace = workspace
        self._board = board
        self._changed = changed
        self._crashed = crashed
        self._autostart = autostart
        self._client: AsyncEngineClient | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._under_way: set[str] = set()
        self._is_over = False
        self._may_look = asyncio.Event()
        self._is_open = asyncio.Event()

    def allow_looks(self) -> None:
        """The first frame is seen: what was looked for meanwhile may be asked for."""
        self._may_look.set()

    async def start(self) -> None:
        """Reach the engine and begin to follow it; what fails is told on the board."""
        # Its libraries take a tenth of a second to import: the first frame stands before that.
        client = await asyncio.to_thread(_import_client)
        self.allow_looks()
        if self._autostart:
            # Nobody else may use this one: it is closed at once.
            starter = client(self._workspace, autostart=True)
            with suppress(EngineError):
                await starter.send(_calls().status())
            await starter.close()
        # Later on it is not started behind the back of whoever stopped it.
        self._client = client(self._workspace, autostart=False)
        self._is_open.set()
        self._spawn(self._keep_following())
        self._spawn(self._keep_asking())

    async def stop(self) -> None:
        """End all that goes on here; nothing more is begun."""
        self._is_over = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def send(self, call: Call[T]) -> T:
        """Ask the engine.

        Raises:
            EngineError: It refused, or cannot be reached.
        """
        await self._is_open.wait()
        assert self._client is not None
        reply = await self._client.send(call)
        self._reached()
        return reply

    def look(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do something in the background unless the same is already under way.

        That the engine does not answer is shown everywhere already; it is no news.
        """
        if self._is_over or name in self._under_way:
            return
        self._under_way.add(name)

        async def run() -> None:
            try:
                # What is looked for before the first frame waits: it would only delay it.
                await self._may_look.wait()
                await work()
            except EngineError as error:
                self._board.trouble = error.what
            finally:
                self._under_way.discard(name)
                self._changed()

        self._spawn(run())

    def want_pages(self) -> None:
        """Fetch what the list of runs was looked at for and does not have."""
        for number in self._board.book.wanted():
            self.look(f"page {number} {self._board.book.filter}", self._page(number))

    def want_detail(self, run_id: str) -> None:
        """Fetch everything about a run."""

        async def fetch() -> None:
            self._board.take_detail(await self.send(_calls().run(run_id)))

        self.look(f"run {run_id}", fetch)

    def want_schedules(self) -> None:
        """Fetch the schedules."""

        async def fetch() -> None:
            self._board.schedules = (await self.send(_calls().schedules())).schedules

        self.look("schedules", fetch)

    def want_overview(self) -> None:
        """Fetch status, newest runs and facts by flow."""

        async def fetch() -> None:
            self._take_status(await self.send(_calls().status()))
            self._board.take_recent((await self.send(_calls().runs(_RECENT))).runs)
            await self._flows()

        self.look("overview", fetch)

    def _page(self, number: int) -> Callable[[], Awaitable[None]]:
        book = self._board.book
        text = book.filter

        async def fetch() -> None:
            try:
                call = _calls().runs(PAGE, offset=number * PAGE, filter=text or None)
                book.put(number, text, await self.send(call))
            except EngineError:
                book.failed(number)
                raise

        return fetch

    async def _flows(self) -> None:
        reply = await self.send(_calls().flows())
        self._board.flows = {facts.flow: facts for facts in reply.flows}

    async def _keep_following(self) -> None:
        """The live feed; logs are read where they are shown."""
        client = self._client
        assert client is not None
        while True:
            try:
                async for event in client.events():
                    self._reached()
                    if isinstance(event, ResetEvent):
                        self._board.book.forget_order()
                        self.want_overview()
                        self.want_schedules()
                        for run_id in list(self._board.details):
                            self.want_detail(run_id)
                    else:
                        self._board.apply(event)
                        self._ask_more(event)
                    self._changed()
            except EngineError as error:
                self._lose(error)
            await asyncio.sleep(_RETRY_SECONDS)

    def _ask_more(self, event: object) -> None:
        if isinstance(event, ScheduleEvent):
            self.want_schedules()
        elif isinstance(event, RunEvent) and event.run.state in FINAL_STATES:
            self.look("flows", self._flows)
            if event.run.id in self._board.details:
                self.want_detail(event.run.id)

    async def _keep_asking(self) -> None:
        """The status now and then: what tells that an engine hangs, and what it uses."""
        while True:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    self._take_status(await self.send(_calls().status()))
            except (EngineError, TimeoutError) as error:
                self._lose(error)
            self._changed()
            await asyncio.sleep(_STATUS_SECONDS if self._board.lost is None else _RETRY_SECONDS)

    def _take_status(self, status: Any) -> None:
        self._board.status = status
        self._reached()

    def _reached(self) -> None:
        self._board.answered = time.time()
        self._board.lost = None
        self._board.trouble = ""

    def _lose(self, error: Exception) -> None:
        if self._board.lost is None:
            self._board.lost = time.time()
        said = error.what if isinstance(error, EngineError) else "the engine does not answer"
        self._board.trouble = said
        self._changed()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._crashed(error)


def _import_client() -> type[AsyncEngineClient]:
    from engine.client import AsyncEngineClient

    return AsyncEngineClient


def _calls() -> Any:
    from engine.client import calls

    return calls
