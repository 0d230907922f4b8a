from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.runs.progress import FILE_NAME, ProgressWriter
from engine.runs.traces import TaskTrace, read_traces, traces_of

LOAD = TaskTrace("t1", "f1", "load", "load-key", "0", start=1.0)


def started(id: str, at: float) -> dict[str, Any]:
    return {
        "at": at,
        "kind": "task",
        "id": id,
        "name": "load",
        "state": "RUNNING",
        "flow": "data_flow",
        "flow_run": "f1",
        "task_key": "load-key",
        "dynamic_key": "0",
    }


def ended(id: str, at: float, state: str, **more: str) -> dict[str, Any]:
    return {"at": at, "kind": "task", "id": id, "name": "load", "state": state, **more}


def test_a_task_that_goes_on_has_no_end() -> None:
    assert traces_of([started("t1", 1.0)]) == [LOAD]
    assert (LOAD.state, LOAD.end, LOAD.message) == ("RUNNING", None, "")


def test_a_task_that_ended_says_how_and_why() -> None:
    (completed,) = traces_of([started("t1", 1.0), ended("t1", 2.5, "COMPLETED")])
    assert completed == LOAD.ended_as("COMPLETED", 2.5, "")

    failed = ended("t1", 2.5, "FAILED", message="DataError: row 7")
    (trace,) = traces_of([started("t1", 1.0), failed])
    assert trace == LOAD.ended_as("FAILED", 2.5, "DataError: row 7")


def test_tasks_come_in_the_order_of_their_start() -> None:
    traces = traces_of(
        [
            started("t2", 1.0),
            started("t1", 2.0),
            ended("t1", 3.0, "COMPLETED"),
            started("t3", 4.0),
            ended("t2", 5.0, "CRASHED"),
        ]
    )

    assert [(trace.id, trace.state) for trace in traces] == [
        ("t2", "CRASHED"),
        ("t1", "COMPLETED"),
        ("t3", "RUNNING"),
    ]


def test_a_task_that_is_tried_again_is_one_task_as_it_stands_now() -> None:
    traces = traces_of(
        [started("t1", 1.0), ended("t1", 2.0, "FAILED", message="why"), started("t1", 3.0)]
    )

    assert [(trace.start, trace.end, trace.state, trace.message) for trace in traces] == [
        (3.0, None, "RUNNING", "")
    ]


def test_other_events_and_ends_without_a_beginning_tell_of_no_task() -> None:
    events = [
        {"at": 1.0, "kind": "run", "state": "RUNNING"},
        {"at": 2.0, "kind": "epoch", "step": "train_model", "done": 1, "total": 2},
        ended("t9", 3.0, "COMPLETED"),
        {"at": 4.0, "kind": "end", "state": "COMPLETED", "message": ""},
    ]

    assert traces_of(events) == []


def test_an_end_makes_no_other_trace_than_the_same_with_an_end() -> None:
    crashed = LOAD.ended_as("CRASHED", 9.0, "its process died")

    assert (crashed.id, crashed.flow_run_id, crashed.name) == ("t1", "f1", "load")
    assert (crashed.task_key, crashed.dynamic_key, crashed.start) == ("load-key", "0", 1.0)
    assert (crashed.state, crashed.end, crashed.message) == ("CRASHED", 9.0, "its process died")
    assert LOAD.end is None


def test_traces_are_read_from_what_a_run_wrote(tmp_path: Path) -> None:
    progress = ProgressWriter(tmp_path)
    first = started("t1", 1.0)
    progress.write("task", **{k: v for k, v in first.items() if k not in ("at", "kind")})
    progress.write("task", id="t1", name="load", state="COMPLETED")
    progress.close()
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"at": 5, "kind": "task", "id": "t2", "sta')  # the power went

    (trace,) = read_traces(tmp_path)

    assert (trace.id, trace.flow_run_id, trace.state) == ("t1", "f1", "COMPLETED")
    assert trace.end is not None


def test_a_run_that_never_began_left_no_traces(tmp_path: Path) -> None:
    assert read_traces(tmp_path) == []
    assert read_traces(tmp_path / "missing") == []
