from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import NotFoundError, ServerError
from engine.prefect_server import records
from engine.prefect_server.records import (
    close_run_tree,
    read_timeline_rows,
    wait_until_recorded,
)
from engine.runs.traces import TaskTrace
from engine.states import FINAL_STATES


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again after a moment; the real pauses are for a real server."""
    monkeypatch.setattr(records, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(records, "_PATIENCE_SECONDS", 0.01)


@dataclass
class PrefectStandIn:
    """Keeps flow runs and task runs as Prefect's API shows them, and what was done in order.

    Args:
        runs: State of each flow run; the root comes first.
        tasks: State of each task run that the server has recorded.
        deaf_to: How many deliveries of events get lost.
    """

    runs: dict[str, str] = field(default_factory=lambda: {"root": "RUNNING"})
    tasks: dict[str, str] = field(default_factory=dict)
    deaf_to: int = 0
    done: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[list[dict[str, Any]]] = field(default_factory=list)

    def flow_run(self, run_id: str) -> dict[str, Any]:
        if run_id not in self.runs:
            raise NotFoundError(f"the Prefect server has no /flow_runs/{run_id}")
        return {"id": run_id, "state_type": self.runs[run_id]}

    def flow_runs(self, root_id: str) -> list[dict[str, Any]]:
        assert root_id == next(iter(self.runs))
        return [{"id": run_id, "state_type": state} for run_id, state in self.runs.items()]

    def task_runs(self, flow_run_ids: Iterable[str]) -> list[dict[str, Any]]:
        assert list(flow_run_ids) == list(self.runs)
        return [{"id": task_id, "state_type": state} for task_id, state in self.tasks.items()]

    def count_final_task_runs(self, task_run_ids: Iterable[str]) -> int:
        return len(self.final_task_run_ids(task_run_ids))

    def final_task_run_ids(self, task_run_ids: Iterable[str]) -> set[str]:
        return {key for key in task_run_ids if self.tasks.get(key) in FINAL_STATES}

    def send_events(self, events: list[dict[str, Any]]) -> None:
        self.told.append(events)
        if len(self.told) > self.deaf_to:
            for event in events:
                task_id = event["resource"]["prefect.resource.id"].removeprefix("prefect.task-run.")
                self.tasks[task_id] = event["resource"]["prefect.state-type"]

    def set_flow_run_state(self, run_id: str, kind: str, message: str) -> None:
        self.runs[run_id] = kind
        self.done.append((run_id, kind, message))

    def set_task_run_state(self, run_id: str, kind: str, message: str) -> None:
        self.tasks[run_id] = kind
        self.done.append((run_id, kind, message))


def trace(task_id: str, *, end: float | None = 1700000002.5, state: str = "COMPLETED") -> TaskTrace:
    return TaskTrace(
        id=task_id,
        flow_run_id="root",
        name=f"name of {task_id}",
        task_key="train-abc",
        dynamic_key="0",
        start=1700000000.0,
        end=end,
        state=state,
    )


def told_tasks(api: PrefectStandIn) -> list[set[str]]:
    return [
        {event["resource"]["prefect.resource.id"].rpartition(".")[2] for event in events}
        for events in api.told
    ]


def test_what_the_server_has_recorded_is_not_told_again() -> None:
    api = PrefectStandIn(tasks={"a": "COMPLETED", "b": "FAILED"})

    wait_until_recorded(api, [trace("a"), trace("b", state="FAILED")], patience=0.0)

    assert api.told == []


def test_without_task_runs_there_is_nothing_to_wait_for() -> None:
    api = PrefectStandIn()

    wait_until_recorded(api, [], patience=0.0)

    assert api.told == []


def test_only_the_missing_task_runs_are_told_again() -> None:
    api = PrefectStandIn(tasks={"a": "COMPLETED", "b": "RUNNING"})

    wait_until_recorded(api, [trace("a"), trace("b"), trace("c")], patience=0.0)

    assert told_tasks(api) == [{"b", "c"}]
    assert api.tasks == {"a": "COMPLETED", "b": "COMPLETED", "c": "COMPLETED"}


def test_what_gets_lost_on_the_way_is_told_until_it_is_recorded() -> None:
    api = PrefectStandIn(deaf_to=2)

    wait_until_recorded(api, [trace("a")], patience=0.0)

    assert told_tasks(api) == [{"a"}, {"a"}, {"a"}]
    assert len({event["id"] for events in api.told for event in events}) == 3


def test_the_server_gets_time_to_write_before_anything_is_told_again() -> None:
    class Slow(PrefectStandIn):
        looks = 0

        def count_final_task_runs(self, task_run_ids: Iterable[str]) -> int:
            self.looks += 1
            if self.looks == 3:
                self.tasks["a"] = "COMPLETED"
            return super().count_final_task_runs(task_run_ids)

    api = Slow()

    wait_until_recorded(api, [trace("a")], patience=3600.0)

    assert api.told == []
    assert api.looks == 3


def test_a_server_that_never_records_is_an_error_with_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "_BARRIER_SECONDS", 0.05)
    api = PrefectStandIn(tasks={"a": "COMPLETED"}, deaf_to=10**9)

    with pytest.raises(ServerError, match="recorded only 1 of 3 task runs"):
        wait_until_recorded(api, [trace("a"), trace("b"), trace("c")], patience=0.0)


def test_a_task_run_is_told_again_as_its_own_process_saw_it() -> None:
    api = PrefectStandIn()

    wait_until_recorded(api, [trace("a", state="FAILED")], patience=0.0)

    ((event,),) = api.told
    assert event["event"] == "prefect.task-run.Failed"
    assert event["resource"]["prefect.state-type"] == "FAILED"
    assert event["resource"]["prefect.orchestration"] == "client"
    assert event["related"][0]["prefect.resource.id"] == "prefect.flow-run.root"
    told = event["payload"]["task_run"]
    assert told["name"] == "name of a"
    assert (told["task_key"], told["dynamic_key"]) == ("train-abc", "0")
    assert datetime.fromisoformat(told["start_time"]) == datetime.fromtimestamp(1700000000.0, UTC)
    assert datetime.fromisoformat(told["end_time"]) == datetime.fromtimestamp(1700000002.5, UTC)
    assert told["total_run_time"] == 2.5


def test_a_clock_that_went_back_makes_no_negative_time() -> None:
    api = PrefectStandIn()

    wait_until_recorded(api, [trace("a", end=1600000000.0)], patience=0.0)

    assert api.told[0][0]["payload"]["task_run"]["total_run_time"] == 0.0


def test_the_root_is_closed_first_then_flows_below_from_the_innermost_then_tasks() -> None:
    """Whoever looks in between sees no run that goes on, and no flow waits for task runs."""
    api = PrefectStandIn(
        runs={"root": "RUNNING", "child": "RUNNING", "grandchild": "RUNNING"},
        tasks={"t1": "RUNNING", "t2": "PENDING"},
    )

    close_run_tree(api, "root", "CRASHED", "its process died", [])

    assert api.done == [
        (key, "CRASHED", "its process died") for key in ("root", "grandchild", "child", "t1", "t2")
    ]


def test_what_has_ended_in_the_tree_keeps_its_end() -> None:
    api = PrefectStandIn(
        runs={"root": "RUNNING", "done": "COMPLETED", "bad": "FAILED", "open": "SCHEDULED"},
        tasks={"t1": "COMPLETED", "t2": "FAILED", "t3": "CANCELLED"},
    )

    close_run_tree(api, "root", "CRASHED", "died", [])

    assert api.runs == {"root": "CRASHED", "done": "COMPLETED", "bad": "FAILED", "open": "CRASHED"}
    assert api.tasks == {"t1": "COMPLETED", "t2": "FAILED", "t3": "CANCELLED"}


def test_a_root_that_is_in_its_state_already_is_left_alone() -> None:
    api = PrefectStandIn(runs={"root": "FAILED", "child": "RUNNING"})

    close_run_tree(api, "root", "FAILED", "row 7", [])

    assert api.done == [("child", "FAILED", "row 7")]


def test_a_root_that_prefect_thinks_has_ended_otherwise_is_corrected() -> None:
    api = PrefectStandIn(runs={"root": "CRASHED"})

    close_run_tree(api, "root", "CANCELLED", "cancelled", [])

    assert api.runs == {"root": "CANCELLED"}


def test_closing_twice_changes_nothing_more() -> None:
    api = PrefectStandIn(runs={"root": "RUNNING", "child": "RUNNING"}, tasks={"t": "RUNNING"})
    close_run_tree(api, "root", "CANCELLED", "cancelled", [trace("t", end=None, state="RUNNING")])
    before = list(api.done), list(api.told)

    close_run_tree(api, "root", "CANCELLED", "cancelled", [trace("t", end=None, state="RUNNING")])

    assert (api.done, api.told) == before


def test_in_a_cancelled_run_cancelled_replaces_what_prefect_marked_as_crashed() -> None:
    api = PrefectStandIn(
        runs={"root": "CRASHED", "child": "CRASHED", "failed": "FAILED"},
        tasks={"t1": "CRASHED", "t2": "FAILED", "t3": "COMPLETED"},
    )

    close_run_tree(api, "root", "CANCELLED", "cancelled", [trace("t1", state="CRASHED")])

    assert api.runs == {"root": "CANCELLED", "child": "CANCELLED", "failed": "FAILED"}
    assert api.tasks == {"t1": "CANCELLED", "t2": "FAILED", "t3": "COMPLETED"}


@pytest.mark.parametrize("state", ["CRASHED", "FAILED"])
def test_in_any_other_run_a_crashed_step_stays_crashed(state: str) -> None:
    api = PrefectStandIn(tasks={"t1": "CRASHED"})

    close_run_tree(api, "root", state, "died", [trace("t1", state="CRASHED")])

    assert api.tasks == {"t1": "CRASHED"}


@pytest.mark.parametrize("state", ["CRASHED", "CANCELLED", "FAILED"])
def test_a_step_that_never_ended_is_told_with_the_end_of_its_run(state: str) -> None:
    """The server lost that it ever began: there is nothing whose state could be set."""
    api = PrefectStandIn()

    close_run_tree(api, "root", state, "died", [trace("a"), trace("b", end=None, state="RUNNING")])

    assert api.tasks == {"a": "COMPLETED", "b": state}
    (events,) = api.told
    told = {event["payload"]["task_run"]["name"]: event for event in events}
    assert told["name of b"]["payload"]["validated_state"]["message"] == "died"
    assert told["name of b"]["payload"]["task_run"]["total_run_time"] > 0


def test_a_run_that_prefect_does_not_know_is_not_found_and_nothing_is_done() -> None:
    api = PrefectStandIn(runs={"another": "RUNNING"})

    with pytest.raises(NotFoundError):
        close_run_tree(api, "root", "CRASHED", "died", [trace("a")])

    assert (api.done, api.told) == ([], [])


class TreeStandIn:
    """A run of a flow that called another one, as Prefect's API shows it."""

    def flow_runs(self, root_id: str) -> list[dict[str, Any]]:
        common = {"created": "2026-01-01T00:00:00Z", "end_time": None}
        return [
            common
            | {
                "id": root_id,
                "name": "sly-fox",
                "flow_id": "f1",
                "state_type": "RUNNING",
                "start_time": "2026-01-01T00:00:01Z",
                "parent_task_run_id": None,
            },
            common
            | {
                "id": "child",
                "name": "shy-owl",
                "flow_id": "f2",
                "state_type": "PENDING",
                "start_time": None,
                "parent_task_run_id": "placeholder",
            },
        ]

    def flow_names(self, flow_ids: Iterable[str]) -> dict[str, str]:
        return {key: {"f1": "full_flow", "f2": "data_flow"}[key] for key in flow_ids}

    def task_runs(self, flow_run_ids: Iterable[str]) -> list[dict[str, Any]]:
        common = {
            "state_type": "COMPLETED",
            "created": "2026-01-01T00:00:03Z",
            "start_time": "2026-01-01T00:00:05Z",
            "end_time": "2026-01-01T00:00:06Z",
        }
        expected = {"expected_start_time": "2026-01-01T00:00:04Z"}
        return [
            common | expected | {"id": "t1", "name": "load", "flow_run_id": "child"},
            common
            | {"expected_start_time": None}
            | {"id": "t2", "name": "gate", "flow_run_id": "root"},
            common | expected | {"id": "placeholder", "name": "data_flow", "flow_run_id": "root"},
        ]


def test_a_timeline_shows_flows_below_the_flow_that_called_them_and_no_placeholders() -> None:
    root, child = read_timeline_rows(TreeStandIn(), "root")

    assert (root.flow_name, root.name, root.state) == ("full_flow", "sly-fox", "RUNNING")
    assert (root.parent_id, child.parent_id) == (None, "root")
    assert [task.name for task in root.tasks] == ["gate"]
    assert [task.name for task in child.tasks] == ["load"]
    assert (child.flow_name, child.start) == ("data_flow", None)
    second = datetime(2026, 1, 1, tzinfo=UTC)
    assert root.start == second.replace(second=1)
    # A step waits from when it was to start, or else from when it was made.
    assert child.tasks[0].created == second.replace(second=4)
    assert root.tasks[0].created == second.replace(second=3)
    assert root.tasks[0].end == second.replace(second=6)
