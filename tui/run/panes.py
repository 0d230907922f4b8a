"""What is scrolled beside the timeline: text of any kind, and the end of a log."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

from tui.language import tr
from tui.paint import Line, clip, text_of
from tui.run.log import RunLog, log_line
from tui.run.problem import first_error, is_error_line


class Pane(Protocol):
    """What the keys of a list move."""

    def move(self, step: int) -> None:
        """Go so many lines down, or up."""

    def half(self, direction: int) -> None:
        """Half of what is seen further."""

    def scroll(self, lines: int) -> None:
        """Move what is seen."""


class PaneKeys:
    """The keys that move, for a view in which one of several panes has them."""

    def pane(self) -> Pane:
        """The pane that has the keys."""
        raise NotImplementedError

    def do_down(self) -> None:
        """One line down."""
        self.pane().move(1)

    def do_up(self) -> None:
        """One line up."""
        self.pane().move(-1)

    def do_half_down(self) -> None:
        """Half a page down."""
        self.pane().half(1)

    def do_half_up(self) -> None:
        """Half a page up."""
        self.pane().half(-1)

    def do_top(self) -> None:
        """To the beginning."""
        self.pane().move(-(10**9))

    def do_bottom(self) -> None:
        """To the end."""
        self.pane().move(10**9)


class TextPane:
    """Lines that are made anew only when what they are made of changes."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._lines: list[Line] = []
        self._first = 0
        self._height = 1

    def lines(self, key: Hashable, make: Callable[[], list[Line]], height: int) -> list[Line]:
        """The part that is seen.

        Args:
            key: What the lines are made of.
            make: Makes them.
            height: Most lines.
        """
        if key != self._key:
            self._key, self._lines = key, make()
        self._height = max(1, height)
        self._first = min(max(0, self._first), max(0, len(self._lines) - height))
        return self._lines[self._first : self._first + height]

    def place(self) -> str:
        """Where one is in it; "" when all of it is seen."""
        count = len(self._lines)
        if count <= self._height:
            return ""
        return f"{self._first + 1}-{min(count, self._first + self._height)}/{count}"

    def move(self, step: int) -> None:
        """So many lines down, or up."""
        self._first = max(0, self._first + step)

    def half(self, direction: int) -> None:
        """Half of what is seen further."""
        self.move(direction * max(1, self._height // 2))

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        self.move(lines)

    def as_text(self) -> str:
        """All of it."""
        return "\n".join(text_of(line).rstrip() for line in self._lines)


class LogPane:
    """The end of a log.

    Attributes:
        follows: Whether it stays at the end as the log grows.
        wraps: Whether long lines are broken instead of cut.
        filter: Only lines that hold this text, whatever the case, are shown.
        seeks_error: Go to the first error as soon as the log is here.
    """

    def __init__(self, log: RunLog) -> None:
        self.log = log
        self.follows = True
        self.wraps = False
        self.filter = ""
        self.seeks_error = False
        self._mark: str | None = None
        self._first = 0
        self._height = 1

    def shown(self) -> Sequence[str]:
        """The lines that fit the filter."""
        if not self.filter:
            return self.log.lines
        wanted = self.filter.casefold()
        return [line for line in self.log.lines if wanted in line.casefold()]

    def lines(self, width: int, height: int) -> list[Line]:
        """The part that is seen."""
        self._height = max(1, height)
        lines = self.shown()
        if not lines:
            return [[], [(clip(" " + self._silence(), width), "dim")]]
        if self.seeks_error:
            self.seeks_error = False
            self.to_first_error()
        if self.follows:
            self._first = self._last_first(lines, width)
        self._first = min(max(0, self._first), len(lines) - 1)
        drawn: list[Line] = []
        for text in lines[self._first : self._first + height]:
            part = log_line(text, width, wrapped=self.wraps)
            if text is self._mark:
                part = [[(words, f"{look} cursor".strip()) for words, look in one] for one in part]
            drawn += part
        return drawn[:height]

    def seen(self) -> Sequence[str]:
        """The lines that are seen now."""
        return self.shown()[self._first : self._first + self._height]

    def place(self) -> str:
        """Where one is in it, and how it is shown."""
        lines = self.shown()
        facts = [f"{min(self._first + self._height, len(lines)):,}/{len(lines):,}"]
        if self.filter:
            facts.append(f"/{self.filter}")
        if self.follows and not self.log.ended:
            facts.append(tr("follows"))
        return " · ".join(facts)

    def move(self, step: int) -> None:
        """So many lines down, or up; the very end follows again."""
        last = max(0, len(self.shown()) - self._height)
        self._first = min(max(0, self._first + step), last)
        self.follows = step > 0 and self._first == last

    def half(self, direction: int) -> None:
        """Half of what is seen further."""
        self.move(direction * max(1, self._height // 2))

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        self.move(lines)

    def to_first_error(self) -> bool:
        """Go to the first line that tells of a mistake; returns whether there is one."""
        at = first_error(self.shown())
        if at is not None:
            self._go(at)
        return at is not None

    def to_next_error(self, step: int) -> bool:
        """Go to the next such line, or the one before."""
        lines = self.shown()
        here = next((at for at, line in enumerate(lines) if line is self._mark), self._first)
        at = here + step
        while 0 <= at < len(lines):
            if is_error_line(lines[at]):
                self._go(at)
                return True
            at += step
        return False

    def _go(self, at: int) -> None:
        self._mark = self.shown()[at]
        self._first = max(0, at - 2)
        self.follows = False

    def _last_first(self, lines: Sequence[str], width: int) -> int:
        """The first line that is seen when the last one is."""
        room, at = self._height, len(lines)
        while at > 0 and room > 0:
            at -= 1
            room -= len(log_line(lines[at], width, wrapped=True)) if self.wraps else 1
        return at if room >= 0 else min(at + 1, len(lines) - 1)

    def _silence(self) -> str:
        if self.filter:
            return tr("no line fits the filter; esc takes it away")
        return tr("it wrote nothing") if self.log.ended else tr("nothing written yet")
