"""Aliases: which version serves (`champion`) and which one served before (`previous`).

Both move in one transaction, and only when the champion is still the one that the mover saw: of
two deploys at once, one wins and the other is told.
"""

from __future__ import annotations

import getpass
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import DeployRefusedError, NotFoundError
from engine.tables.sqlite import transaction

CHAMPION = "champion"
PREVIOUS = "previous"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS aliases (
    name TEXT PRIMARY KEY, version TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS moves (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    champion TEXT NOT NULL,
    previous TEXT
) STRICT;
"""


@dataclass(frozen=True)
class AliasState:
    """Where the aliases point."""

    champion: str | None
    previous: str | None


class AliasRegistry:
    """The aliases of one central storage, and the log of their moves."""

    def __init__(self, central_storage: Path) -> None:
        self.path = central_storage / "aliases.db"

    def read(self) -> AliasState:
        """Return where the aliases point now."""
        with self._transaction() as database:
            return _state(database)

    def promote(self, version_id: str, *, expected: str | None) -> AliasState:
        """Make a version the champion, and the champion the previous one.

        Args:
            version_id: The new champion.
            expected: The champion that the decision was made against.

        Raises:
            DeployRefusedError: The champion has moved since.
        """
        with self._transaction() as database:
            before = _state(database)
            if before.champion == version_id:
                return before
            if before.champion != expected:
                raise DeployRefusedError(
                    f"another deploy was faster: the champion is now {before.champion}, "
                    f"not {expected}",
                    where=f"version {version_id}",
                    fix="Run eval_flow and deploy_flow again, against the new champion",
                )
            return _move(database, "promote", AliasState(version_id, before.champion))

    def roll_back(self) -> AliasState:
        """Exchange champion and previous; doing it twice returns to where it began.

        Raises:
            NotFoundError: There is no previous version.
        """
        with self._transaction() as database:
            before = _state(database)
            if before.champion is None or before.previous is None:
                raise NotFoundError("there is no previous version to return to")
            return _move(database, "roll back", AliasState(before.previous, before.champion))

    def withdraw(self, version_id: str, *, restored: AliasState) -> AliasState:
        """Undo the promotion of a version that turned out not to work.

        Args:
            version_id: The version that was just promoted.
            restored: The state from before; with no champion in it there is none again.
        """
        with self._transaction() as database:
            if _state(database).champion != version_id:
                return _state(database)
            return _move(database, "withdraw", restored)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with transaction(self.path, "the aliases") as database:
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            yield database


def _state(database: sqlite3.Connection) -> AliasState:
    rows: dict[str, str] = dict(database.execute("SELECT name, version FROM aliases").fetchall())
    return AliasState(rows.get(CHAMPION), rows.get(PREVIOUS))


def _move(database: sqlite3.Connection, action: str, to: AliasState) -> AliasState:
    database.execute("DELETE FROM aliases")
    for name, version in ((CHAMPION, to.champion), (PREVIOUS, to.previous)):
        if version is not None:
            database.execute("INSERT INTO aliases VALUES (?, ?)", (name, version))
    database.execute(
        "INSERT INTO moves (at, who, action, champion, previous) VALUES (?, ?, ?, ?, ?)",
        (time.time(), getpass.getuser(), action, to.champion or "", to.previous),
    )
    return to
