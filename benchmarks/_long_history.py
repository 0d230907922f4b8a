"""A workspace with a long history: many runs, one of thousands of tasks, one with a long log."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime

from engine.tables.runs import RunTable
from engine.workspace import Workspace

SETTINGS = (
    "predictor: {enabled: false}\nflow_api: {enabled: false}\nweb_page: {enabled: false}\n"
    "retention: {keep_runs: 1000000}\n"
)
FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
STATES = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def write_history(workspace: Workspace, *, runs: int, tasks: int, log_lines: int) -> str:
    """Write it; the newest run has the tasks and the log. Returns its id."""
    (workspace.configs / "engine.yaml").write_text(SETTINGS)
    RunTable(workspace.database)
    # A day ago: "1 d ago" stands still, where "5 m ago" changes with each minute.
    now = time.time() - 36 * 3600.0
    ids = [str(uuid.uuid4()) for _ in range(runs)]
    with closing(sqlite3.connect(workspace.database)) as database, database:
        database.executemany(
            "INSERT INTO runs (id, flow, name, state, created, started, ended, closed, notified,"
            " parameters, request) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, ?, '{}')",
            (
                (
                    run_id,
                    FLOWS[number % len(FLOWS)],
                    f"busy-otter-{number}",
                    STATES[number % len(STATES)],
                    now - 60.0 * (number + 1),
                    now - 60.0 * (number + 1) + 0.3,
                    now - 60.0 * (number + 1) + 40.0,
                    json.dumps({"model_type": ("LSTM", "LightGBM")[number % 2]}),
                )
                for number, run_id in enumerate(ids)
            ),
        )
    _write_newest(workspace, ids[0], now - 60.0, tasks, log_lines)
    return ids[0]


def _write_newest(
    workspace: Workspace, run_id: str, began: float, tasks: int, log_lines: int
) -> None:
    folder = workspace.run_folder(run_id)
    folder.mkdir()
    rows = [
        {
            "id": run_id,
            "name": "busy-otter-0",
            "flow_name": FLOWS[0],
            "state": "COMPLETED",
            "created": _iso(began),
            "start": _iso(began + 0.3),
            "end": _iso(began + 40.0),
            "parent_id": None,
            "tasks": [
                {
                    "id": f"{run_id[:8]}-{index}",
                    "name": f"task_{index % 7}-{index}",
                    "state": "FAILED" if index % 997 == 5 else "COMPLETED",
                    "created": _iso(began + 0.3 + 39.0 * index / tasks),
                    "start": _iso(began + 0.32 + 39.0 * index / tasks),
                    "end": _iso(began + 0.7 + 39.0 * index / tasks),
                    "attempts": [],
                }
                for index in range(tasks)
            ],
        }
    ]
    (folder / "result.json").write_text(
        json.dumps({"state": "COMPLETED", "message": "", "rows": rows, "outputs": {}})
    )
    with (folder / "log").open("w") as log:
        for number in range(log_lines):
            log.write(
                f"09:{number // 60 % 60:02d}:{number % 60:02d} INFO    series {number} fits\n"
            )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
