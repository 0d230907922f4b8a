"""Text to read and scroll: help, the command log, a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.language import tr
from tui.overlays.overlay import Overlay
from tui.paint import Line, text_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Page(Overlay):
    """Lines that may be longer than the screen.

    Args:
        title: Of the box.
        content: The lines for a width.
        wide: Take all the columns there are.
    """

    def __init__(
        self,
        app: ControlCenter,
        title: str,
        content: Callable[[int], list[Line]],
        *,
        wide: bool = False,
    ) -> None:
        super().__init__(app)
        self.title = title
        self.footer = tr("j k scroll · esc closes")
        self._content = content
        self._wide = wide
        self._first = 0
        self._height = 1
        self._count = 0

    def body(self, width: int, height: int) -> list[Line]:
        """The part of it that is seen."""
        lines = self._content(width)
        self._height, self._count = height, len(lines)
        self._first = min(max(0, self._first), max(0, len(lines) - height))
        return lines[self._first : self._first + height]

    def wanted_width(self, width: int) -> int:
        """Columns that it takes."""
        return width - 4 if self._wide else min(width - 2, 84)

    def as_text(self, width: int = 100) -> str:
        """All of it."""
        return "\n".join(text_of(line).rstrip() for line in self._content(width))

    def do_down(self) -> None:
        """One line down."""
        self._first += 1

    def do_up(self) -> None:
        """One line up."""
        self._first -= 1

    def do_half_down(self) -> None:
        """Half a page down."""
        self._first += max(1, self._height // 2)

    def do_half_up(self) -> None:
        """Half a page up."""
        self._first -= max(1, self._height // 2)

    def do_top(self) -> None:
        """To the beginning."""
        self._first = 0

    def do_bottom(self) -> None:
        """To the end."""
        self._first = self._count

    def do_help(self) -> None:
        """The key that opened the help closes it."""
        self.do_back()
