"""Mirrors to MLflow what it does not have yet: `python -m engine.tracking.mirror WORKSPACE [--now]`.

The engine starts it when there is something to do. It can be killed at any moment: what it has done
is found again, in the engine's database or in MLflow, and is not done twice.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.config.engine_settings import TrackingSettings
from engine.config.loading import load_engine_settings
from engine.config.mlflow_address import mlflow_address
from engine.errors import EngineError, NotFoundError
from engine.exits import ERROR_PREFIX, exit_status_of
from engine.locks import FileLock
from engine.masking import Masker
from engine.secrets_file import read_secrets
from engine.store import AliasRegistry, Version, VersionStore, open_store
from engine.tables.mirrored import (
    ALIASES,
    PLACE,
    RUN,
    STORAGE,
    VERSION,
    MirrorTable,
    storage_mark,
)
from engine.tables.runs import RunRecord, RunTable
from engine.tracking.story import story_of
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.tracking.connection import Connection

NOW = "--now"
"""Also try what failed a moment ago."""

# What takes longer goes on in the next process; see engine/daemon/errands.py.
_SECONDS = 300.0
_AT_ONCE = 50
_PLACE_PAUSES = (5.0, 15.0, 60.0, 300.0)
_PAUSES = (60.0, 600.0, 3600.0, 6 * 3600.0)


def main() -> int:
    """Mirror what is to be mirrored; exit status 0 also when MLflow is away: it is tried again."""
    os.umask(0o077)
    workspace = Workspace(Path(sys.argv[1]))
    try:
        Mirror(workspace, now=NOW in sys.argv[2:]).work()
    except EngineError as error:
        sys.stderr.write(f"{ERROR_PREFIX}{error}\n")
        return exit_status_of(error)
    return 0


class Mirror:
    """One pass over everything.

    Args:
        workspace: The workspace.
        now: Whether to try at once what waits after a failure.
        seconds: After how long to leave the rest for the next pass.
    """

    def __init__(
        self, workspace: Workspace, *, now: bool = False, seconds: float = _SECONDS
    ) -> None:
        self._workspace = workspace
        self._until = time.monotonic() + seconds
        self._time = float("inf") if now else None
        settings = load_engine_settings(workspace_configs=workspace.configs).settings
        self._settings: TrackingSettings = settings.tracking
        self._secrets = read_secrets(workspace.secrets)
        self._masker = Masker(self._secrets.values())
        self._address = mlflow_address(workspace, self._settings, self._secrets)
        self._table = MirrorTable(workspace.database, self._address.place)
        self._runs = RunTable(workspace.database)

    def work(self) -> None:
        """Mirror what is to be mirrored, alone.

        Raises:
            EngineError: Something here is broken; what MLflow lacks or refuses is only recorded.
        """
        if not self._settings.enabled:
            return
        lock = FileLock(self._workspace.mirror_lock)
        lock.acquire()
        try:
            self._mirror()
        finally:
            lock.release()

    def _mirror(self) -> None:
        from engine.tracking.connection import Connection

        # Before anything is read: what changes meanwhile makes it due again.
        mark = storage_mark(self._workspace.central_storage)
        try:
            connection = Connection(self._address, self._settings, self._secrets)
        except EngineError as error:
            self._place_failed(str(error))
            return
        self._table.done(PLACE)
        if self._versions(connection) and self._runs_left(connection):
            self._table.done(STORAGE, fingerprint=mark)

    def _versions(self, connection: Connection) -> bool:
        """Mirror versions, each after the run that trained it, and the aliases.

        Returns:
            Whether all was tried: neither was the time over nor MLflow away.
        """
        from engine.tracking.versions import (
            fingerprint_of,
            mirror_aliases,
            mirror_version,
            model_name,
            ensure_model,
            training_run,
        )

        store = open_store(self._workspace)
        known = self._table.all(VERSION)
        versions = store.newest()
        self._forget_versions(store, versions)
        for version in versions:
            row = known.get(version.id)
            if row is not None and (row.at is not None or not self._is_time(row.next_try)):
                continue
            name = model_name(self._settings.model_name, version.data_type)

            def register(version: Version = version, name: str = name) -> str:
                ensure_model(connection, name, version.data_type)
                self._run_first(connection, training_run(version))
                return f"{name}/{mirror_version(connection, name, version)}"

            if not self._try(connection, VERSION, version.id, register):
                return False
        for data_type, state in AliasRegistry(self._workspace.central_storage).of_all().items():
            print_ = fingerprint_of(state)
            row = self._table.get(ALIASES, data_type)
            is_new = row is None and state.champion is None and state.previous is None
            if is_new or (row is not None and row.at is not None and row.fingerprint == print_):
                continue
            name = model_name(self._settings.model_name, data_type)

            def point(
                state: object = state, name: str = name, data_type: str = data_type
            ) -> str:
                mirror_aliases(connection, name, state, data_type)  # type: ignore[arg-type]
                return name

            if not self._try(connection, ALIASES, data_type, point, print_):
                return False
        return True

    def _runs_left(self, connection: Connection) -> bool:
        """Mirror the runs that wait, the newest first; return whether all was tried."""
        tried: set[str] = set()
        while True:
            waiting = self._table.waiting(_AT_ONCE + len(tried), now=self._time)
            left = [record for record in waiting if record.id not in tried]
            if not left:
                return True
            for record in left:
                tried.add(record.id)
                if not self._run(connection, record):
                    return False

    def _run_first(self, connection: Connection, run_id: str | None) -> None:
        """Mirror one run that a version is from, if it is here and not mirrored yet."""
        if run_id is None:
            return
        row = self._table.get(RUN, run_id)
        if row is not None and row.at is not None:
            return
        try:
            record = self._runs.get(run_id)
        except NotFoundError:
            return
        if record.is_final:
            self._table.done(RUN, run_id, mlflow_id=self._tell(connection, record))

    def _run(self, connection: Connection, record: RunRecord) -> bool:
        return self._try(
            connection, RUN, record.id, lambda: self._tell(connection, record)
        )

    def _tell(self, connection: Connection, record: RunRecord) -> str:
        from engine.tracking.runs import mirror_run

        folder = self._workspace.run_folder(record.id)
        return mirror_run(connection, record.id, story_of(record, folder, self._masker))

    def _try(
        self,
        connection: Connection,
        kind: str,
        id_: str,
        work: Callable[[], str],
        fingerprint: str = "",
    ) -> bool:
        """Do one thing and record what became of it; return whether to go on with others."""
        if time.monotonic() > self._until:
            return False
        try:
            mlflow_id = work()
        except Exception as error:  # noqa: BLE001  every kind of store has errors of its own
            problem = connection.words(error)
            if not connection.is_up():
                self._place_failed(f"MLflow does not answer any more: {problem}")
                return False
            row = self._table.get(kind, id_)
            pause = _PAUSES[min(row.attempts if row else 0, len(_PAUSES) - 1)]
            self._table.failed(kind, id_, problem=problem, next_try=time.time() + pause)
            sys.stderr.write(f"{kind} {id_}: {problem}\n")
            return True
        self._table.done(kind, id_, mlflow_id=mlflow_id, fingerprint=fingerprint)
        sys.stdout.write(f"{kind} {id_}: {mlflow_id}\n")
        return True

    def _place_failed(self, problem: str) -> None:
        row = self._table.get(PLACE)
        pause = _PLACE_PAUSES[min(row.attempts if row else 0, len(_PLACE_PAUSES) - 1)]
        self._table.failed(PLACE, problem=problem, next_try=time.time() + pause)
        sys.stderr.write(f"{problem}\n")

    def _is_time(self, next_try: float | None) -> bool:
        return next_try is None or next_try <= (self._time or time.time())

    def _forget_versions(self, store: VersionStore, versions: list[Version]) -> None:
        """Drop what failed of versions that were deleted here; what was mirrored stays there."""
        here = {version.id for version in versions}
        for row in self._table.all(VERSION).values():
            if row.at is None and row.id not in here:
                self._table.forget(VERSION, row.id)


if __name__ == "__main__":
    sys.exit(main())
