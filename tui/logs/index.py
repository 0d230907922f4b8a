"""Where the lines of a part of a log stand: every sixteenth kilobyte, and the lines before it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

_BLOCK = 16 * 1024
LONGEST_LINE = 64 * 1024
_OFFSET_BITS = 44
_OFFSETS = (1 << _OFFSET_BITS) - 1


@dataclass
class Piece:
    """A part of a segment that is indexed as one.

    Attributes:
        starts: Where its blocks begin, in bytes of the segment.
        firsts: How many of its lines stand before each block.
        end: How far it is indexed; always behind a line.
        seen: How far it was read: a line without an end may follow `end`.
        is_ready: It has been read once, and its lines have numbers.
        is_closed: Nothing more will come in it.
        is_cut: Its last line has no end of its own.
        missing: For a piece that stands for removed segments: how many.
    """

    segment: int
    start: int
    end: int
    starts: array[int] = field(default_factory=lambda: array("Q"))
    firsts: array[int] = field(default_factory=lambda: array("Q"))
    count: int = 0
    seen: int = 0
    is_ready: bool = False
    is_closed: bool = False
    is_cut: bool = False
    missing: int = 0

    @property
    def place(self) -> int:
        """Where it begins."""
        return join_place(self.segment, self.start)

    def take(self, content: bytes, *, closed: bool) -> int:
        """Index whole lines that follow `end`; returns how many bytes those were.

        A line that is longer than any may be is cut; a last one without an end counts if `closed`.
        """
        at, size = 0, len(content)
        while at < size:
            end = content.rfind(b"\n", at, at + _BLOCK) + 1
            end = end or content.find(b"\n", at + _BLOCK, at + LONGEST_LINE) + 1
            cut = not end
            if cut:
                if size - at >= LONGEST_LINE:
                    end = _character_start(content, at + LONGEST_LINE)
                elif closed:
                    end = size
                else:
                    break
            if not self.starts or self.is_cut or self.end - self.starts[-1] >= _BLOCK:
                self.starts.append(self.end)
                self.firsts.append(self.count)
            self.count += content.count(b"\n", at, end) + cut
            self.is_cut = cut
            self.end += end - at
            at = end
        return at

    def block(self, index: int) -> tuple[int, int]:
        """From where to where a block reaches."""
        later = index + 1
        return self.starts[index], self.starts[later] if later < len(self.starts) else self.end


def join_place(segment: int, offset: int) -> int:
    """Segment and byte as one number, in the order of the log."""
    return segment << _OFFSET_BITS | offset


def split_place(place: int) -> tuple[int, int]:
    """Segment and byte of a place."""
    return place >> _OFFSET_BITS, place & _OFFSETS


def _character_start(content: bytes, at: int) -> int:
    """The nearest place not after `at` where no character is cut."""
    for start in range(at, at - 4, -1):
        if start < len(content) and content[start] & 0xC0 != 0x80:
            return start
    return at
