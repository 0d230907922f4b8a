"""What a source held, and what the rules made of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.data.problems import Spot, listing, shown
from engine.plurals import counted

_MAX_NAMES = 10


@dataclass(frozen=True)
class Change:
    """What one rule changed.

    Args:
        rule: Name of the rule as in `dataset.rules`.
        action: What was done, in words.
        count: How many rows, days or series it was done to.
        spots: The first of them.
    """

    rule: str
    action: str
    count: int
    spots: tuple[Spot, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "rule": self.rule,
            "action": self.action,
            "count": self.count,
            "rows": [spot.row for spot in self.spots if spot.row is not None],
            "spots": [str(spot) for spot in self.spots],
        }

    def __str__(self) -> str:
        return f"Rule {self.rule}: {self.action}: {listing(self.spots, self.count)}"


@dataclass(frozen=True)
class DataReport:
    """Facts about a prepared data set, for people and for the record.

    Args:
        source: Name of the source; holds no secret.
        source_format: csv, parquet or sql.
        source_sha256: Of the source as it was read.
        rows_read: Rows of the source.
        rows_kept: Days of all series after the rules.
        series: Number of series.
        days: Days from the first to the last of all series.
        first_day: First day of any series.
        last_day: Last day of any series.
        zero_share: Share of the values that are zero, 0 to 1.
        negatives: Number of values below zero.
        constant_series: Series whose value never changes.
        changes: What the rules changed.
        notes: Further facts worth a look.
    """

    source: str
    source_format: str
    source_sha256: str
    rows_read: int
    rows_kept: int
    series: int
    days: int
    first_day: dt.date
    last_day: dt.date
    zero_share: float
    negatives: int
    constant_series: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "source": self.source,
            "source_format": self.source_format,
            "source_sha256": self.source_sha256,
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "series": self.series,
            "days": self.days,
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "zero_share": self.zero_share,
            "negatives": self.negatives,
            "constant_series": list(self.constant_series),
            "changes": [change.to_dict() for change in self.changes],
            "notes": list(self.notes),
            "sentences": self.sentences(),
        }

    def sentences(self) -> list[str]:
        """The report in words, one fact a sentence."""
        rows = counted("{count} [row|rows]", self.rows_read)
        days = counted("{count} [day|days]", self.days)
        told = [
            f"{rows} read from {self.source} ({self.source_format})",
            f"{self.series:,} series over {days}, {self.first_day} to {self.last_day}",
            f"{self.zero_share:.1%} of the values are zero, {self.negatives:,} are negative",
        ]
        if self.constant_series:
            told.append(f"The value never changes in {_names(self.constant_series)}")
        told.extend(str(change) for change in self.changes)
        if not self.changes:
            told.append("No rule had to change anything")
        told.extend(self.notes)
        return told


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(shown(name) for name in names[:_MAX_NAMES])
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return f"{listed}{more}"
