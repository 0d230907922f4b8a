"""What a picture may be at most, and the error that says why one is not taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import DataError

ProblemKind = Literal["empty", "size", "format", "pixels", "broken"]


@dataclass(frozen=True)
class Limits:
    """What is refused before anything is decoded, however small the file that claims it.

    A colour picture needs up to 10 bytes a pixel while it is decoded.

    Args:
        max_bytes: Of the file.
        max_pixels: Width times height.
        max_side: Width, and height.
    """

    max_bytes: int = 64 << 20
    max_pixels: int = 50_000_000
    max_side: int = 32_768


DEFAULT = Limits()


class PictureProblem(DataError):
    """A picture that cannot be used.

    Args:
        reason: empty: no bytes at all. size: more bytes than the limit. format: neither PNG nor
            JPEG, or a kind of them that is not one plain picture. pixels: too large once decoded.
            broken: damaged or cut off.
        what: See `EngineError`.
        where: See `EngineError`.
        fix: See `EngineError`.
    """

    def __init__(self, reason: ProblemKind, what: str, *, where: str, fix: str) -> None:
        super().__init__(what, where=where, fix=fix)
        # `kind` is taken: the family of the error.
        self.reason: ProblemKind = reason


def broken(what: str, where: str) -> PictureProblem:
    """A picture that is damaged or cut off.

    Args:
        what: What is wrong with it.
        where: Name of the file.
    """
    return PictureProblem(
        "broken", what, where=where, fix="Open it in a viewer, save it anew, or leave it out"
    )


def other_format(what: str, where: str) -> PictureProblem:
    """A file of another kind than is read here.

    Args:
        what: What it is.
        where: Name of the file.
    """
    return PictureProblem("format", what, where=where, fix="Save it as a PNG or JPEG picture")
