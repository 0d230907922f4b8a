"""Short SQLite transactions that are safe across processes."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StorageError

_WAIT_SECONDS = 10.0
_RETRY_SECONDS = 0.01
_FULL_BYTES = 256 * 1024


@contextmanager
def transaction(path: Path, what: str, *, write: bool = True) -> Iterator[sqlite3.Connection]:
    """Open the database for one transaction: committed at the end, rolled back on any error.

    Args:
        path: File of the database; made when it is absent.
        what: What it holds, for messages.
        write: Take the write lock at the beginning, so that nothing that is read in the
            transaction is outdated when it writes.

    Raises:
        StorageError: The database is damaged, cannot be written, or stays locked for 10 s.
    """
    try:
        database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
        try:
            database.row_factory = sqlite3.Row
            _use_write_ahead_log(database)
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")
        finally:
            database.close()
    except sqlite3.Error as error:
        raise StorageError(
            f"{what} cannot be used: {error}", where=str(path), fix=_advice(path)
        ) from error


def hold_open(path: Path) -> sqlite3.Connection:
    """Keep a connection open, and with it the files beside the database.

    They go with the last connection and come with the next one: where a disk is full they could
    not come again, and nothing could even be read.
    """
    # It is only held, never shared: whichever thread ends the engine may close it.
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, check_same_thread=False)
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return database


class ChangeWatch:
    """Tells cheaply whether a database was changed; use it as a context manager.

    Args:
        path: File of the database, which must exist.
    """

    def __init__(self, path: Path) -> None:
        self._database = hold_open(path)
        self._seen = self._version()

    def __enter__(self) -> ChangeWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def has_changed(self) -> bool:
        """Whether anything was committed by another connection since this was asked last."""
        version = self._version()
        has_changed = version != self._seen
        self._seen = version
        return has_changed

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])


def _advice(path: Path) -> str:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return "See `engine doctor`"
    return "The disk is full: free some space" if free < _FULL_BYTES else "See `engine doctor`"


def _use_write_ahead_log(database: sqlite3.Connection) -> None:
    # Of two connections that switch a new database at once, SQLite refuses one immediately,
    # whatever the timeout says.
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            primary_code = error.sqlite_errorcode & 0xFF
            if primary_code != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def storable(text: str) -> str:
    """Escape what SQLite cannot take: a file name or argument that is not UTF-8."""
    return text.encode(errors="backslashreplace").decode()
