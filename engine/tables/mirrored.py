"""What MLflow has been told, and what it could not be told yet.

The queue is what is not in here: every run that has ended and has no row is to be mirrored. So
nothing can be lost between the end of a run and the queue, and a run that is deleted leaves it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.plurals import counted
from engine.tables.engine_database import EngineDatabase
from engine.tables.run_record import RunRecord, record_of
from engine.tables.sqlite import storable

RUN = "run"
VERSION = "version"
ALIASES = "aliases"
STORAGE = "storage"
"""The state of the store that was mirrored last, as `storage_mark` has it."""
PLACE = "place"
"""The MLflow itself: whether it could be reached."""

_WAITING = (
    "closed = 1 AND NOT EXISTS (SELECT 1 FROM mirrored WHERE place = :place AND kind = 'run'"
    " AND mirrored.id = runs.id AND (at IS NOT NULL OR next_try > :now))"
)


@dataclass(frozen=True)
class Mirrored:
    """One row; times are seconds since the epoch.

    Attributes:
        kind: run, version, aliases, storage or place.
        id: Which one; "" where there is one of a kind.
        mlflow_id: What MLflow calls it.
        fingerprint: What it looked like.
        at: When it was mirrored, None when it never was.
        attempts: How often that failed in a row.
        next_try: When it is tried again, None when there is nothing to try.
        problem: Why it failed.
    """

    kind: str
    id: str
    mlflow_id: str
    fingerprint: str
    at: float | None
    attempts: int
    next_try: float | None
    problem: str


class MirrorTable:
    """The rows of one MLflow; every call is one short transaction.

    Args:
        path: The engine's database.
        place: Which MLflow, as `MlflowAddress.place` names it.
    """

    def __init__(self, path: Path, place: str) -> None:
        self._database = EngineDatabase(path)
        self._place = place

    def get(self, kind: str, id_: str = "") -> Mirrored | None:
        """One row."""
        return next(self._rows("kind = ? AND id = ?", kind, id_), None)

    def all(self, kind: str) -> dict[str, Mirrored]:
        """The rows of a kind, by id."""
        return {row.id: row for row in self._rows("kind = ?", kind)}

    def failing(self) -> list[Mirrored]:
        """What could not be mirrored and is tried again, the place itself first."""
        found = list(self._rows("next_try IS NOT NULL"))
        return sorted(found, key=lambda row: (row.kind != PLACE, row.next_try))

    def waiting(self, limit: int, *, now: float | None = None) -> list[RunRecord]:
        """Runs that are to be mirrored, the newest first.

        Args:
            limit: How many at most.
            now: What failed and is tried again only later than this is left out.
        """
        values = {"place": self._place, "now": time.time() if now is None else now, "limit": limit}
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                f"SELECT * FROM runs WHERE {_WAITING} ORDER BY created DESC LIMIT :limit", values
            ).fetchall()
        return [record_of(row) for row in rows]

    def count(self, kind: str) -> int:
        """How many of a kind are mirrored."""
        with self._database.transaction(write=False) as database:
            (count,) = database.execute(
                "SELECT count(*) FROM mirrored WHERE place = ? AND kind = ? AND at IS NOT NULL",
                (self._place, kind),
            ).fetchone()
        return int(count)

    def count_waiting(self) -> int:
        """How many runs are not mirrored yet."""
        # Not by looking each of them up: this is asked again and again, of 100,000 runs too. A run
        # that is deleted leaves both tables at once.
        with self._database.transaction(write=False) as database:
            (count,) = database.execute(
                "SELECT (SELECT count(*) FROM runs) - (SELECT count(*) FROM runs WHERE closed = 0)"
                " - (SELECT count(*) FROM mirrored WHERE place = ? AND kind = 'run'"
                " AND at IS NOT NULL)",
                (self._place,),
            ).fetchone()
        return int(count)

    def is_due(self, mark: str, *, now: float | None = None) -> bool:
        """Whether there is anything to do.

        Args:
            mark: Of the store, as `storage_mark` has it.
            now: Seconds since the epoch; default is now.
        """
        now = time.time() if now is None else now
        place = self.get(PLACE)
        if place is not None and place.next_try is not None and place.next_try > now:
            return False
        storage = self.get(STORAGE)
        if (storage.fingerprint if storage else "") != mark:
            return True
        again = self._rows("next_try <= ? AND kind != ?", now, RUN)
        if next(again, None) is not None:
            return True
        return self.count_waiting() > 0 and bool(self.waiting(1, now=now))

    def done(self, kind: str, id_: str = "", *, mlflow_id: str = "", fingerprint: str = "") -> None:
        """Record that something was mirrored."""
        with self._database.transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO mirrored (place, kind, id, mlflow_id, fingerprint, at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (self._place, kind, id_, mlflow_id, fingerprint, time.time()),
            )

    def failed(self, kind: str, id_: str = "", *, problem: str, next_try: float) -> None:
        """Record that something could not be mirrored, and when it is tried again."""
        with self._database.transaction() as database:
            database.execute(
                "INSERT INTO mirrored (place, kind, id, attempts, next_try, problem)"
                " VALUES (?, ?, ?, 1, ?, ?)"
                " ON CONFLICT DO UPDATE SET attempts = attempts + 1, at = NULL,"
                " next_try = excluded.next_try, problem = excluded.problem",
                (self._place, kind, id_, next_try, storable(problem)),
            )

    def forget(self, kind: str, id_: str) -> None:
        """Drop a row: there is nothing of it to be mirrored any more."""
        with self._database.transaction() as database:
            database.execute(
                "DELETE FROM mirrored WHERE place = ? AND kind = ? AND id = ?",
                (self._place, kind, id_),
            )

    def forget_all(self) -> None:
        """Drop all rows: everything is to be mirrored anew."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM mirrored WHERE place = ?", (self._place,))

    def _rows(self, condition: str, *values: object) -> Iterator[Mirrored]:
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                "SELECT kind, id, mlflow_id, fingerprint, at, attempts, next_try, problem"
                f" FROM mirrored WHERE place = ? AND {condition}",
                (self._place, *values),
            ).fetchall()
        return (Mirrored(**dict(row)) for row in rows)


def storage_mark(central_storage: Path) -> str:
    """Tell cheaply whether versions or aliases changed: another text when they did.

    It may also change when they did not, once: SQLite moves what is written from its log to its
    file when it likes.
    """
    aliases = central_storage / "aliases.db"
    log = aliases.with_name(f"{aliases.name}-wal")
    parts = []
    for path in (aliases, log, central_storage / "versions"):
        try:
            status = path.stat()
        except OSError:
            continue
        # An empty log is made and removed by every reader.
        if status.st_size:
            parts.append(f"{path.name} {status.st_mtime_ns} {status.st_size}")
    return "; ".join(parts)


def why_not_mirrored(table: MirrorTable) -> str:
    """Say what could not be mirrored and why, "" when nothing hinders it."""
    failing = table.failing()
    if not failing:
        return ""
    first = failing[0]
    if first.kind == PLACE:
        waiting = table.count_waiting()
        line = counted("; {count} [run waits|runs wait] for it", waiting)
        return f"{first.problem}{line if waiting else ''}"
    others = f", and {len(failing) - 1} more" if len(failing) > 1 else ""
    what = f"{first.kind} {first.id}"
    return f"{what} is not in MLflow yet{others}: {first.problem}"
