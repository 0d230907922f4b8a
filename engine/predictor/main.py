"""The process of one predictor worker."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

from engine.errors import EngineError
from engine.exits import ALREADY_RUNS, ERROR_PREFIX, exit_status_of
from engine.locks import FileLock
from engine.ports import listen
from engine.predictor_options import decode
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
        port, share = options.port, options.workers > 1
        with listen(
            options.host, port, section="predictor", backlog=_BACKLOG, share=share
        ) as listener:
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


if __name__ == "__main__":
    sys.exit(main())
