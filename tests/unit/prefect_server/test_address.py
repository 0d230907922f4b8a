"""A Prefect server that somebody else runs: what is said of it, and of how we are let in."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError, ServerError
from engine.prefect_server.address import check_server, given_connection
from engine.prefect_server.connection import Connection, client_environment
from tests.unit.prefect_server.http_server import HANG_UP, Answer, answering


def secrets(folder: Path, text: str) -> Path:
    path = folder / "secrets.env"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_credentials_are_a_line_of_the_secrets(tmp_path: Path) -> None:
    path = secrets(tmp_path, "PREFECT_AUTH=ops:s3cret\n")

    connection = given_connection("https://prefect.example/api/", "${PREFECT_AUTH}", path)

    assert (connection.url, connection.user) == ("https://prefect.example/api", ("ops", "s3cret"))
    assert not connection.is_own
    assert "s3cret" not in repr(connection)


def test_a_name_that_stands_for_nothing_is_told_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"prefect_server\.auth: \$\{NOT_THERE\}"):
        given_connection("https://prefect.example/api", "${NOT_THERE}", tmp_path / "secrets.env")


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ("ops:s3cret", "Basic " + base64.b64encode(b"ops:s3cret").decode()),
        ("pnu_key", "Bearer pnu_key"),
        ("", None),
    ],
)
def test_a_server_is_told_who_asks(auth: str, said: str | None) -> None:
    with answering(lambda _: (200, "3.9.1")) as server:
        connection = Connection(server.connection.url, auth, 0, is_own=False)

        assert check_server(connection) == "3.9.1"

    (heard,) = server.heard
    assert (heard.path, heard.headers.get("authorization")) == ("/api/admin/version", said)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((401, {"exception_message": "Unauthorized"}), "refuses these credentials"),
        ((403, b""), "refuses these credentials"),
        ((200, b"<html>"), "does not answer as the API of a Prefect server does"),
        ((404, {"detail": "Not Found"}), "usually ends in /api"),
        ((200, {"version": "3.9.1"}), "does not answer as the API"),
        ((200, "2.20.4"), "has Prefect 2.20.4, which is too old"),
        ((200, "3.7.9"), "has Prefect 3.7.9, which is too old"),
        ((200, "4.0.0"), "has Prefect 4.0.0, which is too new"),
        (HANG_UP, "does not answer: "),
    ],
)
def test_what_is_wrong_with_a_server_is_a_sentence(answer: Answer, sentence: str) -> None:
    with answering(lambda _: answer) as server, pytest.raises(ServerError) as caught:
        check_server(server.connection)

    assert sentence in str(caught.value)
    assert server.connection.url in str(caught.value)
    assert "engine:secret" not in str(caught.value)
    assert caught.value.fix


def test_a_server_that_asks_for_credentials_is_told_from_one_that_refuses_ours() -> None:
    with answering(lambda _: (401, b"")) as server:
        nobody = Connection(server.connection.url, "", 0, is_own=False)
        with pytest.raises(ServerError, match=r"asks for credentials.*prefect_server\.auth"):
            check_server(nobody)


def test_nobody_at_all_is_told_too() -> None:
    with answering(listen=False) as server, pytest.raises(ServerError, match="does not answer"):
        check_server(server.connection)


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ("ops:s3cret", {"PREFECT_API_AUTH_STRING": "ops:s3cret"}),
        ("pnu_key", {"PREFECT_API_KEY": "pnu_key"}),
        ("", {}),
    ],
)
def test_the_processes_of_runs_are_let_in_likewise(
    auth: str, told: dict[str, Any], tmp_path: Path
) -> None:
    connection = Connection("https://prefect.example/api", auth, 0, is_own=False)

    environment = client_environment(tmp_path, connection)

    names = ("PREFECT_API_AUTH_STRING", "PREFECT_API_KEY")
    assert {name: environment[name] for name in names if name in environment} == told
    # It may ask for tokens against forged requests, and must be verified as this machine does it.
    assert environment["PREFECT_CLIENT_CSRF_SUPPORT_ENABLED"] == "true"
    certificates = Path(environment["PREFECT_API_SSL_CERT_FILE"]).read_text(encoding="utf-8")
    assert certificates.count("BEGIN CERTIFICATE") > 10
