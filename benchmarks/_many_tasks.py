"""Several processes, each a flow of many tasks, against Prefect's default server."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
from _prefect_peer import default_server

RUNS = 10
TASKS = 80

_PATIENCE_SECONDS = 20.0

# Each process says when its imports are made and then waits, so that only the flows are timed.
_FLOW = """
import sys
from prefect import flow, task
@task(name="tick")
def tick():
    return None
@flow(name="many")
def many():
    for _ in range(int(sys.argv[1])):
        tick()
print("ready", flush=True)
sys.stdin.readline()
many()
"""


def measure_default_server(folder: Path) -> tuple[float, int]:
    """Seconds until all flows have ended and their task rows are recorded, and how many were."""
    home = folder / "many-peer"
    home.mkdir()
    with default_server(home) as peer, (home / "flows.log").open("wb") as log:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _FLOW, str(TASKS)],
                env=dict(peer.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            for _ in range(RUNS)
        ]
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        began = time.monotonic()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.close()
        for process in processes:
            process.wait(600)
        return _wait_recorded(peer.url, began)


def _wait_recorded(url: str, began: float) -> tuple[float, int]:
    """Wait until all task rows are there, or no more have come for a while."""
    wanted = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    seen, changed = -1, time.monotonic()
    while seen < RUNS * TASKS and time.monotonic() - changed < _PATIENCE_SECONDS:
        rows = int(httpx.post(f"{url}/task_runs/count", json=wanted, timeout=30).json())
        if rows != seen:
            seen, changed = rows, time.monotonic()
        time.sleep(0.1)
    return changed - began, seen
