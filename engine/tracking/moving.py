"""A workspace that was moved, restored elsewhere or lost its MLflow.

The workspace's own MLflow keeps whole paths of files. Where the folder has moved they are set
right; where the database is gone everything is told anew.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_EXPERIMENTS = "SELECT DISTINCT artifact_location FROM experiments WHERE artifact_location LIKE ?"
# Every column with a path of files in it.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_the_workspace(database: Path, artifacts: Path) -> None:
    """Let MLflow's own database know its files where they are now.

    Args:
        database: SQLite file of MLflow; it may not exist yet.
        artifacts: Folder of the files, by its whole path.

    Raises:
        sqlite3.Error: The file is no such database, or somebody keeps it locked.
    """
    if not database.exists():
        return
    with closing(sqlite3.connect(database, timeout=10.0)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not {table for table, _ in _COLUMNS} <= tables:
            return
        found = connection.execute(_EXPERIMENTS, (f"/%/{artifacts.name}",)).fetchall()
        for (before,) in found:
            if before == str(artifacts):
                continue
            for table, column in _COLUMNS:
                connection.execute(
                    f"UPDATE {table} SET {column} = :after || substr({column}, length(:before) + 1)"
                    f" WHERE {column} = :before OR {column} LIKE :below",
                    {"after": str(artifacts), "before": before, "below": f"{before}/%"},
                )
