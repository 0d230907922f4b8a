"""The outbox: what is to be told to whom, until it is delivered or given up on.

A message about drift is put here by `engine.tables.drift_checks`, together with its decision.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.tables.engine_database import EngineDatabase
from engine.tables.sqlite import storable


@dataclass(frozen=True)
class NotificationRecord:
    """One message to one target; times are seconds since the epoch.

    Attributes:
        id: Its number.
        run_id: The run that it is about, "" when it is about a check of drift.
        target: `webhook` or `apprise`, a space, and the address as the configuration has it.
        created: When it was put here.
        attempts: How often it was tried.
        next_try: When it is tried next, None when no more.
        delivered: When it was delivered, None when not.
        problem: Why the last attempt failed.
        check_id: The check of drift that it is about, None when it is about a run.
    """

    id: int
    run_id: str
    target: str
    created: float
    attempts: int
    next_try: float | None
    delivered: float | None
    problem: str
    check_id: int | None = None


class Outbox:
    """Reads and writes the outbox; every call is one short transaction."""

    def __init__(self, path: Path) -> None:
        self._database = EngineDatabase(path)

    def put(self, run_id: str, targets: Sequence[str]) -> None:
        """Put messages about a run for these targets, once: the run is marked as decided."""
        now = time.time()
        with self._database.transaction() as database:
            decided = database.execute(
                "UPDATE runs SET notified = 1 WHERE id = ? AND notified = 0", (run_id,)
            )
            if decided.rowcount:
                database.executemany(
                    "INSERT INTO notifications (run_id, target, created, next_try)"
                    " VALUES (?, ?, ?, ?)",
                    [(run_id, target, now, now) for target in targets],
                )

    def due(self, now: float) -> list[NotificationRecord]:
        """Messages to be tried, oldest first."""
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                "SELECT * FROM notifications WHERE next_try <= ? ORDER BY next_try", (now,)
            ).fetchall()
        return list(map(_record, rows))

    def next_try(self) -> float | None:
        """When the next message is to be tried, None when there is none."""
        with self._database.transaction(write=False) as database:
            (when,) = database.execute("SELECT min(next_try) FROM notifications").fetchone()
        return None if when is None else float(when)

    def newest(self, limit: int) -> list[NotificationRecord]:
        """The newest messages, delivered or not."""
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                "SELECT * FROM notifications ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return list(map(_record, rows))

    def delivered(self, message: NotificationRecord) -> None:
        """Record that a message was delivered."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE notifications SET attempts = attempts + 1, delivered = ?, next_try = NULL,"
                " problem = '' WHERE id = ?",
                (time.time(), message.id),
            )

    def failed(self, message: NotificationRecord, problem: str, next_try: float | None) -> None:
        """Record that an attempt failed, and when the next one is; None gives up."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE notifications SET attempts = attempts + 1, next_try = ?, problem = ?"
                " WHERE id = ?",
                (next_try, storable(problem), message.id),
            )


def _record(row: sqlite3.Row) -> NotificationRecord:
    return NotificationRecord(**dict(row))
