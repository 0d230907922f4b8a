"""Reading a backup: everything in it is looked at before anything is done with it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from engine.checksums import sha256_of
from engine.errors import StorageError
from engine.tables.engine_database import SCHEMA_VERSION
from engine.upkeep.backup import DUMP
from engine.upkeep.info import known_revisions
from engine.upkeep.manifest import Entry, Manifest, read_manifest
from engine.upkeep.sqlite_files import SOUND, check, opened, revision_of

_BLOCK = 1024**2


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[Manifest]:
    """Unpack a backup into an empty folder, and see that all of it is as it was written.

    Raises:
        StorageError: It is no backup, damaged, incomplete, or newer than this program.
    """
    try:
        with tarfile.open(path, mode="r:*") as archive:
            manifest = read_manifest(archive, path)
            _refuse_what_is_newer(manifest, path)
            _unpack(archive, manifest, folder, path)
    except FileNotFoundError as error:
        raise StorageError("there is no such file", where=str(path)) from error
    except (tarfile.TarError, EOFError) as error:
        raise StorageError(
            f"is damaged, or no backup: {error}", where=str(path), fix="Take another file"
        ) from error
    except OSError as error:
        raise StorageError(
            f"cannot be unpacked: {error.strerror or error}",
            where=str(path),
            fix=f"Free some space on {folder.parent}",
        ) from error
    for entry in manifest.entries:
        if entry.kind == "sqlite":
            _verify_database(folder / entry.place, entry, path)
    yield manifest


def _refuse_what_is_newer(manifest: Manifest, path: Path) -> None:
    for entry in manifest.entries:
        if entry.kind == "sqlite":
            name = PurePosixPath(entry.place).name
            _refuse_revision(name, entry.revision, manifest, path)
    for schema, revision in (manifest.dump.revisions if manifest.dump else {}).items():
        _refuse_revision(schema, revision, manifest, path)


def _refuse_revision(name: str, revision: str, manifest: Manifest, path: Path) -> None:
    known = known_revisions(name)
    if name == "engine.db":
        is_newer = int(revision) > SCHEMA_VERSION if revision.isdigit() else True
    else:
        is_newer = known is not None and bool(revision) and revision not in known.known
    if is_newer:
        raise StorageError(
            f"{name} in it was written by a newer version (revision {revision}, mlops-tui "
            f"{manifest.version})",
            where=str(path),
            fix="Upgrade mlops-tui",
        )


def _unpack(archive: tarfile.TarFile, manifest: Manifest, folder: Path, path: Path) -> None:
    missing = {entry.place: entry for entry in manifest.entries}
    while (member := archive.next()) is not None:
        entry = missing.pop(member.name, None)
        # What the description does not name is not unpacked, wherever its name would lead.
        if entry is None or not member.isreg() or not _is_inside(member.name):
            raise StorageError(
                f"holds what its description does not name: {member.name!r}", where=str(path)
            )
        target = folder / entry.place
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = archive.extractfile(member)
        assert source is not None, "a regular file"
        target.touch(mode=0o600)
        with target.open("r+b") as file:
            while block := source.read(_BLOCK):
                file.write(block)
            file.seek(0)
            digest = sha256_of(file)
        if (member.size, digest) != (entry.bytes, entry.sha256):
            raise StorageError(f"{entry.place} in it is damaged", where=str(path))
    if missing:
        raise StorageError(f"lacks {', '.join(missing)}", where=str(path), fix="Take another file")


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts


def _verify_database(copy: Path, entry: Entry, path: Path) -> None:
    answer = check(copy)
    if answer != SOUND:
        raise StorageError(f"{entry.place} in it is damaged: {answer}", where=str(path))
    with opened(copy) as database:
        if revision_of(database) != entry.revision:
            raise StorageError(f"{entry.place} in it is not what it says", where=str(path))


def kinds_fit(manifest: Manifest, *, to_postgres: bool, path: Path) -> None:
    """Refuse to bring SQLite's tables of Prefect into PostgreSQL, or the other way round.

    Raises:
        StorageError: They do not fit, with what to do.
    """
    places = {entry.place for entry in manifest.entries}
    if DUMP in places and not to_postgres:
        raise StorageError(
            "holds tables of PostgreSQL, and this workspace has none",
            where=str(path),
            fix="Set database.url in engine.yaml to an empty database, and try again",
        )
    if to_postgres and DUMP not in places:
        raise StorageError(
            "holds tables of SQLite, which cannot be brought into PostgreSQL: Prefect and MLflow "
            "lay them out in other ways there",
            where=str(path),
            fix="Set database.url in engine.yaml to nothing, and try again",
        )
