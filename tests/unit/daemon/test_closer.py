from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.daemon import closer as closer_module
from engine.daemon.closer import Closer
from engine.daemon.workers import Workers
from engine.errors import NotFoundError, ServerError, StorageError
from engine.runs.outcome import Outcome
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.loop import for_a_moment, in_event_loop, until
from tests.unit.daemon.stand_ins import (
    Flaky,
    PrefectStandIn,
    accept,
    child_that_is_off,
    claim,
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closer_module, "_RETRY_SECONDS", 0.005)
    monkeypatch.setattr(closer_module, "_LATE_SECONDS", 0.0)


class Prefect:
    """Prefect's API with one run at most, which still goes on as far as it knows."""

    def __init__(self, *known: str) -> None:
        self.states = dict.fromkeys(known, "RUNNING")
        self.by_key: dict[str, str] = {}
        self.problems: list[Exception] = []

    def flow_run_id_of_key(self, key: str) -> str | None:
        return self.by_key.get(key)

    def flow_run(self, run_id: str) -> dict[str, Any]:
        if self.problems:
            raise self.problems.pop(0)
        if run_id not in self.states:
            raise NotFoundError(f"the Prefect server has no /flow_runs/{run_id}")
        return {"id": run_id, "state_type": self.states[run_id]}

    def set_flow_run_state(self, run_id: str, kind: str, message: str) -> None:
        self.states[run_id] = kind

    def flow_runs(self, root_id: str) -> list[dict[str, Any]]:
        return [
            {
                "id": root_id,
                "name": "sly-fox",
                "flow_id": "f",
                "state_type": self.states[root_id],
                "created": "2026-01-01T00:00:00Z",
                "start_time": "2026-01-01T00:00:01Z",
                "end_time": None,
                "parent_task_run_id": None,
            }
        ]

    def flow_names(self, flow_ids: Iterable[str]) -> dict[str, str]:
        return dict.fromkeys(flow_ids, "train_flow")

    def task_runs(self, _: Iterable[str]) -> list[dict[str, Any]]:
        return []

    def count_final_task_runs(self, task_run_ids: Iterable[str]) -> int:
        return len(list(task_run_ids))


class Room:
    """A closer with everything around it."""

    def __init__(self, workspace: Workspace, api: Prefect) -> None:
        self.workspace = workspace
        self.api = api
        self.table = RunTable(workspace.database)
        self.flaky = Flaky(self.table, StorageError("the disk is full"))
        self.prefect = PrefectStandIn(child_that_is_off())
        self.prefect.child.ready.set()
        self.prefect.api = api
        self.workers = Workers()
        self.closed: list[str] = []
        self.closer = Closer(workspace, self.flaky, self.prefect, self.workers, self.closed.append)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.closer.stop()
            self.workers.close()

    def ended(self, run_id: str, state: str = "CRASHED", message: str = "its process died") -> str:
        """A run that could not tell Prefect of its end itself."""
        accept(self.table, run_id)
        self.workspace.run_folder(run_id).mkdir()
        claim(self.table, run_id)
        self.table.finish(run_id, state, message)
        return run_id


@in_event_loop
async def test_what_a_dead_process_had_sent_before_has_not_the_last_word(
    workspace: Workspace,
) -> None:
    class Late(Prefect):
        said = False

        def task_runs(self, _: Iterable[str]) -> list[dict[str, Any]]:
            # Its last request is handled only now.
            if not self.said:
                self.said, self.states["prefect-a"] = True, "RUNNING"
            return []

    room = Room(workspace, Late("prefect-a"))
    async with room.at_work():
        room.closer.close(room.ended("a"))
        await until(lambda: room.closed == ["a"])

    assert room.api.states == {"prefect-a": "CRASHED"}


@in_event_loop
async def test_prefect_is_told_how_a_run_ended_and_its_timeline_is_kept(
    workspace: Workspace,
) -> None:
    room = Room(workspace, Prefect("prefect-a"))
    async with room.at_work():
        room.closer.close(room.ended("a"))
        assert room.closer.open_runs == 1
        await until(lambda: room.closed == ["a"])
        await until(lambda: room.closer.open_runs == 0)

    assert room.api.states == {"prefect-a": "CRASHED"}
    assert room.table.get("a").closed
    outcome = Outcome.read(workspace.run_folder("a"))
    assert outcome is not None
    assert (outcome.state, outcome.message) == ("CRASHED", "its process died")
    (row,) = outcome.rows
    assert (row.flow_name, row.state) == ("train_flow", "CRASHED")
    assert row.start == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


