"""Writing a log to a file, line by line: it may be larger than what fits into memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.errors import StorageError
from engine.text import printable


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines to a new file, control characters escaped; returns how many.

    Raises:
        StorageError: The file cannot be written, or is there already.
    """
    count = 0
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:
            for line in lines:
                file.write(printable(line) + "\n")
                count += 1
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}", fix="Start in another folder"
        ) from error
    return count
