"""PostgreSQL's own programs, which copy its tables better than anything else could."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.database.address import DatabaseAddress
from engine.errors import StorageError
from engine.masking import Masker

# Where distributions put them: often not on the PATH, or only of one of several versions.
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_LINES_TOLD = 3


@dataclass(frozen=True)
class Tools:
    """The programs of one version, which belong together.

    Attributes:
        folder: Where they lie.
        major: Their version.
    """

    folder: Path
    major: int

    def run(
        self, name: str, arguments: Sequence[str], address: DatabaseAddress | None = None
    ) -> str:
        """Run one and return what it prints.

        Args:
            name: pg_dump, pg_restore or psql.
            arguments: Without the address and the password, which everybody could read there.
            address: The database, where one is needed.

        Raises:
            StorageError: It failed, with the end of what it said.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        # What it says is compared by nobody, but read by people: in one language.
        environment = kept | {"LC_ALL": "C.UTF-8"}
        environment |= address.libpq_environment if address else {}
        done = subprocess.run(
            [str(self.folder / name), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()[-_LINES_TOLD:] or ["nothing"]
            masker = Masker([address.password] if address else [])
            raise StorageError(
                f"{name} failed: {masker.mask('; '.join(said))}",
                where=address.masked if address else str(self.folder / name),
            )
        return done.stdout


def find_tools(server_major: int) -> Tools:
    """The newest programs that there are.

    Args:
        server_major: Version of the server; older programs refuse to copy a newer server.

    Raises:
        StorageError: There are none, or none that is new enough.
    """
    found = sorted(_all_tools(), key=lambda tools: -tools.major)
    if not found:
        raise StorageError(
            "pg_dump, pg_restore and psql are not installed here, without which PostgreSQL's "
            "tables can be neither copied nor brought back",
            where="PATH",
            fix=f"Install PostgreSQL's client, version {server_major} or newer "
            "(apt install postgresql-client)",
        )
    newest = found[0]
    if newest.major < server_major:
        raise StorageError(
            f"pg_dump is of version {newest.major}, and cannot copy a server of version "
            f"{server_major}",
            where=str(newest.folder),
            fix=f"Install PostgreSQL's client, version {server_major} or newer",
        )
    return newest


def _all_tools() -> Iterator[Tools]:
    folders = {Path(found).parent for name in ("pg_dump",) if (found := shutil.which(name))}
    for pattern in _FOLDERS:
        folders |= set(Path("/").glob(pattern.removeprefix("/")))
    for folder in folders:
        programs = [folder / name for name in ("pg_dump", "pg_restore", "psql")]
        if all(os.access(program, os.X_OK) for program in programs):
            said = subprocess.run(
                [str(programs[0]), "--version"], capture_output=True, text=True, check=False
            )
            if version := _VERSION.search(said.stdout):
                yield Tools(folder, int(version[1]))
