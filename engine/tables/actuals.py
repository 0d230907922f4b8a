"""What came: values of series by day, and what pictures show, as people or other programs told it.

In a file of its own: it is data, not state of the engine, and is wanted when that is long gone.
"""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from engine.errors import DataError, StorageError
from engine.tables.sqlite import transaction

_WHAT = "the store of actual values"
_SCHEMA = 1
_LONGEST_NAME, _FIRST_YEAR = 1000, 1900
_TABLES = (
    "CREATE TABLE IF NOT EXISTS series (series TEXT NOT NULL, day TEXT NOT NULL,"
    " value REAL NOT NULL, at REAL NOT NULL, PRIMARY KEY (series, day)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS pictures (sha256 TEXT PRIMARY KEY, label TEXT NOT NULL,"
    " at REAL NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS series_day ON series (day)",
)


class Actual(NamedTuple):
    """The value of a series on a day."""

    series: str
    day: dt.date
    value: float


class Label(NamedTuple):
    """What a picture shows, by the SHA-256 of its file."""

    sha256: str
    label: str


def checked(value: Actual, today: dt.date) -> Actual:
    """The value, if it can be one.

    Raises:
        DataError: It is not finite, has no name, or is of a day that has not come.
    """
    where = f"series {value.series[:60]!r}, {value.day}"
    if not value.series.strip() or len(value.series) > _LONGEST_NAME:
        raise DataError(f"a series has a name of 1 to {_LONGEST_NAME} characters", where=where)
    if not math.isfinite(value.value):
        raise DataError("the value is not finite", where=where, fix="Leave out what is not known")
    if value.day.year < _FIRST_YEAR or value.day > today + dt.timedelta(days=1):
        raise DataError(
            f"the day has not come yet on {today}, or lies before {_FIRST_YEAR}", where=where
        )
    return value


@dataclass(frozen=True)
class Added:
    """What adding did.

    Attributes:
        new: Values that were not known.
        replaced: Values that were known to be others.
        same: Values that were known to be just these.
    """

    new: int
    replaced: int
    same: int


@dataclass(frozen=True)
class SeriesFacts:
    """What is known of one series."""

    series: str
    values: int
    first: dt.date
    last: dt.date


class Actuals:
    """The store of one workspace; every call is one transaction: all of it counts, or nothing.

    Args:
        path: Its file, made when the first value is added.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, values: Iterable[Actual] = (), labels: Iterable[Label] = ()) -> Added:
        """Add values, and what pictures show; of what is known already, the newer word counts.

        Raises:
            StorageError: The disk refuses; nothing was added.
        """
        rows = ((one.series, one.day.isoformat(), one.value) for one in values)
        with self._opened(write=True) as database:
            of_series = _put(database, "series", ("series", "day"), "value", rows)
            of_pictures = _put(database, "pictures", ("sha256",), "label", labels)
        return Added(*map(sum, zip(of_series, of_pictures, strict=True)))

    def series(self) -> list[SeriesFacts]:
        """The series of which any value is known, by name."""
        rows = self._read("SELECT series, count(*), min(day), max(day) FROM series GROUP BY series")
        day = dt.date.fromisoformat
        return [SeriesFacts(name, count, day(a), day(b)) for name, count, a, b in rows]

    def values(self, *, since: dt.date = dt.date.min) -> list[Actual]:
        """Values of all series from a day on, the oldest first."""
        return self._values("WHERE day >= ? ORDER BY day, series", since.isoformat())

    def newest(self, series: str, limit: int) -> list[Actual]:
        """The newest values of a series, the oldest of these first."""
        clause = "WHERE series = ? ORDER BY day DESC LIMIT ?"
        return self._values(clause, series, limit)[::-1]

    def labels(self) -> dict[str, str]:
        """What each picture shows."""
        return dict(map(tuple, self._read("SELECT sha256, label FROM pictures")))

    def _values(self, clause: str, *given: object) -> list[Actual]:
        rows = self._read(f"SELECT series, day, value FROM series {clause}", *given)
        return [Actual(name, dt.date.fromisoformat(day), value) for name, day, value in rows]

    def _read(self, query: str, *given: object) -> list[sqlite3.Row]:
        # Who only looks makes no file.
        if not self._path.exists():
            return []
        with self._opened(write=False) as database:
            return database.execute(query, given).fetchall()

    @contextmanager
    def _opened(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        with transaction(self._path, _WHAT, write=write) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > _SCHEMA:
                raise StorageError(
                    f"was written by a newer version of this program (schema {version}, this one "
                    f"knows {_SCHEMA})",
                    where=str(self._path),
                    fix="Upgrade mlops-tui",
                )
            if version < _SCHEMA:
                for statement in _TABLES:
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_SCHEMA}")
            yield database


def _put(
    database: sqlite3.Connection,
    table: str,
    key: tuple[str, ...],
    value: str,
    rows: Iterable[tuple[object, ...]],
) -> tuple[int, int, int]:
    """Write rows; return how many were new, replaced others, and were known already."""
    columns = (*key, value)
    database.execute(f"CREATE TEMP TABLE told AS SELECT {', '.join(columns)} FROM {table} WHERE 0")
    marks = ", ".join("?" for _ in columns)
    database.executemany(f"INSERT INTO told VALUES ({marks})", rows)
    # Of a value that is told twice at once, the last word counts.
    database.execute(
        f"DELETE FROM told WHERE rowid NOT IN"
        f" (SELECT max(rowid) FROM told GROUP BY {', '.join(key)})"
    )
    using = f"told JOIN {table} AS known USING ({', '.join(key)})"
    (total,) = database.execute("SELECT count(*) FROM told").fetchone()
    known, same = database.execute(
        f"SELECT count(*), coalesce(sum(known.{value} = told.{value}), 0) FROM {using}"
    ).fetchone()
    database.execute(
        f"INSERT INTO {table} ({', '.join(columns)}, at)"
        f" SELECT {', '.join(columns)}, ? FROM told WHERE true"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {value} = excluded.{value},"
        f" at = excluded.at WHERE {table}.{value} <> excluded.{value}",
        (time.time(),),
    )
    database.execute("DROP TABLE told")
    return int(total - known), int(known - same), int(same)
