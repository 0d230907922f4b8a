"""The engine's own HTTP interface: cancelling and deleting runs."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from typing import Any

import pytest

from engine.daemon.actions import DELETED_PREFIX
from engine.schema import (
    RunInfo,
    RunsReply,
)
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from tests.unit.daemon.house import (
    ChildlessEngine,
    ForgetfulApi,
    give_process,
    house,
    message_of,
    refusal,
    use_api,
    without_a_prefect_server,
)
from tests.unit.daemon.loop import in_event_loop, running, until
from tests.unit.daemon.stand_ins import (
    accept,
    claim,
    end,
)

MIB = 1024**2


@in_event_loop
async def test_a_run_that_waits_is_cancelled_at_once(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        run = message_of(await at.post("/runs/a/cancel"), RunInfo)
        again = message_of(await at.post("/runs/a/cancel", {}), RunInfo)

        assert (run.state, run.message) == ("CANCELLED", "cancelled before it started")
        assert run.cancel_requested
        assert again == run
        # Prefect may have been told of it.
        assert at.engine.closer.open_runs == 1


@pytest.mark.parametrize("hard", [False, True])
@in_event_loop
async def test_a_run_that_goes_on_is_asked_to_end_or_made_to(
    workspace: Workspace, sleeper: subprocess.Popen[bytes], hard: bool
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        give_process(at, "a", sleeper)
        await at.engine.keeper.take_over(grace_seconds=5)
        run = message_of(await at.post("/runs/a/cancel", {"hard": hard}), RunInfo)
        assert (run.state, run.cancel_requested) == ("CANCELLING", True)

        await until(lambda: at.table.get("a").state == "CANCELLED")
        await until(lambda: not at.engine.keeper.living)
    assert sleeper.wait() == -(signal.SIGKILL if hard else signal.SIGTERM)


@in_event_loop
async def test_a_run_that_has_ended_is_not_cancelled_any_more(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        end(at.table, "a", "FAILED", "row 7")
        run = message_of(await at.post("/runs/a/cancel"), RunInfo)

    assert (run.state, run.message, run.cancel_requested) == ("FAILED", "row 7", False)


@in_event_loop
async def test_several_runs_are_cancelled_and_it_is_said_why_others_are_not(
    workspace: Workspace,
) -> None:
    async with house(workspace) as at:
        for run_id in "abc":
            accept(at.table, run_id)
        end(at.table, "c")
        answer = await at.post("/runs/cancel", {"ids": ["a", "c", "x"]})
        reply = message_of(answer, RunsReply)
        pending = at.table.get("b").state

    assert [run.id for run in reply.runs] == ["a"]
    assert reply.refused["c"] == "it has ended already"
    assert "there is no run 'x'" in reply.refused["x"]
    assert pending == "PENDING"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"all": True}, {"a", "b", "c"}),
        ({"flow": "data_flow"}, {"a", "b"}),
        ({"state": "PENDING", "flow": "train_flow"}, {"c"}),
        ({"state": "COMPLETED"}, set()),
    ],
)
@in_event_loop
async def test_runs_are_cancelled_by_what_they_are(
    workspace: Workspace, chosen: dict[str, Any], expected: set[str]
) -> None:
    async with house(workspace) as at:
        for run_id, flow in [("a", "data_flow"), ("b", "data_flow"), ("c", "train_flow")]:
            accept(at.table, run_id, flow=flow)
        accept(at.table, "ended", flow="data_flow")
        end(at.table, "ended", "COMPLETED")
        reply = message_of(await at.post("/runs/cancel", chosen), RunsReply)

    assert {run.id for run in reply.runs} == expected
    assert {run.id for run in at.table.newest(9, state="CANCELLED")} == expected


@pytest.mark.parametrize("path", ["/runs/cancel", "/runs/delete"])
@in_event_loop
async def test_nothing_is_done_to_all_runs_by_mistake(workspace: Workspace, path: str) -> None:
    async with house(workspace) as at:
        accept(at.table, "waiting")
        accept(at.table, "ended")
        end(at.table, "ended")
        for body in ({}, {"ids": []}, {"all": False}, None):
            reply = refusal(await at.post(path, body), 409, "ConflictError")
            assert reply.message == "no runs were chosen"
        assert at.table.counts() == {"PENDING": 1, "COMPLETED": 1}


@in_event_loop
async def test_runs_that_have_ended_are_deleted_with_their_folders(workspace: Workspace) -> None:
    async with house(workspace) as at:
        for run_id in ("a", "b", "waiting", "unclosed"):
            accept(at.table, run_id)
            at.folder(run_id)
        end(at.table, "a")
        end(at.table, "b")
        at.table.finish("unclosed", "FAILED", "")
        answer = await at.post("/runs/delete", {"ids": ["a", "waiting", "unclosed", "x"]})
        reply = message_of(answer, RunsReply)

        assert [run.id for run in reply.runs] == ["a"]
        assert set(reply.refused) == {"waiting", "unclosed", "x"}
        assert reply.refused["waiting"] == "it has not ended yet"
        assert {run.id for run in at.table.newest(9)} == {"b", "waiting", "unclosed"}
        assert not workspace.run_folder("a").exists()
        assert list(workspace.runs.glob(f"{DELETED_PREFIX}*")) == []
        refusal(await at.get("/runs/a"), 404, "NotFoundError")


@in_event_loop
async def test_a_run_that_a_next_flow_takes_up_is_deleted_only_by_force(
    workspace: Workspace,
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        end(at.table, "a")
        Handoffs(workspace.database).leave("dataset", "d1", "a")
        kept = message_of(await at.post("/runs/delete", {"ids": ["a"]}), RunsReply)
        assert kept.runs == ()
        assert "newest dataset" in kept.refused["a"]

        answer = await at.post("/runs/delete", {"ids": ["a"]}, force="true")
        assert [run.id for run in message_of(answer, RunsReply).runs] == ["a"]


@in_event_loop
async def test_deleting_does_not_wait_for_a_prefect_server_that_was_given_up_on(
    workspace: Workspace,
) -> None:
    async with house(workspace) as at, without_a_prefect_server(at):
        accept(at.table, "a")
        claim(at.table, "a")
        end(at.table, "a")
        answer = await asyncio.wait_for(at.post("/runs/delete", {"ids": ["a"]}), 5.0)
        reply = message_of(answer, RunsReply)

    assert reply.runs == ()
    assert "port 4200 cannot be used" in reply.refused["a"]
    assert at.table.get("a").id == "a"


@in_event_loop
async def test_a_run_that_could_not_be_started_is_closed_and_can_be_deleted(
    workspace: Workspace,
) -> None:
    workspace.runs.rmdir()
    workspace.runs.write_text("in the way")
    async with house(workspace, ChildlessEngine) as at:
        at.engine.prefect.child.ready.set()
        use_api(at, ForgetfulApi())
        accept(at.table, "a")
        async with running(at.engine.dispatcher.dispatch()):
            at.engine.dispatcher.wake()
            await until(lambda: at.table.get("a").is_final)
            await until(lambda: at.table.get("a").closed, patience=5.0)
        workspace.runs.unlink()
        reply = message_of(await at.post("/runs/delete", {"ids": ["a"]}), RunsReply)

    assert [run.id for run in reply.runs] == ["a"]
