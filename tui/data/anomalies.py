"""Odd days of the newest data, as `engine data anomalies --json` tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tui import told

UP = ("spike", "shift_up")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A day, or some in a row, on which a series was not as expected.

    Attributes:
        series: Which.
        kind: "spike", "drop", "stopped", "shift_up" or "shift_down".
        first_day: As "2026-11-24".
        last_day: The same for a single day.
        days: How many.
        actual: What was; of several days their total.
        expected: What was expected.
        lower: Lower end of what would not be odd.
        upper: Upper end.
        score: How far outside, in widths of the interval.
    """

    series: str
    kind: str
    first_day: str
    last_day: str
    days: int
    actual: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    score: float | None

    @property
    def is_up(self) -> bool:
        """Whether there was more than expected."""
        return self.kind in UP


@dataclass(frozen=True, slots=True)
class Counts:
    """How many were looked at, how many lay outside, and how many do so by chance."""

    checked: int
    outside: int
    expected: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        dataset: Id of the data set.
        first_day: From when on.
        last_day: Until when.
        level: Of the interval, in percent.
        version: Who said what was expected; "" for seasonal naive.
        model_type: What kind of model that is.
        series: How many were looked at.
        skipped: How many are too short, or ended earlier.
        days: Of single days.
        stretches: Of whole horizons, by their totals.
        common: Days on which more series were outside than chance explains, and how many.
        notes: What was said about it.
        anomalies: The oddest first.
    """

    dataset: str
    first_day: str
    last_day: str
    level: float | None
    version: str
    model_type: str
    series: int
    skipped: int
    days: Counts
    stretches: Counts
    common: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    anomalies: tuple[Anomaly, ...]


def read_anomalies(document: Any) -> Report:
    """What `engine data anomalies --json` says."""
    found = told.mapping(document)
    return Report(
        dataset=told.text(found.get("dataset")),
        first_day=told.text(found.get("first_day")),
        last_day=told.text(found.get("last_day")),
        level=told.number(found.get("level")),
        version=told.text(found.get("version")),
        model_type=told.text(found.get("model_type")),
        series=told.whole(found.get("series")) or 0,
        skipped=told.whole(found.get("skipped")) or 0,
        days=_counts(found),
        stretches=_counts(told.mapping(found.get("stretches"))),
        common=tuple(
            (told.text(one.get("day")), told.whole(one.get("outside")) or 0)
            for one in told.mappings(found.get("common_days"))
        ),
        notes=tuple(told.text(note) for note in told.entries(found.get("notes"))),
        anomalies=tuple(_anomaly(one) for one in told.mappings(found.get("anomalies"))),
    )


def _counts(found: dict[str, Any]) -> Counts:
    return Counts(
        checked=told.whole(found.get("checked")) or 0,
        outside=told.whole(found.get("outside")) or 0,
        expected=told.number(found.get("expected")) or 0.0,
    )


def _anomaly(one: dict[str, Any]) -> Anomaly:
    return Anomaly(
        series=told.text(one.get("series")),
        kind=told.text(one.get("kind")),
        first_day=told.text(one.get("first_day")),
        last_day=told.text(one.get("last_day")),
        days=told.whole(one.get("days")) or 1,
        actual=told.number(one.get("actual")),
        expected=told.number(one.get("expected")),
        lower=told.number(one.get("lower")),
        upper=told.number(one.get("upper")),
        score=told.number(one.get("score")),
    )
