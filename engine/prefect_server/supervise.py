"""Starts the embedded server when it is needed and finds the one that already runs."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

from engine.config.settings import PrefectServerSettings
from engine.errors import ServerError
from engine.prefect_server.connection import (
    CLIENTS_LOCK,
    CONNECTION_FILE,
    SERVER_LOCK,
    SERVER_LOG,
    START_LOCK,
    Connection,
    server_environment,
    write_short_certificates,
)
from engine.prefect_server.locks import FileLock
from engine.processes import start_mark

_POLL_SECONDS = 0.05
_LOG_LINES_SHOWN = 15


class ServerLease:
    """A running server, kept running for as long as the lease is held.

    The lease is a shared file lock: a client that is killed gives it back without a word.
    `connection` is known as soon as the lease is entered, also while the server still starts;
    `wait_ready` returns once it answers.
    """

    def __init__(self, home: Path, settings: PrefectServerSettings) -> None:
        self._home = home
        self._settings = settings
        self._clients = FileLock(home / CLIENTS_LOCK)
        self._starting = FileLock(home / START_LOCK)
        self._child: subprocess.Popen[bytes] | None = None
        self.connection: Connection

    def __enter__(self) -> ServerLease:
        # Both wait only for a moment: for an idle server on its way out, or for another client
        # that is just starting one.
        self._clients.acquire(shared=True)
        self._starting.acquire()
        try:
            write_short_certificates(self._home)
            self.connection = self._find() or self._start()
        except BaseException:
            self.release()
            raise
        if self._child is None:
            self._starting.release()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @property
    def is_starting(self) -> bool:
        """Whether this client started the server and has not yet seen it answer."""
        return self._child is not None

    @property
    def descriptor(self) -> int:
        """The open file that carries the lease; a child that inherits it shares the lease."""
        return self._clients.descriptor

    def wait_ready(self) -> None:
        """Return when the server answers.

        Raises:
            ServerError: With the end of its log, when it died or took longer than
                `prefect_server.start_timeout_seconds`.
        """
        if self._child is None:
            return
        deadline = time.monotonic() + self._settings.start_timeout_seconds
        while (published := Connection.read(self._home)) is None:
            status = self._child.poll()
            if status is not None:
                raise self._failed(
                    f"the Prefect server stopped at its start (exit status {status})"
                )
            if time.monotonic() > deadline:
                self._child.terminate()
                raise self._failed(
                    "the Prefect server did not answer within "
                    f"{self._settings.start_timeout_seconds:g} s"
                )
            time.sleep(_POLL_SECONDS)
        self.connection = published
        # The server outlives this process; while this one lives it collects the other's end.
        threading.Thread(target=self._child.wait, daemon=True).start()
        self._child = None
        self._starting.release()

    def release(self) -> None:
        """Give the lease back; a server that nobody leases leaves by itself after a while."""
        self._starting.release()
        self._clients.release()

    def _find(self) -> Connection | None:
        probe = FileLock(self._home / SERVER_LOCK)
        deadline = time.monotonic() + self._settings.start_timeout_seconds
        while not probe.acquire(wait=False):
            connection = Connection.read(self._home)
            # A server that was just killed may hold the lock for a moment longer than it lives.
            if connection is not None and start_mark(connection.pid) is not None:
                return connection
            if time.monotonic() > deadline:
                raise self._failed("a Prefect server holds this workspace but does not answer")
            time.sleep(_POLL_SECONDS)
        probe.release()
        # What a killed server left would point clients at a dead or a foreign port.
        (self._home / CONNECTION_FILE).unlink(missing_ok=True)
        return None

    def _start(self) -> Connection:
        listener = self._bind()
        owner = FileLock(self._home / SERVER_LOCK)
        owner.acquire()
        auth = f"engine:{secrets.token_urlsafe(32)}"
        descriptors = (listener.fileno(), owner.descriptor)
        command = [sys.executable, "-m", "engine.prefect_server.server", str(self._home)]
        command += [str(number) for number in descriptors]
        command += [str(self._settings.idle_exit_seconds)]
        with contextlib.closing(listener), (self._home / SERVER_LOG).open("wb") as log:
            log_path = self._home / SERVER_LOG
            log_path.chmod(0o600)
            self._child = subprocess.Popen(
                command,
                env=server_environment(self._home, auth),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                # A session of its own: the terminal's Ctrl-C and hang-up do not reach it.
                start_new_session=True,
                umask=0o077,
            )
            port = listener.getsockname()[1]
        owner.release()
        return Connection(f"http://127.0.0.1:{port}/api", auth, self._child.pid)

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._settings.port))
        except OSError as error:
            listener.close()
            raise ServerError(
                f"port {self._settings.port} cannot be used: {error.strerror}",
                where="prefect_server.port",
                fix="Set another port in configs/engine.yaml, or 0 for any free one",
            ) from error
        return listener

    def _failed(self, what: str) -> ServerError:
        log = self._home / SERVER_LOG
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        tail = "\n".join(f"  {line}" for line in lines[-_LOG_LINES_SHOWN:])
        return ServerError(
            what, where=str(log), fix=f"The end of its log:\n{tail}" if tail else None
        )
