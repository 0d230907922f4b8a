"""Files that a source names, before any of them is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import DataError

SourceFormat = Literal["folder", "csv", "digits"]


@dataclass(frozen=True)
class FoundFile:
    """A file that should hold a picture.

    Args:
        name: For people: its path within the source.
        label: Name of its class.
        path: Where it lies.
        row: Row of the list that names it; None in a folder.
    """

    name: str
    label: str
    path: Path
    row: int | None = None


@dataclass(frozen=True)
class FoundFiles:
    """The files of a source in an order that does not depend on the disk or on the list.

    Args:
        files: Sorted by name.
        notes: What was left out, and other facts.
    """

    files: tuple[FoundFile, ...]
    notes: tuple[str, ...]


def refuse_too_many(count: int, most: int, where: str) -> None:
    """Stop before a source fills the memory.

    Raises:
        DataError: There are more pictures than the settings allow.
    """
    if count > most:
        raise DataError(
            f"there are more than {most:,} pictures",
            where=where,
            fix="Name a smaller source, or raise dataset.max_pictures if there is memory for them",
        )
