"""Bringing Prefect's record of a run to a true end, whatever happened to its process or its server.

A task run reaches the server as events that lie in the server's memory for a while: a server that
is killed loses them, and no client notices. The run's own progress file knows better, so what is
missing is told again from there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.errors import ServerError
from engine.prefect_server.api import PrefectApi
from engine.runs.traces import TaskTrace
from engine.states import FINAL_STATES
from engine.timeline import RunRow, TaskRow

_BARRIER_SECONDS = 60.0
_POLL_SECONDS = 0.1
# The server writes task runs in batches; what is missing for longer than this is told again.
_PATIENCE_SECONDS = 2.0


def wait_until_recorded(
    api: PrefectApi, traces: Sequence[TaskTrace], *, patience: float = _PATIENCE_SECONDS
) -> None:
    """Return when the server has recorded the end of all these task runs.

    Args:
        api: The server.
        traces: Task runs that have ended.
        patience: Seconds before the missing ones are told again.

    Raises:
        ServerError: When some are still missing after a minute.
    """
    wanted = {trace.id: trace for trace in traces}
    deadline = time.monotonic() + _BARRIER_SECONDS
    tell_again = time.monotonic() + patience
    while (recorded := api.count_final_task_runs(wanted)) < len(wanted):
        now = time.monotonic()
        if now > deadline:
            raise ServerError(
                f"the Prefect server recorded only {recorded} of {len(wanted)} task runs",
                fix="See `engine status`; the engine goes on trying",
            )
        if now >= tell_again:
            known = api.final_task_run_ids(wanted)
            api.send_events([_end_event(wanted[key]) for key in wanted.keys() - known])
            tell_again = now + _PATIENCE_SECONDS
        time.sleep(_POLL_SECONDS)


def close_run_tree(
    api: PrefectApi, prefect_id: str, state: str, message: str, traces: Sequence[TaskTrace]
) -> bool:
    """Give the flow run a final state, and everything below it that is still open the same one.

    Prefect marks what it had to unwind as CRASHED; in a run that somebody cancelled, that is the
    cancelling, so those become CANCELLED too.

    Args:
        api: The server.
        prefect_id: Prefect's id of the root of the tree.
        state: COMPLETED, CRASHED, CANCELLED or FAILED.
        message: Why.
        traces: The task runs as the run's own process saw them.

    Returns:
        Whether the flow run had another state before.

    Raises:
        ServerError: The server cannot be reached, or does not record the task runs.
    """
    replaced = {"CRASHED"} if state == "CANCELLED" else set()
    is_open = _open_rows(replaced)
    now = time.time()
    is_news = bool(api.flow_run(prefect_id)["state_type"] != state)
    if is_news:
        # First of all: whoever looks now must not see a run that goes on.
        api.set_flow_run_state(prefect_id, state, message)
    # Before the wait for task runs: the server dates an end by when it hears of it.
    tree = api.flow_runs(prefect_id)
    for flow_run in reversed(tree[1:]):
        if is_open(flow_run):
            api.set_flow_run_state(flow_run["id"], state, message)
    ended = [
        trace
        if trace.end is not None and trace.state not in replaced
        else trace.ended_as(state, now, message)
        for trace in traces
    ]
    wait_until_recorded(api, ended, patience=0.0)
    for task_run in api.task_runs(row["id"] for row in tree):
        if is_open(task_run):
            api.set_task_run_state(task_run["id"], state, message)
    return is_news


def _open_rows(replaced: Iterable[str]) -> Callable[[Mapping[str, Any]], bool]:
    closed = FINAL_STATES - set(replaced)
    return lambda row: row["state_type"] not in closed


def _end_event(trace: TaskTrace) -> dict[str, Any]:
    """The event with which a Prefect client reports the end of a task run."""
    assert trace.end is not None, "only ended task runs are told again"
    resource_id = f"prefect.task-run.{trace.id}"
    state = {"type": trace.state, "name": trace.state.capitalize(), "message": trace.message}
    return {
        "id": str(uuid.uuid4()),
        "occurred": _iso(trace.end),
        "event": f"prefect.task-run.{state['name']}",
        "resource": {
            "prefect.resource.id": resource_id,
            "prefect.resource.name": trace.name,
            "prefect.state-type": trace.state,
            "prefect.state-name": state["name"],
            # Marks it as what the server's recorder is to write down.
            "prefect.orchestration": "client",
        },
        "related": [
            {
                "prefect.resource.id": f"prefect.flow-run.{trace.flow_run_id}",
                "prefect.resource.role": "flow-run",
            }
        ],
        "payload": {
            "intended": {"from": "RUNNING", "to": trace.state},
            "initial_state": None,
            "validated_state": {**state, "state_details": {}, "data": None},
            "task_run": {
                "name": trace.name,
                "task_key": trace.task_key,
                "dynamic_key": trace.dynamic_key,
                "run_count": 1,
                "expected_start_time": _iso(trace.start),
                "start_time": _iso(trace.start),
                "end_time": _iso(trace.end),
                "total_run_time": max(trace.end - trace.start, 0.0),
            },
        },
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def read_timeline_rows(api: PrefectApi, prefect_id: str) -> list[RunRow]:
    """Read the run tree as rows for a timeline, parents before children."""
    tree = api.flow_runs(prefect_id)
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
