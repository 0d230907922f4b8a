"""One file with a copy of every database, made while the engine and its runs go on."""

from __future__ import annotations

import asyncio
import io
import shutil
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from engine.atomic import replaced_file, sweep_unfinished, unfinished_folder
from engine.checksums import sha256_of
from engine.database.address import MLFLOW_SCHEMA, PREFECT_SCHEMA, DatabaseAddress
from engine.database.postgres import connected, extension_schema
from engine.errors import StorageError
from engine.upkeep.manifest import FORMAT, MANIFEST, Dump, Entry, Kind, Manifest
from engine.upkeep.places import Places, place_of
from engine.upkeep.postgres_tools import find_tools
from engine.upkeep.sqlite_files import SOUND, check, copy_whole, opened, revision_of, size_of

DUMP = "postgresql.dump"
# Databases shrink to a fifth of their size at any level; higher ones only take longer.
_COMPRESSION = 3
_MARGIN_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class Wishes:
    """What else goes into a backup, beside the databases.

    Attributes:
        configs: The user's own YAML files.
        secrets: secrets.env and the tokens.
    """

    configs: bool = False
    secrets: bool = False


def back_up(places: Places, target: Path, wishes: Wishes) -> Manifest:
    """Write a backup; the file is there whole, or not at all.

    Args:
        places: The databases.
        target: The file; one that exists is replaced.
        wishes: What else goes into it.

    Raises:
        StorageError: Something cannot be read, is damaged, or there is no space.
        DatabaseError: PostgreSQL cannot be used.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep_unfinished(target.parent)
        _expect_room(places, target.parent)
        with unfinished_folder(target.parent) as folder:
            manifest = _collect(places, folder, wishes)
            _write_archive(manifest, folder, target)
    except OSError as error:
        raise StorageError(
            f"the backup cannot be written: {error.strerror or error}",
            where=str(error.filename or target),
            fix="Free some space, or name a file elsewhere",
        ) from error
    return manifest


def default_target(places: Places, now: float) -> Path:
    """Where a backup goes unless a file is named: its name tells when it was made."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return places.workspace.backups / f"mlops-tui-{moment}.tar.gz"


def _expect_room(places: Places, folder: Path) -> None:
    """Refuse at once what would fail in the end; what PostgreSQL's part takes, nobody knows."""
    needed = sum(size_of(file.path) for file in places.used_files) + _MARGIN_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            f"a backup takes up to {needed / 1024**2:,.0f} MiB while it is made, and "
            f"{free / 1024**2:,.0f} are free",
            where=str(folder),
            fix="Free some space, or name a file elsewhere",
        )


def _collect(places: Places, folder: Path, wishes: Wishes) -> Manifest:
    # The engine's own comes first: that Prefect knows a run more does no harm, the other way round
    # a run would have lost its states.
    entries = [_copy_database(places, path, folder) for path in _files(places)]
    dump = None
    if places.address is not None:
        dump = asyncio.run(_dump(places.address, folder / DUMP))
        entries.append(_entry(folder, DUMP, "postgresql"))
    for path, kind in _others(places, wishes):
        place = place_of(places.workspace, path)
        (folder / place).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(path, folder / place)
        entries.append(_entry(folder, place, kind))
    return Manifest(
        format=FORMAT,
        version=version("mlops-tui"),
        created=time.time(),
        workspace=str(places.workspace.root),
        entries=tuple(entries),
        dump=dump,
    )


def _files(places: Places) -> Iterator[Path]:
    for file in places.used_files:
        yield file.path


def _others(places: Places, wishes: Wishes) -> Iterator[tuple[Path, Kind]]:
    workspace = places.workspace
    if wishes.configs:
        for path in sorted(workspace.configs.glob("*.yaml")):
            yield path, "config"
    if wishes.secrets:
        for path in (workspace.secrets, workspace.token, workspace.tokens):
            if path.is_file():
                yield path, "secret"


def _copy_database(places: Places, path: Path, folder: Path) -> Entry:
    place = place_of(places.workspace, path)
    copy = folder / place
    copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy_whole(path, copy)
    if (answer := check(copy)) != SOUND:
        raise StorageError(
            f"is damaged, and a copy of it is of no use: {answer}",
            where=str(path),
            fix="See `engine doctor`, or bring an earlier backup back: engine db restore FILE",
        )
    with opened(copy) as database:
        revision = revision_of(database)
    return _entry(folder, place, "sqlite", revision)


def _entry(folder: Path, place: str, kind: Kind, revision: str = "") -> Entry:
    with (folder / place).open("rb") as file:
        digest = sha256_of(file)
    return Entry(place, kind, (folder / place).stat().st_size, digest, revision)


async def _dump(address: DatabaseAddress, target: Path) -> Dump:
    async with connected(address) as connection:
        major = connection.get_server_version().major
        extension = await extension_schema(connection) or ""
        revisions = {}
        for schema in (PREFECT_SCHEMA, MLFLOW_SCHEMA):
            if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.alembic_version"):
                query = f"SELECT version_num FROM {schema}.alembic_version"
                revisions[schema] = await connection.fetchval(query) or ""
    tools = find_tools(major)
    schemas = (f"--schema={schema}" for schema in (PREFECT_SCHEMA, MLFLOW_SCHEMA))
    options = ("--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=10s")
    target.touch(mode=0o600)
    tools.run("pg_dump", [*options, *schemas, f"--file={target}"], address)
    return Dump(major, tools.major, extension, revisions)


def _write_archive(manifest: Manifest, folder: Path, target: Path) -> None:
    # Others must not read it: what runs were asked to do is in it.
    with replaced_file(target, mode=0o600) as file, _archive(file, target) as archive:
        content = manifest.to_bytes()
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mtime, head.mode = len(content), int(manifest.created), 0o600
        archive.addfile(head, io.BytesIO(content))
        for entry in manifest.entries:
            member = tarfile.TarInfo(entry.place)
            member.size, member.mtime, member.mode = entry.bytes, int(manifest.created), 0o600
            with (folder / entry.place).open("rb") as source:
                archive.addfile(member, source)
            (folder / entry.place).unlink()


def _archive(file: BinaryIO, target: Path) -> tarfile.TarFile:
    if target.name.endswith((".gz", ".tgz")):
        return tarfile.open(fileobj=file, mode="w:gz", compresslevel=_COMPRESSION)
    return tarfile.open(fileobj=file, mode="w")
