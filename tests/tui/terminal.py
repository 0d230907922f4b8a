"""The terminal under test: the real application on a screen in memory, keys in, text out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot

from engine.workspace import Workspace
from tui.board import Board
from tui.control_center import ControlCenter

PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.01


class Terminal:
    """One running application; see `use_terminal`."""

    def __init__(self, app: ControlCenter, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def board(self) -> Board:
        """What it knows of the engine."""
        return self.app.board

    async def press(self, *keys: str) -> None:
        """Press keys, in Textual's names; each is dealt with before the next."""
        for key in keys:
            await self._pilot.press(key)

    async def type(self, text: str) -> None:
        """Type a text, character by character."""
        for char in text:
            await self.press("space" if char == " " else char)

    async def paste(self, text: str) -> None:
        """Paste a text."""
        from textual.events import Paste

        self.app.post_message(Paste(text))
        await self._pilot.pause()

    async def click(self, x: int, y: int, times: int = 1) -> None:
        """Press the mouse at a column and a line of the whole screen."""
        await self._pilot.click(offset=(x, y), times=times)

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        await self._pilot.resize_terminal(width, height)
        await self._pilot.pause()

    def text(self) -> str:
        """The whole screen."""
        self.app.draw()
        return "\n".join(self.app.seen())

    def line(self, number: int) -> str:
        """One line of the screen, from 0; negative ones from below."""
        return self.text().split("\n")[number]

    @property
    def said(self) -> str:
        """The message that is shown."""
        return self.app.message[0] if self.app.message else ""

    async def until(self, is_so: Callable[[], Any], what: str = "") -> None:
        """Wait until something is so; that it never becomes so is a failure."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain {what}\n{self.text()}"
            await asyncio.sleep(_LOOK_SECONDS)

    async def until_shown(self, text: str) -> None:
        """Wait until a text stands on the screen."""
        await self.until(lambda: text in self.text(), f"for {text!r}")


def use_terminal(
    workspace: Workspace,
    scenario: Callable[[Terminal], Awaitable[None]],
    *,
    size: tuple[int, int] = (120, 40),
    screen: str | None = None,
    **options: Any,
) -> None:
    """Run the application and do with it what the scenario says.

    Args:
        workspace: Whose engine; where none listens, say `connect=False` or `autostart=False`.
        scenario: What is done and expected.
        size: Columns and lines.
        screen: Where it begins.
        options: Those of `ControlCenter`.
    """

    async def run() -> None:
        app = ControlCenter(workspace, **{"theme_name": "dark", "chosen_language": "en"} | options)
        async with app.run_test(size=size) as pilot:
            if screen is not None:
                app.show(screen)
            await pilot.pause()
            await scenario(Terminal(app, pilot))

    asyncio.run(run())
