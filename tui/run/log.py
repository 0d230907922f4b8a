"""The end of a run's log, followed by cursor: nothing is missed and nothing comes twice.

The live feed only says that there is more; what is shown was read from one place of the log to the
next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.schema import LogReply
from tui.paint import Line, clip
from tui.run.problem import is_error_line, wrap_kept

TAIL = 2000
_KEPT = 20_000
_DROP_AT_ONCE = 5_000


class RunLog:
    """Lines of one log.

    Attributes:
        lines: The last ones, oldest first.
        dropped: How many were here before them.
        cursor: Where to go on; None before the first answer.
        ended: Nothing more will come.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.dropped = 0
        self.cursor: str | None = None
        self.ended = False

    async def read(self, ask: Callable[[str | None], Awaitable[LogReply]]) -> bool:
        """Read on to the present end.

        Args:
            ask: Asks for the log from a cursor on, or for its last lines when there is none.

        Returns:
            Whether there was anything new.
        """
        grown = False
        while not self.ended:
            before = self.cursor
            reply = await ask(before)
            # Whoever else read on meanwhile has these lines already.
            if self.cursor != before:
                continue
            self._add(reply.lines)
            self.cursor = reply.cursor
            self.ended = reply.ended
            grown = grown or bool(reply.lines)
            if not reply.lines:
                break
        return grown

    def _add(self, lines: tuple[str, ...]) -> None:
        self.lines.extend(lines)
        if len(self.lines) > _KEPT + _DROP_AT_ONCE:
            self.dropped += len(self.lines) - _KEPT
            del self.lines[:-_KEPT]


def log_line(text: str, width: int, *, wrapped: bool) -> list[Line]:
    """A line of a log: cut, or broken into several."""
    look = line_style(text)
    if wrapped:
        return [[(f" {part}", look)] for part in wrap_kept(text, width - 1)]
    return [[(clip(f" {text}", width), look)]]


def line_style(text: str) -> str:
    """How a line of a log looks."""
    if is_error_line(text):
        return "bad"
    if " WARNING " in text:
        return "warn"
    return "dim" if " DEBUG " in text else ""
