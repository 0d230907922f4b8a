"""The one database file of the engine, brought up to date when it is opened.

A newer program migrates an older file after keeping a copy of it; an older program refuses a newer
file instead of guessing at it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
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

DURATION_LIMITS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
"""Seconds: the upper limits between which durations of runs are counted; stored, so for ever."""


def _limit_of(run: str) -> str:
    """The smallest limit that the duration of a row does not exceed; -1: it never began."""
    took = f"{run}.ended - {run}.started"
    cases = " ".join(f"WHEN {took} <= {limit} THEN {limit}" for limit in DURATION_LIMITS)
    return f"CASE WHEN {run}.started IS NULL THEN -1.0 {cases} ELSE 9e999 END"


# Runs and their ends, counted as they are written down: to read every run for it takes its time in
# a long history, and ends must not be forgotten with the runs. A clock that was set back makes no
# negative time.
_SECONDS = "max(0.0, coalesce({0}.ended - {0}.started, 0.0))"
_VERSION_4 = f"""
CREATE TABLE run_ends (
    flow TEXT NOT NULL,
    state TEXT NOT NULL,
    most REAL NOT NULL,
    count INTEGER NOT NULL,
    seconds REAL NOT NULL,
    last REAL NOT NULL,
    PRIMARY KEY (flow, state, most)
) STRICT;
INSERT INTO run_ends
    SELECT flow, state, {_limit_of("runs")} AS most, count(*), sum({_SECONDS.format("runs")}),
        max(ended)
    FROM runs WHERE ended IS NOT NULL GROUP BY flow, state, most;
CREATE TRIGGER runs_ended AFTER UPDATE OF ended ON runs
WHEN OLD.ended IS NULL AND NEW.ended IS NOT NULL BEGIN
    INSERT INTO run_ends VALUES (
        NEW.flow, NEW.state, {_limit_of("NEW")}, 1, {_SECONDS.format("NEW")}, NEW.ended
    ) ON CONFLICT (flow, state, most) DO UPDATE SET
        count = count + 1, seconds = seconds + excluded.seconds, last = max(last, excluded.last);
END;
CREATE TABLE run_counts (
    flow TEXT NOT NULL,
    state TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (flow, state)
) STRICT;
INSERT INTO run_counts SELECT flow, state, count(*) FROM runs GROUP BY flow, state;
CREATE TRIGGER runs_counted AFTER INSERT ON runs BEGIN
    INSERT INTO run_counts VALUES (NEW.flow, NEW.state, 1)
        ON CONFLICT (flow, state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER runs_counted_anew AFTER UPDATE OF state ON runs WHEN OLD.state <> NEW.state BEGIN
    UPDATE run_counts SET count = count - 1 WHERE flow = OLD.flow AND state = OLD.state;
    INSERT INTO run_counts VALUES (NEW.flow, NEW.state, 1)
        ON CONFLICT (flow, state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER runs_counted_off AFTER DELETE ON runs BEGIN
    UPDATE run_counts SET count = count - 1 WHERE flow = OLD.flow AND state = OLD.state;
END
"""

# A row that has no time is one that could not be mirrored yet.
_VERSION_5 = """
CREATE TABLE mirrored (
    place TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    mlflow_id TEXT NOT NULL DEFAULT '',
    fingerprint TEXT NOT NULL DEFAULT '',
    at REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL,
    problem TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (place, kind, id)
) STRICT;
CREATE INDEX mirrored_id ON mirrored (kind, id);
CREATE INDEX mirrored_done ON mirrored (place, kind) WHERE at IS NOT NULL
"""

# A message is about a run or about a check of drift; that of a check names no run.
_VERSION_6 = """
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

# Of a run that is done on another machine: the work pool that it is in, who does it, and why nobody
# does yet.
_VERSION_7 = """
ALTER TABLE runs ADD COLUMN pool TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN waiting TEXT NOT NULL DEFAULT ''
"""

_MIGRATIONS = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6, _VERSION_7)
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
                for statement in _statements(_MIGRATIONS[number]):
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


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: run as a whole, it would end the transaction."""
    statement = ""
    for part in f"{script};".split(";")[:-1]:
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)
