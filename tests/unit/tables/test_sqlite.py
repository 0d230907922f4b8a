from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from engine.errors import StorageError
from engine.tables import sqlite as sqlite_module
from engine.tables.sqlite import transaction

THREADS = 8


def at_once(work: Callable[[], None]) -> None:
    """Let several threads do the same at the same moment; raises what one of them raises."""
    barrier = Barrier(THREADS)

    def start_together() -> None:
        barrier.wait()
        work()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(start_together) for _ in range(THREADS)]:
            done.result()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with transaction(tmp_path / "a.db", "the table") as table:
        table.execute("CREATE TABLE counter (value INTEGER)")
        table.execute("INSERT INTO counter VALUES (0)")
    return tmp_path / "a.db"


def counted(path: Path) -> int:
    with transaction(path, "the table", write=False) as table:
        (value,) = table.execute("SELECT value FROM counter").fetchone()
    return int(value)


def test_a_new_database_that_another_one_is_just_writing_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        # In a database that has no write-ahead log yet, SQLite itself would not wait for this.
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE a (b TEXT)")
        monkeypatch.setattr(time, "sleep", lambda _: other.execute("COMMIT"))

        with transaction(path, "the table") as table:
            table.execute("INSERT INTO a VALUES ('x')")

        assert other.execute("SELECT b FROM a").fetchall() == [("x",)]


def test_a_new_database_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    for attempt in range(10):
        path = tmp_path / f"{attempt}.db"

        def create(path: Path = path) -> None:
            with transaction(path, "the table") as table:
                table.execute("CREATE TABLE IF NOT EXISTS a (b TEXT)")

        at_once(create)


def test_no_increment_is_lost(path: Path) -> None:
    def increment() -> None:
        for _ in range(5):
            with transaction(path, "the table") as table:
                (value,) = table.execute("SELECT value FROM counter").fetchone()
                table.execute("UPDATE counter SET value = ?", (value + 1,))

    at_once(increment)

    assert counted(path) == 5 * THREADS


def test_an_error_on_the_way_undoes_the_whole_transaction(path: Path) -> None:
    with pytest.raises(KeyError), transaction(path, "the table") as table:
        table.execute("UPDATE counter SET value = 17")
        raise KeyError("on the way")

    assert counted(path) == 0


@pytest.mark.parametrize("write", [True, False])
def test_33_a_database_that_stays_locked_is_an_error_that_names_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    monkeypatch.setattr(sqlite_module, "_WAIT_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")

        with (
            pytest.raises(StorageError, match=r"a\.db: the table cannot be used: .*locked"),
            transaction(path, "the table", write=write),
        ):
            pytest.fail("the database is locked")


def test_a_folder_that_does_not_exist_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match=r"no/a\.db: the table cannot be used: unable to open"),
        transaction(tmp_path / "no" / "a.db", "the table"),
    ):
        pytest.fail("there is no database")
