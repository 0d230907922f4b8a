"""The process of one predictor worker."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

from engine.errors import EngineError, ServerError
from engine.exits import ALREADY_RUNS, ERROR_PREFIX, exit_status_of
from engine.locks import FileLock
from engine.predictor_options import PredictorOptions, decode
from engine.workspace import Workspace

_BACKLOG = 2048


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
            # Not before: the library that counts looks once whether it counts alone.
            from engine.predictor.serve import serve

            asyncio.run(serve(workspace, options, listener))
    except EngineError as error:
        sys.stderr.write(f"{ERROR_PREFIX}{error}\n")
        return exit_status_of(error)
    return 0


def _count_together(workspace: Workspace) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
