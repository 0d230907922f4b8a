"""Main program of the server process, called with HOME SOCKET LOCK IDLE_SECONDS.

Its parent bound the socket and took the lock of this home before the slow imports here, so the
address is known at once and no second server can start meanwhile. The open files come as numbers.
It leaves by itself when no client has needed it for a while: nothing is left behind on a
machine where the engine is no longer used.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from prefect.server.api.server import create_app
from prefect.server.database.configurations import (
    AioSqliteConfiguration,
    AsyncPostgresConfiguration,
    BaseDatabaseConfiguration,
)
from prefect.server.database.dependencies import MODELS_DEPENDENCIES
from prefect.settings import get_current_settings
from sqlalchemy import event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, AsyncSessionTransaction

from engine.database.address import DatabaseAddress, parse_address
from engine.database.postgres import prepared
from engine.database.problems import DatabaseError
from engine.exits import ERROR_PREFIX
from engine.locks import FileLock
from engine.prefect_server.connection import (
    CLIENTS_LOCK,
    CONNECTION_FILE,
    DATABASE_UNUSABLE,
    DATABASE_VARIABLE,
    Connection,
)
from engine.prefect_server.launch import Address

_SWITCH_SECONDS = 0.0005


class ImmediateSqlite(AioSqliteConfiguration):
    """SQLite whose transactions take the write lock when they begin.

    A deferred transaction that reads first and writes later fails at once with "database is locked"
    when another one wrote in between, whatever the busy timeout. The API turns that into HTTP 503
    and clients back off for up to 32 s. Taking the lock at the start makes them queue instead.
    """

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Begin a transaction as BEGIN IMMEDIATE, whether or not it asked for it."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


class PatientPostgres(AsyncPostgresConfiguration):
    """PostgreSQL that may be gone for a while: what is asked meanwhile is to be asked again.

    A server that refuses connections is an OSError to the driver, which Prefect would answer with
    HTTP 500, and its clients take for final; an error of the database is 503, and they retry.
    """

    async def engine(self) -> AsyncEngine:
        """Prefect's engine, whose failures to connect are errors of the database."""
        engine = await super().engine()
        if not event.contains(engine.sync_engine, "do_connect", _connect):
            event.listen(engine.sync_engine, "do_connect", _connect)
        return engine


def _connect(dialect: Dialect, record: object, arguments: list[Any], options: Any) -> Any:
    try:
        return dialect.connect(*arguments, **options)
    except OSError as error:
        raise dialect.loaded_dbapi.OperationalError(str(error) or type(error).__name__) from error


class _AnnouncedServer(uvicorn.Server):
    """Publishes its address once it answers, and leaves when nobody holds the clients' lock."""

    def __init__(
        self,
        config: uvicorn.Config,
        home: Path,
        idle_seconds: float,
        database: DatabaseAddress | None,
    ) -> None:
        super().__init__(config)
        self._home = home
        self._database = database
        self._idle_seconds = idle_seconds
        self._clients = FileLock(home / CLIENTS_LOCK)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._database is None:
            await super().startup(sockets=sockets)
        else:
            # Nobody else may make or migrate tables meanwhile.
            async with prepared(self._database) as search_path:
                _database_configuration().search_path = search_path
                await super().startup(sockets=sockets)
        if self.should_exit or not sockets:
            return
        host, port = sockets[0].getsockname()
        auth = os.environ["PREFECT_SERVER_API_AUTH_STRING"]
        database = self._database.masked if self._database else ""
        address = Address(port, auth, host)
        Connection(address.url, auth, os.getpid(), database).publish(self._home)
        self._idle_watch = asyncio.create_task(self._leave_when_idle())

    async def _leave_when_idle(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while not self.should_exit:
            await asyncio.sleep(min(1.0, max(self._idle_seconds, 0.05)))
            if not self._home.is_dir():
                self.should_exit = True  # the workspace was deleted under it
            elif not self._clients.acquire(wait=False):
                since = loop.time()
            elif loop.time() - since < self._idle_seconds:
                self._clients.release()
            else:
                # The lock is kept until this process ends: a client that arrives now waits for
                # that, and then starts a server of its own.
                (self._home / CONNECTION_FILE).unlink(missing_ok=True)
                self.should_exit = True


def main() -> int:
    """Serve until idle or told to stop."""
    home, idle_seconds = Path(sys.argv[1]), float(sys.argv[4])
    listener = socket.socket(fileno=int(sys.argv[2]))
    # The lock (the third argument) is held by staying open; runs must not inherit it.
    os.set_inheritable(int(sys.argv[3]), False)
    os.umask(0o077)
    url = get_current_settings().server.database.connection_url
    assert url is not None, "server_environment() sets the database"
    dsn = os.environ.pop(DATABASE_VARIABLE, "")
    database = parse_address(dsn) if dsn else None
    kind = PatientPostgres if database else ImmediateSqlite
    MODELS_DEPENDENCIES["database_config"] = kind(connection_url=url.get_secret_value())
    if database:
        logging.setLogRecordFactory(_told_in_a_line)
    app = create_app(final=True)
    _favour_answers()
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    try:
        _AnnouncedServer(config, home, idle_seconds, database).run(sockets=[listener])
    except DatabaseError as error:
        sys.stderr.write(f"{ERROR_PREFIX}{error}\n")
        return DATABASE_UNUSABLE
    return 0


def _told_in_a_line(*arguments: Any, **more: Any) -> logging.LogRecord:
    """A record of the log; of a database that is gone for hours every request would tell a page."""
    record = logging.LogRecord(*arguments, **more)
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, DBAPIError | OSError):
        reason = error.orig if isinstance(error, DBAPIError) else error
        record.msg = f"{record.getMessage().strip()} {type(reason).__name__}: {reason}"
        record.args = ()
        record.exc_info = None
    return record


def _database_configuration() -> BaseDatabaseConfiguration:
    found = MODELS_DEPENDENCIES["database_config"]
    assert isinstance(found, BaseDatabaseConfiguration), "main() sets it"
    return found


def _favour_answers() -> None:
    """Let no request wait for housekeeping of the interpreter."""
    # What was imported stays: a full collection would look at all of it, for a tenth of a second.
    gc.collect()
    gc.freeze()
    # Every statement crosses to SQLite's thread and back; the usual 5 ms are longer than most.
    sys.setswitchinterval(_SWITCH_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
