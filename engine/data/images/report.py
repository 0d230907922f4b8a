"""What a source of pictures held, and what the rules made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.data.images.found import SourceFormat
from engine.data.images.splitting import PARTS, Part
from engine.data.problems import shown
from engine.data.report import Change
from engine.plurals import counted

_CLASSES_TOLD = 20


@dataclass(frozen=True)
class PictureReport:
    """Facts about a data set of pictures, for people and for the record.

    Args:
        source: Name of the source.
        source_format: folder, csv or digits.
        source_sha256: Of names, labels and bytes of all files.
        pictures_found: Files that should hold a picture.
        pictures_kept: After the rules.
        counts: Pictures of each class in each part.
        height: Rows of every picture.
        width: Columns of every picture.
        channels: 1 or 3.
        smallest: Rows and columns of the picture that had the fewest pixels.
        largest: Of the one that had the most.
        changes: What the rules changed.
        notes: Further facts worth a look.
    """

    source: str
    source_format: SourceFormat
    source_sha256: str
    pictures_found: int
    pictures_kept: int
    counts: Mapping[str, Mapping[Part, int]]
    height: int
    width: int
    channels: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    def of_part(self, part: Part) -> int:
        """Pictures of a part."""
        return sum(counts[part] for counts in self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "source": self.source,
            "source_format": self.source_format,
            "source_sha256": self.source_sha256,
            "pictures_found": self.pictures_found,
            "pictures_kept": self.pictures_kept,
            "parts": {part: self.of_part(part) for part in PARTS},
            "counts": {name: dict(counts) for name, counts in self.counts.items()},
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "smallest": list(self.smallest),
            "largest": list(self.largest),
            "changes": [change.to_dict() for change in self.changes],
            "notes": list(self.notes),
            "sentences": self.sentences(),
            "class_sentences": self.class_sentences(),
        }

    def sentences(self) -> list[str]:
        """The report in words, one fact a sentence."""
        colours = "gray" if self.channels == 1 else "colour"
        found, kept = (
            counted("{count} [picture|pictures]", count)
            for count in (self.pictures_found, self.pictures_kept)
        )
        told = [
            f"{found} found in {self.source} ({self.source_format})",
            f"{kept} of {len(self.counts):,} classes kept, "
            f"in {colours} and {self.height} x {self.width}; they were {_size(self.smallest)} to "
            f"{_size(self.largest)} (rows x columns)",
            ", ".join(f"{self.of_part(part):,} for {part}" for part in PARTS),
        ]
        told.extend(self.class_sentences())
        told.extend(str(change) for change in self.changes)
        if not self.changes:
            told.append("No rule had to change anything")
        told.extend(self.notes)
        return told

    def class_sentences(self) -> list[str]:
        """Those of the sentences that tell of single classes: a table of them says the same."""
        told = []
        for name, counts in list(self.counts.items())[:_CLASSES_TOLD]:
            parts = " + ".join(f"{counts[part]:,}" for part in PARTS)
            told.append(f"Class {shown(name)}: {parts}")
        if len(self.counts) > _CLASSES_TOLD:
            told.append(f"and {len(self.counts) - _CLASSES_TOLD:,} more classes")
        return told


def _size(sides: tuple[int, int]) -> str:
    return f"{sides[0]:,} x {sides[1]:,}"
