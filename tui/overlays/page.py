"""Text to read and scroll: help, the command log, a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.language import tr
from tui.listing import Scrolling
from tui.overlays.overlay import Overlay
from tui.paint import Line, text_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Page(Scrolling, Overlay):
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

    def body(self, width: int, height: int) -> list[Line]:
        """The part of it that is seen."""
        lines = self._content(width)
        return lines[self.scrolled(len(lines), height)]

    def wanted_width(self, width: int) -> int:
        """Columns that it takes."""
        return width - 4 if self._wide else min(width - 2, 84)

    def as_text(self, width: int = 100) -> str:
        """All of it."""
        return "\n".join(text_of(line).rstrip() for line in self._content(width))

    def do_help(self) -> None:
        """The key that opened the help closes it."""
        self.do_back()
