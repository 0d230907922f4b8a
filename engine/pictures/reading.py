"""From a file on disk to its bytes, no more of them than a picture may have."""

from __future__ import annotations

from pathlib import Path

from engine.pictures.problem import DEFAULT, Limits, PictureProblem


def bytes_of(path: Path, *, where: str, limits: Limits = DEFAULT) -> bytes:
    """The bytes of a file; of one that is too large only as many as show that it is.

    Args:
        path: The file.
        where: Its name, for messages.
        limits: Of which decoding refuses more.

    Raises:
        PictureProblem: It cannot be read.
    """
    try:
        with path.open("rb") as opened:
            return opened.read(limits.max_bytes + 1)
    except OSError as error:
        raise PictureProblem(
            "broken",
            f"the file cannot be read ({error.strerror or error})",
            where=where,
            fix="Check its permissions and the disk",
        ) from error
