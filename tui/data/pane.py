"""What each tab of the screen is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.listing import Listing, ListKeys
from tui.paint import Line

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Pane(ListKeys):
    """One tab: lists of which one has the focus.

    Attributes:
        app: The application.
        name: How it is called where it is remembered.
        title: Its tab, in English.
        lists: Its lists, in the order in which tab goes through them.
        listing: The one that has the focus.
    """

    name = ""
    title = ""

    def __init__(self, app: ControlCenter, lists: int = 1) -> None:
        self.app = app
        self.lists = [Listing() for _ in range(lists)]
        self.listing = self.lists[0]
        self.filter = ""

    def lines(self, width: int, height: int) -> list[Line]:
        """What is seen."""
        raise NotImplementedError

    def rows(self) -> int:
        """The rows of all its lists together."""
        return self.count()

    def ask(self) -> None:
        """Ask for what it shows."""

    def tick(self) -> None:
        """Once a second while it is seen."""

    @property
    def focus(self) -> int:
        """Which list has the focus."""
        return next(at for at, one in enumerate(self.lists) if one is self.listing)

    def give_focus(self, number: int) -> None:
        """Let another list have it."""
        self.listing = self.lists[number % len(self.lists)]
        self.moved()

    def cursor_style(self, number: int, row: int) -> str:
        """The style of a row of a list."""
        if row != self.lists[number].cursor:
            return ""
        return "cursor" if self.focus == number else "idle-cursor"

    def open(self) -> None:
        """Enter was pressed."""

    def click(self, x: int, y: int, *, double: bool) -> None:
        """The mouse was pressed, in columns and lines of the pane."""

    def place(self) -> str:
        """What the message line says."""
        return ""

    def use_filter(self, text: str) -> str:
        """Filter the long list; returns what is wrong with the text, or ""."""
        self.filter = text.strip()
        self.app.changed()
        return ""

    def subject(self) -> dict[str, str]:
        """What is selected, for commands."""
        return {}

    def yanks(self) -> list[tuple[str, str]]:
        """What can be copied."""
        return []

    def as_data(self) -> Any:
        """What it shows, as plain values."""
        return None

    def remember(self) -> dict[str, Any]:
        """What to keep for the next start."""
        return {}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take over what was kept."""
