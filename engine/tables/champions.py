"""Which versions serve, read by those who must not load the store that moves the aliases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.tables.sqlite import transaction
from models.data_types import DATA_TYPES, TIMESERIES


@dataclass(frozen=True)
class Champion:
    """The version that serves one kind of data.

    Attributes:
        data_type: The kind of data.
        version: Its id.
        since: When it became the champion, seconds since the epoch.
    """

    data_type: str
    version: str
    since: float


def read_champions(central_storage: Path) -> list[Champion]:
    """The champions of a workspace, by kind of data.

    Raises:
        StorageError: The aliases cannot be read.
    """
    path = central_storage / "aliases.db"
    if not path.exists():
        return []
    found: list[Champion] = []
    with transaction(path, "the aliases", write=False) as database:
        versions = dict(database.execute("SELECT name, version FROM aliases").fetchall())
        for data_type in DATA_TYPES:
            version = versions.get(alias_row("champion", data_type))
            if version is not None:
                # The id of a version belongs to one kind of data.
                (since,) = database.execute(
                    "SELECT max(at) FROM moves WHERE champion = ?", (version,)
                ).fetchone()
                found.append(Champion(data_type, version, since or 0.0))
    return found


def alias_row(name: str, data_type: str) -> str:
    """What an alias is called in its table; those of series are older than data types."""
    return name if data_type == TIMESERIES else f"{data_type} {name}"
