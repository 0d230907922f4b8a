"""What keeps a database from being used, in sentences that say what to do."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import closing

import asyncpg
import pytest

from engine.database.address import parse_address
from engine.database.postgres import connected, try_out
from engine.database.problems import DatabaseError, explain
from engine.database.revisions import revisions

ADDRESS = parse_address("postgresql://me:${PW}@127.0.0.1:1/stock", {"PW": "swordfish"})


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (
            asyncpg.InvalidPasswordError('password authentication failed for user "me"'),
            "refuses the password of me",
            "secrets.env",
        ),
        (
            asyncpg.InvalidAuthorizationSpecificationError("no pg_hba.conf entry"),
            "does not let me in: no pg_hba.conf entry",
            "pg_hba.conf",
        ),
        (asyncpg.InvalidCatalogNameError("x"), "no database stock", "createdb --owner=me stock"),
        (
            asyncpg.InsufficientPrivilegeError("permission denied for database stock"),
            "me may not do what is needed: permission denied",
            "GRANT CREATE ON DATABASE stock TO me",
        ),
        (asyncpg.TooManyConnectionsError("too many clients"), "no room left", "max_connections"),
        (asyncpg.CannotConnectNowError("starting up"), "not up: starting up", "by itself"),
        (ssl.SSLError("certificate verify failed"), "no encrypted connection", "sslmode"),
        (ConnectionError("PostgreSQL server at h rejected SSL upgrade"), "encrypted", "sslmode"),
        (TimeoutError(), "cannot be reached: no answer", "Start it"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known", "url"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_problem_says_what_to_do(error: Exception, what: str, fix: str) -> None:
    found = explain(ADDRESS, error)

    assert what in found.what
    assert fix in (found.fix or "")
    assert found.where == "postgresql://me:***@127.0.0.1:1/stock"
    assert "swordfish" not in str(found)


def test_a_port_where_nobody_listens_is_told() -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = parse_address(f"postgresql://me@127.0.0.1:{port}/stock")

    with pytest.raises(DatabaseError, match="cannot be reached"):
        try_out(address)


def test_what_is_no_postgresql_server_is_told() -> None:
    async def scenario() -> None:
        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        address = parse_address(f"postgresql://me@127.0.0.1:{port}/stock?sslmode=disable")
        try:
            with pytest.raises(DatabaseError):
                async with connected(address):
                    pass
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(scenario())


@pytest.mark.parametrize("schema", ["prefect postgresql", "prefect sqlite", "mlflow"])
def test_the_newest_revision_is_known_without_importing_anything(schema: str) -> None:
    found = revisions(schema)  # type: ignore[arg-type]

    assert found.newest in found.known
    assert len(found.known) > 20
