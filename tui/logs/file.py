"""The log of one run, read from its files: any line of millions, a few kilobytes in memory.

A log is a row of segments that only grow (see `engine.runs.log`); when there are too many, those in
the middle are removed. A place in it, segment and byte as one number, therefore stays valid, while
the number of a line may change. An index holds where about every sixteenth kilobyte begins; it is
built from the end to the beginning, so that the newest lines are there at once.

`refresh` is for a thread of its own, everything else for the thread that draws.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.runs.log import segment_path, segments
from tui.breath import Breath
from tui.language import tr
from tui.logs.index import LONGEST_LINE, Piece, join_place, split_place
from tui.logs.source import Block, LogLine

_TAIL = 256 * 1024
_READ = 1024 * 1024
_BLOCKS_KEPT = 16


class LogFile:
    """The log of one run.

    Args:
        folder: The run's folder; it may have no log yet.
        ended: Nothing more will be written; may be set later.
        whole: Index all of it; else only the last quarter of a megabyte and what follows.
    """

    def __init__(self, folder: Path, *, ended: bool = False, whole: bool = True) -> None:
        self.folder = folder
        self.ended = ended
        self.numbering = 0
        self.trouble = ""
        self.is_settled = False
        """Whether all of it was read and nothing more will come."""
        self._whole = whole
        self._lock = threading.Lock()
        self._pieces: list[Piece] = []
        # The pieces that have numbers, and how many lines stand before each.
        self._shown: list[Piece] = []
        self._before: list[int] = []
        self._files: dict[int, int] = {}
        self._cache: OrderedDict[tuple[int, int, int], list[bytes]] = OrderedDict()

    # What there is

    @property
    def count(self) -> int:
        """How many lines there are so far."""
        shown, before = self._shown, self._before
        return before[-1] + shown[-1].count if shown else 0

    @property
    def is_whole(self) -> bool:
        """Whether the beginning has been reached: before, lines are still put in front."""
        return all(piece.is_ready for piece in self._pieces)

    @property
    def size(self) -> int:
        """Bytes that are indexed."""
        return sum(piece.end - piece.start for piece in self._pieces)

    @property
    def end(self) -> int:
        """The place behind the last line."""
        return join_place(self._shown[-1].segment, self._shown[-1].end) if self._shown else 0

    def lines(self, first: int, count: int) -> list[LogLine]:
        """So many lines from a number on, as many as there are."""
        found: list[LogLine] = []
        number = max(0, first)
        last = min(first + count, self.count)
        while number < last:
            piece, inside = self._at(number)
            if piece.missing:
                found.append(LogLine(piece.place, _notice(piece.missing)))
                number += 1
                continue
            index = bisect_right(piece.firsts, inside) - 1
            part = self._block_lines(piece, index)
            skip = inside - piece.firsts[index]
            at = piece.starts[index] + sum(map(len, part[:skip])) + skip
            if skip >= len(part):
                break  # removed or replaced a moment ago; the next refresh notices
            for raw in part[skip : skip + last - number]:
                found.append(LogLine(join_place(piece.segment, at), _text(raw)))
                at += len(raw) + 1
                number += 1
        return found

    def read(self, places: list[int]) -> list[LogLine]:
        """The lines at places; those that were removed are left out."""
        found: list[LogLine] = []
        opened: dict[int, int] = {}
        try:
            for place in places:
                segment, offset = split_place(place)
                if segment not in opened:
                    opened[segment] = _open(segment_path(self.folder, segment))
                if opened[segment] >= 0:
                    found.append(LogLine(place, _text(_line_at(opened[segment], offset))))
        finally:
            for descriptor in opened.values():
                if descriptor >= 0:
                    os.close(descriptor)
        return found

    def place_of(self, number: int) -> int:
        """The place of a line; the end of the log for a number beyond it."""
        found = self.lines(number, 1)
        return found[0].place if found else self.end

    def number_of(self, place: int) -> int:
        """The number of the line at a place, or of the next one that is still there."""
        shown, before = self._shown, self._before
        index = bisect_right(shown, place, key=lambda piece: piece.place) - 1
        if index < 0:
            return 0
        piece = shown[index]
        segment, offset = split_place(place)
        if piece.missing or segment != piece.segment or offset >= piece.end:
            # Removed, or not there yet.
            return before[index] + (0 if piece.missing else piece.count)
        block = bisect_right(piece.starts, offset) - 1
        at, number = piece.starts[block], before[index] + piece.firsts[block]
        for raw in self._block_lines(piece, block):
            at += len(raw) + 1
            if at > offset:
                break
            number += 1
        return number

    # Taking in what is new

    def refresh(self, seconds: float = 0.05) -> bool:
        """Index what is new, newest first, for about so long; returns whether anything was.

        Call it again and again, from one thread: at first until `is_whole`.
        """
        until = time.monotonic() + seconds
        breath = Breath()
        try:
            changed = self._take_segments()
            while (piece := self._unfinished()) is not None:
                changed = self._grow(piece) or changed
                breath.take()
                if time.monotonic() > until:
                    break
            self.is_settled = self.ended and piece is None
        except OSError as error:
            self.trouble = str(error)
            return False
        self.trouble = ""
        return changed

    def _take_segments(self) -> bool:
        """Look which segments there are; returns whether those that are known have changed."""
        found = segments(self.folder)
        if not self._is_same(found):
            with self._lock:
                self._pieces, self._files = [], {}
                self._cache.clear()
            self._number()
        known = {piece.segment for piece in self._pieces}
        gone = known - set(found)
        least = 0 if self._whole else min(known, default=0)
        new = [number for number in found if number not in known and number > least - 1]
        if not gone and not new:
            return False
        pieces = [piece for piece in self._pieces if piece.segment not in gone]
        for number in new:
            pieces += self._pieces_of(number, is_last=number == found[-1])
        self._pieces = sorted(pieces, key=lambda piece: piece.place)
        self._number()
        return True

    def _is_same(self, found: list[int]) -> bool:
        """Whether no file is another one than before, and none has become shorter."""
        for number in found:
            with suppress(FileNotFoundError):
                facts = segment_path(self.folder, number).stat()
                indexed = max((p.end for p in self._pieces if p.segment == number), default=0)
                if self._files.setdefault(number, facts.st_ino) != facts.st_ino:
                    return False
                if facts.st_size < indexed:
                    return False
        return True

    def _pieces_of(self, number: int, *, is_last: bool) -> list[Piece]:
        """A new segment as pieces: the end of the last one is a piece of its own."""
        if self._pieces:
            return [Piece(number, 0, 0)]
        start = 0
        if is_last:
            with suppress(OSError), segment_path(self.folder, number).open("rb") as file:
                size = file.seek(0, 2)
                if size > 2 * _TAIL:
                    file.seek(size - _TAIL)
                    start = size - _TAIL + file.read(LONGEST_LINE).find(b"\n") + 1
        if not self._whole:
            return [Piece(number, start, start)] if is_last else []
        head = [Piece(number, 0, 0)] if start or not is_last else []
        return [*head, Piece(number, start, start)] if is_last else head

    def _unfinished(self) -> Piece | None:
        """What to index next: what was written last, else what is nearest to the end."""
        for piece in reversed(self._pieces):
            is_last = piece is self._pieces[-1]
            if not piece.is_ready or (not is_last and not piece.is_closed):
                return piece
            if is_last:
                size = segment_path(self.folder, piece.segment).stat().st_size
                if size > piece.seen or (self.ended and piece.seen > piece.end):
                    return piece
        return None

    def _grow(self, piece: Piece) -> bool:
        """Index the next part of a piece; returns whether it grew, or got its number."""
        index = self._pieces.index(piece)
        later = self._pieces[index + 1] if index + 1 < len(self._pieces) else None
        stop = later.start if later is not None and later.segment == piece.segment else None
        most = _READ if stop is None else min(_READ, stop - piece.end)
        content = self._content(piece.segment, piece.end, piece.end + most)
        is_all = len(content) < _READ
        closed = is_all and (later is not None or self.ended)
        with self._lock:
            piece.seen = piece.end + len(content)
            taken = piece.take(content, closed=closed)
        news = bool(taken) or (is_all and not piece.is_ready)
        renumber = is_all and (not piece.is_ready or (later is not None and piece.is_ready))
        piece.is_ready = piece.is_ready or is_all
        piece.is_closed = later is not None and is_all
        if renumber:
            self._number()
        return news

    def _number(self) -> None:
        """Give numbers to what is ready, from the last unready piece on."""
        shown: list[Piece] = []
        for piece in reversed(self._pieces):
            if not piece.is_ready:
                break
            if shown and shown[-1].segment - piece.segment > 1:
                missing = shown[-1].segment - piece.segment - 1
                gap = Piece(piece.segment + 1, 0, 0, count=1, is_ready=True, missing=missing)
                shown.append(gap)
            shown.append(piece)
        shown.reverse()
        before: list[int] = []
        total = 0
        for piece in shown:
            before.append(total)
            total += piece.count
        with self._lock:
            self._shown, self._before = shown, before
            self.numbering += 1

    # Searching

    def extents(self) -> list[tuple[int, int]]:
        """From which place to which there are lines, in their order."""
        return [
            (piece.place, join_place(piece.segment, piece.end))
            for piece in self._shown
            if not piece.missing
        ]

    def blocks(self, after: int, *, backwards: bool = False) -> Iterator[Block]:
        """What stands from a place on, or before it, block by block.

        The first block may begin earlier and, backwards, reach further than the place.
        """
        for piece in list(reversed(self._shown) if backwards else self._shown):
            count = len(piece.starts)
            for index in range(count - 1, -1, -1) if backwards else range(count):
                start, end = piece.block(index)
                if backwards and join_place(piece.segment, start) >= after:
                    continue
                if not backwards and join_place(piece.segment, end) <= after:
                    continue
                content = self._content(piece.segment, start, end)
                if content:
                    yield Block(join_place(piece.segment, start), content)

    # Reading

    def _at(self, number: int) -> tuple[Piece, int]:
        with self._lock:
            index = bisect_right(self._before, number) - 1
            return self._shown[index], number - self._before[index]

    def _block_lines(self, piece: Piece, index: int) -> list[bytes]:
        with self._lock:
            start, end = piece.block(index)
        key = (piece.segment, start, end)
        found = self._cache.get(key)
        if found is None:
            content = self._content(piece.segment, start, end)
            found = content.split(b"\n")
            if content.endswith(b"\n") or not content:
                found.pop()
            self._cache[key] = found
            while len(self._cache) > _BLOCKS_KEPT:
                self._cache.popitem(last=False)
        return found

    def _content(self, segment: int, start: int, end: int) -> bytes:
        descriptor = _open(segment_path(self.folder, segment))
        if descriptor < 0:
            return b""
        try:
            return os.pread(descriptor, end - start, start)
        finally:
            os.close(descriptor)


def _open(path: Path) -> int:
    """A descriptor, or -1 for a segment that cannot be read: one that was removed, usually."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1  # of what else is wrong with it, `refresh` tells


def _line_at(descriptor: int, offset: int) -> bytes:
    """One line; most of them are short."""
    content = os.pread(descriptor, 1024, offset)
    end = content.find(b"\n")
    if end < 0 and len(content) == 1024:
        content = os.pread(descriptor, LONGEST_LINE, offset)
        end = content.find(b"\n")
    return content[:end] if end >= 0 else content


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace").removesuffix("\r")


def _notice(missing: int) -> str:
    return tr("... {count} parts of this log were removed to keep it small ...", count=missing)
