"""Checks of the machine and the workspace, each with what was found and what to do about it."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from engine.client.start import answers
from engine.config.database import database_address
from engine.config.loading import load_engine_settings, load_settings
from engine.config.mlflow_address import mlflow_address
from engine.database.address import missing_driver
from engine.errors import EngineError
from engine.locks import FileLock
from engine.prefect_server.address import check_server, given_connection
from engine.prefect_server.connection import SERVER_LOCK, Connection
from engine.processes import is_alive
from engine.secrets_file import read_secrets
from engine.store import AliasRegistry, open_store
from engine.tables.mirrored import RUN, MirrorTable, why_not_mirrored
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from models.data_types import DATA_TYPES, TIMESERIES

_PACKAGES = ("prefect", "torch", "lightgbm", "onnxruntime", "pandas", "pillow", "plotext")
_LEAST_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        name: What was looked at.
        ok: Whether it is fine.
        found: What was found.
        fix: What to do, "" when nothing.
    """

    name: str
    ok: bool
    found: str
    fix: str = ""

    @property
    def state(self) -> Literal["ok", "warning", "error"]:
        """How bad it is; a warning is fine as it is, and still there is something to do."""
        if not self.ok:
            return "error"
        return "warning" if self.fix else "ok"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "name": self.name,
            "ok": self.ok,
            "state": self.state,
            "message": self.found,
            "advice": self.fix,
        }


def examine(workspace: Workspace) -> list[Finding]:
    """Look at everything; a check that fails does not keep the others from running."""
    findings = [_python(), *_packages()]
    try:
        workspace.create()
    except EngineError as error:
        return [*findings, Finding("workspace", False, error.what, error.fix or "")]
    findings += [
        Finding("workspace", True, str(workspace.root)),
        _disk(workspace.root),
        _privacy(workspace.root),
        _configuration(workspace),
        *_databases(workspace),
        *_postgres(workspace),
        _secrets(workspace),
        *_storage(workspace),
        _engine(workspace),
        _server(workspace),
        _runs(workspace),
        *_champions(workspace),
        _tracking(workspace),
    ]
    return findings


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    supported = sys.platform in {"linux", "darwin"}
    return Finding("python", supported, found, "" if supported else "On Windows, use WSL")


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, "not installed", "Install again: pip install mlops-tui")


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(root).free
    found = f"{free / 1024**3:.1f} GiB free"
    enough = free >= _LEAST_FREE_BYTES
    return Finding("disk", enough, found, "" if enough else f"Free some space on {root}")


def _privacy(root: Path) -> Finding:
    mode = root.stat().st_mode & 0o777
    closed = not mode & 0o077
    fix = "" if closed else f"Others can read run data and credentials: chmod 700 {root}"
    return Finding("permissions", closed, f"{mode:o}", fix)


def _configuration(workspace: Workspace) -> Finding:
    try:
        for data_type in DATA_TYPES:
            flags = {"data_type": data_type}
            load_settings("full_flow", workspace_configs=workspace.configs, flags=flags)
        load_engine_settings(workspace_configs=workspace.configs)
    except EngineError as error:
        return Finding("configuration", False, str(error), "See `engine config check`")
    own = sorted(path.name for path in workspace.configs.glob("*.yaml"))
    return Finding("configuration", True, f"shipped, with {', '.join(own)}" if own else "shipped")


def _databases(workspace: Workspace) -> Iterator[Finding]:
    for path in workspace.databases:
        yield _database(path)
    if workspace.restoring.exists():
        again = "Do it again: engine db restore FILE"
        yield Finding("restore", False, "a restore was cut short", again)


def _postgres(workspace: Workspace) -> Iterator[Finding]:
    """The database that database.url names, and whether MLflow can speak to it."""
    try:
        address = database_address(workspace)
    except EngineError as error:
        yield Finding("postgresql", False, str(error))
        return
    if address is None:
        return
    # The driver costs a tenth of a second, and most workspaces have no such database.
    from engine.database.postgres import try_out

    try:
        found = try_out(address)
    except EngineError as error:
        yield Finding("postgresql", False, f"{address.masked}: {error.what}", error.fix or "")
    else:
        yield Finding("postgresql", True, found)
    if missing := missing_driver():
        yield Finding("postgresql driver", True, missing.what, missing.fix or "")


def _database(path: Path) -> Finding:
    try:
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)
        try:
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            database.close()
    except sqlite3.Error as error:
        answer = str(error)
    megabytes = path.stat().st_size / 1024**2
    if answer == "ok":
        return Finding(path.name, True, f"{megabytes:.1f} MiB, sound")
    damaged = answer.startswith(("database disk image", "file is not a database", "***"))
    again = (
        "then say which version serves: engine models promote VERSION"
        if path.name == "aliases.db"
        else "the engine makes a new one at its next start"
    )
    fix = (
        f"Move {path} away; {again}" if damaged else f"Check the disk and the permissions of {path}"
    )
    return Finding(path.name, False, answer, fix)


