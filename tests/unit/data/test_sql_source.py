from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.data.rows import LoadedRows
from engine.data.sources import load_rows
from engine.data.sql_source import expand_variables
from engine.errors import ConfigError, DataError, EngineError, NotFoundError
from tests.unit.data.ledgers import settings_for

ROWS = [("2024-01-01", "bolt", 5), ("2024-01-02", "bolt", -7.5), ("2024-01-03", "bolt", None)]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "stock.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute('CREATE TABLE ledger (date TEXT, product TEXT, "stock" REAL, extra)')
        connection.executemany("INSERT INTO ledger VALUES (?, ?, ?, 'x')", ROWS)
    return path


def load(root: Path, **given: Any) -> LoadedRows:
    given = {"url": "sqlite:///stock.db", "table": "ledger"} | given
    return load_rows(settings_for(**given), root=root)


def complaint(root: Path, **given: Any) -> str:
    with pytest.raises(EngineError) as caught:
        load(root, **given)
    hidden = caught.value.__context__ is None or caught.value.__suppress_context__
    assert hidden, "a traceback of the original error would show what the message hides"
    return str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        {"table": "ledger"},
        {"table": "main.ledger"},
        {"table": None, "query": "SELECT * FROM ledger ORDER BY date;"},
        {"table": None, "query": "-- newest\nWITH t AS (SELECT * FROM ledger) SELECT * FROM t"},
    ],
)
def test_a_table_or_a_query_yields_rows_numbered_from_one(
    database: Path, source: dict[str, Any]
) -> None:
    loaded = load(database.parent, **source)

    assert loaded.frame["row"].tolist() == [1, 2, 3]
    assert loaded.frame["y"].tolist()[:2] == [5.0, -7.5]
    assert loaded.frame["y"].isna().tolist() == [False, False, True]
    assert (loaded.format, loaded.rows_read) == ("sql", 3)


def test_a_colon_in_a_query_is_no_parameter(database: Path) -> None:
    query = "SELECT date, product, stock FROM ledger WHERE extra <> '12:30' AND extra <> ':name'"

    assert load(database.parent, table=None, query=query).rows_read == 3


def test_the_hash_is_of_the_rows(database: Path) -> None:
    before = load(database.parent).sha256
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE ledger SET extra = 'y'")
    assert load(database.parent).sha256 == before
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE ledger SET stock = 6 WHERE stock = 5")
    assert load(database.parent).sha256 != before


def test_nothing_can_be_written(database: Path) -> None:
    before = database.read_bytes()

    hidden = "WITH t AS (SELECT 1) DELETE FROM ledger"
    assert "readonly database" in complaint(database.parent, table=None, query=hidden)
    with pytest.raises(ConfigError, match="does not begin with SELECT"):
        load(database.parent, table=None, query="DELETE FROM ledger")
    assert database.read_bytes() == before


def test_faults_have_the_row_of_the_result(database: Path) -> None:
    query = "SELECT date, product, 'many' AS stock FROM ledger"

    assert "row 1 'many'; row 2 'many'" in complaint(database.parent, table=None, query=query)


def test_names_are_suggested(database: Path) -> None:
    assert "Did you mean 'ledger'?" in complaint(database.parent, table="leger")
    assert "Did you mean 'stock'?" in complaint(database.parent, target_col="stok")
    assert "Did you mean 'stock.db'?" in complaint(database.parent, url="sqlite:///stok.db")


def test_a_missing_sqlite_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        load(tmp_path, url="sqlite:///nothing.db")

    assert list(tmp_path.iterdir()) == []


def test_too_many_rows_are_refused(database: Path) -> None:
    with pytest.raises(DataError, match="more than 2 rows"):
        load(database.parent, max_rows=2)


def test_a_result_without_rows_is_refused(database: Path) -> None:
    with pytest.raises(DataError, match="no row"):
        load(database.parent, table=None, query="SELECT * FROM ledger WHERE 1 = 0")


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="variable NO_SUCH_VARIABLE is not set"):
        expand_variables("postgresql://me:${NO_SUCH_VARIABLE}@host/db", {})


def test_a_variable_may_hold_any_character_and_may_be_the_whole_url() -> None:
    environment = {"PASSWORD": "p@ss/w:rd", "URL": "sqlite:///a.db"}

    url, secrets = expand_variables("postgresql://me:${PASSWORD}@host/db", environment)

    assert url == "postgresql://me:p%40ss%2Fw%3Ard@host/db"
    assert set(secrets) == {"p@ss/w:rd", "p%40ss%2Fw%3Ard"}
    assert expand_variables("${URL}", environment)[0] == "sqlite:///a.db"


@pytest.mark.parametrize(
    "url",
    [
        "mysql+nosuchdriver://me:${DB_PASSWORD}@127.0.0.1:1/db",
        "nosuchdialect://me:${DB_PASSWORD}@127.0.0.1:1/db",
        "sqlite+aiosqlite:///${DB_PASSWORD}.db",
        "sqlite:///x.db?password=${DB_PASSWORD}",
        "${DB_URL}",
    ],
)
def test_a_password_is_in_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2@!")
    monkeypatch.setenv("DB_URL", "nosuchdialect://me:hunter2%40!@127.0.0.1/db?token=hunter2")

    assert "hunter2" not in complaint(tmp_path, url=url)


def test_a_url_that_is_none_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_URL", "hunter2 is my password")

    assert "hunter2" not in complaint(tmp_path, url="${DB_URL}")
