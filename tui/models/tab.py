"""What a tab of the screen of models is, beside the leaderboard: a list and its selected row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.listing import Listing
from tui.models.facts import Model
from tui.paint import Line

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Tab:
    """One tab.

    Attributes:
        app: The application.
        name: How it is called where it is remembered.
        title: What its tab says, in English.
        listing: Its cursor.
        filter: Words that its rows must hold.
    """

    name = ""
    title = ""
    filter_hint = ""

    def __init__(self, app: ControlCenter) -> None:
        self.app = app
        self.listing = Listing()
        self.filter = ""

    def count(self) -> int:
        """Rows of its list."""
        raise NotImplementedError

    def rows(self, width: int, height: int) -> list[Line]:
        """The heading and the rows that are seen; why there are none."""
        raise NotImplementedError

    def preview(self, width: int, *, full: bool) -> list[Line]:
        """What is to say about the selected row."""
        raise NotImplementedError

    def is_known(self) -> bool:
        """Whether there was an answer yet."""
        raise NotImplementedError

    def problem(self) -> str:
        """Why the last question failed, "" if it did not."""
        return ""

    def ask(self) -> None:
        """Ask for what it shows."""

    def tick(self) -> None:
        """Once a second while it is seen."""

    def moved(self) -> None:
        """The cursor stands somewhere else."""

    def model(self) -> Model | None:
        """The deployed version that the selected row is about."""
        return None

    def open(self) -> None:
        """All about the selected row."""

    def delete(self) -> None:
        """Delete what is selected, after asking."""

    def subject(self) -> dict[str, str]:
        """What is selected, for commands."""
        return {}

    def yanks(self) -> list[tuple[str, str]]:
        """What can be copied."""
        return []

    def texts(self) -> list[list[str]]:
        """Its rows, a text a column."""
        return []

    def as_data(self) -> Any:
        """What it knows, as plain values."""
        return None
