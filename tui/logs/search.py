"""Which lines of a log fit a filter: found in a thread, in slices, while they are looked at."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator

from tui.breath import Breath
from tui.logs.filter import ERROR, LogFilter, OfRun, level_of
from tui.logs.source import Block, LogLine, LogSource


class LogSearch:
    """The places of the lines that fit.

    Args:
        source: What is searched.
        filter: What is looked for.
        of_run: Whether a run is meant by a text.
        hidden: Ids of runs whose lines never fit.

    Attributes:
        places: In their order, as far as is known.
    """

    def __init__(
        self,
        source: LogSource,
        filter: LogFilter,
        of_run: OfRun,
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        self.filter = filter
        self.places = array("Q")
        self.searched = 0
        self.is_done = False
        self._source = source
        self._of_run = of_run
        self._hidden = hidden
        self._levels: dict[str, int] = {}
        self._numbering = source.numbering

    def advance(self, seconds: float = 0.05) -> bool:
        """Search on for about so long, in a thread; returns whether anything was found."""
        if not self._source.is_whole:
            return False
        until = time.monotonic() + seconds
        self._drop_what_is_gone()
        before = len(self.places)
        breath = Breath()
        for block in self._source.blocks(self.searched):
            found, end = self._in_block(block)
            self.places.extend(found)
            self.searched = max(self.searched, end)
            breath.take()
            if time.monotonic() > until:
                self.is_done = False
                return len(self.places) > before
        was_done, self.is_done = self.is_done, True
        return len(self.places) > before or not was_done

    def row_of(self, place: int) -> int:
        """Which of the lines that fit is the one at a place, or else the next one."""
        return bisect_left(self.places, place)

    def _drop_what_is_gone(self) -> None:
        """Leave out the places of lines that were removed."""
        if self._numbering == self._source.numbering:
            return
        self._numbering = self._source.numbering
        kept = array("Q")
        for start, end in self._source.extents():
            kept += self.places[bisect_left(self.places, start) : bisect_left(self.places, end)]
        self.places = kept

    def _in_block(self, block: Block | list[LogLine]) -> tuple[list[int], int]:
        if isinstance(block, Block):
            needle = self.filter.needle
            end = block.place + len(block.content)
            if needle and not self.filter.has_levels:
                return self._by_needle(block, needle), end
            return self._by_line(_lines_of(block)), end
        return self._by_line(block), block[-1].place + 1 if block else 0

    def _by_needle(self, block: Block, needle: bytes) -> list[int]:
        """Look at those lines only that hold certain bytes."""
        found: list[int] = []
        is_all = len(self.filter.terms) == 1
        content = block.content
        small = content.lower()
        at = small.find(needle, max(0, self.searched - block.place))
        while at >= 0:
            start = content.rfind(b"\n", 0, at) + 1
            end = content.find(b"\n", at)
            end = len(content) if end < 0 else end
            text = "" if is_all else content[start:end].decode("utf-8", errors="replace")
            if is_all or self._fits(block.place + start, text, ""):
                found.append(block.place + start)
            at = small.find(needle, end)
        return found

    def _by_line(self, lines: Iterable[LogLine]) -> list[int]:
        searched, fits = self.searched, self._fits
        return [
            place
            for place, text, run_id in lines
            if place >= searched and fits(place, text, run_id)
        ]

    def _fits(self, place: int, text: str, run_id: str) -> bool:
        if run_id in self._hidden:
            return False
        level = 0
        if self.filter.has_levels:
            level = self._levels[run_id] = level_of(text, self._levels.get(run_id, 0))
        return self.filter.fits(text, level, run_id, self._of_run)


def find_error(
    source: LogSource, place: int, step: int, go_on: Callable[[], bool] = lambda: True
) -> int | None:
    """The place of the nearest error from a place on (or, with a step of -1, before it).

    To be called in a thread; asks `go_on` now and then whether the answer is still wanted.

    Returns:
        The place, or None if there is none.
    """
    breath = Breath()
    for block in source.blocks(place, backwards=step < 0):
        places = _errors_in(block)
        if step > 0:
            at = bisect_left(places, place)
            if at < len(places):
                return places[at]
        else:
            at = bisect_right(places, place - 1)
            if at:
                return places[at - 1]
        breath.take()
        if not go_on():
            return None
    return None


def _errors_in(block: Block | list[LogLine]) -> list[int]:
    if isinstance(block, Block):
        return [block.place + found.start() for found in ERROR.finditer(block.content)]
    return [line.place for line in block if ERROR.match(line.text.encode(errors="replace"))]


def _lines_of(block: Block) -> Iterator[LogLine]:
    at = block.place
    for raw in block.content.removesuffix(b"\n").split(b"\n"):
        yield LogLine(at, raw.decode("utf-8", errors="replace"))
        at += len(raw) + 1
