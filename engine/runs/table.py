"""The engine's own table of runs (SQLite): which process does which run, and how each one ended.

Prefect is the truth for the states of flows and tasks. This table is what answers without a server:
the list of runs, the process behind each, and what one flow left for the next.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.database import transaction
from engine.errors import NotFoundError, StorageError
from engine.processes import is_alive
from engine.states import FINAL_STATES

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    pid INTEGER,
    pid_mark TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    error_kind TEXT NOT NULL DEFAULT '',
    closed INTEGER NOT NULL DEFAULT 0,
    parameters TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX IF NOT EXISTS runs_created ON runs (created DESC);
CREATE TABLE IF NOT EXISTS handoffs (
    kind TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    run_id TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
"""


@dataclass(frozen=True)
class RunRecord:
    """One run as the table has it; times are seconds since the epoch."""

    id: str
    flow: str
    name: str
    state: str
    message: str
    created: float
    started: float | None
    ended: float | None
    pid: int | None
    pid_mark: str | None
    cancel_requested: bool
    error_kind: str
    closed: bool
    parameters: dict[str, Any]

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class Handoff:
    """What a flow left for the next one: a dataset id, a candidate's run id, an evaluation."""

    kind: str
    value: str
    run_id: str
    at: float


class RunTable:
    """Reads and writes the table; every call is one short transaction, safe across processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > _SCHEMA_VERSION:
                raise StorageError(
                    f"was written by a newer version of this program (schema {version}, "
                    f"this one knows {_SCHEMA_VERSION})",
                    where=str(path),
                    fix="Upgrade mlops-tui, or use another workspace",
                )
            if version < _SCHEMA_VERSION:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def add(self, run_id: str, flow: str, name: str, parameters: dict[str, Any]) -> None:
        """Record a run that was accepted and has no process yet."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO runs (id, flow, name, state, created, parameters)"
                " VALUES (?, ?, ?, 'PENDING', ?, ?)",
                (run_id, flow, name, time.time(), json.dumps(parameters)),
            )

    def set_process(self, run_id: str, pid: int, mark: str) -> None:
        """Record which process does the run."""
        self._update(run_id, pid=pid, pid_mark=mark)

    def set_running(self, run_id: str) -> None:
        """Record that the run's process has begun with the flow."""
        self._update(run_id, state="RUNNING", started=time.time())

    def finish(self, run_id: str, state: str, message: str, error_kind: str = "") -> None:
        """Record the end of a run; the first end that is recorded stays."""
        with self._transaction() as database:
            database.execute(
                "UPDATE runs SET state = ?, message = ?, error_kind = ?, ended = ?"
                " WHERE id = ? AND ended IS NULL",
                (state, _storable(message), error_kind, time.time(), run_id),
            )

    def set_closed(self, run_id: str) -> None:
        """Record that Prefect knows the end of this run and of every task in it."""
        self._update(run_id, closed=1)

    def request_cancel(self, run_id: str) -> None:
        """Record that somebody asked for the end of the run, so that its end is CANCELLED."""
        self._update(run_id, cancel_requested=1)

    def get(self, run_id: str) -> RunRecord:
        """Return one run by its id or by the unambiguous beginning of it.

        Raises:
            NotFoundError: When no run, or more than one, fits.
        """
        # LIKE would take % and _ in the id for wildcards; a range over the prefix does not.
        with self._transaction(write=False) as database:
            rows = database.execute(
                "SELECT * FROM runs WHERE id >= ? AND id < ? ORDER BY created DESC LIMIT 6",
                (_storable(run_id), _storable(run_id) + "\U0010ffff"),
            ).fetchall()
        if not rows or not run_id:
            raise NotFoundError(f"there is no run {run_id!r}", fix="`engine runs` lists them")
        if len(rows) > 1:
            names = ", ".join(row["id"][:13] for row in rows[:5])
            raise NotFoundError(f"{run_id!r} is the beginning of several runs: {names}")
        return _record(rows[0])

    def newest(
        self, limit: int, *, flow: str | None = None, state: str | None = None
    ) -> list[RunRecord]:
        """Return the newest runs first, of one flow or in one state if given."""
        wanted = {"flow": flow, "state": state}
        chosen = {column: value for column, value in wanted.items() if value is not None}
        conditions = " AND ".join(f"{column} = ?" for column in chosen) or "TRUE"
        with self._transaction(write=False) as database:
            rows = database.execute(
                f"SELECT * FROM runs WHERE {conditions} ORDER BY created DESC LIMIT ?",
                [*chosen.values(), limit],
            ).fetchall()
        return [_record(row) for row in rows]

    def bury_dead(self) -> list[RunRecord]:
        """End every open run whose process is gone, and return all runs that Prefect must hear of.

        A run that was killed, or lost its machine, could not say so itself.
        """
        with self._transaction(write=False) as database:
            rows = database.execute("SELECT * FROM runs WHERE closed = 0").fetchall()
        open_runs = [_record(row) for row in rows]
        unclosed = []
        for run in open_runs:
            if is_alive(run.pid, run.pid_mark):
                continue
            if not run.is_final:
                if run.pid is None and time.time() - run.created < _LAUNCH_SECONDS:
                    continue  # just being launched by another process
                if run.cancel_requested:
                    self.finish(run.id, "CANCELLED", "cancelled")
                else:
                    self.finish(run.id, "CRASHED", "its process died without a word")
            unclosed.append(self.get(run.id))
        return unclosed

    def hand_over(self, kind: str, value: str, run_id: str) -> None:
        """Leave a value for the next flow."""
        with self._transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO handoffs (kind, value, run_id, at) VALUES (?, ?, ?, ?)",
                (kind, value, run_id, time.time()),
            )

    def take_up(self, kind: str) -> Handoff | None:
        """Return what the flow before left, or None."""
        with self._transaction(write=False) as database:
            row = database.execute("SELECT * FROM handoffs WHERE kind = ?", (kind,)).fetchone()
        return Handoff(**dict(row)) if row else None

    def _update(self, run_id: str, **values: object) -> None:
        assignments = ", ".join(f"{column} = ?" for column in values)
        with self._transaction() as database:
            database.execute(
                f"UPDATE runs SET {assignments} WHERE id = ?", [*values.values(), run_id]
            )

    def _transaction(self, *, write: bool = True) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self._path, "the table of runs", write=write)


_LAUNCH_SECONDS = 30.0


def _storable(text: str) -> str:
    """Escape what SQLite cannot take: a file name or argument that is not UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def _record(row: sqlite3.Row) -> RunRecord:
    values = dict(row)
    values["cancel_requested"] = bool(values["cancel_requested"])
    values["closed"] = bool(values["closed"])
    values["parameters"] = json.loads(values["parameters"])
    return RunRecord(**values)
