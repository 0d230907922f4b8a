"""A question before something is destroyed or moved, with the command that would do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.language import tr
from tui.line_editor import LineEditor
from tui.overlays.overlay import Overlay
from tui.paint import Line, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Question(Overlay):
    """Yes or no; or, where there is no way back, a word to type.

    Args:
        text: What would be done, and what would be lost.
        command: The command that does it.
        yes: Called when it is wanted.
        word: What must be typed; "" where y is enough.
    """

    def __init__(
        self,
        app: ControlCenter,
        text: str,
        command: str,
        yes: Callable[[], None],
        *,
        word: str = "",
    ) -> None:
        super().__init__(app)
        self.title = tr("Are you sure?")
        self._text = text
        self._command = command
        self._yes = yes
        self._word = word
        self._editor = LineEditor()

    def key(self, key: str, character: str | None) -> bool:
        """Answer."""
        if key in ("escape", "ctrl+c"):
            return False
        if self._word:
            if key == "enter" and self._editor.text.strip() == self._word:
                self._answer()
            elif key != "enter":
                self._editor.key(key, character)
        elif character in ("y", "Y") or key == "enter":
            self._answer()
        elif character in ("n", "N", "q"):
            self.do_back()
        return True

    def paste(self, text: str) -> None:
        """Pasting a word is typing it."""
        self._editor.insert(text)

    def body(self, width: int, height: int) -> list[Line]:
        """The question, the command, and how to answer."""
        lines: list[Line] = [[(text, "")] for text in wrap(self._text, width)]
        lines.append([])
        lines += [[(text, "accent")] for text in wrap(self._command, width)]
        lines.append([])
        if self._word:
            lines.append([(tr('type "{word}" and press enter', word=self._word), "warn")])
            lines.append([("› ", "key"), *self._editor.line(min(width - 2, 40))])
        else:
            lines.append(
                [("y", "key"), (f" {tr('yes')}   ", ""), ("n", "key"), (f" {tr('no')}", "")]
            )
        return lines

    def _answer(self) -> None:
        self.app.close_overlay(self)
        self._yes()
