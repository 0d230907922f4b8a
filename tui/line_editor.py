"""One line of text that is being typed: cursor, words, completion, history."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from engine.text import printable
from tui.paint import Line, crop

_LONGEST = 20_000


class LineEditor:
    """A text and a cursor in it.

    Args:
        text: What stands there at first.
        history: Earlier entries, oldest first.
        complete: What the text so far may become.
    """

    def __init__(
        self,
        text: str = "",
        *,
        history: Sequence[str] = (),
        complete: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self.text = text
        self.cursor = len(text)
        self._history = [*history, text]
        self._at = len(history)
        self._complete = complete
        self._offers: Sequence[str] = ()
        self._offer = -1

    def key(self, key: str, character: str | None) -> bool:
        """Take a key press; returns whether it meant something here."""
        if key != "tab":
            self._offers, self._offer = (), -1
        action = _KEYS.get(key)
        if action is not None:
            action(self)
            return True
        if key == "tab" and self._complete is not None:
            self._next_offer()
            return True
        if character is not None and character.isprintable():
            self.insert(character)
            return True
        return False

    def insert(self, text: str) -> None:
        """Put text in at the cursor; line ends and tabs become blanks."""
        text = " ".join(text.split()) if len(text) > 1 else text
        text = text[: _LONGEST - len(self.text)]
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)

    def set(self, text: str) -> None:
        """Replace all of it."""
        self.text, self.cursor = text, len(text)

    def offers(self, most: int = 8) -> list[str]:
        """What the text may become, the best first."""
        return list(self._complete(self.text))[:most] if self._complete else []

    def line(self, width: int, style: str = "field") -> Line:
        """The text with its cursor, scrolled so that the cursor is seen."""
        before, after = printable(self.text[: self.cursor]), self.text[self.cursor :]
        under = printable(after[:1]) or " "
        rest = printable(after[1:])
        whole: Line = [(before, style), (under, f"{style} caret"), (rest, style)]
        start = max(0, cell_len(before) + cell_len(under) - width)
        shown = crop(whole, start, start + width)
        room = width - sum(cell_len(text) for text, _ in shown)
        return [*shown, (" " * room, style)]

    def _next_offer(self) -> None:
        if not self._offers:
            self._offers = list(self._complete(self.text)) if self._complete else ()
        if self._offers:
            self._offer = (self._offer + 1) % len(self._offers)
            self.set(self._offers[self._offer])

    def _left(self) -> None:
        self.cursor = max(0, self.cursor - 1)

    def _right(self) -> None:
        self.cursor = min(len(self.text), self.cursor + 1)

    def _home(self) -> None:
        self.cursor = 0

    def _end(self) -> None:
        self.cursor = len(self.text)

    def _backspace(self) -> None:
        if self.cursor:
            self.text = self.text[: self.cursor - 1] + self.text[self.cursor :]
            self.cursor -= 1

    def _delete(self) -> None:
        self.text = self.text[: self.cursor] + self.text[self.cursor + 1 :]

    def _word_back(self) -> None:
        head = self.text[: self.cursor].rstrip()
        kept = head[: head.rfind(" ") + 1]
        self.text, self.cursor = kept + self.text[self.cursor :], len(kept)

    def _clear(self) -> None:
        self.text, self.cursor = self.text[self.cursor :], 0

    def _cut(self) -> None:
        self.text = self.text[: self.cursor]

    def _earlier(self) -> None:
        self._go(-1)

    def _later(self) -> None:
        self._go(1)

    def _go(self, step: int) -> None:
        if self._at == len(self._history) - 1:
            self._history[-1] = self.text
        self._at = min(max(0, self._at + step), len(self._history) - 1)
        self.set(self._history[self._at])


_KEYS: dict[str, Callable[[LineEditor], None]] = {
    "left": LineEditor._left,
    "right": LineEditor._right,
    "home": LineEditor._home,
    "ctrl+a": LineEditor._home,
    "end": LineEditor._end,
    "ctrl+e": LineEditor._end,
    "backspace": LineEditor._backspace,
    "delete": LineEditor._delete,
    "ctrl+d": LineEditor._delete,
    "ctrl+w": LineEditor._word_back,
    "ctrl+u": LineEditor._clear,
    "ctrl+k": LineEditor._cut,
    "up": LineEditor._earlier,
    "down": LineEditor._later,
}
