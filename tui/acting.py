"""What the user asked for, done in the background: told, written down, and taken back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from engine.errors import EngineError
from engine.workspace import Workspace
from tui import verbs

_COMMANDS_KEPT = 500
_LEAVING_SECONDS = 5.0


class Acting:
    """A part of the application.

    Attributes:
        workspace: Whose engine.
        now: The present, in seconds since the epoch.
        commands: What was done: when, as which command, with which outcome; newest last.
        undo_stack: What can be taken back: how that is called, and what does it.
    """

    workspace: Workspace
    now: Callable[[], float]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: deque[tuple[float, str, str]] = deque(maxlen=_COMMANDS_KEPT)
        self.undo_stack: list[tuple[str, Callable[[], None]]] = []
        self._working: set[asyncio.Task[None]] = set()

    def say(self, text: str, style: str = "notice") -> None:
        """Show a message for a while."""
        raise NotImplementedError

    def crash(self, error: BaseException) -> None:
        """End with a mistake of ours."""
        raise NotImplementedError

    async def finish_work(self) -> None:
        """Wait until what was asked for is done, as far as that does not keep whoever leaves."""
        if self._working:
            await asyncio.wait(self._working, timeout=_LEAVING_SECONDS)

    def note_command(self, command: str, outcome: str = "") -> None:
        """Write a command into the command log."""
        self.commands.append((self.now(), command, outcome))

    def act(
        self,
        command: str,
        work: Callable[[], Awaitable[str]],
        undo: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        """Do something that the user asked for, in the background.

        Args:
            command: The `engine` command that does the same.
            work: Does it, and returns what to say then; what it raises as `EngineError` is said.
            undo: What takes it back: how that is called, and what does it.
        """

        async def run() -> None:
            try:
                said = await work()
            except EngineError as error:
                self.note_command(command, str(error))
                self.say(str(error), "bad")
                return
            self.note_command(command, said)
            if undo is not None:
                self.undo_stack.append(undo)
            self.say(f"{said}   {command}" if said else command)

        task = asyncio.get_running_loop().create_task(run())
        self._working.add(task)
        task.add_done_callback(self._work_ended)

    def _work_ended(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.crash(error)

    async def engine(self, *arguments: str) -> Any:
        """Let the `engine` command answer; returns its data.

        Raises:
            EngineError: What it said is wrong.
        """
        answer = await verbs.ask(self.workspace, *arguments)
        if answer.error is not None:
            raise answer.error
        return answer.data
