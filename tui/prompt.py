"""The line at the bottom into which a filter, a command or a value is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from tui.line_editor import LineEditor
from tui.paint import Line, clip, width_of


class Prompt:
    """A label and a line that is typed.

    Args:
        label: What stands before it.
        done: Called with the text at enter; returns what is wrong with it, then it stays, or "".
        text: What stands there at first.
        changed: Called as it is typed; returns what is wrong so far, or "".
        cancelled: Called at escape.
        history: Earlier entries, oldest first; what is entered is added.
        complete: What the text so far may become.
        hint: What is allowed, shown while the text is empty or as it was at first.
    """

    def __init__(
        self,
        label: str,
        done: Callable[[str], str],
        *,
        text: str = "",
        changed: Callable[[str], str] | None = None,
        cancelled: Callable[[], None] | None = None,
        history: list[str] | None = None,
        complete: Callable[[str], Sequence[str]] | None = None,
        hint: str = "",
    ) -> None:
        self.label = label
        self.problem = ""
        self.editor = LineEditor(text, history=history or (), complete=complete)
        self._done = done
        self._changed = changed
        self._cancelled = cancelled
        self._history = history
        self._hint = hint
        self._unasked = ("", text)

    def key(self, key: str, character: str | None) -> bool:
        """Take a key press; returns whether the prompt is over."""
        if key in ("escape", "ctrl+c"):
            if self._cancelled is not None:
                self._cancelled()
            return True
        if key == "enter":
            return self._enter()
        before = self.editor.text
        self.editor.key(key, character)
        if self.editor.text != before:
            self._typed()
        return False

    def paste(self, text: str) -> None:
        """Put pasted text in."""
        self.editor.insert(text)
        self._typed()

    def line(self, width: int) -> Line:
        """What stands in the message line."""
        line: Line = [(f" {self.label}", "key")]
        if self.label[-1:].isalnum():
            line.append((" ", ""))
        said = self.problem or (self._hint if self.editor.text in self._unasked else "")
        side = clip(said, max(0, min(width // 2, width - width_of(line) - 24)))
        room = width - width_of(line) - cell_len(side) - 2
        style = "bad" if self.problem else "dim"
        return [*line, *self.editor.line(max(4, room)), (" ", ""), (side, style), (" ", "")]

    def offers(self) -> list[str]:
        """What the text may become, for a list above the line."""
        return self.editor.offers()

    def _typed(self) -> None:
        self.problem = self._changed(self.editor.text) if self._changed else ""

    def _enter(self) -> bool:
        text = self.editor.text
        self.problem = self._done(text)
        if self.problem:
            return False
        if self._history is not None and text.strip():
            if text in self._history:
                self._history.remove(text)
            self._history.append(text)
            del self._history[:-100]
        return True
