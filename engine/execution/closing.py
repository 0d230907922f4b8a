"""Bringing Prefect's record of a run to a true end, whatever happened to its process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.errors import ServerError
from engine.prefect_server.api import PrefectApi
from engine.runs.table import RunTable
from engine.states import FINAL_STATES
from engine.timeline import RunRow, TaskRow

_BARRIER_SECONDS = 20.0
_POLL_SECONDS = 0.1


def close_run_tree(api: PrefectApi, run_id: str, state: str, message: str) -> None:
    """Give every flow and task run of the tree that is still open the state of the whole run.

    Prefect marks what it had to unwind as CRASHED; in a run that somebody cancelled, that is the
    cancelling, so those become CANCELLED too.

    Args:
        api: The server.
        run_id: The root of the tree.
        state: CRASHED, CANCELLED or FAILED.
        message: Why.
    """
    replaced = {"CRASHED"} if state == "CANCELLED" else set()

    def is_open(row: dict[str, Any]) -> bool:
        kind = row["state_type"]
        return kind not in FINAL_STATES or kind in replaced

    tree = api.flow_runs(run_id)
    for task_run in api.task_runs(row["id"] for row in tree):
        if is_open(task_run):
            api.set_task_run_state(task_run["id"], state, message)
    for flow_run in reversed(tree):
        if is_open(flow_run):
            api.set_flow_run_state(flow_run["id"], state, message)


def wait_until_recorded(api: PrefectApi, task_run_ids: Sequence[str]) -> None:
    """Return when the server has recorded the end of all these task runs.

    The server takes task runs from a queue in its memory: stopping it before that is written loses
    them.

    Raises:
        ServerError: When some are still missing after 20 s.
    """
    deadline = time.monotonic() + _BARRIER_SECONDS
    while (recorded := api.count_final_task_runs(task_run_ids)) < len(task_run_ids):
        if time.monotonic() > deadline:
            raise ServerError(
                f"the Prefect server recorded only {recorded} of {len(task_run_ids)} task runs"
            )
        time.sleep(_POLL_SECONDS)


def close_dead_runs(api: PrefectApi, table: RunTable) -> int:
    """Tell Prefect of runs whose process died before it could; return how many there were."""
    buried = table.bury_dead()
    for run in buried:
        close_run_tree(api, run.id, run.state, run.message)
        table.set_closed(run.id)
    return len(buried)


def read_timeline_rows(api: PrefectApi, run_id: str) -> list[RunRow]:
    """Read the run tree as rows for a timeline, parents before children."""
    tree = api.flow_runs(run_id)
    names = api.flow_names(row["flow_id"] for row in tree)
    tasks = api.task_runs(row["id"] for row in tree)
    # In its parent, a subflow is stood for by a task run that does nothing.
    parents = {task["id"]: task["flow_run_id"] for task in tasks}
    placeholders = {row["parent_task_run_id"] for row in tree}
    return [
        RunRow(
            id=row["id"],
            name=row["name"],
            flow_name=names[row["flow_id"]],
            state=row["state_type"],
            created=datetime.fromisoformat(row["created"]),
            start=_time_or_none(row["start_time"]),
            end=_time_or_none(row["end_time"]),
            parent_id=parents.get(row["parent_task_run_id"]),
            tasks=tuple(
                _task_row(task)
                for task in tasks
                if task["flow_run_id"] == row["id"] and task["id"] not in placeholders
            ),
        )
        for row in tree
    ]


def _task_row(task: dict[str, Any]) -> TaskRow:
    return TaskRow(
        id=task["id"],
        name=task["name"],
        state=task["state_type"],
        created=datetime.fromisoformat(task["expected_start_time"] or task["created"]),
        start=_time_or_none(task["start_time"]),
        end=_time_or_none(task["end_time"]),
    )


def _time_or_none(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