@in_event_loop
async def test_what_the_process_wrote_of_its_end_is_kept_beside_the_timeline(
    workspace: Workspace,
) -> None:
    room = Room(workspace, Prefect("prefect-a"))
    async with room.at_work():
        room.ended("a", "FAILED", "row 7")
        written = Outcome("FAILED", "row 7", "DataError", {"dataset": "d1"})
        written.write(workspace.run_folder("a"))
        room.closer.close("a")
        await until(lambda: room.closed == ["a"])

    outcome = Outcome.read(workspace.run_folder("a"))
    assert outcome is not None
    assert (outcome.error_kind, outcome.outputs) == ("DataError", {"dataset": "d1"})
    assert len(outcome.rows) == 1


@in_event_loop
async def test_nothing_is_told_until_the_server_is_up(workspace: Workspace) -> None:
    room = Room(workspace, Prefect("prefect-a"))
    room.prefect.child.ready.clear()
    async with room.at_work():
        room.closer.close(room.ended("a"))
        await for_a_moment()
        assert room.api.states == {"prefect-a": "RUNNING"}
        room.prefect.child.ready.set()
        await until(lambda: room.closed == ["a"])


@in_event_loop
async def test_a_server_or_a_disk_that_fails_is_tried_again(workspace: Workspace) -> None:
    room = Room(workspace, Prefect("prefect-a"))
    room.api.problems = [ServerError("did not answer")] * 3
    room.flaky.failures["set_closed"] = 2
    async with room.at_work():
        room.closer.close(room.ended("a"))
        await until(lambda: room.closed == ["a"])

    assert room.table.get("a").closed


@in_event_loop
async def test_a_run_that_is_being_closed_is_not_closed_twice(workspace: Workspace) -> None:
    room = Room(workspace, Prefect("prefect-a"))
    room.prefect.child.ready.clear()
    async with room.at_work():
        room.ended("a")
        for _ in range(3):
            room.closer.close("a")
        assert room.closer.open_runs == 1
        room.prefect.child.ready.set()
        await until(lambda: room.closer.open_runs == 0)

    assert room.closed == ["a"]


@in_event_loop
async def test_a_run_that_prefect_does_not_know_has_nothing_to_be_corrected_there(
    workspace: Workspace,
) -> None:
    room = Room(workspace, Prefect())
    async with room.at_work():
        accept(room.table, "never told")
        room.table.request_cancel("never told")
        room.closer.close("never told")
        room.closer.close(room.ended("forgotten"))
        await until(lambda: len(room.closed) == 2)

    assert room.table.get("never told").closed
    assert room.table.get("forgotten").closed


@in_event_loop
async def test_a_run_that_never_began_is_found_at_prefect_by_its_key(workspace: Workspace) -> None:
    room = Room(workspace, Prefect("p1"))
    room.api.by_key["a"] = "p1"
    async with room.at_work():
        accept(room.table, "a")
        room.table.request_cancel("a")
        room.closer.close("a")
        await until(lambda: room.closed == ["a"])

    assert room.api.states == {"p1": "CANCELLED"}


@in_event_loop
async def test_a_run_that_is_deleted_meanwhile_needs_no_closing(workspace: Workspace) -> None:
    room = Room(workspace, Prefect("prefect-a"))
    async with room.at_work():
        room.ended("a")
        room.table.delete("a")
        room.closer.close("a")
        await until(lambda: room.closer.open_runs == 0)

    assert room.closed == []


@in_event_loop
async def test_a_timeline_that_cannot_be_kept_does_not_keep_a_run_open(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(Outcome, "write", full)
    room = Room(workspace, Prefect("prefect-a"))
    async with room.at_work():
        room.closer.close(room.ended("a"))
        await until(lambda: room.closed == ["a"])

    assert room.table.get("a").closed


@in_event_loop
async def test_a_damaged_result_does_not_keep_a_run_open(workspace: Workspace) -> None:
    room = Room(workspace, Prefect("prefect-a"))
    async with room.at_work():
        room.ended("a")
        (workspace.run_folder("a") / "result.json").write_text("{")
        room.closer.close("a")
        await until(lambda: room.closer.open_runs == 0)

    assert room.table.get("a").closed
    assert room.closed == ["a"]
