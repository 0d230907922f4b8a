from __future__ import annotations

from typing import Any

from engine.runs.steps import Step, StepList


def task(name: str, state: str, at: float, id: str = "") -> dict[str, Any]:
    """An event of a task run whose id is its name, if it has no other."""
    told = {"at": at, "kind": "task", "id": id or name, "name": name, "state": state}
    # Only the first event says where the task belongs.
    return told | {"flow": "train_flow"} if state == "RUNNING" else told


def epoch(step: str, done: int, **measures: float | None) -> dict[str, Any]:
    return {"at": 2.5, "kind": "epoch", "step": step, "done": done, "total": 20, **measures}


def folded(*events: dict[str, Any]) -> list[Step]:
    steps = StepList()
    for event in events:
        steps.apply(event)
    return steps.steps


def test_a_step_runs_from_its_first_event_to_its_last() -> None:
    started = task("load", "RUNNING", 1.0, "t1")

    assert folded(started) == [Step("t1", "load", "train_flow", "RUNNING", 1.0)]
    assert folded(started, task("load", "COMPLETED", 3.0, "t1")) == [
        Step("t1", "load", "train_flow", "COMPLETED", 1.0, 3.0)
    ]


def test_a_step_counts_in_its_unit_and_keeps_its_last_measures() -> None:
    (step,) = folded(
        task("train", "RUNNING", 1.0),
        epoch("train", 1, loss=0.9, validation_loss=0.8),
        epoch("train", 2, loss=0.7, validation_loss=None),
        task("train", "FAILED", 3.0),
    )

    assert (step.unit, step.done, step.total) == ("epoch", 2, 20)
    assert step.measures == {"loss": 0.7}
    assert step.state == "FAILED"


def test_a_step_that_is_done_again_is_a_step_of_its_own() -> None:
    steps = folded(
        task("train", "RUNNING", 1.0, "t1"),
        task("train", "FAILED", 2.0, "t1"),
        task("train", "RUNNING", 3.0, "t2"),
        epoch("train", 1),
    )

    assert [(step.state, step.done) for step in steps] == [("FAILED", 0), ("RUNNING", 1)]


def test_the_end_of_a_step_within_another_leaves_the_outer_one_open() -> None:
    steps = folded(
        task("outer", "RUNNING", 1.0),
        task("inner", "RUNNING", 2.0),
        task("inner", "COMPLETED", 3.0),
    )

    assert [(step.name, step.state) for step in steps] == [
        ("outer", "RUNNING"),
        ("inner", "COMPLETED"),
    ]


def test_an_end_belongs_to_the_step_of_its_id_also_when_another_has_the_same_name() -> None:
    steps = folded(
        task("train", "RUNNING", 1.0, "t1"),
        task("train", "RUNNING", 2.0, "t2"),
        task("train", "COMPLETED", 3.0, "t1"),
    )

    assert [(step.id, step.state, step.end) for step in steps] == [
        ("t1", "COMPLETED", 3.0),
        ("t2", "RUNNING", None),
    ]


def test_an_attempt_after_the_first_is_a_step_with_the_same_id() -> None:
    steps = folded(
        task("train", "RUNNING", 1.0, "t1"),
        task("train", "FAILED", 2.0, "t1"),
        task("train", "RUNNING", 3.0, "t1"),
        task("train", "COMPLETED", 4.0, "t1"),
    )

    assert [(step.state, step.start, step.end) for step in steps] == [
        ("FAILED", 1.0, 2.0),
        ("COMPLETED", 3.0, 4.0),
    ]


def test_progress_counts_for_the_newest_open_step_of_its_name() -> None:
    steps = folded(
        task("train", "RUNNING", 1.0, "t1"),
        task("train", "RUNNING", 2.0, "t2"),
        epoch("train", 5),
        task("train", "COMPLETED", 3.0, "t2"),
        epoch("train", 7),
    )

    assert [(step.id, step.done) for step in steps] == [("t1", 7), ("t2", 5)]


def test_an_event_says_which_step_it_changed() -> None:
    steps = StepList()
    started = steps.apply(task("train", "RUNNING", 1.0))

    assert steps.apply(epoch("train", 1)) is started
    assert steps.apply(task("train", "COMPLETED", 2.0)) is started


def test_events_that_belong_to_no_open_step_change_nothing() -> None:
    steps = StepList()

    assert steps.apply({"at": 1.0, "kind": "end", "state": "COMPLETED", "message": ""}) is None
    assert steps.apply(epoch("train", 1)) is None
    assert steps.apply(task("train", "COMPLETED", 2.0)) is None
    assert steps.apply({"at": 3.0, "kind": "run", "state": "RUNNING"}) is None
    assert steps.steps == []
