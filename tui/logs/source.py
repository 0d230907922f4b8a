"""What a log consists of, wherever it comes from: lines at places, and parts to search in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class LogLine(NamedTuple):
    """A line, where it stands, and of which run it is ("" where there is only one)."""

    place: int
    text: str
    run_id: str = ""


class Block(NamedTuple):
    """Whole lines as they stand in the file; the place of the first one is `place`."""

    place: int
    content: bytes


class LogSource(Protocol):
    """Where a pane's lines come from: one run's log, or those of all runs together."""

    @property
    def count(self) -> int:
        """How many lines there are so far."""

    @property
    def is_whole(self) -> bool:
        """Whether the beginning has been reached: before, lines are still put in front."""

    @property
    def numbering(self) -> int:
        """Changes whenever lines that were known have got other numbers."""

    def refresh(self, seconds: float) -> bool:
        """Take in what is new, for about so long; returns whether anything was. In a thread."""

    def lines(self, first: int, count: int) -> list[LogLine]:
        """So many lines from a number on, as many as there are."""

    def read(self, places: list[int]) -> list[LogLine]:
        """The lines at places; those that were removed are left out."""

    def place_of(self, number: int) -> int:
        """The place of a line."""

    def number_of(self, place: int) -> int:
        """The number of the line at a place, or of the next one that is still there."""

    def extents(self) -> list[tuple[int, int]]:
        """From which place to which there are lines, in their order."""

    def blocks(self, after: int, *, backwards: bool = False) -> Iterator[list[LogLine] | Block]:
        """What stands from a place on (or before it), in parts, for searching. In a thread."""
