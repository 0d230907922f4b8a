"""Serving: the application, what goes on beside it, and its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

from engine.access import Door, is_local
from engine.atomic import write_json
from engine.http_connection import impatient_server
from engine.http_server import QuietServer
from engine.predictor.app import App
from engine.predictor.feedback import ClassificationFeedback, Feedback, Ring
from engine.predictor.metrics import Metrics, Sharing
from engine.predictor.serving import AnyServed, Slots
from engine.predictor.updates import Updates
from engine.predictor_options import PredictorOptions, encode, read_record
from engine.processes import is_alive, start_mark
from engine.store import VersionStore, open_store
from engine.tokens import Tokens
from engine.workspace import Workspace

_KEEP_ALIVE_SECONDS = 30
_GOODBYE_SECONDS = 5
_LOOK_SECONDS = 1.0

logger = logging.getLogger(__name__)


async def serve(
    workspace: Workspace, options: PredictorOptions, listeners: Sequence[socket.socket]
) -> None:
    """Answer on listening sockets until told to stop, or until the workspace is gone."""
    slots = Slots()

    def changed(data_type: str, served: AnyServed) -> None:
        app.metrics.serving(data_type, served.name, served.model_type, served.since)
        # What is loaded stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()

    # Without a place that machines share, there is nothing to read in the configuration.
    store = open_store(workspace) if options.storage else VersionStore(workspace.central_storage)
    tokens = Tokens(workspace)
    tokens.owner()  # made now, so that its owner finds it
    updates = Updates(workspace, store, slots, changed)
    feedback, seen = _rings(workspace, options)
    hosts = [*options.allowed_hosts, options.host]
    sharing = _sharing(workspace, options)
    door, local = Door(tokens), is_local(options.host)
    app = App(slots, updates, door, feedback, seen, hosts, sharing, is_local=local)
    server = impatient_server(app, keep_alive=_KEEP_ALIVE_SECONDS, goodbye=_GOODBYE_SECONDS)
    await updates.refresh()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _publish(workspace, options, listeners[0])
    works: list[Awaitable[None]] = [updates.follow()]
    if sharing is not None:
        works.append(_look_regularly(app.metrics))
    rings: list[Ring] = [ring for ring in (feedback, seen) if ring is not None]
    works += [ring.write_regularly() for ring in rings]
    async with _going_on(works, server):
        await server.serve(sockets=list(listeners))


def _rings(
    workspace: Workspace, options: PredictorOptions
) -> tuple[Feedback | None, ClassificationFeedback | None]:
    """What keeps the answers of this worker, None for both when that is switched off."""
    if not options.keep_mb:
        return None, None
    size = options.keep_mb * 1024**2 // options.workers
    return (
        Feedback(workspace.predictor / f"forecasts-{options.index}.jsonl", size),
        ClassificationFeedback(workspace.predictor / f"pictures-{options.index}.jsonl", size),
    )


def _sharing(workspace: Workspace, options: PredictorOptions) -> Sharing | None:
    if options.workers == 1:
        return None

    def lives(index: int) -> bool:
        record = read_record(workspace.predictor_record(index))
        return is_alive(record.get("pid"), record.get("mark"))

    return Sharing(workspace.predictor / "metrics", options.index, lives)


async def _look_regularly(metrics: Metrics) -> None:
    """Let the others tell of this worker too: whoever is asked for metrics tells of all."""
    while True:
        metrics.look()
        await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def _going_on(works: Sequence[Awaitable[None]], server: QuietServer) -> AsyncIterator[None]:
    """Let work go on beside the server; what ends by itself ends the server too."""

    def ended(task: asyncio.Future[None]) -> None:
        if task.cancelled():
            return
        if task.exception() is not None:
            logger.critical("the predictor is broken and leaves", exc_info=task.exception())
        else:
            logger.error("the workspace is gone: the predictor leaves")
        server.leave()

    tasks = [asyncio.ensure_future(work) for work in works]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
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
            "options": encode(options),
        },
    )
    logger.info("answers on %s:%d", options.host, listener.getsockname()[1])
