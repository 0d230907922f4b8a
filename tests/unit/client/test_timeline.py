from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.client.timeline import rows_of
from engine.runs.outcome import Outcome
from engine.timeline import RunRow, TaskRow, build_timeline
from tests.unit.client.messages import RUN_ID, run_detail, run_info, step_info


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_run_that_has_not_begun_has_no_timeline() -> None:
    assert rows_of(run_detail(run_info(state="PENDING", started=None))) == []


def test_a_run_that_has_ended_is_shown_as_prefect_recorded_it() -> None:
    recorded = RunRow(
        id="p",
        name="sly-fox",
        flow_name="train_flow",
        state="COMPLETED",
        created=at(1),
        start=at(2),
        end=at(3),
        tasks=(TaskRow("t", "train", "COMPLETED", at(2), at(2), at(3)),),
    )
    rows = Outcome("COMPLETED", "", rows=(recorded,)).plain_rows()

    detail = run_detail(run_info(state="COMPLETED"), step_info("s"), rows=rows)

    assert rows_of(detail) == [recorded]


def test_a_run_that_goes_on_is_shown_as_its_own_steps_tell() -> None:
    done = step_info("s1", state="COMPLETED", start=102.0, end=103.5)
    going = step_info("s2", start=103.5)

    (row,) = rows_of(run_detail(run_info(), done, going))

    assert (row.id, row.name, row.flow_name, row.state) == (
        RUN_ID,
        "sly-fox",
        "train_flow",
        "RUNNING",
    )
    assert (row.created, row.start, row.end) == (at(100), at(101), None)
    assert [(task.id, task.state, task.start, task.end) for task in row.tasks] == [
        ("s1", "COMPLETED", at(102), at(103.5)),
        ("s2", "RUNNING", at(103.5), None),
    ]


def test_flows_that_a_run_called_stand_below_it_with_their_steps() -> None:
    run = run_info(flow="full_flow")
    steps = [
        step_info("a", flow="data_flow", state="COMPLETED", start=102.0, end=103.0),
        step_info("b", flow="data_flow", state="COMPLETED", start=103.0, end=104.0),
        step_info("c", flow="train_flow", start=104.0),
        step_info("d", flow="full_flow", start=105.0),
    ]

    root, data, train = rows_of(run_detail(run, *steps))

    assert [task.id for task in root.tasks] == ["d"]
    assert (data.flow_name, data.state, data.parent_id) == ("data_flow", "COMPLETED", RUN_ID)
    assert (data.start, data.end) == (at(102), at(104))
    assert [task.id for task in data.tasks] == ["a", "b"]
    assert (train.flow_name, train.state, train.end) == ("train_flow", "RUNNING", None)
    assert len({root.id, data.id, train.id}) == 3


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["COMPLETED", "COMPLETED"], "COMPLETED"),
        (["COMPLETED", "RUNNING"], "RUNNING"),
        (["COMPLETED", "FAILED"], "FAILED"),
        (["FAILED", "CRASHED"], "CRASHED"),
    ],
)
def test_a_flow_below_is_as_its_steps_are(states: list[str], state: str) -> None:
    steps = [
        step_info(
            f"s{number}",
            flow="data_flow",
            state=given,
            end=None if given == "RUNNING" else 103.0,
        )
        for number, given in enumerate(states)
    ]

    _, below = rows_of(run_detail(run_info(flow="full_flow"), *steps))

    assert below.state == state


def test_the_rows_can_be_drawn() -> None:
    run = run_info(flow="full_flow")
    steps = [
        step_info("a", flow="data_flow", state="COMPLETED", start=102.0, end=103.0),
        step_info("d", flow="full_flow", start=105.0),
    ]

    timeline = build_timeline(rows_of(run_detail(run, *steps)), at(110))

    assert [(bar.name, bar.depth) for bar in timeline.bars] == [
        ("full_flow", 0),
        ("data_flow", 1),
        ("name of a", 2),
        ("name of d", 1),
    ]
    assert timeline.seconds == 10.0
