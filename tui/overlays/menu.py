"""A list to choose from, narrowed by typing: copy menu, palette, choices of a field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.language import tr
from tui.line_editor import LineEditor
from tui.listing import Listing
from tui.overlays.overlay import Overlay
from tui.paint import Line, clip, fit, pad, width_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


@dataclass(frozen=True)
class Choice:
    """One entry: what it is called, what it does or says, its key, and what choosing it does."""

    label: str
    detail: str
    chosen: Callable[[], None]
    key: str = ""


class Menu(Overlay):
    """Choices, of which the typed text leaves those that fit; enter takes the selected one.

    Args:
        title: Of the box.
        choices: In their order.
        quick: Whether a choice's key takes it at once, instead of being typed.
        at: Which one is selected at first.
    """

    def __init__(
        self,
        app: ControlCenter,
        title: str,
        choices: Sequence[Choice],
        *,
        quick: bool = False,
        at: int = 0,
    ) -> None:
        super().__init__(app)
        self.title = title
        self.footer = tr("enter takes it · esc closes")
        self._choices = list(choices)
        self._quick = quick
        self._editor = LineEditor()
        self._listing = Listing()
        self._listing.cursor = at

    def key(self, key: str, character: str | None) -> bool:
        """Type, move, or take."""
        found = self._found()
        if key in ("escape", "ctrl+c"):
            return False
        if key == "enter":
            if found:
                self._take(found[self._listing.cursor])
            return True
        if key in ("down", "ctrl+n", "tab"):
            self._listing.move(1, len(found))
        elif key in ("up", "ctrl+p", "shift+tab"):
            self._listing.move(-1, len(found))
        elif key in ("pagedown", "pageup"):
            self._listing.half_page(1 if key == "pagedown" else -1, len(found))
        elif self._quick:
            quick = next((one for one in self._choices if one.key == (character or key)), None)
            if quick is not None:
                self._take(quick)
        else:
            before = self._editor.text
            self._editor.key(key, character)
            if self._editor.text != before:
                self._listing.cursor = 0
        return True

    def paste(self, text: str) -> None:
        """Narrow by what is pasted."""
        self._editor.insert(text)

    def body(self, width: int, height: int) -> list[Line]:
        """The typed text and the choices."""
        found = self._found()
        lines: list[Line] = []
        if not self._quick:
            lines = [[("› ", "key"), *self._editor.line(width - 2)], []]
        for row in self._listing.window(len(found), max(1, min(16, height - len(lines)))):
            choice = found[row]
            style = "cursor" if row == self._listing.cursor else ""
            label = fit(choice.label, min(34, width // 2))
            line: Line = [(label, f"{style} strong".strip()), ("  ", style)]
            room = width - width_of(line) - 10
            line += [(fit(choice.detail, room), f"dim {style}".strip()), (" ", style)]
            line.append((fit(choice.key, 9, "right"), f"key {style}".strip()))
            lines.append(pad(line, width, style))
        if not found:
            lines.append([(clip(tr("nothing fits"), width), "dim")])
        return lines

    def wanted_width(self, width: int) -> int:
        """Wide enough for the commands."""
        return min(width - 2, 96)

    def _found(self) -> list[Choice]:
        wanted = self._editor.text.casefold()
        if not wanted:
            return self._choices
        ranked = [
            (rank, index, choice)
            for index, choice in enumerate(self._choices)
            if (rank := _rank(wanted, choice)) is not None
        ]
        return [choice for _, _, choice in sorted(ranked, key=lambda one: one[:2])]

    def _take(self, choice: Choice) -> None:
        self.app.close_overlay(self)
        choice.chosen()


def _rank(wanted: str, choice: Choice) -> int | None:
    """How well a choice fits: its beginning, inside, in its detail, letters in order; else None."""
    label = choice.label.casefold()
    if label.startswith(wanted):
        return 0
    if wanted in label:
        return 1
    if wanted in choice.detail.casefold():
        return 2
    letters = iter(label)
    return 3 if all(letter in letters for letter in wanted) else None
