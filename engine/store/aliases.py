"""Aliases: which version serves (`champion`) and which one served before (`previous`).

Each data type has its own: a workspace serves a forecaster and a classifier side by side. Both of
its aliases move in one transaction, and only when the champion is still the one that the mover
saw: of two deploys at once, one wins and the other is told.
"""

from __future__ import annotations

import getpass
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConflictError, DeployRefusedError, NotFoundError
from engine.tables.champions import alias_row
from engine.tables.sqlite import storable, transaction
from models.data_types import DATA_TYPES, TIMESERIES

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
# Added later than the table.
_LATER = {
    "reason": "ALTER TABLE moves ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
    "data_type": "ALTER TABLE moves ADD COLUMN data_type TEXT NOT NULL DEFAULT 'timeseries'",
}


@dataclass(frozen=True)
class AliasState:
    """Where the aliases point."""

    champion: str | None
    previous: str | None

    def named(self) -> Iterator[tuple[str, str]]:
        """The aliases that point somewhere, each with its version."""
        for name, version in ((PREVIOUS, self.previous), (CHAMPION, self.champion)):
            if version is not None:
                yield name, version


@dataclass(frozen=True)
class Move:
    """One entry of the audit log.

    Attributes:
        at: Seconds since the epoch.
        who: Who did it, from where.
        action: promote, roll back or withdraw.
        champion: The champion since then, None when there was none.
        previous: The previous version since then.
        reason: Why, where that was said.
        data_type: Whose aliases moved.
    """

    at: float
    who: str
    action: str
    champion: str | None
    previous: str | None
    reason: str
    data_type: str


class AliasRegistry:
    """The aliases of one data type in a central storage, and the log of all moves.

    Args:
        central_storage: The folder.
        data_type: Whose aliases are read and moved.
    """

    def __init__(self, central_storage: Path, data_type: str = TIMESERIES) -> None:
        self.path = central_storage / "aliases.db"
        self.data_type = data_type

    def read(self) -> AliasState:
        """Return where the aliases point now."""
        with self._transaction() as database:
            return self._state(database)

    def of_all(self) -> dict[str, AliasState]:
        """Return where the aliases of every data type point now."""
        with self._transaction() as database:
            return {data_type: _state(database, data_type) for data_type in DATA_TYPES}

    def history(self, limit: int = 100) -> list[Move]:
        """Return the moves of the aliases of all data types, the newest first."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT at, who, action, nullif(champion, '') AS champion, previous, reason,"
                " data_type FROM moves ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [Move(**dict(row)) for row in rows]

    def promote(
        self, version_id: str, *, expected: str | None, who: str = "", reason: str = ""
    ) -> AliasState:
        """Make a version the champion, and the champion the previous one.

        Args:
            version_id: The new champion.
            expected: The champion that the decision was made against.
            who: For the log; default is the user of this process.
            reason: For the log.

        Raises:
            DeployRefusedError: The champion has moved since.
        """
        with self._transaction() as database:
            before = self._state(database)
            if before.champion == version_id:
                return before
            if before.champion != expected:
                raise DeployRefusedError(
                    f"another deploy was faster: the champion is now {before.champion}, "
                    f"not {expected}",
                    where=f"version {version_id}",
                    fix="Run eval_flow and deploy_flow again, against the new champion",
                )
            to = AliasState(version_id, before.champion)
            return self._move(database, "promote", to, who=who, reason=reason)

    def roll_back(self, *, reason: str = "") -> AliasState:
        """Exchange champion and previous; doing it twice returns to where it began.

        Args:
            reason: For the log.

        Raises:
            NotFoundError: There is no previous version.
        """
        with self._transaction() as database:
            before = self._state(database)
            if before.champion is None or before.previous is None:
                raise NotFoundError("there is no previous version to return to")
            to = AliasState(before.previous, before.champion)
            return self._move(database, "roll back", to, reason=reason)

    def withdraw(self, version_id: str, *, restored: AliasState, reason: str = "") -> AliasState:
        """Undo the promotion of a version that turned out not to work.

        Args:
            version_id: The version that was just promoted.
            restored: The state from before; with no champion in it there is none again.
            reason: For the log.
        """
        with self._transaction() as database:
            now = self._state(database)
            if now.champion != version_id:
                return now
            return self._move(database, "withdraw", restored, reason=reason)

    @contextmanager
    def held_away_from(self, version_id: str) -> Iterator[None]:
        """Keep the aliases where they are for a block, which is about a version that none names.

        Raises:
            ConflictError: One does.
        """
        with self._transaction() as database:
            states = [_state(database, data_type) for data_type in DATA_TYPES]
            named = {version: name for state in states for name, version in state.named()}
            if version_id in named:
                raise ConflictError(
                    f"it is the {named[version_id]} version",
                    where=f"version {version_id}",
                    fix="Let other versions be champion and previous first",
                )
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with transaction(self.path, "the aliases") as database:
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            columns = {row["name"] for row in database.execute("PRAGMA table_info(moves)")}
            for column, statement in _LATER.items():
                if column not in columns:
                    database.execute(statement)
            yield database

    def _state(self, database: sqlite3.Connection) -> AliasState:
        return _state(database, self.data_type)

    def _move(
        self,
        database: sqlite3.Connection,
        action: str,
        to: AliasState,
        *,
        who: str = "",
        reason: str = "",
    ) -> AliasState:
        for name in (CHAMPION, PREVIOUS):
            database.execute(
                "DELETE FROM aliases WHERE name = ?", (alias_row(name, self.data_type),)
            )
        for name, version in to.named():
            row = (alias_row(name, self.data_type), version)
            database.execute("INSERT INTO aliases VALUES (?, ?)", row)
        database.execute(
            "INSERT INTO moves (at, who, action, champion, previous, reason, data_type)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                storable(who or getpass.getuser()),
                action,
                to.champion or "",
                to.previous,
                storable(reason),
                self.data_type,
            ),
        )
        return to


def _state(database: sqlite3.Connection, data_type: str) -> AliasState:
    rows: dict[str, str] = dict(database.execute("SELECT name, version FROM aliases").fetchall())
    return AliasState(
        rows.get(alias_row(CHAMPION, data_type)), rows.get(alias_row(PREVIOUS, data_type))
    )
