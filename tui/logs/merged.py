"""The logs of several runs as one: the newest lines of each, in the order of their times."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tui.logs.file import LogFile
from tui.logs.filter import ENTRY
from tui.logs.source import LogLine

_MOST_LINES = 10_000
_DROPPED_AT_ONCE = 1_000
_FIRST_LINES = 200
_LONGEST_LINE = 2_000
_MOST_AT_ONCE = 2_000
_PART = 500


@dataclass
class _Tail:
    """The log of one run, and how far it was taken over."""

    file: LogFile
    place: int | None = None
    stamp: float = 0.0


class MergedLog:
    """The newest ten thousand lines of the runs that are followed; their places are numbers.

    What a run wrote while nobody looked comes too: its file is read on from where it was left.
    """

    def __init__(self) -> None:
        self._tails: dict[str, _Tail] = {}
        self._lines: list[LogLine] = []
        self._origins: list[int] = []
        self._first = 0
        self._lock = threading.Lock()
        self.trouble = ""

    # Which runs

    def follow(self, run_id: str, folder: Path, *, ended: bool) -> None:
        """Take in the log of a run from now on; of one that has ended, its end."""
        tail = self._tails.get(run_id)
        if tail is None:
            self._tails[run_id] = _Tail(LogFile(folder, ended=ended, whole=False))
        elif ended and not tail.file.ended:
            tail.file.ended = True

    def forget(self, run_id: str) -> None:
        """A run was deleted; its lines stay as long as others push them out."""
        self._tails.pop(run_id, None)

    @property
    def runs(self) -> list[str]:
        """The runs that are or were followed."""
        return list(self._tails)

    @property
    def is_live(self) -> bool:
        """Whether any of them may still write."""
        return any(not tail.file.is_settled for tail in list(self._tails.values()))

    def origin(self, place: int) -> tuple[str, int] | None:
        """Run and place in its own log, for the line at a place here."""
        with self._lock:
            at = place - self._first
            if not 0 <= at < len(self._lines):
                return None
            return self._lines[at].run_id, self._origins[at]

    # Lines, as `LogSource` has them

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    @property
    def is_whole(self) -> bool:
        """Nothing is put in front later."""
        return True

    @property
    def numbering(self) -> int:
        """Changes whenever the oldest lines are dropped."""
        return self._first

    def lines(self, first: int, count: int) -> list[LogLine]:
        """So many lines from a number on, as many as there are."""
        return self._lines[max(0, first) : max(0, first + count)]

    def read(self, places: list[int]) -> list[LogLine]:
        """The lines at places; those that were dropped are left out."""
        with self._lock:
            numbers = (place - self._first for place in places)
            return [self._lines[at] for at in numbers if 0 <= at < len(self._lines)]

    def place_of(self, number: int) -> int:
        """The place of a line."""
        return self._first + min(max(0, number), len(self._lines))

    def number_of(self, place: int) -> int:
        """The number of the line at a place, or of the oldest one."""
        return min(max(0, place - self._first), len(self._lines))

    def extents(self) -> list[tuple[int, int]]:
        """From which place to which there are lines."""
        with self._lock:
            return [(self._first, self._first + len(self._lines))]

    def blocks(self, after: int, *, backwards: bool = False) -> Iterator[list[LogLine]]:
        """What stands from a place on, or before it, some hundred lines at a time."""
        with self._lock:
            lines = self._lines[:]
            at = min(max(0, after - self._first), len(lines))
        if backwards:
            for end in range(at, 0, -_PART):
                yield lines[max(0, end - _PART) : end]
        else:
            for start in range(at, len(lines), _PART):
                yield lines[start : start + _PART]

    # Taking in

    def refresh(self, seconds: float = 0.05) -> bool:
        """Read what the runs have written since, for about so long; returns whether there was any.

        To be called from one thread only.
        """
        until = time.monotonic() + seconds
        new: list[tuple[float, LogLine, int]] = []
        for run_id, tail in list(self._tails.items()):
            if tail.file.ended and tail.place is not None and tail.file.is_settled:
                continue
            tail.file.refresh(max(0.005, until - time.monotonic()))
            new += self._new_lines(run_id, tail)
        if not new:
            return False
        new.sort(key=lambda one: one[0])
        with self._lock:
            for _, line, origin in new:
                place = self._first + len(self._lines)
                self._lines.append(LogLine(place, line.text, line.run_id))
                self._origins.append(origin)
            if len(self._lines) > _MOST_LINES + _DROPPED_AT_ONCE:
                dropped = len(self._lines) - _MOST_LINES
                self._lines = self._lines[dropped:]
                self._origins = self._origins[dropped:]
                self._first += dropped
        return True

    def _new_lines(self, run_id: str, tail: _Tail) -> list[tuple[float, LogLine, int]]:
        file = tail.file
        count = file.count
        is_new = tail.place is None
        first = max(0, count - _FIRST_LINES) if is_new else file.number_of(tail.place or 0)
        found: list[tuple[float, LogLine, int]] = []
        for line in file.lines(first, min(count - first, _MOST_AT_ONCE)):
            tail.stamp = _stamp(line.text) or tail.stamp
            shown = LogLine(0, line.text[:_LONGEST_LINE], run_id)
            found.append((tail.stamp, shown, line.place))
        after = first + len(found)
        tail.place = file.place_of(after) if after < count else file.end
        return found


def _stamp(text: str) -> float | None:
    """The time of an entry, in seconds since the epoch; None for a line that carries none."""
    entry = ENTRY.match(text[:200])
    if entry is None:
        return None
    try:
        return datetime.fromisoformat(f"{entry[1]}.{entry[2]}{entry[3]}").timestamp()
    except ValueError:
        return None
