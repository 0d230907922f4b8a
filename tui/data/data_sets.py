"""Prepared data sets and what is in one, as `engine data list | show --json` tell them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from engine.charts.sparkline import sparkline

_TREND_COLUMNS = 16


@dataclass(frozen=True, slots=True)
class DataSet:
    """A row of the list.

    Attributes:
        id: Its id.
        name: Its name.
        created: When it was prepared, in seconds since the epoch.
        source: What it was read from.
        series: Number of series.
        rows: Days of all series.
        first_day: YYYY-MM-DD.
        last_day: YYYY-MM-DD.
        bytes: Size on disk.
        problem: Why nothing else is known of it, or "".
        is_latest: Whether a training takes it up by itself.
        is_of_pictures: Whether it holds pictures, not series.
        pictures: Number of pictures.
        classes: Number of their classes.
    """

    id: str
    name: str
    created: float
    source: str
    series: int
    rows: int
    first_day: str
    last_day: str
    bytes: int
    problem: str
    is_latest: bool
    is_of_pictures: bool = False
    pictures: int = 0
    classes: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """A series in few numbers; `trend` is drawn already."""

    id: str
    count: int
    mean: float
    zero_share: float
    last_value: float
    first_day: str
    last_day: str
    trend: str

    @property
    def weight(self) -> float:
        """How much it holds in all: what the list is sorted by."""
        return abs(self.mean) * self.count


@dataclass(frozen=True, slots=True)
class Values:
    """Values day by day.

    Attributes:
        name: Of what.
        first_day: The day of the first.
        values: One a day.
    """

    name: str
    first_day: dt.date
    values: list[float]

    def folded(self, columns: int) -> tuple[list[dt.date], list[float], int]:
        """Means of equal parts, at most two a column, with the middle day and length of a part."""
        size = max(1, math.ceil(len(self.values) / max(1, 2 * columns)))
        days: list[dt.date] = []
        means: list[float] = []
        for start in range(0, len(self.values), size):
            part = self.values[start : start + size]
            days.append(self.first_day + dt.timedelta(days=start + len(part) // 2))
            known = [value for value in part if math.isfinite(value)]
            means.append(sum(known) / len(known) if known else math.nan)
        return days, means, size


@dataclass(frozen=True, slots=True)
class Report:
    """What is in a data set.

    Attributes:
        id: Which.
        facts: The report of the rules, without what the other fields hold.
        train_end: Last day of the training part.
        validation_end: Last day of the validation part.
        series: The largest first.
        total: All series added up.
    """

    id: str
    facts: dict[str, Any]
    train_end: str
    validation_end: str
    series: list[Series]
    total: Values


def read_list(document: Any) -> list[DataSet]:
    """The rows of the list, the newest first."""
    rows = document if isinstance(document, list) else []
    return [
        DataSet(
            id=row["id"],
            name=row["name"],
            created=row["created"],
            source=row["source"],
            series=row["series"],
            rows=row["rows"],
            first_day=row["first_day"],
            last_day=row["last_day"],
            bytes=row["bytes"],
            problem=row["problem"],
            is_latest=row["is_latest"],
            is_of_pictures=row.get("data_type") == "image",
            pictures=row.get("pictures") or 0,
            classes=row.get("classes") or 0,
        )
        for row in rows
    ]


def read_report(document: Any) -> Report:
    """What `engine data show` says of series."""
    total = document["total"]
    series = [
        Series(
            id=row["id"],
            count=row["count"],
            mean=row["mean"],
            zero_share=row["zero_share"],
            last_value=row["last_value"],
            first_day=row["first_day"],
            last_day=row["last_day"],
            trend=sparkline(row["trend"], _TREND_COLUMNS),
        )
        for row in document["series"]
    ]
    return Report(
        id=document["id"],
        facts=document["report"],
        train_end=document["train_end"],
        validation_end=document["validation_end"],
        series=sorted(series, key=lambda one: one.weight, reverse=True),
        total=Values("", dt.date.fromisoformat(total["first_day"]), total["values"]),
    )


def read_values(document: Any) -> Values:
    """The values of one series, as `engine data show --series` tells them."""
    found = document["values"]
    days = found["days"]
    first = dt.date.fromisoformat(days[0]["day"])
    return Values(found["series"], first, [one["value"] for one in days])


def number(value: float) -> str:
    """A number in few columns, with as many digits as matter."""
    if not math.isfinite(value):
        return "–"
    if value and abs(value) < 0.01:
        return f"{value:.1e}"
    if abs(value) >= 1e7:
        return f"{value:.3g}"
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}"
