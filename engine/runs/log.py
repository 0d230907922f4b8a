"""The log of a run as its readers see it: segments of one growing text.

A run writes to `log`, then to `log.1`, `log.2` and so on, each of limited size. Segments only grow
and are never renamed, so a place in the log is (segment, bytes) and stays valid. When there are too
many the oldest are removed, but never the first: there stand the settings and the first mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import NotFoundError

LOG_FILE = "log"

_NUMBERED = re.compile(re.escape(LOG_FILE) + r"\.([1-9][0-9]{0,8})")
_CURSOR = re.compile(r"([0-9]{1,9}):([0-9]{1,15})")
_BLOCK = 64 * 1024


@dataclass(frozen=True, order=True)
class LogCursor:
    """A place in a log: everything before it has been read."""

    segment: int = 0
    offset: int = 0

    @classmethod
    def parse(cls, text: str) -> LogCursor:
        """Read back what `str()` wrote.

        Raises:
            NotFoundError: The text is no place in a log.
        """
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise NotFoundError(f"{text!r} is no place in a log", fix="Begin without one")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}"


@dataclass(frozen=True)
class LogPart:
    """Whole lines of a log, and where to go on."""

    lines: list[str]
    cursor: LogCursor


def segment_path(run_folder: Path, segment: int) -> Path:
    """The file of one segment."""
    return run_folder / (f"{LOG_FILE}.{segment}" if segment else LOG_FILE)


def segments(run_folder: Path) -> list[int]:
    """The numbers of the segments that there are, in order."""
    found = [0] if (run_folder / LOG_FILE).exists() else []
    matches = (_NUMBERED.fullmatch(path.name) for path in run_folder.glob(f"{LOG_FILE}.*"))
    return found + sorted(int(match[1]) for match in matches if match)


def log_size(run_folder: Path) -> int:
    """Bytes of all segments together."""
    return sum(segment_path(run_folder, n).stat().st_size for n in segments(run_folder))


def read_log(
    run_folder: Path, cursor: LogCursor, *, most_bytes: int = 256 * 1024, ended: bool = False
) -> LogPart:
    """Read whole lines from a place on; a line still being written waits.

    Args:
        run_folder: The run's folder.
        cursor: Where the reader stands.
        most_bytes: How much to read at most; a longer line is cut there.
        ended: Nothing more will be written: a last line without a line end counts too.
    """
    lines: list[str] = []
    left = most_bytes
    while True:
        later = [number for number in segments(run_folder) if number > cursor.segment]
        content = _read(segment_path(run_folder, cursor.segment), cursor.offset, left)
        if content is not None:
            closed = (ended or bool(later)) and len(content) < left
            whole = _whole_lines(content, closed=closed, full=len(content) == most_bytes)
            lines += whole.decode("utf-8", errors="replace").splitlines()
            cursor = LogCursor(cursor.segment, cursor.offset + len(whole))
            left -= len(whole)
            if not closed or not later:
                return LogPart(lines, cursor)
        elif not later:
            return LogPart(lines, cursor)
        missing = range(cursor.segment + (content is not None), later[0])
        if missing:
            lines.append(_notice(len(missing)))
        cursor = LogCursor(later[0], 0)


def tail_log(run_folder: Path, count: int, *, ended: bool = False) -> LogPart:
    """Read the last lines, however long the log is, and the place after them.

    Args:
        run_folder: The run's folder.
        count: How many lines.
        ended: Nothing more will be written: a last line without a line end counts too.
    """
    lines: list[str] = []
    end: LogCursor | None = None
    for number in reversed(segments(run_folder)):
        try:
            # A line that is being written is left for the follower.
            content, size = _end_of(
                segment_path(run_folder, number),
                count - len(lines),
                closed=ended or end is not None,
            )
        except FileNotFoundError:
            continue  # removed a moment ago
        lines = content.decode("utf-8", errors="replace").splitlines() + lines
        end = end or LogCursor(number, size)
        if len(lines) >= count:
            break
    return LogPart(lines[-count:] if count else [], end or LogCursor())


def _end_of(path: Path, count: int, *, closed: bool) -> tuple[bytes, int]:
    """The last `count` lines of a file, and where they end; only whole ones unless `closed`."""
    with path.open("rb") as file:
        start = file.seek(0, 2)
        content = b""
        while start > 0 and content.count(b"\n") <= count:
            step = min(_BLOCK, start)
            start -= step
            file.seek(start)
            content = file.read(step) + content
    if not closed:
        content = content[: content.rfind(b"\n") + 1]
    kept = content.splitlines(keepends=True)[-count:] if count > 0 else []
    return b"".join(kept), start + len(content)


def _notice(missing: int) -> str:
    return f"... {missing} part(s) of this log were removed to keep it within its size ..."


def _read(path: Path, offset: int, most: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(most)
    except FileNotFoundError:
        return None


def _whole_lines(content: bytes, *, closed: bool, full: bool) -> bytes:
    """The part of what was read that can be handed on.

    Args:
        content: What was read.
        closed: Nothing more follows it.
        full: It is as much as could ever be read at once: what is longer must be cut.
    """
    end = content.rfind(b"\n") + 1
    if closed:
        return content
    if end or not full:
        return content[:end]
    # Not in the middle of a character: one has at most three continuation bytes.
    for cut in range(len(content) - 1, max(len(content) - 4, 0), -1):
        if content[cut] & 0xC0 != 0x80:
            return content[:cut] if content[cut] & 0x80 else content
    return content
