"""Which databases a workspace has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.config.database import database_address
from engine.database.address import MLFLOW_SCHEMA, PREFECT_SCHEMA, DatabaseAddress
from engine.workspace import Workspace

SCHEMAS = {PREFECT_SCHEMA: "states of runs and tasks", MLFLOW_SCHEMA: "runs and models in MLflow"}
"""The schemas of the database, and what they hold."""

_HOLDS = {
    "engine.db": "runs, schedules, notifications",
    "aliases.db": "which version serves",
    "actuals.db": "what came, held against forecasts",
    "prefect.db": SCHEMAS[PREFECT_SCHEMA],
    "mlflow.db": SCHEMAS[MLFLOW_SCHEMA],
}
# With a PostgreSQL database these are of the time before it.
_MOVED = frozenset({"prefect.db", "mlflow.db"})


@dataclass(frozen=True)
class SqliteFile:
    """One SQLite file.

    Attributes:
        path: Where it lies.
        place: The same from the workspace's folder on; its name in a backup.
        is_used: Whether it is, and not PostgreSQL instead of it.
    """

    path: Path
    place: str
    is_used: bool

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path.name

    @property
    def holds(self) -> str:
        """What is in it, in words."""
        return _HOLDS.get(self.name, "")


@dataclass(frozen=True)
class Places:
    """All databases of a workspace.

    Attributes:
        workspace: The workspace.
        files: Its SQLite files.
        address: Its PostgreSQL database, None without one.
    """

    workspace: Workspace
    files: tuple[SqliteFile, ...]
    address: DatabaseAddress | None

    @property
    def used_files(self) -> tuple[SqliteFile, ...]:
        """The SQLite files that are used."""
        return tuple(file for file in self.files if file.is_used)


def places_of(workspace: Workspace) -> Places:
    """Find the databases of a workspace.

    Raises:
        ConfigError: engine.yaml or secrets.env cannot be used.
    """
    address = database_address(workspace)
    files = tuple(
        SqliteFile(path, place_of(workspace, path), address is None or path.name not in _MOVED)
        for path in workspace.databases
    )
    return Places(workspace, files, address)


def place_of(workspace: Workspace, path: Path) -> str:
    """The path of a file from the workspace's folder on."""
    return path.relative_to(workspace.root).as_posix()
