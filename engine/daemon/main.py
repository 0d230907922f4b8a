"""Main program of the engine: `python -m engine.daemon.main WORKSPACE [--log-to-file]`.

One engine a workspace: whoever has the lock is it. It can be sent SIGTERM or lose its terminal at
any time; the runs go on, and the next engine takes them over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn

from engine.daemon import systemd
from engine.daemon.engine import Engine
from engine.daemon.http import make_app
from engine.daemon.web.servers import WebServer, web_servers
from engine.errors import EngineError
from engine.exits import ALREADY_RUNS, ERROR_PREFIX, exit_status_of
from engine.http_server import QuietServer
from engine.locks import FileLock
from engine.workspace import Workspace

LOG_TO_FILE = "--log-to-file"

_LOG_BYTES = 2 * 1024**2
_GOODBYE_SECONDS = 2

logger = logging.getLogger("engine.daemon")


def main() -> int:
    """Be the engine of a workspace until told to stop."""
    workspace = Workspace(Path(sys.argv[1]))
    return serve(workspace, log_to_file=LOG_TO_FILE in sys.argv[2:])


def serve(workspace: Workspace, *, log_to_file: bool, warm: bool = False) -> int:
    """Be the engine of a workspace; return the exit status of the process.

    Args:
        workspace: The workspace.
        log_to_file: Write the log to the workspace instead of to the standard error.
        warm: Start at once what runs need, not with the first of them.
    """
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        workspace.create()
        lock = FileLock(workspace.engine_lock)
        if not lock.acquire(wait=False):
            sys.stderr.write(f"an engine runs already in {workspace.root}\n")
            return ALREADY_RUNS
        _use_logging(workspace if log_to_file else None)
        _say_who(workspace.engine_lock)
        asyncio.run(_serve_until_told(workspace, warm=warm))
    except EngineError as error:
        sys.stderr.write(f"{ERROR_PREFIX}{error}\n")
        return exit_status_of(error)
    return 0


async def _serve_until_told(workspace: Workspace, *, warm: bool) -> None:
    # Before anyone can ask it: an engine whose settings or database are broken never answers.
    engine = Engine(workspace)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.stop_requested.set)
    with listening(workspace.socket) as listener:
        await run_engine(engine, listener, web_servers(engine), warm=warm)


async def run_engine(
    engine: Engine, listener: socket.socket, web: Sequence[WebServer] = (), *, warm: bool = False
) -> None:
    """Work and answer on a listening socket until the engine is asked to stop.

    Args:
        engine: The engine.
        listener: The Unix socket of its own user.
        web: What answers others.
        warm: Start at once what runs need.
    """
    config = uvicorn.Config(
        make_app(engine),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    server = QuietServer(config)
    await engine.start()
    engine.services = [*web]
    ports = [asyncio.create_task(one.keep()) for one in web]
    if warm:
        engine.warm()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    logger.info("engine %d serves %s", os.getpid(), engine.workspace.root)
    systemd.notify(systemd.READY)
    stopping = asyncio.create_task(engine.stop_requested.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    logger.info("the engine stops; %d runs go on", len(engine.keeper.living))
    systemd.notify(systemd.STOPPING)
    server.leave()
    for port in ports:
        port.cancel()
    await asyncio.gather(*ports, return_exceptions=True)
    await asyncio.wait([serving], timeout=_GOODBYE_SECONDS * 2)
    stopping.cancel()
    await engine.stop()
    if serving.done():
        serving.result()  # an engine that cannot answer any more ends with what happened


@contextlib.contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A Unix socket that only its own user can reach; a left-over one belongs to nobody."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(listener):
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(512)
        inode = path.stat().st_ino
        try:
            yield listener
        finally:
            # A successor may have put its own there already.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == inode:
                    path.unlink()


def _say_who(lock: Path) -> None:
    """Write the process number into the lock file, for people; the lock itself is what counts."""
    lock.write_text(f"{os.getpid()}\n")


def _use_logging(workspace: Workspace | None) -> None:
    handler: logging.Handler = logging.StreamHandler()
    if workspace is not None:
        handler = RotatingFileHandler(
            workspace.engine_log, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8"
        )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
