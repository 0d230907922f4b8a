"""Giving the space of deleted rows back."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass

from engine.database.address import DatabaseAddress
from engine.database.postgres import connected
from engine.errors import ConflictError, StorageError
from engine.plurals import counted
from engine.tables.runs import RunTable
from engine.upkeep.places import SCHEMAS, Places, SqliteFile
from engine.upkeep.sqlite_files import opened, size_of
from engine.workspace import Workspace

# A new file, and the log through which it takes the place of the old one.
_ROOM = 2.1


@dataclass(frozen=True)
class Vacuumed:
    """One database.

    Attributes:
        name: What it is called.
        before: Bytes of it before.
        after: Bytes of it now.
    """

    name: str
    before: int
    after: int


def vacuum(places: Places) -> list[Vacuumed]:
    """Give back the space of all databases that are used; a failure loses nothing.

    Raises:
        ConflictError: Runs go on, which would have to wait to write.
        StorageError: A disk has too little space, or a file stays in use.
        DatabaseError: PostgreSQL cannot be used.
    """
    _refuse_beside_runs(places.workspace)
    done = [_vacuum_file(file) for file in places.used_files]
    if places.address is not None:
        done += asyncio.run(_vacuum_schemas(places.address))
    return done


def _refuse_beside_runs(workspace: Workspace) -> None:
    if not workspace.database.exists():
        return
    going = [run for run in RunTable(workspace.database).unclosed() if run.pid is not None]
    if going:
        raise ConflictError(
            counted("{count} [run goes|runs go] on, and could not write meanwhile", len(going)),
            where=str(workspace.root),
            fix="Wait for them, or engine cancel --all",
        )


def _vacuum_file(file: SqliteFile) -> Vacuumed:
    before = size_of(file.path)
    free = shutil.disk_usage(file.path.parent).free
    if free < before * _ROOM:
        raise StorageError(
            f"needs {before * _ROOM / 1024**2:,.0f} MiB of free space to be written anew, and "
            f"there are {free / 1024**2:,.0f}",
            where=str(file.path),
            fix="Free some space",
        )
    # Where the file is there is space, as was just seen; elsewhere, who knows.
    os.environ["SQLITE_TMPDIR"] = str(file.path.parent)
    with opened(file.path, write=True) as database:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Vacuumed(file.name, before, size_of(file.path))


async def _vacuum_schemas(address: DatabaseAddress) -> list[Vacuumed]:
    done = []
    async with connected(address) as connection:
        for schema in SCHEMAS:
            rows = await connection.fetch(
                "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
                "WHERE schemaname = $1",
                schema,
            )
            names = [row["name"] for row in rows]
            before = await connection.fetchval(_SIZE, schema)
            for name in names:
                await connection.execute(f"VACUUM (ANALYZE) {name}", timeout=None)
            done.append(Vacuumed(schema, before, await connection.fetchval(_SIZE, schema)))
    return done


_SIZE = """
SELECT COALESCE(sum(pg_total_relation_size(c.oid)), 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'r'
"""
