from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.database.address import parse_address
from engine.prefect_server.connection import (
    CERTIFICATES_FILE,
    Connection,
    client_environment,
    server_environment,
    write_short_certificates,
)

CONNECTION = Connection("http://127.0.0.1:4200/api", "engine:secret", 17)

Environment = Callable[[Path], dict[str, str]]


@pytest.mark.parametrize(
    "environment",
    [
        lambda home: client_environment(home, CONNECTION),
        lambda home: server_environment(home, CONNECTION.auth),
    ],
    ids=["client", "server"],
)
def test_nothing_of_the_users_own_prefect_leaks_in(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    foreign = {
        "PREFECT_API_URL": "https://api.prefect.cloud/foreign",
        "PREFECT_API_KEY": "foreign",
        "PREFECT_HOME": "/foreign",
        "PREFECT_PROFILE": "foreign",
        "PREFECT_PROFILES_PATH": "/foreign/profiles.toml",
        "PREFECT_API_DATABASE_CONNECTION_URL": "sqlite:////foreign.db",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "foreign",
        "PREFECT_SOMETHING_OF_TOMORROW": "foreign",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")

    result = environment(home)

    assert [name for name, value in result.items() if "foreign" in value] == []
    assert result["PREFECT_HOME"] == str(home)
    assert result["PREFECT_PROFILES_PATH"].startswith(str(home))
    assert result["LANG"] == "ko_KR.UTF-8"
    assert os.environ["PREFECT_API_KEY"] == "foreign"


def test_a_client_is_told_where_the_server_is_and_who_it_is(tmp_path: Path) -> None:
    environment = client_environment(tmp_path, CONNECTION)

    assert environment["PREFECT_API_URL"] == CONNECTION.url
    assert environment["PREFECT_API_AUTH_STRING"] == CONNECTION.auth


def test_the_server_asks_for_the_credentials_and_keeps_to_its_home(tmp_path: Path) -> None:
    environment = server_environment(tmp_path, CONNECTION.auth)

    assert environment["PREFECT_SERVER_API_AUTH_STRING"] == CONNECTION.auth
    assert environment["PREFECT_API_DATABASE_CONNECTION_URL"].endswith(f"{tmp_path}/prefect.db")


def test_a_server_on_postgresql_is_told_so_and_no_client_is(tmp_path: Path) -> None:
    address = parse_address(
        "postgresql://me:${PW}@h/d?sslmode=require&sslrootcert=/ca.pem", {"PW": "sword/fish"}
    )

    environment = server_environment(tmp_path, CONNECTION.auth, address)

    url = environment["PREFECT_API_DATABASE_CONNECTION_URL"]
    assert url == "postgresql+asyncpg://me:sword%2Ffish@h:5432/d?ssl=require"
    assert environment["PGSSLROOTCERT"] == "/ca.pem"
    assert "sword" not in str(client_environment(tmp_path, CONNECTION))


def test_nothing_is_sent_to_anybody(tmp_path: Path) -> None:
    for environment in (
        client_environment(tmp_path, CONNECTION),
        server_environment(tmp_path, CONNECTION.auth),
    ):
        assert environment["DO_NOT_TRACK"] == "1"
        assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_the_published_connection_is_readable_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        CONNECTION.publish(tmp_path)
    finally:
        os.umask(before)

    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert Connection.read(tmp_path) == CONNECTION


def test_where_no_server_is_there_is_no_connection(tmp_path: Path) -> None:
    assert Connection.read(tmp_path) is None


def test_a_client_reads_one_authority_instead_of_all_that_there_are(tmp_path: Path) -> None:
    """It makes a TLS context in any case, although it speaks plain HTTP."""
    write_short_certificates(tmp_path)

    file = client_environment(tmp_path, CONNECTION)["PREFECT_API_SSL_CERT_FILE"]
    context = ssl.create_default_context(cafile=file)
    assert context.cert_store_stats()["x509"] == 1


def test_the_authority_is_written_once(tmp_path: Path) -> None:
    write_short_certificates(tmp_path)
    first = (tmp_path / CERTIFICATES_FILE).stat().st_ino

    write_short_certificates(tmp_path)

    assert (tmp_path / CERTIFICATES_FILE).stat().st_ino == first
