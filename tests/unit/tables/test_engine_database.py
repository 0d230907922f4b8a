from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.tables.engine_database import SCHEMA_VERSION, EngineDatabase
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from tests.unit.several_processes import at_once

# What the first version of the program made, word for word: it must stay readable for ever.
VERSION_1 = """
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
) STRICT;
PRAGMA user_version = 1;
"""

ROWS = """
INSERT INTO runs VALUES ('a1', 'train_flow', 'bold-otter', 'FAILED', 'row 7: 재고', 1000.5, 1001.5,
    1009.5, 17, '4711', 0, 'DataError', 1, '{"model_type": "LSTM"}');
INSERT INTO runs VALUES ('a2', 'full_flow', 'shy-lynx', 'RUNNING', '', 1010.5, 1011.5,
    NULL, 18, '4712', 1, '', 0, '{}');
INSERT INTO runs VALUES ('a3', 'eval_flow', 'calm-crow', 'PENDING', '', 1020.5, NULL,
    NULL, NULL, NULL, 0, '', 0, '{}');
INSERT INTO handoffs VALUES ('dataset', '0123', 'a1', 1009.25);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.db"


def write(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(script)


def asked(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def schema_version(path: Path) -> object:
    return asked(path, "PRAGMA user_version")[0][0]


def schema(path: Path) -> set[tuple[object, ...]]:
    """Every table and index with its definition, white space aside."""
    found = asked(path, "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(kind, name, " ".join(str(sql).split())) for kind, name, sql in found}


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.before-*"))


def test_a_new_file_has_the_newest_schema_and_nothing_to_keep_a_copy_of(path: Path) -> None:
    EngineDatabase(path)

    assert schema_version(path) == SCHEMA_VERSION
    assert copies(path) == []


def test_opening_it_again_changes_nothing(path: Path) -> None:
    EngineDatabase(path)
    before = path.read_bytes()

    EngineDatabase(path)

    assert path.read_bytes() == before
    assert copies(path) == []


def test_an_old_file_gets_the_schema_of_a_new_one(path: Path, tmp_path: Path) -> None:
    write(path, VERSION_1 + ROWS)
    EngineDatabase(path)
    EngineDatabase(tmp_path / "new.db")

    assert schema_version(path) == SCHEMA_VERSION
    assert schema(path) == schema(tmp_path / "new.db")


def test_the_runs_of_an_old_file_are_all_there(path: Path) -> None:
    write(path, VERSION_1 + ROWS)

    runs = {run.id: run for run in RunTable(path).newest(10)}

    assert list(runs) == ["a3", "a2", "a1"]
    failed = runs["a1"]
    assert (failed.flow, failed.name, failed.state) == ("train_flow", "bold-otter", "FAILED")
    assert (failed.message, failed.error_kind) == ("row 7: 재고", "DataError")
    assert (failed.created, failed.started, failed.ended) == (1000.5, 1001.5, 1009.5)
    assert (failed.pid, failed.pid_mark, failed.closed) == (17, "4711", True)
    assert failed.parameters == {"model_type": "LSTM"}
    assert failed.tags == ()
    assert (runs["a2"].cancel_requested, runs["a2"].ended) == (True, None)
    assert (runs["a3"].state, runs["a3"].pid) == ("PENDING", None)


def test_an_old_run_can_be_found_by_its_model(path: Path) -> None:
    no_json = "INSERT INTO runs (id, flow, name, state, created, parameters) VALUES"
    write(path, f"{VERSION_1}{ROWS}{no_json} ('a4', 'f', 'n', 'FAILED', 1.5, '{{');")

    EngineDatabase(path)

    assert asked(path, "SELECT id, model FROM runs ORDER BY id") == [
        ("a1", "LSTM"),
        ("a2", ""),
        ("a3", ""),
        ("a4", ""),
    ]


def test_an_old_run_goes_by_its_id_in_prefect_and_is_announced_to_nobody(path: Path) -> None:
    write(path, VERSION_1 + ROWS)
    table = RunTable(path)

    runs = table.newest(10)
    assert [run.prefect_id for run in runs] == [run.id for run in runs]
    assert all(run.notified for run in runs)
    table.finish("a2", "COMPLETED", "")
    assert table.unannounced() == []


def test_what_an_old_flow_left_is_taken_up(path: Path) -> None:
    write(path, VERSION_1 + ROWS)

    left = Handoffs(path).take("dataset")

    assert left is not None
    assert (left.value, left.run_id, left.at) == ("0123", "a1", 1009.25)


def test_the_old_file_is_kept_as_it_was_for_its_owner_alone(path: Path) -> None:
    write(path, VERSION_1 + ROWS)
    rows = asked(path, "SELECT * FROM runs")
    before = schema(path)

    EngineDatabase(path)

    (copy,) = copies(path)
    assert copy.name == "engine.db.before-schema-2"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert schema_version(copy) == 1
    assert schema(copy) == before
    assert asked(copy, "SELECT * FROM runs") == rows


def test_the_copy_has_also_what_stands_only_in_the_write_ahead_log(path: Path) -> None:
    write(path, VERSION_1)
    with closing(sqlite3.connect(path)) as other:
        # While somebody has the file open, nothing moves from the log into the file.
        other.executescript(ROWS)
        EngineDatabase(path)

    assert asked(copies(path)[0], "SELECT id FROM runs ORDER BY id") == [("a1",), ("a2",), ("a3",)]


def test_a_migration_that_fails_leaves_the_old_file_as_it_was(path: Path) -> None:
    write(path, VERSION_1 + ROWS + "CREATE TABLE schedules (of_somebody_else TEXT);")
    before = schema(path), asked(path, "SELECT * FROM runs")

    with pytest.raises(StorageError, match=r"engine\.db: .*schedules already exists"):
        EngineDatabase(path)

    assert schema_version(path) == 1
    assert (schema(path), asked(path, "SELECT * FROM runs")) == before


def test_a_file_of_a_newer_version_is_refused_and_not_touched(path: Path) -> None:
    write(path, "CREATE TABLE runs (id TEXT, of_tomorrow TEXT); PRAGMA user_version = 99;")
    before = path.read_bytes()

    with pytest.raises(StorageError, match=r"engine\.db: .*schema 99.*Upgrade mlops-tui"):
        EngineDatabase(path)

    assert path.read_bytes() == before
    assert copies(path) == []


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" * 100])
def test_a_file_that_is_no_database_is_an_error_that_names_it(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(StorageError, match=r"engine\.db: the engine's database cannot be used"):
        EngineDatabase(path)

    assert path.read_bytes() == content


@pytest.mark.parametrize("script", ["", VERSION_1 + ROWS])
def test_processes_may_open_a_new_or_an_old_file_at_once(path: Path, script: str) -> None:
    if script:
        write(path, script)
    code = """
from pathlib import Path
from engine.tables.engine_database import EngineDatabase
wait_for_start()
EngineDatabase(Path(sys.argv[1]))
"""

    assert at_once(code, [[str(path)]] * 3) == ["", "", ""]

    assert schema_version(path) == SCHEMA_VERSION
    assert len(asked(path, "SELECT id FROM runs")) == (3 if script else 0)
    assert len(copies(path)) == (1 if script else 0)
