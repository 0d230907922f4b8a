"""A cursor in a list of any length, and the part of it that is seen."""

from __future__ import annotations


class Listing:
    """Which row is selected, and which one is the first that is seen.

    Rows are numbers: what they hold is somebody else's business.
    """

    def __init__(self) -> None:
        self.cursor = 0
        self.first = 0
        self.height = 1

    def window(self, count: int, height: int) -> range:
        """The rows that are seen in so many lines, so that the cursor is among them."""
        self.height = max(1, height)
        self.cursor = min(max(0, self.cursor), max(0, count - 1))
        if self.cursor < self.first:
            self.first = self.cursor
        elif self.cursor >= self.first + self.height:
            self.first = self.cursor - self.height + 1
        self.first = min(max(0, self.first), max(0, count - self.height))
        return range(self.first, min(count, self.first + self.height))

    def move(self, step: int, count: int) -> None:
        """Go so many rows down, or up."""
        self.cursor = min(max(0, self.cursor + step), max(0, count - 1))

    def half_page(self, direction: int, count: int) -> None:
        """Half of what is seen further."""
        self.move(direction * max(1, self.height // 2), count)

    def scroll(self, lines: int, count: int) -> None:
        """Move what is seen; the cursor stays inside it."""
        self.first = min(max(0, self.first + lines), max(0, count - self.height))
        self.cursor = min(max(self.cursor, self.first), self.first + self.height - 1)
        self.cursor = min(max(0, self.cursor), max(0, count - 1))

    def row_at(self, line: int, count: int) -> int | None:
        """The row in a line of the window."""
        row = self.first + line
        return row if 0 <= line < self.height and row < count else None


class ListKeys:
    """The keys that move a cursor, for views with one list in the foreground.

    A view sets `listing` and answers `count()`; it may react in `moved()`.
    """

    listing: Listing

    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def moved(self) -> None:
        """The cursor stands somewhere else."""

    def do_down(self) -> None:
        """One row down."""
        self._go(1)

    def do_up(self) -> None:
        """One row up."""
        self._go(-1)

    def do_half_down(self) -> None:
        """Half a page down."""
        self.listing.half_page(1, self.count())
        self.moved()

    def do_half_up(self) -> None:
        """Half a page up."""
        self.listing.half_page(-1, self.count())
        self.moved()

    def do_top(self) -> None:
        """To the first row."""
        self._go(-self.count())

    def do_bottom(self) -> None:
        """To the last row."""
        self._go(self.count())

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        self.listing.scroll(lines, self.count())
        self.moved()

    def _go(self, step: int) -> None:
        self.listing.move(step, self.count())
        self.moved()


class Scrolling:
    """The keys that scroll lines without a cursor."""

    _first = 0
    _height = 1
    _count = 0

    def scrolled(self, count: int, height: int) -> slice:
        """Which of so many lines are seen in so much room."""
        self._count, self._height = count, max(1, height)
        self._first = min(max(0, self._first), max(0, count - height))
        return slice(self._first, self._first + height)

    def do_down(self) -> None:
        """One line down."""
        self._first += 1

    def do_up(self) -> None:
        """One line up."""
        self._first -= 1

    def do_half_down(self) -> None:
        """Half a page down."""
        self._first += max(1, self._height // 2)

    def do_half_up(self) -> None:
        """Half a page up."""
        self._first -= max(1, self._height // 2)

    def do_top(self) -> None:
        """To the beginning."""
        self._first = 0

    def do_bottom(self) -> None:
        """To the end."""
        self._first = self._count
