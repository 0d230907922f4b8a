"""Bringing the tables of a dump back into PostgreSQL, in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from engine.database.address import DatabaseAddress
from engine.database.postgres import EXTENSION, connected, extension_schema
from engine.errors import ConflictError, StorageError
from engine.upkeep.manifest import Dump
from engine.upkeep.places import SCHEMAS
from engine.upkeep.postgres_tools import Tools, find_tools


@dataclass(frozen=True)
class RestoredSchemas:
    """What became of the schemas of a database.

    Attributes:
        restored: Those that are as they were in the dump.
        kept: What was there before, under its new name.
    """

    restored: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class _Target:
    """How the database is before."""

    major: int
    schemas: frozenset[str]
    extension: str | None
    others: int


def restore_schemas(
    address: DatabaseAddress, dump: Path, described: Dump, stamp: str
) -> RestoredSchemas:
    """Bring a dump back; the schemas that are there get another name.

    Raises:
        ConflictError: Others use the database.
        StorageError: The programs are missing, or refuse: nothing was changed.
        DatabaseError: The database cannot be used.
    """
    target = asyncio.run(_look(address))
    if target.others:
        raise ConflictError(
            f"{target.others} other connections of {address.user} use the database",
            where=address.masked,
            fix="Stop the engines, MLflow servers and other programs that use it",
        )
    tools = find_tools(max(described.tools, target.major))
    kept = {schema: f"{schema}_before_{stamp.replace('-', '_')}" for schema in sorted(SCHEMAS)}
    kept = {schema: name for schema, name in kept.items() if schema in target.schemas}
    before = dump.with_name("before.sql")
    before.write_text(_before(address, target, described, kept), encoding="utf-8")
    script = _script(tools, dump)
    # All of it or nothing: a dump that fails in the middle leaves the old names where they were.
    options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction")
    tools.run("psql", [*options, f"--file={before}", f"--file={script}"], address)
    return RestoredSchemas(tuple(sorted(described.revisions)), tuple(kept.values()))


async def _look(address: DatabaseAddress) -> _Target:
    async with connected(address) as connection:
        rows = await connection.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname = ANY($1::text[])", list(SCHEMAS)
        )
        others = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND usename = current_user AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        return _Target(
            connection.get_server_version().major,
            frozenset(row["nspname"] for row in rows),
            await extension_schema(connection),
            others,
        )


def _before(
    address: DatabaseAddress, target: _Target, described: Dump, kept: dict[str, str]
) -> str:
    """What is done before the tables come: old schemas aside, new ones, the extension."""
    lines = [f"ALTER SCHEMA {schema} RENAME TO {name};" for schema, name in kept.items()]
    lines += [f"CREATE SCHEMA {schema};" for schema in SCHEMAS]
    wanted = described.extension
    if wanted and target.extension is None:
        lines.append(f'CREATE SCHEMA IF NOT EXISTS "{wanted}";')
        lines.append(f'CREATE EXTENSION {EXTENSION} SCHEMA "{wanted}";')
    elif wanted not in ("", target.extension):
        raise StorageError(
            f"the extension {EXTENSION} lies in the schema {target.extension}, and the backup "
            f"looks for it in {wanted}",
            where=address.masked,
            fix=f"Move it: ALTER EXTENSION {EXTENSION} SET SCHEMA {wanted}",
        )
    return "\n".join(lines)


def _script(tools: Tools, dump: Path) -> Path:
    """The dump as a script, without the schemas themselves, which are made before it."""
    listed = tools.run("pg_restore", ["--list", str(dump)])
    wanted = [line for line in listed.splitlines() if " SCHEMA - " not in line]
    contents, script = dump.with_name("contents.txt"), dump.with_name("dump.sql")
    contents.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    options = ("--no-owner", "--no-privileges", f"--use-list={contents}", f"--file={script}")
    script.touch(mode=0o600)
    tools.run("pg_restore", [*options, str(dump)])
    return script
