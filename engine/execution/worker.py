"""A worker of a work pool: takes flow runs up, and has each done by a process of its own.

`python -m engine.execution.worker WORKSPACE POOL NAME LIMIT`, with the server in the environment.
It is Prefect's own process worker; what it starts for a run is what the pool's deployments name.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from prefect.workers.process import ProcessWorker

from engine.execution.worker_process import LOCK_VARIABLE


def main() -> int:
    """Work until told to stop; a second time means at once."""
    if lock := os.environ.pop(LOCK_VARIABLE, ""):
        os.set_inheritable(int(lock), False)
    pool, name, limit = sys.argv[2], sys.argv[3], int(sys.argv[4])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        asyncio.run(_work(pool, name, limit))
    except KeyboardInterrupt:
        return 130
    return 0


async def _work(pool: str, name: str, limit: int) -> None:
    worker = ProcessWorker(work_pool_name=pool, name=name, limit=limit)
    working = asyncio.create_task(worker.start(printer=_say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, working.cancel)
    try:
        await working
    except asyncio.CancelledError:
        _say(f"Worker {name!r} stopped: its runs were told to end")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
