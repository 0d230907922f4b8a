"""The Prefect server as the engine keeps it: found or started, probed, replaced on its address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from engine.config.engine_settings import PrefectServerSettings
from engine.daemon.children import Child, Started
from engine.daemon.prefect import Prefect
from engine.daemon.watch import DeathWatch, end_process, watch_process
from engine.daemon.workers import Workers
from engine.database.address import DatabaseAddress
from engine.database.problems import DatabaseError
from engine.errors import ConfigError, ServerError
from engine.locks import FileLock
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import CLIENTS_LOCK, Connection
from engine.prefect_server.launch import (
    Reservation,
    database_problem,
    find_server,
    is_owned,
    known_connection,
    reserve,
    server_failure,
    start_server,
)
from engine.processes import start_mark
from engine.schema import ChildInfo

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_PROBE_EVERY_SECONDS = 10.0
_PROBE_TIMEOUT_SECONDS = 5.0
_PROBES_MISSED = 3
_STOP_SECONDS = 5.0


class PrefectServer(Prefect):
    """The embedded server and how to talk to it."""

    def __init__(
        self,
        home: Path,
        settings: Callable[[], PrefectServerSettings],
        workers: Workers,
        changed: Callable[[ChildInfo], None],
        database: Callable[[], DatabaseAddress | None] = lambda: None,
    ) -> None:
        super().__init__()
        self.child = Child("prefect server", self._start, changed)
        self._home = home
        self._settings = settings
        self._workers = workers
        self._database = database
        self._lease = FileLock(home / CLIENTS_LOCK)
        self._preparing = asyncio.Lock()
        self._reserved: Reservation | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_database_gone = False

    @property
    def inherited(self) -> tuple[int, ...]:
        """The open file that keeps the server up; a process that inherits it keeps it up too."""
        return (self._lease.descriptor,)

    @property
    def why_not_ready(self) -> str:
        """Whether it is starting, or what keeps it from that."""
        if self.child.ready.is_set():
            return ""
        if self.child.has_failed:
            return f"the Prefect server does not start: {self.child.problem}; see `engine status`"
        if self.child.waits_for_database:
            return f"the Prefect server waits for its database: {self.child.problem}"
        return "the Prefect server is starting, which takes a few seconds"

    @property
    def problem(self) -> str:
        """What is wrong although the server is up, "" when nothing is."""
        if not self.child.ready.is_set() or self.connection is None:
            return ""
        used = self.connection.database
        if self._is_database_gone:
            return f"{used}: the database does not answer; what runs goes on, and waits for it"
        try:
            wanted = self._database()
        except ConfigError as error:
            return str(error)
        if used == (wanted.masked if wanted else ""):
            return ""
        return (
            f"the Prefect server still uses {used or 'SQLite'}, not what database.url says; when "
            "no run goes on: engine restart"
        )

    async def prepare(self) -> Connection:
        """Fix the address, so that others may start while the server does."""
        async with self._preparing:
            if self.connection is None:
                # Waits for an idle server that is on its way out.
                await self._workers.server(self._lease.acquire, shared=True)
                # One that an earlier engine started, and that may still be coming up, has the
                # address; binding it again is for when that server is gone.
                known = known_connection(self._home) if is_owned(self._home) else None
                self.connection = known or await self._reserve()
        return self.connection

    async def stop(self) -> None:
        """End the server, also one that is still starting."""
        server = find_server(self._home)
        if server is not None:
            pid = server.pid
        elif self._process is not None and self._process.poll() is None:
            pid = self._process.pid
        else:
            return
        await end_process(pid, _STOP_SECONDS)

    def close(self) -> None:
        """Let go of the server, which may go on."""
        if self._reserved is not None:
            self._reserved.close()
        if self._api is not None:
            self._api.close()
        self._lease.release()

    async def _start(self) -> Started:
        await self.prepare()
        deadline = time.monotonic() + self._settings().start_timeout_seconds
        while is_owned(self._home):
            # One that an earlier engine started; it may still be on its way up, or down.
            found = find_server(self._home)
            if found is not None:
                return self._ready(found, None)
            if time.monotonic() > deadline:
                raise server_failure(
                    self._home, "a Prefect server holds this workspace but does not answer"
                )
            await asyncio.sleep(_POLL_SECONDS)
        if self._reserved is None:
            # The server that was found before is gone: its address is free again.
            await self._reserve()
        assert self._reserved is not None, "just made"
        settings = self._settings()
        process = start_server(
            self._home, self._reserved, settings.idle_exit_seconds, self._address_of_database()
        )
        self._process = process
        try:
            published = await self._published(process, deadline)
        except ServerError:
            process.kill()
            process.wait()
            raise
        return self._ready(published, process)

    def _address_of_database(self) -> DatabaseAddress | None:
        try:
            return self._database()
        except ConfigError as error:
            # Whoever corrects it must not have to start anything again.
            raise DatabaseError(error.what, where=error.where, fix=error.fix) from error

    async def _reserve(self) -> Connection:
        self._reserved = await self._workers.table(
            reserve, self._home, self._settings().port, self._settings().host
        )
        self.connection = self._reserved.connection
        return self.connection

    async def _published(self, process: subprocess.Popen[bytes], deadline: float) -> Connection:
        while True:
            published = Connection.read(self._home)
            if published is not None and published.pid == process.pid:
                return published
            status = process.poll()
            if status is not None:
                if problem := database_problem(self._home, status):
                    raise problem
                what = f"the Prefect server stopped at its start (exit status {status})"
                raise server_failure(self._home, what)
            if time.monotonic() > deadline:
                seconds = self._settings().start_timeout_seconds
                what = f"the Prefect server did not answer within {seconds} s"
                raise server_failure(self._home, what)
            await asyncio.sleep(_POLL_SECONDS)

    def _ready(self, published: Connection, process: subprocess.Popen[bytes] | None) -> Started:
        if self._api is not None:
            self._api.close()
        self.connection = published
        self._api = PrefectApi(published)
        watch = watch_process(published.pid, start_mark(published.pid) or "")
        self._is_database_gone = False
        return Started(published.pid, _ServerWatch(watch, published, process, self._tell_database))

    def _tell_database(self, is_gone: bool) -> None:
        if is_gone != self._is_database_gone:
            self._is_database_gone = is_gone
            said = "does not answer" if is_gone else "answers again"
            logger.warning("the database of the Prefect server %s", said)


class _ServerWatch:
    """Takes a server that does not answer any more for dead, and makes sure that it is."""

    def __init__(
        self,
        watch: DeathWatch,
        connection: Connection,
        process: subprocess.Popen[bytes] | None,
        tell_database: Callable[[bool], None],
    ) -> None:
        self._watch = watch
        self._connection = connection
        self._process = process
        self._tell_database = tell_database

    async def death(self) -> None:
        """Return when the process is dead."""
        probing = asyncio.create_task(self._kill_when_deaf())
        try:
            await self._watch.death()
        finally:
            probing.cancel()
        if self._process is not None:
            self._process.wait()

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()

    async def _kill_when_deaf(self) -> None:
        missed = 0
        user, _, password = self._connection.auth.partition(":")
        async with httpx.AsyncClient(
            trust_env=False, verify=False, auth=(user, password), timeout=_PROBE_TIMEOUT_SECONDS
        ) as client:
            while missed < _PROBES_MISSED:
                await asyncio.sleep(_PROBE_EVERY_SECONDS)
                try:
                    await client.get(f"{self._connection.url}/health")
                    missed = 0
                except httpx.TransportError:
                    missed += 1
                if self._connection.database:
                    self._tell_database(await self._is_database_gone(client))
        logger.error("the Prefect server %d does not answer: it is ended", self._connection.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._connection.pid, signal.SIGKILL)

    async def _is_database_gone(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self._connection.url}/ready")).is_error
        except httpx.TransportError:
            return True
