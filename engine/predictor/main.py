"""The process of one predictor worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.errors import EngineError
from engine.exits import ALREADY_RUNS, ERROR_PREFIX, exit_status_of
from engine.locks import FileLock
from engine.ports import listen
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
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(one) for one in _listeners(options)]
            from engine.predictor.serve import serve

            asyncio.run(serve(workspace, options, listeners))
    except EngineError as error:
        sys.stderr.write(f"{ERROR_PREFIX}{error}\n")
        return exit_status_of(error)
    return 0


def _listeners(options: PredictorOptions) -> Iterator[socket.socket]:
    """Open the port that all workers share, and the one that this one has for itself.

    A proxy that knows each worker by a port of its own knows which of them died. Of a shared port
    it would see one address, which loses whatever the dead one had taken.

    Raises:
        ServerError: One is taken.
    """
    host, share = options.host, options.workers > 1
    said_by = "predictor.port in engine.yaml"
    yield listen(host, options.port, said_by=said_by, backlog=_BACKLOG, share=share)
    if options.own_port:
        said_by = "predictor.first_worker_port in engine.yaml"
        yield listen(host, options.own_port, said_by=said_by, backlog=_BACKLOG)


if __name__ == "__main__":
    sys.exit(main())
