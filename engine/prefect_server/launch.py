"""Starting the embedded server, and finding the one that already runs.

A server keeps its address and credentials when it is replaced: the runs that were talking to the
one before go on talking. Whoever started it keeps the listening socket open too, so that what
arrives while no server lives waits in the socket's queue instead of being refused.
"""

from __future__ import annotations

import errno
import json
import secrets
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.atomic import write_json
from engine.database.address import DatabaseAddress
from engine.database.problems import DatabaseError
from engine.errors import ServerError
from engine.exits import error_of
from engine.locks import FileLock
from engine.prefect_server.connection import (
    CONNECTION_FILE,
    DATABASE_UNUSABLE,
    SERVER_LOCK,
    SERVER_LOG,
    Connection,
    server_environment,
    write_short_certificates,
)
from engine.processes import start_mark

ADDRESS_FILE = "address.json"
_LOG_LINES_SHOWN = 15
_BACKLOG = 2048
_ALL_NETWORKS = ("0.0.0.0", "")


@dataclass(frozen=True)
class Address:
    """Where a server of this home listens, and the credentials that it asks for."""

    port: int
    auth: str
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Base address of the API, for those on this machine."""
        host = "127.0.0.1" if self.host in _ALL_NETWORKS else self.host
        return f"http://{host}:{self.port}/api"


class Reservation:
    """A bound and listening socket with the address that it stands for."""

    def __init__(self, listener: socket.socket, address: Address) -> None:
        self.listener = listener
        self.address = address

    @property
    def connection(self) -> Connection:
        """How clients reach the server, whichever process that is."""
        return Connection(self.address.url, self.address.auth, 0)

    def close(self) -> None:
        """Give the socket back; a server that has it keeps listening."""
        self.listener.close()


def reserve(home: Path, port: int, host: str = "127.0.0.1") -> Reservation:
    """Bind the address for a server: the one of the server before, unless it is taken.

    Args:
        home: Home of the server.
        port: The port to use; 0 for that of before, or else any free one.
        host: The address to listen on.

    Raises:
        ServerError: The given port or address cannot be used.
    """
    write_short_certificates(home)
    known = _known_address(home)
    wanted = port or (known.port if known else 0)
    try:
        listener = _bind(host, wanted)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise ServerError(
                f"{host}:{wanted} cannot be listened on: {error.strerror or error}",
                where="prefect_server.host",
                fix="Set an address of this machine in configs/engine.yaml",
            ) from error
        if port:
            raise ServerError(
                f"port {port} cannot be used: {error.strerror}",
                where="prefect_server.port",
                fix="Set another port in configs/engine.yaml, or 0 for any free one",
            ) from error
        listener = _bind(host, 0)
    auth = known.auth if known else f"engine:{secrets.token_urlsafe(32)}"
    address = Address(listener.getsockname()[1], auth, host)
    if address != known:
        write_json(home / ADDRESS_FILE, asdict(address))
    return Reservation(listener, address)


def known_connection(home: Path) -> Connection | None:
    """How to reach the server that was started last, whether or not it answers yet."""
    address = _known_address(home)
    return Connection(address.url, address.auth, 0) if address else None


def _known_address(home: Path) -> Address | None:
    try:
        return Address(**json.loads((home / ADDRESS_FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # none yet, or a damaged file: a new address is as good


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def find_server(home: Path) -> Connection | None:
    """The server of this home that lives, or None.

    One that is just starting has not published its connection yet, and counts as none; `is_owned`
    tells.
    """
    connection = Connection.read(home)
    if connection is None or not is_owned(home) or start_mark(connection.pid) is None:
        return None
    return connection


def is_owned(home: Path) -> bool:
    """Whether some server process holds this home, starting, living, or on its way out."""
    probe = FileLock(home / SERVER_LOCK)
    if probe.acquire(wait=False):
        probe.release()
        return False
    return True


def start_server(
    home: Path,
    reserved: Reservation,
    idle_exit_seconds: int,
    database: DatabaseAddress | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server process on a reserved address; it publishes its connection once it answers.

    Args:
        home: Its home.
        reserved: Where it listens.
        idle_exit_seconds: How long it stays when nobody needs it.
        database: Where its tables are; None for SQLite in its home.

    Raises:
        ServerError: Another process holds this home.
    """
    owner = FileLock(home / SERVER_LOCK)
    if not owner.acquire(wait=False):
        raise ServerError("another Prefect server holds this workspace", where=str(home))
    try:
        # What a killed server left would make this one look ready.
        (home / CONNECTION_FILE).unlink(missing_ok=True)
        descriptors = (reserved.listener.fileno(), owner.descriptor)
        command = [sys.executable, "-P", "-m", "engine.prefect_server.server", str(home)]
        command += [*map(str, descriptors), str(idle_exit_seconds)]
        log_path = home / SERVER_LOG
        with log_path.open("wb") as log:
            log_path.chmod(0o600)
            return subprocess.Popen(
                command,
                env=server_environment(home, reserved.address.auth, database),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                # A session of its own: neither a terminal nor the engine takes it along.
                start_new_session=True,
                umask=0o077,
            )
    finally:
        owner.release()


def database_problem(home: Path, status: int) -> DatabaseError | None:
    """What keeps the database of a server that ended from being used; None when nothing does.

    Args:
        home: Its home.
        status: Exit status of the server.
    """
    log = home / SERVER_LOG
    if status != DATABASE_UNUSABLE or not log.exists():
        return None
    told = error_of(status, log.read_text(errors="replace"))
    return DatabaseError(told.what) if told else None


def server_failure(home: Path, what: str) -> ServerError:
    """An error about the server process, with the end of its log."""
    log = home / SERVER_LOG
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    tail = "\n".join(f"  {line}" for line in lines[-_LOG_LINES_SHOWN:])
    return ServerError(what, where=str(log), fix=f"The end of its log:\n{tail}" if tail else None)
