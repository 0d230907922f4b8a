"""One address of a PostgreSQL database, spelled for each program that uses it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy.dialects.postgresql import asyncpg, psycopg2
from sqlalchemy.engine import Dialect, make_url

from engine.database.address import DatabaseAddress, parse_address, read_address
from engine.errors import ConfigError

PASSWORD = "p@ss/w:rd %41#é"
VALUES = {
    "PW": PASSWORD,
    "HOST": "DB.example",
    "WHOLE": "postgresql://me:p%40w@h:6/d?sslmode=require",
}


def arguments(url: str, dialect: Dialect) -> dict[str, object]:
    """What SQLAlchemy would hand to the driver."""
    _, keywords = dialect.create_connect_args(make_url(url))
    return keywords


def to_asyncpg(address: DatabaseAddress) -> dict[str, object]:
    return arguments(address.prefect_url, asyncpg.dialect())


def to_psycopg2(address: DatabaseAddress) -> dict[str, object]:
    return arguments(address.mlflow_url, psycopg2.dialect())


def test_a_password_is_taken_as_it_is_whatever_is_in_it() -> None:
    address = parse_address("postgresql://me:${PW}@${HOST}:5433/my%20db", VALUES)

    assert (address.host, address.port, address.user) == ("DB.example", 5433, "me")
    for given in (to_asyncpg(address), to_psycopg2(address)):
        assert given["password"] == PASSWORD
        assert (given["host"], given["port"], given["user"]) == ("DB.example", 5433, "me")
    assert to_asyncpg(address)["database"] == to_psycopg2(address)["dbname"] == "my db"
    assert address.libpq_environment["PGPASSWORD"] == PASSWORD


def test_encryption_is_spelled_as_each_driver_wants_it() -> None:
    address = parse_address("postgresql://me@h/d?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem")

    assert to_asyncpg(address)["ssl"] == "verify-full"
    assert "sslmode" not in to_asyncpg(address)
    # asyncpg takes files from its environment alone.
    assert address.tls_environment == {
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/my ca.pem",
    }
    given = to_psycopg2(address)
    assert (given["sslmode"], given["sslrootcert"]) == ("verify-full", "/etc/my ca.pem")


def test_mlflow_looks_into_a_schema_of_its_own() -> None:
    address = parse_address("postgresql://me@h/d")

    assert to_psycopg2(address)["options"] == "-csearch_path=mlflow"


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://me@h/d", "h", 5432),
        ("postgres://me@[::1]:5433/d", "::1", 5433),
        ("postgresql://me@:5433/d?host=/var/run/postgresql", "/var/run/postgresql", 5433),
        ("postgresql://me@/d?host=/var/run/postgresql", "/var/run/postgresql", 5432),
    ],
)
def test_hosts_of_all_kinds_arrive(url: str, host: str, port: int) -> None:
    address = parse_address(url)

    for given in (to_asyncpg(address), to_psycopg2(address)):
        assert (given["host"], given["port"]) == (host, port)
    assert parse_address(address.dsn) == address


def test_a_whole_address_may_be_a_secret() -> None:
    address = parse_address("${WHOLE}", VALUES)

    assert (address.password, address.port, address.sslmode) == ("p@w", 6, "require")


def test_neither_the_masked_address_nor_its_repr_shows_the_password() -> None:
    address = parse_address("postgresql://me:${PW}@h/d?sslmode=require", VALUES)

    assert address.masked == "postgresql://me:***@h:5432/d?sslmode=require"
    assert PASSWORD in unquote(address.dsn)
    assert PASSWORD not in repr(address)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("mysql://me@h/d", "not the URL of a PostgreSQL database"),
        ("postgresql+asyncpg://me@h/d", "not the URL of a PostgreSQL database"),
        ("postgresql://me@h:x/d", "not the URL of a PostgreSQL database"),
        ("postgresql://h/d", "names no user"),
        ("postgresql://me@/d", "names no host"),
        ("postgresql://me@h", "names no database"),
        ("postgresql://me@h/d?sslmode=on", "sslmode is one of disable, allow"),
        ("postgresql://me@h/d?sslrootcert=ca.pem", "sslrootcert is the whole path of a file"),
        ("postgresql://me@h/d?options=-c", "options cannot be set here; allowed: host, sslmode"),
        ("postgresql://me@h/d?password=x", "password stands before the @"),
        ("postgresql://me@h/d?host=other", "host, after the question mark, is the folder"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address(url)

    assert part in caught.value.what
    assert url not in str(caught.value)


def test_no_address_means_sqlite(tmp_path: Path) -> None:
    assert read_address("", tmp_path / "secrets.env") is None


def test_a_name_that_stands_for_nothing_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_address("postgresql://me:${NOBODY_SET_THIS}@h/d", tmp_path / "secrets.env")

    assert "${NOBODY_SET_THIS} stands for nothing" in str(caught.value)
    assert caught.value.where == "engine.yaml: database.url"
