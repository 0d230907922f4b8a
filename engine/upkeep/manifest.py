"""What a backup says of itself: every file in it with its size, its checksum and its revision."""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.errors import StorageError

MANIFEST = "manifest.json"
FORMAT = 1
_MOST_MANIFEST_BYTES = 1024**2

Kind = Literal["sqlite", "postgresql", "config", "secret"]


@dataclass(frozen=True)
class Entry:
    """One file of a backup.

    Attributes:
        place: Its name in the archive; of a file of the workspace, its path from there.
        kind: What it is.
        bytes: Its size.
        sha256: Its checksum.
        revision: Of the tables in it, "" where there are none.
    """

    place: str
    kind: Kind
    bytes: int
    sha256: str
    revision: str = ""


@dataclass(frozen=True)
class Dump:
    """What there is to know about the dump of a PostgreSQL database.

    Attributes:
        server: Version of the server it is of.
        tools: Version of pg_dump.
        extension: The schema of pg_trgm, which the indexes in it name; "" without one.
        revisions: Schema to the revision of its tables.
    """

    server: int
    tools: int
    extension: str
    revisions: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """The description of a backup.

    Attributes:
        format: Of this description.
        version: Of the program that wrote it.
        created: When, in seconds since the epoch.
        workspace: Of which workspace.
        entries: Its files.
        dump: Of the PostgreSQL database; None when all is SQLite.
    """

    format: int
    version: str
    created: float
    workspace: str
    entries: tuple[Entry, ...]
    dump: Dump | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return asdict(self)

    def to_bytes(self) -> bytes:
        """The file that lies first in the archive."""
        return json.dumps(self.to_dict(), indent=2).encode()


def read_manifest(archive: tarfile.TarFile, path: Path) -> Manifest:
    """Read the description from an archive.

    Raises:
        StorageError: It is no backup, or one that a newer program wrote.
    """
    try:
        member = archive.next()
        if member is None or member.name != MANIFEST or member.size > _MOST_MANIFEST_BYTES:
            raise _no_backup(path)
        file = archive.extractfile(member)
        content = file.read() if file else b""
        written = json.loads(content)
        if isinstance(written, dict) and written.get("format", 0) > FORMAT:
            raise StorageError(
                "was written by a newer version of this program",
                where=str(path),
                fix="Upgrade mlops-tui",
            )
        return msgspec.json.decode(content, type=Manifest)
    except (tarfile.TarError, OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
        raise _no_backup(path) from error


def _no_backup(path: Path) -> StorageError:
    return StorageError(
        "is no backup that `engine db backup` wrote, or is damaged",
        where=str(path),
        fix="Take another file",
    )
