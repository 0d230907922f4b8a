"""Monitoring data at any size of history: how long a call takes with 10,000 and 100,000 runs.

The engine is a process of its own, asked over TCP as a web page does. The peer is the same call for
ten times as many runs: what the whole page would cost without paging.

    python benchmarks/monitoring.py [--calls 200] [--json]
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
from _claims import Claim, at_most, parser_of, percentile, report

from engine.client import EngineClient, calls
from engine.tables.runs import RunTable
from engine.workspace import Workspace

SETTINGS = "predictor: {enabled: false}\nflow_api: {port: 0}\nweb_page: {enabled: false}\n"
PATH = "/api/flow-monitoring-data"
FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
STATES = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CRASHED", "CANCELLED")
TASKS = 16
WITH_FILES = 2000


def fill(workspace: Workspace, rows: int) -> None:
    """Write a history: rows in the table, and what the newest runs left on disk."""
    RunTable(workspace.database)
    now = time.time()
    ids = [str(uuid.uuid4()) for _ in range(rows)]
    with closing(sqlite3.connect(workspace.database)) as database, database:
        database.executemany(
            "INSERT INTO runs (id, flow, name, state, created, started, ended, closed, notified,"
            " parameters, request) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, '{}', '{}')",
            (
                (
                    run_id,
                    FLOWS[number % len(FLOWS)],
                    f"busy-otter-{number}",
                    STATES[number % len(STATES)],
                    now - 60.0 * number,
                    now - 60.0 * number + 0.3,
                    now - 60.0 * number + 40.0,
                )
                for number, run_id in enumerate(ids)
            ),
        )
    for number, run_id in enumerate(ids[:WITH_FILES]):
        folder = workspace.run_folder(run_id)
        folder.mkdir()
        began = now - 60.0 * number
        tasks = [
            {
                "id": str(uuid.uuid4()),
                "name": f"task_{index}",
                "state": "COMPLETED",
                "created": _iso(began),
                "start": _iso(began + index),
                "end": _iso(began + index + 1.0),
                "attempts": [],
            }
            for index in range(TASKS)
        ]
        (folder / "result.json").write_text(json.dumps({"rows": [{"tasks": tasks}]}))


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def seconds_of(client: httpx.Client, number: int, **query: int) -> list[float]:
    """How long each of so many calls takes."""
    times = []
    for _ in range(number):
        began = time.perf_counter()
        answer = client.get(PATH, params=query)
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
    return times


def measure(number: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    for rows, goal in ((10_000, 50.0), (100_000, 80.0)):
        with tempfile.TemporaryDirectory() as name:
            workspace = Workspace(Path(name) / "workspace").create()
            (workspace.configs / "engine.yaml").write_text(SETTINGS)
            fill(workspace, rows)
            with EngineClient(workspace) as engine:
                try:
                    while not (addresses := engine.send(calls.status()).addresses):
                        time.sleep(0.05)
                    with httpx.Client(base_url=addresses["flow_api"], timeout=60) as client:
                        first = seconds_of(client, 1)[0] * 1000.0
                        usual = percentile(seconds_of(client, number), 0.95) * 1000.0
                        all_at_once = percentile(seconds_of(client, 10, limit=1000), 0.5) * 1000.0
                finally:
                    engine.send(calls.down())
            peer = "1,000 runs at once"
            yield at_most(f"first call with {rows:,} runs", first, "ms", goal, "", None)
            yield at_most(f"p95 with {rows:,} runs", usual, "ms", goal, peer, all_at_once)


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    return max(report([claim], as_json=arguments.json) for claim in measure(arguments.calls))


if __name__ == "__main__":
    sys.exit(main())
