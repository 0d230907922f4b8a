"""Panes that take the keys in turn: the timeline, the log, or a text that is scrolled."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from tui.listing import Scrolling
from tui.paint import Line, text_of


class Pane(Protocol):
    """What the keys of a list move."""

    def do_down(self) -> None:
        """One line down."""

    def do_up(self) -> None:
        """One line up."""

    def do_half_down(self) -> None:
        """Half a page down."""

    def do_half_up(self) -> None:
        """Half a page up."""

    def do_top(self) -> None:
        """To the beginning."""

    def do_bottom(self) -> None:
        """To the end."""

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""


class PaneKeys:
    """The keys that move, for a view in which one of several panes has them."""

    def pane(self) -> Pane:
        """The pane that has the keys."""
        raise NotImplementedError

    def do_down(self) -> None:
        """One line down."""
        self.pane().do_down()

    def do_up(self) -> None:
        """One line up."""
        self.pane().do_up()

    def do_half_down(self) -> None:
        """Half a page down."""
        self.pane().do_half_down()

    def do_half_up(self) -> None:
        """Half a page up."""
        self.pane().do_half_up()

    def do_top(self) -> None:
        """To the beginning."""
        self.pane().do_top()

    def do_bottom(self) -> None:
        """To the end."""
        self.pane().do_bottom()

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        self.pane().scroll(lines)


class TextPane(Scrolling):
    """Lines that are made anew only when what they are made of changes."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._lines: list[Line] = []

    def lines(self, key: Hashable, make: Callable[[], list[Line]], height: int) -> list[Line]:
        """The part that is seen.

        Args:
            key: What the lines are made of.
            make: Makes them.
            height: Most lines.
        """
        if key != self._key:
            self._key, self._lines = key, make()
        return self._lines[self.scrolled(len(self._lines), height)]

    def place(self) -> str:
        """Where one is in it; "" when all of it is seen."""
        count = len(self._lines)
        if count <= self._height:
            return ""
        return f"{self._first + 1}-{min(count, self._first + self._height)}/{count}"

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        self._first += lines

    def as_text(self) -> str:
        """All of it."""
        return "".join(f"{text_of(line).rstrip()}\n" for line in self._lines)
