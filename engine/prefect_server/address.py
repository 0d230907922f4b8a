"""A Prefect server that somebody else runs: its address from the settings, and a look at it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from engine.errors import ConfigError, ServerError
from engine.prefect_server.connection import Connection
from engine.secrets_file import expand, read_secrets, values_of

_LOOK_SECONDS = 5.0
_VERSION = re.compile(r"(\d+)\.(\d+)\.")
# What this program was tested with; a newer server of the same kind promises to know its clients.
_MAJOR, _LEAST_MINOR = 3, 8


def given_connection(url: str, auth: str, secrets: Path) -> Connection:
    """How to reach the server that `prefect_server.url` and `.auth` name.

    Args:
        url: Its address, with /api.
        auth: `${NAME}` of a user:password or an API key, or nothing.
        secrets: The workspace's secrets.env.

    Raises:
        ConfigError: The name stands for nothing, or secrets.env cannot be used.
    """
    try:
        value = expand(auth, values_of(auth, read_secrets(secrets))) if auth else ""
    except ConfigError as error:
        if error.where:
            raise
        where = "engine.yaml: prefect_server.auth"
        raise ConfigError(error.what, where=where, fix=error.fix) from error
    return Connection(url.rstrip("/"), value, 0, is_own=False)


def check_server(connection: Connection) -> str:
    """Ask a server for its version, once.

    Returns:
        The version.

    Raises:
        ServerError: It does not answer, does not let us in, or is of a version that will not do.
    """
    try:
        with httpx.Client(
            auth=connection.user,
            headers=connection.headers,
            verify=connection.tls,
            timeout=_LOOK_SECONDS,
            trust_env=False,
        ) as client:
            answer = client.get(f"{connection.url}/admin/version")
    except (httpx.TransportError, OSError, ValueError) as error:
        raise ServerError(
            f"does not answer: {str(error) or type(error).__name__}",
            where=connection.url,
            fix="See whether it runs, and check prefect_server.url",
        ) from error
    return _version_of(answer, connection)


def _version_of(answer: httpx.Response, connection: Connection) -> str:
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        what = "refuses these credentials" if connection.auth else "asks for credentials"
        raise ServerError(
            f"{what} (HTTP {answer.status_code})",
            where=connection.url,
            fix='Write them into secrets.env and set prefect_server.auth: "${NAME}"',
        )
    try:
        version = answer.json() if answer.is_success else None
    except ValueError:
        version = None
    found = _VERSION.match(version) if isinstance(version, str) else None
    if found is None:
        raise ServerError(
            f"does not answer as the API of a Prefect server does (HTTP {answer.status_code})",
            where=connection.url,
            fix="The address of the API usually ends in /api: check prefect_server.url",
        )
    major, minor = int(found[1]), int(found[2])
    if (major, minor) < (_MAJOR, _LEAST_MINOR) or major > _MAJOR:
        age = "old" if major <= _MAJOR else "new"
        raise ServerError(
            f"has Prefect {version}, which is too {age}: {_MAJOR}.{_LEAST_MINOR} or a later "
            f"{_MAJOR} is needed",
            where=connection.url,
            fix="Choose another server, or none: prefect_server.url",
        )
    assert isinstance(version, str), "it was matched"
    return version
