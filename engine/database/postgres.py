"""Connections to the database, and the schemas that it must have before others use it.

asyncpg comes with Prefect, so that nothing but MLflow needs the extra driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from engine.database.address import (
    EXTENSION_SCHEMA,
    MLFLOW_SCHEMA,
    PREFECT_SCHEMA,
    DatabaseAddress,
)
from engine.database.problems import OLDEST_VERSION, DatabaseError, explain, too_new, too_old
from engine.database.revisions import revisions

_PATIENCE_SECONDS = 5.0
EXTENSION = "pg_trgm"
"""With it Prefect searches names."""

_NO_SUCH_FILE = "58P01"
_POLL_SECONDS = 0.2
# Any number that no other program uses: servers that start at once prepare one after the other.
_PREPARING = 0x6D6C6F7073


@asynccontextmanager
async def connected(address: DatabaseAddress) -> AsyncIterator[asyncpg.Connection]:
    """Open one connection.

    Raises:
        DatabaseError: The database cannot be used, or refuses what is done in the block.
    """
    try:
        connection = await asyncpg.connect(address.dsn, timeout=_PATIENCE_SECONDS)
        try:
            yield connection
        finally:
            await connection.close(timeout=_PATIENCE_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise explain(address, error) from error


@asynccontextmanager
async def prepared(address: DatabaseAddress) -> AsyncIterator[str]:
    """Make the schemas that are missing, and keep others from doing the same during the block.

    Yields:
        Prefect's search path.

    Raises:
        DatabaseError: The database cannot be used as it is.
    """
    async with connected(address) as connection:
        await _take_turns(connection)
        yield await _prepare(connection, address)


async def make_schema(address: DatabaseAddress, schema: str) -> None:
    """Make one schema, unless it is there.

    Raises:
        DatabaseError: The database cannot be used, or does not allow it.
    """
    async with connected(address) as connection:
        await _take_turns(connection)
        await _make_schema(connection, address, schema)


async def _prepare(connection: asyncpg.Connection, address: DatabaseAddress) -> str:
    if connection.get_server_version().major < OLDEST_VERSION:
        raise too_old(address, server_version(connection))
    for schema in (PREFECT_SCHEMA, MLFLOW_SCHEMA):
        await _make_schema(connection, address, schema)
    # One that another program has in a schema that everybody sees would be taken for Prefect's.
    await connection.execute(
        f"CREATE TABLE IF NOT EXISTS {PREFECT_SCHEMA}.alembic_version "
        "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc "
        "PRIMARY KEY (version_num))"
    )
    revision = await connection.fetchval(
        f"SELECT version_num FROM {PREFECT_SCHEMA}.alembic_version"
    )
    if revision is not None and revision not in revisions("prefect postgresql").known:
        raise too_new(address, "Prefect", revision)
    place = await extension_schema(connection)
    if place is None:
        await _make_extension(connection, address)
        place = EXTENSION_SCHEMA
    quoted: str = await connection.fetchval("SELECT quote_ident($1)", place)
    return f"{PREFECT_SCHEMA}, {quoted}"


async def _take_turns(connection: asyncpg.Connection) -> None:
    """Wait for whoever prepares the database now.

    It is asked again and again: a statement that waits would keep an index of the other's from
    being made, which waits for all statements that began before.
    """
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _PREPARING):
        await asyncio.sleep(_POLL_SECONDS)


async def _make_schema(
    connection: asyncpg.Connection, address: DatabaseAddress, schema: str
) -> None:
    found = await connection.fetchval(
        "SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1", schema
    )
    if found is None:
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    elif not found:
        raise DatabaseError(
            f"{address.user} may not make tables in the schema {schema}",
            where=address.masked,
            fix=f"As its owner: ALTER SCHEMA {schema} OWNER TO {address.user}",
        )


def try_out(address: DatabaseAddress) -> str:
    """Connect once; return what answers, where.

    Raises:
        DatabaseError: The database cannot be used.
    """
    return asyncio.run(_try_out(address))


async def _try_out(address: DatabaseAddress) -> str:
    async with connected(address) as connection:
        version = server_version(connection)
        if connection.get_server_version().major < OLDEST_VERSION:
            raise too_old(address, version)
        return f"PostgreSQL {version}, {address.masked}"


def server_version(connection: asyncpg.Connection) -> str:
    """The version of the server, such as 15.6."""
    return str(connection.get_settings().server_version).partition(" ")[0]


async def extension_schema(connection: asyncpg.Connection) -> str | None:
    """The schema in which the extension lies that Prefect needs; None where it is not installed."""
    place: str | None = await connection.fetchval(
        "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace "
        "WHERE extname = $1",
        EXTENSION,
    )
    return place


async def _make_extension(connection: asyncpg.Connection, address: DatabaseAddress) -> None:
    await _make_schema(connection, address, EXTENSION_SCHEMA)
    try:
        await connection.execute(
            f"CREATE EXTENSION IF NOT EXISTS {EXTENSION} SCHEMA {EXTENSION_SCHEMA}"
        )
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseError(
            f"{address.user} may not install the extension {EXTENSION}, which Prefect needs",
            where=address.masked,
            fix=f"As a superuser, in this database: CREATE EXTENSION {EXTENSION}",
        ) from error
    except asyncpg.PostgresError as error:
        if error.sqlstate not in (_NO_SUCH_FILE, "0A000"):
            raise
        raise DatabaseError(
            f"the server lacks the extension {EXTENSION}, which Prefect needs",
            where=address.masked,
            fix="Install PostgreSQL's contrib package on its machine",
        ) from error
