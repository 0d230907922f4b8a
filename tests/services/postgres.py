"""A PostgreSQL server of the tests' own: new, on a free port, with a password, ended by them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "sword fish/@%$'\""
"""With everything that a URL, a shell or a file of settings could stumble over."""

_SYSTEM_USER = "postgres"
_TIMEOUT_SECONDS = 60


def find_programs() -> Path | None:
    """The folder of the newest PostgreSQL server here; None where there is none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(folders, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


def why_not() -> str:
    """Why no server can be started here; "" when one can."""
    if find_programs() is None:
        return "no PostgreSQL server is installed (initdb)"
    if os.getuid() == 0 and not (shutil.which("setpriv") and _has_user()):
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


def _has_user() -> bool:
    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        return False
    return True


def _as_user() -> list[str]:
    if os.getuid() != 0:
        return []
    return ["setpriv", f"--reuid={_SYSTEM_USER}", f"--regid={_SYSTEM_USER}", "--clear-groups"]


@dataclass
class Postgres:
    """One server; it can be killed and started again.

    Attributes:
        folder: Its data.
        port: Where it listens on the loopback interface.
    """

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "mlops", *, user: str = "mlops") -> str:
        """The address as engine.yaml has it; `secret_line` says what DB_PASSWORD is."""
        return f"postgresql://{user}:${{DB_PASSWORD}}@127.0.0.1:{self.port}/{database}"

    @property
    def secret_line(self) -> str:
        """A line of secrets.env."""
        return f"DB_PASSWORD={PASSWORD}\n"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [*_as_user(), str(self._program("postgres")), "-D", str(self.folder)]
        command += ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", f"unix_socket_directories={self.folder}", "-c", "shared_buffers=32MB"]
        with (self.folder.parent / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self.sql("SELECT 1", check=False) != "1":
            assert self.process.poll() is None, (self.folder.parent / "postgres.log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT at once and cleanly, SIGQUIT as if the power had failed."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(_TIMEOUT_SECONDS)
            self.process = None

    def sql(self, text: str, database: str = "postgres", *, check: bool = True) -> str:
        """Do something as the superuser; return what comes out, a row a line."""
        command = [str(self._program("psql")), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", text, database]
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def new_database(self, name: str = "mlops", *, owner: str = "mlops") -> None:
        """Make an empty database that belongs to a role which is no superuser."""
        role = f"SELECT 1 FROM pg_roles WHERE rolname = '{owner}'"
        if self.sql(role) != "1":
            quoted = PASSWORD.replace("'", "''")
            self.sql(f"CREATE ROLE {owner} LOGIN PASSWORD '{quoted}'")
        self.sql(f"CREATE DATABASE {name} OWNER {owner}")

    def _program(self, name: str) -> Path:
        programs = find_programs()
        assert programs is not None, "why_not() tells"
        return programs / name


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Start a new server whose data lie in a folder below /tmp, and end it with the block.

    Args:
        folder: A folder of the test; what the server says goes there when the test fails.
    """
    # Its user may not enter the private folders of the tests.
    place = Path(tempfile.mkdtemp(prefix="postgres-"))
    place.chmod(0o755)
    data = place / "data"
    data.mkdir()
    if os.getuid() == 0:
        shutil.chown(data, _SYSTEM_USER, _SYSTEM_USER)
    programs = find_programs()
    assert programs is not None, "why_not() tells"
    password = place / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    command = [*_as_user(), str(programs / "initdb"), "-D", str(data), "-U", "postgres"]
    command += ["--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync"]
    server = Postgres(data, _free_port())
    try:
        subprocess.run(command, check=True, capture_output=True, cwd="/")
        server.start()
        server.new_database()
        yield server
    finally:
        server.stop()
        log = place / "postgres.log"
        if log.exists():
            shutil.copy(log, folder / "postgres.log")
        shutil.rmtree(place, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


needs_postgres = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is one")
"""Skips a test where no server can be started."""
