"""The one database file of the engine, brought up to date when it is opened.

A newer program migrates an older file after keeping a copy of it; an older program refuses a newer
file instead of guessing at it.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from engine.errors import StorageError
from engine.tables.sqlite import transaction

_WHAT = "the engine's database"

_VERSION_1 = """
CREATE TABLE runs (
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
CREATE INDEX runs_created ON runs (created DESC);
CREATE TABLE handoffs (
    kind TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    run_id TEXT NOT NULL,
    at REAL NOT NULL
) STRICT
"""

# In version 1 the id of a run was Prefect's own id of it.
_VERSION_2 = """
ALTER TABLE runs ADD COLUMN prefect_id TEXT;
UPDATE runs SET prefect_id = id;
ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN launch_key TEXT;
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN rerun_of TEXT;
ALTER TABLE runs ADD COLUMN request TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN cancel_asked REAL;
ALTER TABLE runs ADD COLUMN cpu_seconds REAL;
ALTER TABLE runs ADD COLUMN peak_bytes INTEGER;
ALTER TABLE runs ADD COLUMN notified INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET notified = 1;
CREATE UNIQUE INDEX runs_launch_key ON runs (launch_key) WHERE launch_key IS NOT NULL;
CREATE INDEX runs_flow ON runs (flow, created DESC);
CREATE INDEX runs_state ON runs (state, created DESC);
CREATE INDEX runs_open ON runs (created) WHERE closed = 0;
CREATE INDEX runs_unannounced ON runs (ended) WHERE notified = 0;
CREATE TABLE settings (
    run_id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;
CREATE TABLE schedules (
    name TEXT PRIMARY KEY,
    flow TEXT NOT NULL,
    cron TEXT,
    every_seconds REAL,
    timezone TEXT NOT NULL,
    request TEXT NOT NULL DEFAULT '{}',
    priority INTEGER NOT NULL DEFAULT 0,
    catch_up TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    created REAL NOT NULL,
    next_time REAL,
    last_time REAL,
    last_run TEXT,
    problem TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    target TEXT NOT NULL,
    created REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL,
    delivered REAL,
    problem TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX notifications_due ON notifications (next_try) WHERE next_try IS NOT NULL
"""

# The tags of a run stand with a blank on both sides of each. The model is what a list shows of the
# parameters; what is no JSON or has none there has no model.
_VERSION_3 = """
ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN model TEXT GENERATED ALWAYS AS (
    CASE WHEN NOT json_valid(parameters) THEN ''
    WHEN json_type(parameters, '$.model_type') = 'text'
    THEN json_extract(parameters, '$.model_type') ELSE '' END
) VIRTUAL;
CREATE INDEX runs_flow_state ON runs (flow, state, created DESC);
CREATE INDEX runs_started ON runs (flow, started DESC)
"""

# A message is about a run or about a check of drift; that of a check names no run.
_VERSION_4 = """
CREATE TABLE drift_checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    data_type TEXT NOT NULL,
    version TEXT NOT NULL,
    verdict TEXT NOT NULL,
    answers INTEGER NOT NULL,
    reasons TEXT NOT NULL DEFAULT '[]',
    numbers TEXT NOT NULL DEFAULT '{}',
    action TEXT NOT NULL DEFAULT '',
    why TEXT NOT NULL DEFAULT '',
    run_id TEXT
) STRICT;
CREATE INDEX drift_checks_of_version ON drift_checks (data_type, version, id DESC);
CREATE INDEX drift_checks_undecided ON drift_checks (id) WHERE action = '';
CREATE INDEX drift_checks_unlaunched ON drift_checks (id)
    WHERE action = 'retrain' AND run_id IS NULL;
ALTER TABLE notifications ADD COLUMN check_id INTEGER
"""

_MIGRATIONS = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4)
SCHEMA_VERSION = len(_MIGRATIONS)


class EngineDatabase:
    """The database at a path; every use is one short transaction, safe across processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self.transaction(write=False) as database:
            version = _version(database)
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"was written by a newer version of this program (schema {version}, "
                f"this one knows {SCHEMA_VERSION})",
                where=str(path),
                fix="Upgrade mlops-tui, or use another workspace",
            )
        if version < SCHEMA_VERSION:
            self._migrate()

    def transaction(self, *, write: bool = True) -> AbstractContextManager[sqlite3.Connection]:
        """Open one transaction, as `engine.tables.sqlite.transaction` has it."""
        return transaction(self._path, _WHAT, write=write)

    def _migrate(self) -> None:
        with self.transaction() as database:
            # Another process may have been faster.
            version = _version(database)
            if 0 < version < SCHEMA_VERSION:
                self._keep_copy(version)
            for number in range(version, SCHEMA_VERSION):
                for statement in _MIGRATIONS[number].split(";"):
                    database.execute(statement)
            database.execute(f"PRAGMA user_version = {max(version, SCHEMA_VERSION)}")

    def _keep_copy(self, version: int) -> None:
        """Copy the file as it is; the write lock that the caller holds keeps it from changing."""
        copy = self._path.with_name(f"{self._path.name}.before-schema-{version + 1}")
        source = sqlite3.connect(self._path)
        target = sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
        copy.chmod(0o600)


def _version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)
