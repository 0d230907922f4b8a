"""How the databases are: where, how large, of which revision, whether sound."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Any

import asyncpg

from engine.database.address import MLFLOW_SCHEMA, PREFECT_SCHEMA, DatabaseAddress
from engine.database.postgres import connected, server_version
from engine.database.problems import DatabaseError
from engine.database.revisions import Revisions, revisions
from engine.errors import StorageError
from engine.tables.engine_database import SCHEMA_VERSION
from engine.upkeep.places import SCHEMAS, Places, SqliteFile
from engine.upkeep.sqlite_files import SOUND, check, opened, revision_of, size_of, tables_of

_TABLES_TOLD = 4


@dataclass
class DatabaseInfo:
    """One database, or one schema of one.

    Attributes:
        name: What it is called.
        kind: SQLite, or PostgreSQL with its version.
        place: Its file, or its address without the password.
        holds: What is in it, in words.
        is_used: Whether it is, or left over from before.
        size: Bytes of it.
        free: Bytes that `engine db vacuum` would win, about.
        revision: Of its tables, "" when there are none.
        is_current: Whether that is the newest that the installed program knows; None: it is not
            known which one that would be.
        rows: Rows of the largest tables, about.
        problem: What is wrong with it, "" when nothing is.
    """

    name: str
    kind: str
    place: str
    holds: str
    is_used: bool = True
    size: int = 0
    free: int = 0
    revision: str = ""
    is_current: bool | None = None
    rows: dict[str, int] = field(default_factory=dict)
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return asdict(self)


def look_at(places: Places) -> list[DatabaseInfo]:
    """Look at every database; one that cannot be used does not keep the others from it."""
    found = [_look_at_file(file) for file in places.files]
    if places.address is not None:
        found += asyncio.run(_look_at_server(places.address))
    return found


def newest_revision(name: str) -> str | None:
    """The revision that the installed program brings a SQLite file to, None when unknown."""
    if name == "engine.db":
        return str(SCHEMA_VERSION)
    known = known_revisions(name)
    return known.newest if known else None


def known_revisions(name: str) -> Revisions | None:
    """The revisions of a SQLite file or a schema that Prefect or MLflow made."""
    if name == "prefect.db":
        return revisions("prefect sqlite")
    if name == PREFECT_SCHEMA:
        return revisions("prefect postgresql")
    return revisions("mlflow") if name in ("mlflow.db", MLFLOW_SCHEMA) else None


def _look_at_file(file: SqliteFile) -> DatabaseInfo:
    info = DatabaseInfo(file.name, "SQLite", str(file.path), file.holds, file.is_used)
    try:
        info.size = size_of(file.path)
        answer = check(file.path)
        info.problem = "" if answer == SOUND else answer
        with opened(file.path) as database:
            (pages,) = database.execute("PRAGMA freelist_count").fetchone()
            (page_bytes,) = database.execute("PRAGMA page_size").fetchone()
            info.free = pages * page_bytes
            info.revision = revision_of(database)
            counts = {
                name: int(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
                for name in tables_of(database)
            }
    except StorageError as error:
        info.problem = info.problem or error.what
        return info
    newest = newest_revision(file.name)
    info.is_current = None if newest is None else info.revision == newest
    info.rows = _largest(counts)
    return info


def _largest(counts: dict[str, int]) -> dict[str, int]:
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return {name: count for name, count in ranked[:_TABLES_TOLD] if count}


async def _look_at_server(address: DatabaseAddress) -> list[DatabaseInfo]:
    try:
        async with connected(address) as connection:
            return [
                await _look_at_schema(connection, address, schema, holds)
                for schema, holds in SCHEMAS.items()
            ]
    except DatabaseError as error:
        return [
            DatabaseInfo(schema, "PostgreSQL", address.masked, holds, problem=str(error))
            for schema, holds in SCHEMAS.items()
        ]


async def _look_at_schema(
    connection: asyncpg.Connection, address: DatabaseAddress, schema: str, holds: str
) -> DatabaseInfo:
    version = server_version(connection)
    info = DatabaseInfo(
        schema, f"PostgreSQL {version}", f"{address.masked}, schema {schema}", holds
    )
    tables = await connection.fetch(_TABLES, schema)
    info.size = sum(row["size"] for row in tables)
    info.free = sum(_dead_bytes(row) for row in tables)
    info.rows = _largest({row["name"]: row["live"] for row in tables})
    if any(row["name"] == "alembic_version" for row in tables):
        revision = await connection.fetchval(f"SELECT version_num FROM {schema}.alembic_version")
        known = known_revisions(schema)
        info.revision = revision or ""
        info.is_current = None if known is None else info.revision == known.newest
    return info


_TABLES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS size,
       COALESCE(s.n_live_tup, 0) AS live, COALESCE(s.n_dead_tup, 0) AS dead
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE n.nspname = $1 AND c.relkind = 'r'
"""


def _dead_bytes(row: asyncpg.Record) -> int:
    """What the rows take that nobody can see any more."""
    total = row["live"] + row["dead"]
    return int(row["size"] * row["dead"] / total) if total else 0
