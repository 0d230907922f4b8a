"""What every screen is: state of its own, lines to show, and methods that perform actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tui.paint import Line, text_of

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.control_center import ControlCenter


_FIELDS = ("run", "flow", "version", "backtest", "schedule", "file", "values", "series")


class View:
    """One screen. It lives as long as the terminal, so that it is found as it was left.

    Attributes:
        app: The application, with the board (`app.board`) and the ways to act.
        name: Its name in `tui.actions.SCREENS`.
    """

    name: ClassVar[str]
    filter_hint: ClassVar[str] = "state:failed dur>60 model:LSTM !tag:x word"
    """What a filter may look like, shown while none is typed; a key of the translations."""

    def __init__(self, app: ControlCenter) -> None:
        self.app = app
        self.size = (80, 20)
        """Columns and lines of the body, as last drawn."""

    def lines(self, width: int, height: int) -> list[Line]:
        """What is seen; called often, so it must be quick and change nothing that is known."""
        raise NotImplementedError

    def entered(self) -> None:
        """It has come to be seen: ask for what it shows."""

    def left(self) -> None:
        """Another screen has come to be seen."""

    def tick(self) -> None:
        """Once a second while it is seen."""

    def is_lively(self) -> bool:
        """Whether what is seen changes by itself from second to second."""
        board = self.app.board
        return bool(board.open_runs()) or board.lost is not None

    def refreshed(self) -> None:
        """The user asks for everything anew."""
        self.entered()

    def title(self) -> str:
        """What the message line says while there is no message; "" for nothing."""
        return ""

    def subject(self) -> dict[str, str]:
        """What is selected, for the {fields} of an action's command: run, flow, version, ..."""
        return {}

    def command_of(self, action: Action) -> str:
        """The `engine` command that does what an action would do here and now."""
        return fill(action.command, self.subject())

    def title_of(self, action: Action) -> str:
        """What an action is called here, in English; a key of the translations."""
        return action.title

    def yanks(self) -> list[tuple[str, str]]:
        """What can be copied: a name (English, translated where it is shown) and the text."""
        return []

    def filter_text(self) -> str:
        """The filter that is in force."""
        return ""

    def use_filter(self, text: str) -> str:
        """Filter by a text, as it is typed; returns what is wrong with it, or ""."""
        return ""

    def click(self, x: int, y: int, *, double: bool) -> None:
        """The mouse was pressed, in columns and lines of the body."""

    def scroll(self, lines: int) -> None:
        """The wheel was turned: down by so many lines."""

    def as_text(self) -> str:
        """All of what it shows, for a file: also what lies below the last line."""
        width, height = self.size
        return "\n".join(text_of(line).rstrip() for line in self.lines(width, height))

    def as_data(self) -> Any:
        """All of what it shows as plain values, for a JSON file; None if there is no such thing."""
        return None

    def remember(self) -> dict[str, Any]:
        """What to keep for the next start, as JSON-able values."""
        return {}

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over what was kept; it may be from another version, or damaged."""


def fill(command: str, fields: dict[str, str]) -> str:
    """A command with the fields that are known; the others keep a name in capitals."""
    for name in _FIELDS:
        value = fields.get(name)
        command = command.replace("{" + name + "}", value if value else name.upper())
    return command
