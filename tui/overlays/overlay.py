"""What lies over a screen and takes the keys while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.paint import Line, box

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Overlay:
    """A box in the middle of the screen.

    Its `key` gets every key first; what it does not take is looked up in the table of actions, of
    which those that it has a method for are performed. Escape closes it.
    """

    title = ""
    footer = ""

    def __init__(self, app: ControlCenter) -> None:
        self.app = app

    def key(self, key: str, character: str | None) -> bool:
        """Take a key press; returns whether it meant something here."""
        return False

    def paste(self, text: str) -> None:
        """Take pasted text."""

    def body(self, width: int, height: int) -> list[Line]:
        """The lines inside the frame, at most as many as fit."""
        raise NotImplementedError

    def wanted_width(self, width: int) -> int:
        """Columns that it takes of those there are, frame included."""
        return min(width - 2, 72)

    def do_back(self) -> None:
        """Close it."""
        self.app.close_overlay(self)

    def do_quit(self) -> None:
        """Close it: what is quit is what one looks at."""
        self.app.close_overlay(self)

    def placed(self, width: int, height: int) -> tuple[int, int, list[Line]]:
        """Column, line and lines of the box on a body of that size."""
        wide = max(10, self.wanted_width(width))
        inner = self.body(wide - 4, max(1, height - 2))[: max(1, height - 2)]
        lines = box(inner, wide, self.title, self.footer)
        return max(0, (width - wide) // 2), max(0, (height - len(lines)) // 3), lines
