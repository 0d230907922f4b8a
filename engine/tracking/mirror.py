"""Mirrors to MLflow what it lacks: `python -m engine.tracking.mirror WORKSPACE [--now]`.

The engine starts it when there is something to do. It can be killed at any moment: what it has done
is found again, in the engine's database or in MLflow, and is not done twice.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.config.engine_settings import TrackingSettings
from engine.config.loading import load_engine_settings
from engine.config.mlflow_address import OWN_PLACE, mlflow_address
from engine.errors import EngineError, NotFoundError, StorageError
from engine.exits import ERROR_PREFIX, exit_status_of
from engine.locks import FileLock
from engine.masking import Masker
from engine.secrets_file import read_secrets
from engine.store import AliasRegistry, AliasState, Version, open_store
from engine.tables.mirrored import (
    ALIASES,
    PLACE,
    RUN,
    STORAGE,
    VERSION,
    Mirrored,
    MirrorTable,
    storage_mark,
)
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.tracking.connection import Connection, use_environment
from engine.tracking.moving import follow_the_workspace
from engine.tracking.names import fingerprint_of, model_name, training_run
from engine.tracking.story import story_of
from engine.workspace import Workspace

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
    now = NOW in sys.argv[2:]
    try:
        use_environment(read_secrets(workspace.secrets))
        Mirror(workspace, now=now).work()
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
        # When it is taken to be, for what is to be tried again later.
        self._time = float("inf") if now else time.time()
        settings = load_engine_settings(workspace_configs=workspace.configs).settings
        self._settings: TrackingSettings = settings.tracking
        secrets = read_secrets(workspace.secrets)
        self._masker = Masker(secrets.values())
        self._address = mlflow_address(workspace, self._settings, secrets)
        self._table = MirrorTable(workspace.database, self._address.place)
        self._runs = RunTable(workspace.database)
        self._is_away = False

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
        # Before anything is read: what changes meanwhile makes it due again.
        mark = storage_mark(self._workspace.central_storage)
        if self._address.place == OWN_PLACE:
            self._find_own()
        try:
            connection = Connection(self._address, self._settings, self._masker)
        except EngineError as error:
            self._place_failed(str(error))
            return
        self._table.done(PLACE)
        # What people look at first goes first: what is deployed, then what ended last.
        if self._versions(connection) and self._aliases(connection):
            self._table.done(STORAGE, fingerprint=mark)
        self._other_runs(connection)

    def _find_own(self) -> None:
        """Set right what the workspace's own MLflow cannot know by itself."""
        database = self._workspace.mlflow_database
        if not database.exists():
            self._table.forget_all()
        try:
            follow_the_workspace(database, self._workspace.mlflow_artifacts.absolute())
        except sqlite3.Error as error:
            raise StorageError(
                f"cannot be used: {error}", where=str(database), fix="See `engine doctor`"
            ) from error

    def _versions(self, connection: Connection) -> bool:
        """Mirror the versions; return whether all that there are were tried."""
        versions = open_store(self._workspace).newest()
        known = self._table.all(VERSION)
        here = {version.id for version in versions}
        for row in known.values():
            # What was mirrored of a version stays there when it is deleted here.
            if row.at is None and row.id not in here:
                self._table.forget(VERSION, row.id)
        all_tried = True
        for version in versions:
            if (known_as := known.get(version.id)) and not self._is_open(known_as):
                continue
            run = self._run_of(version)
            if run is not None and not run.closed:
                all_tried = False  # it is registered with its run, in a moment
                continue
            register = partial(self._register, connection, version, run)
            if not self._try(connection, VERSION, version.id, register):
                return False
        return all_tried

    def _run_of(self, version: Version) -> RunRecord | None:
        """The run that trained a version, when it is still here."""
        run_id = training_run(version)
        try:
            return self._runs.get(run_id) if run_id else None
        except NotFoundError:
            return None

    def _register(self, connection: Connection, version: Version, run: RunRecord | None) -> str:
        """Register one version, after the run that trained it."""
        from engine.tracking.versions import ensure_model, mirror_version

        name = model_name(self._settings.model_name, version.data_type)
        ensure_model(connection, name, version.data_type)
        known_as = self._table.get(RUN, run.id) if run else None
        if run is not None and (known_as is None or known_as.at is None):
            self._table.done(RUN, run.id, mlflow_id=self._tell(connection, run))
        return f"{name}/{mirror_version(connection, name, version)}"

    def _aliases(self, connection: Connection) -> bool:
        """Mirror the aliases that moved; return whether all were tried."""
        for data_type, state in AliasRegistry(self._workspace.central_storage).of_all().items():
            row = self._table.get(ALIASES, data_type)
            looks = fingerprint_of(state)
            never = row is None and state.champion is None and state.previous is None
            if never or (row is not None and row.at is not None and row.fingerprint == looks):
                continue
            point = partial(self._point, connection, data_type, state)
            if not self._try(connection, ALIASES, data_type, point, looks):
                return False
        return True

    def _point(self, connection: Connection, data_type: str, state: AliasState) -> str:
        from engine.tracking.versions import mirror_aliases

        name = model_name(self._settings.model_name, data_type)
        mirror_aliases(connection, name, state, data_type)
        return name

    def _other_runs(self, connection: Connection) -> None:
        """Mirror the runs that wait, the newest first."""
        tried: set[str] = set()
        while True:
            waiting = self._table.waiting(_AT_ONCE + len(tried), now=self._time)
            left = [record for record in waiting if record.id not in tried]
            if not left:
                return
            for record in left:
                tried.add(record.id)
                tell = partial(self._tell, connection, record)
                if not self._try(connection, RUN, record.id, tell):
                    return

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
        if self._is_away or time.monotonic() > self._until:
            return False
        try:
            mlflow_id = work()
        except Exception as error:  # noqa: BLE001  every kind of store has errors of its own
            problem = connection.words(error)
            if not connection.is_up():
                self._place_failed(f"{self._address.words}: MLflow went away: {problem}")
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
        self._is_away = True
        row = self._table.get(PLACE)
        pause = _PLACE_PAUSES[min(row.attempts if row else 0, len(_PLACE_PAUSES) - 1)]
        self._table.failed(PLACE, problem=problem, next_try=time.time() + pause)
        sys.stderr.write(f"{problem}\n")

    def _is_open(self, row: Mirrored) -> bool:
        """Whether something failed, and it is time to try it again."""
        return row.at is None and (row.next_try is None or row.next_try <= self._time)


if __name__ == "__main__":
    sys.exit(main())
