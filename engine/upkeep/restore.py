"""Bringing a backup back: all of it is verified first, and what was there stays beside it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from engine.atomic import sync_folder, unfinished_folder, write_json
from engine.errors import ConflictError, EngineError, StorageError
from engine.locks import FileLock
from engine.plurals import counted
from engine.prefect_server.connection import SERVER_LOCK
from engine.processes import is_alive
from engine.tables.runs import RunTable
from engine.upkeep.archive import kinds_fit, unpacked
from engine.upkeep.backup import DUMP, Wishes
from engine.upkeep.manifest import Manifest
from engine.upkeep.places import Places
from engine.upkeep.restore_postgres import RestoredSchemas, restore_schemas
from engine.workspace import Workspace

_SERVER_SECONDS = 10.0
_POLL_SECONDS = 0.1
_LOGS = ("-wal", "-shm")


@dataclass(frozen=True)
class Restored:
    """What was done.

    Attributes:
        manifest: The backup.
        kept: What was there before, under its new name.
        files: What is in its place now.
        schemas: What became of PostgreSQL's; None without it.
    """

    manifest: Manifest
    kept: tuple[Path, ...]
    files: tuple[Path, ...]
    schemas: RestoredSchemas | None


def restore(places: Places, path: Path, wishes: Wishes) -> Restored:
    """Bring back the databases of a backup.

    Args:
        places: The databases that there are.
        path: The backup.
        wishes: What else is taken from it.

    Raises:
        ConflictError: Something uses the databases.
        StorageError: The backup cannot be used, or there is no space: nothing was changed.
        DatabaseError: PostgreSQL cannot be used.
    """
    workspace = places.workspace.create()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    with _nobody_else(workspace):
        try:
            with unfinished_folder(workspace.root) as folder, unpacked(path, folder) as manifest:
                kinds_fit(manifest, to_postgres=places.address is not None, path=path)
                schemas = None
                if places.address is not None and manifest.dump is not None:
                    dump = folder / DUMP
                    schemas = restore_schemas(places.address, dump, manifest.dump, stamp)
                chosen = [
                    entry.place for entry in manifest.entries if _is_meant(entry.kind, wishes)
                ]
                kept = _exchange(workspace, folder, chosen, stamp, path)
        except OSError as error:
            raise StorageError(
                f"could not be brought back: {error.strerror or error}",
                where=str(error.filename or path),
                fix="Free some space or check the permissions of the workspace, and try again",
            ) from error
    files = tuple(workspace.root / place for place in chosen)
    return Restored(manifest, tuple(kept), files, schemas)


def _is_meant(kind: str, wishes: Wishes) -> bool:
    return (
        kind == "sqlite"
        or (kind == "config" and wishes.configs)
        or (kind == "secret" and wishes.secrets)
    )


@contextmanager
def _nobody_else(workspace: Workspace) -> Iterator[None]:
    """Keep the engine and its Prefect server from starting, and see that nothing of them runs."""
    with ExitStack() as held:
        engine = FileLock(workspace.engine_lock)
        if not engine.acquire(wait=False):
            raise ConflictError(
                "the engine runs", where=str(workspace.root), fix="Stop it: engine down"
            )
        held.callback(engine.release)
        for path in sorted(workspace.root.glob("*.lock")):
            # What an engine that was killed had sent for something may still be at it.
            other = FileLock(path)
            if path != workspace.engine_lock and not other.acquire(wait=False):
                raise ConflictError(
                    f"{path.stem} is still at work", where=str(path), fix="Try again in a minute"
                )
            held.callback(other.release)
        if (living := _living_runs(workspace)) > 0:
            raise ConflictError(
                counted("{count} [run goes|runs go] on without the engine", living),
                where=str(workspace.root),
                fix="Wait for them, or engine cancel --all, and then engine down",
            )
        server = FileLock(workspace.prefect_home / SERVER_LOCK)
        deadline = time.monotonic() + _SERVER_SECONDS
        while not server.acquire(wait=False):
            if time.monotonic() > deadline:
                raise ConflictError(
                    "the Prefect server still runs; it leaves by itself when nobody needs it",
                    where=str(workspace.prefect_home),
                    fix="Try again in two minutes (prefect_server.idle_exit_seconds)",
                )
            time.sleep(_POLL_SECONDS)
        held.callback(server.release)
        yield


def _living_runs(workspace: Workspace) -> int:
    if not workspace.database.exists():
        return 0
    try:
        unclosed = RunTable(workspace.database).unclosed()
    except EngineError:
        return 0  # damaged, or of a newer program: a reason to be here
    return len([run for run in unclosed if run.pid and is_alive(run.pid, run.pid_mark)])


def _exchange(
    workspace: Workspace, folder: Path, places: list[str], stamp: str, path: Path
) -> list[Path]:
    """Put the files of a folder into their places; each of them is always there, old or new."""
    # The engine's own comes last: it is what the rest belongs to.
    order = sorted(places, key=lambda place: place == workspace.database.name)
    _sync(folder, order)
    write_json(workspace.restoring, {"archive": str(path.absolute()), "kept_as": stamp})
    kept = []
    for place in order:
        target = workspace.root / place
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if target.exists():
            kept.append(_keep(target, stamp))
        (folder / place).replace(target)
        sync_folder(target.parent)
    workspace.restoring.unlink()
    return kept


def _keep(target: Path, stamp: str) -> Path:
    """Give a file a second name, with what lies in the log beside it."""
    if target.suffix == ".db":
        _fold_in(target)
    first = f"{target.name}.before-restore-{stamp}"
    # A second attempt may follow within the second.
    names = chain([first], (f"{first}-{number}" for number in count(2)))
    second = next(path for path in map(target.with_name, names) if not path.exists())
    os.link(target, second)
    # Of a damaged file the logs may be left: beside another file they would be played into it.
    for log in (target.with_name(target.name + ending) for ending in _LOGS):
        if log.exists():
            log.replace(second.with_name(second.name + log.name.removeprefix(target.name)))
    return second


def _fold_in(path: Path) -> None:
    try:
        database = sqlite3.connect(path, timeout=1.0)
        try:
            database.execute("PRAGMA journal_mode = DELETE")
        finally:
            database.close()
    except sqlite3.Error:
        return  # damaged: it is kept as it is, with its logs


def _sync(folder: Path, places: list[str]) -> None:
    for place in places:
        with (folder / place).open("r+b") as file:
            os.fsync(file.fileno())
