"""Something to read that asks for a decision, each choice by its key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui.overlays.menu import Choice
from tui.overlays.page import Page
from tui.paint import Line, width_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Findings(Page):
    """Lines to scroll, and below them what can be done about them.

    Args:
        title: Of the box.
        content: The lines for a width.
        choices: What can be done; a choice's key takes it. Of one with the key "esc" only the
            label is used: closing the box is `otherwise`.
        otherwise: Called when it is closed without a choice.
    """

    def __init__(
        self,
        app: ControlCenter,
        title: str,
        content: Callable[[int], list[Line]],
        choices: Sequence[Choice],
        otherwise: Callable[[], None],
    ) -> None:
        super().__init__(app, title, content, wide=True)
        self.footer = ""
        self._choices = list(choices)
        self._otherwise = otherwise

    def key(self, key: str, character: str | None) -> bool:
        """Take a choice."""
        chosen = next((one for one in self._choices if one.key == (character or key)), None)
        if chosen is None:
            return False
        self.app.close_overlay(self)
        chosen.chosen()
        return True

    def body(self, width: int, height: int) -> list[Line]:
        """The part of the lines that is seen, and the choices."""
        choices = self._choice_lines(width)
        return [*super().body(width, max(1, height - len(choices) - 1)), [], *choices]

    def _choice_lines(self, width: int) -> list[Line]:
        lines: list[Line] = [[]]
        for choice in self._choices:
            entry: Line = [(choice.key, "key"), (f" {choice.label}   ", "")]
            if lines[-1] and width_of(lines[-1]) + width_of(entry) > width:
                lines.append([])
            lines[-1] += entry
        return lines

    def do_back(self) -> None:
        """Close it without a choice."""
        super().do_back()
        self._otherwise()

    def do_quit(self) -> None:
        """The same."""
        self.do_back()
