"""SQLite files that others may be using: looked at, copied whole, made smaller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StorageError

_WAIT_SECONDS = 10.0
SOUND = "ok"


@contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a file that exists.

    Raises:
        StorageError: It cannot be used, or what is done in the block fails.
    """
    mode = "rw" if write else "ro"
    try:
        database = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=_WAIT_SECONDS, isolation_level=None
        )
        try:
            yield database
        finally:
            database.close()
    except sqlite3.Error as error:
        raise StorageError(
            f"cannot be used: {error}", where=str(path), fix="See `engine doctor`"
        ) from error


def check(path: Path) -> str:
    """What SQLite finds wrong with a file; "ok" when nothing is."""
    try:
        with opened(path) as database:
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
            return str(answer)
    except StorageError as error:
        return error.what


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file as it is at one moment, while others may write to it.

    Raises:
        StorageError: It cannot be read, or there is no space for the copy.
    """
    target.touch(mode=0o600)
    with opened(source) as database:
        copy = sqlite3.connect(target)
        try:
            # All pages at once: what is written meanwhile goes into the log beside the file.
            database.backup(copy)
            # One file, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()


def size_of(path: Path) -> int:
    """Bytes of a file and of the log beside it."""
    logs = (path.with_name(f"{path.name}-wal"), path)
    return sum(log.stat().st_size for log in logs if log.exists())


def tables_of(database: sqlite3.Connection) -> list[str]:
    """The names of its tables, without SQLite's own."""
    rows = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [str(name) for (name,) in rows.fetchall()]


def revision_of(database: sqlite3.Connection) -> str:
    """Which revision its tables are of: that of alembic, or the number that ours carry, if any."""
    if "alembic_version" in tables_of(database):
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""
    (number,) = database.execute("PRAGMA user_version").fetchone()
    return str(number) if number else ""
