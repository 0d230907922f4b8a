"""The process of one predictor worker."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable
from pathlib import Path

import uvicorn

from engine.atomic import write_json
from engine.errors import EngineError, ServerError
from engine.exits import ALREADY_RUNS, ERROR_PREFIX, exit_status_of
from engine.http_server import QuietServer
from engine.locks import FileLock
from engine.predictor_options import PredictorOptions, decode
from engine.processes import start_mark
from engine.workspace import Workspace

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 30
_GOODBYE_SECONDS = 5

logger = logging.getLogger("engine.predictor")


def main() -> int:
    """Serve until told to stop."""
    os.umask(0o077)
    options = decode(sys.argv[1])
    workspace = Workspace(Path(options.workspace))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", stream=sys.stderr
    )
    lock = FileLock(workspace.predictor_lock(options.index))
    try:
        if not lock.acquire(wait=False):
            sys.stderr.write(f"predictor {options.index} runs already in {workspace.root}\n")
            return ALREADY_RUNS
        if options.workers > 1:
            _count_together(workspace)
        with _listen(options) as listener:
            asyncio.run(_serve(workspace, options, listener))
    except EngineError as error:
        sys.stderr.write(f"{ERROR_PREFIX}{error}\n")
        return exit_status_of(error)
    return 0


def _count_together(workspace: Workspace) -> None:
    # Before the library is imported, which looks once.
    folder = workspace.predictor / "metrics"
    folder.mkdir(exist_ok=True, mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _listen(options: PredictorOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # With the protocol named, asyncio sends small parts of an answer without waiting for more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.workers > 1:
        # The kernel spreads the connections over the workers, and over those that are left when
        # one is replaced.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((options.host, options.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServerError(
            f"cannot listen on port {options.port}: {error.strerror}{_owner(options.port)}",
            where=options.host,
            fix="Set predictor.port in engine.yaml to another one, or end what has it",
        ) from error
    listener.setblocking(False)
    return listener


def _owner(port: int) -> str:
    """Who has a port, as the rest of a sentence; "" when that cannot be told."""
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return ""
    for found in connections:
        if found.status == psutil.CONN_LISTEN and found.laddr[1:] == (port,) and found.pid:
            try:
                return f"; process {found.pid} ({psutil.Process(found.pid).name()}) has it"
            except psutil.Error:
                return f"; process {found.pid} has it"
    return ""


async def _serve(workspace: Workspace, options: PredictorOptions, listener: socket.socket) -> None:
    from engine.predictor.access_token import read_token
    from engine.predictor.app import App
    from engine.predictor.connection import ImpatientProtocol
    from engine.predictor.feedback import Feedback
    from engine.predictor.serving import Served, Slot
    from engine.predictor.updates import Updates

    slot = Slot()

    def changed(served: Served) -> None:
        app.metrics.serving(served.name, served.since)
        # What is loaded stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()

    updates = Updates(workspace, slot, read_token(workspace), changed)
    feedback = None
    if options.keep_mb:
        ring = workspace.predictor / f"forecasts-{options.index}.jsonl"
        feedback = Feedback(ring, options.keep_mb * 1024**2 // options.workers)
    app = App(slot, updates, feedback, [*options.allowed_hosts, options.host])
    server = QuietServer(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
    )
    await updates.refresh()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _publish(workspace, options, listener)
    works: list[Awaitable[None]] = [updates.follow()]
    if feedback is not None:
        works.append(feedback.write_regularly())
    tasks = [asyncio.ensure_future(work) for work in works]
    # With the workspace goes what there is to serve.
    tasks[0].add_done_callback(lambda _: server.leave())
    await server.serve(sockets=[listener])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _publish(workspace: Workspace, options: PredictorOptions, listener: socket.socket) -> None:
    """Say that it answers, and where."""
    write_json(
        workspace.predictor_record(options.index),
        {
            "pid": os.getpid(),
            "mark": start_mark(os.getpid()),
            "host": options.host,
            "port": listener.getsockname()[1],
            "options": sys.argv[1],
        },
    )
    logger.info("answers on %s:%d", options.host, listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