def _server(workspace: Workspace) -> Finding:
    try:
        settings = load_engine_settings(workspace_configs=workspace.configs).settings.prefect_server
    except EngineError:
        return Finding("prefect server", True, "not looked at: see configuration")
    if settings.url:
        return _server_elsewhere(workspace, settings.url, settings.auth)
    lock = FileLock(workspace.prefect_home / SERVER_LOCK)
    try:
        is_free = lock.acquire(wait=False)
    except EngineError as error:
        return Finding("prefect server", False, str(error))
    if is_free:
        lock.release()
        return Finding("prefect server", True, "not running; it starts with the next run")
    connection = Connection.read(workspace.prefect_home)
    found = f"pid {connection.pid} on {connection.url}" if connection else "starting"
    return Finding("prefect server", True, found)


def _server_elsewhere(workspace: Workspace, url: str, auth: str) -> Finding:
    try:
        found = check_server(given_connection(url, auth, workspace.secrets))
    except EngineError as error:
        return Finding("prefect server", False, str(error), error.fix or "")
    return Finding("prefect server", True, f"version {found} at {url}")


def _runs(workspace: Workspace) -> Finding:
    try:
        unclosed = RunTable(workspace.database).unclosed()
    except EngineError as error:
        return Finding("runs", False, error.what, error.fix or "")
    dead = [run for run in unclosed if run.pid is not None and not is_alive(run.pid, run.pid_mark)]
    silent = len([run for run in dead if not run.is_final])
    told = len(dead) - silent
    parts = [f"{silent} died without a word"] if silent else []
    parts += [f"{told} ended before Prefect knew all of it"] if told else []
    if not parts:
        return Finding("runs", True, "each has a process or an end")
    found = f"{' and '.join(parts)}; the engine sees to it when it runs"
    return Finding("runs", True, found, "" if answers(workspace) else "Start it: engine up")


def _engine(workspace: Workspace) -> Finding:
    if answers(workspace):
        return Finding("engine", True, f"listens on {workspace.socket}")
    return Finding("engine", True, "not running; it starts with the first command that needs it")


def _secrets(workspace: Workspace) -> Finding:
    try:
        names = read_secrets(workspace.secrets)
    except EngineError as error:
        return Finding("secrets", False, str(error))
    found = f"{', '.join(names)} in {workspace.secrets.name}" if names else "none"
    return Finding("secrets", True, found)


def _storage(workspace: Workspace) -> Iterator[Finding]:
    try:
        store = open_store(workspace)
        if store.is_shared:
            count = len(store.newest())
            yield Finding("storage", True, f"{count} versions in {store.place}")
    except EngineError as error:
        yield Finding("storage", False, str(error))


def _tracking(workspace: Workspace) -> Finding:
    """What is not in MLflow is a warning at most: no run needs it."""
    try:
        settings = load_engine_settings(workspace_configs=workspace.configs).settings.tracking
        if not settings.enabled:
            return Finding("tracking", True, "switched off")
        address = mlflow_address(workspace, settings, read_secrets(workspace.secrets))
        table = MirrorTable(workspace.database, address.place)
        why = why_not_mirrored(table)
        runs = table.count(RUN)
    except EngineError as error:
        return Finding("tracking", False, str(error), "Correct `tracking` in engine.yaml")
    if why:
        return Finding("tracking", True, why, "See `engine mlflow status`; it is tried again")
    return Finding("tracking", True, f"{runs} runs in {address.words}")


def _champions(workspace: Workspace) -> Iterator[Finding]:
    """One finding for each kind of data that has a champion, or that there is none at all."""
    try:
        states = AliasRegistry(workspace.central_storage).of_all()
    except EngineError as error:
        yield Finding("champion", False, error.what, error.fix or "")
        return
    champions = {kind: state.champion for kind, state in states.items() if state.champion}
    if not champions:
        yield Finding("champion", True, "none yet", "Deploy one: engine run full_flow")
    for data_type, champion in champions.items():
        yield _champion(workspace, data_type, champion)


def _champion(workspace: Workspace, data_type: str, champion: str) -> Finding:
    name = "champion" if data_type == TIMESERIES else f"{data_type} champion"
    try:
        open_store(workspace).get(champion).open()
    except EngineError as error:
        fix = f"Go back: engine models rollback --data-type {data_type}"
        return Finding(name, False, str(error), fix)
    return Finding(name, True, f"{champion} verifies and answers its golden input")
