"""The engine's own HTTP interface: the engine itself, its end, its errors, notifications."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from typing import Any

import pytest

from engine.config.files import ENGINE_FILE
from engine.daemon.http import engine_routes
from engine.processes import start_mark
from engine.schema import (
    DownReply,
    EngineStatus,
    NotificationsReply,
)
from engine.workspace import Workspace
from tests.unit.daemon.house import (
    ForgetfulApi,
    give_process,
    house,
    house_with_a_door,
    message_of,
    refusal,
    use_api,
    without_a_prefect_server,
)
from tests.unit.daemon.loop import in_event_loop, until
from tests.unit.daemon.stand_ins import (
    accept,
    end,
)
from tests.unit.prefect_server.http_server import answering

MIB = 1024**2


@in_event_loop
async def test_an_engine_that_answers_is_well(workspace: Workspace) -> None:
    async with house_with_a_door(workspace) as at:
        answer = await at.get("/health")

    assert (answer.status_code, answer.json()) == (200, {})


@in_event_loop
async def test_the_status_counts_runs_and_shows_children(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        accept(at.table, "b")
        end(at.table, "b", "FAILED")
        status = message_of(await at.get("/status"), EngineStatus)

    assert status.pid == os.getpid()
    assert status.workspace == str(workspace.root)
    assert status.counts == {"PENDING": 1, "FAILED": 1}
    assert (status.running, status.queued) == (0, 1)
    assert status.max_concurrent == at.engine.settings().queue.max_concurrent
    assert {child.name: child.state for child in status.children}["prefect server"] == "off"
    assert all(child.pid is None for child in status.children)
    assert status.problems == ()
    assert status.memory is not None
    assert status.memory > 0
    assert at.engine.warmed == 0


@in_event_loop
async def test_the_status_says_that_the_settings_are_wrong(workspace: Workspace) -> None:
    async with house(workspace) as at:
        (workspace.configs / ENGINE_FILE).write_text("queue:\n  max_concurrent: many\n")
        status = message_of(await at.get("/status"), EngineStatus)

    (problem,) = status.problems
    assert "the settings of before still hold" in problem


@in_event_loop
async def test_the_status_names_the_zone_that_is_set_now(workspace: Workspace) -> None:
    async with house(workspace) as at:
        before = message_of(await at.get("/status"), EngineStatus)
        (workspace.configs / ENGINE_FILE).write_text("timezone: Asia/Seoul\n")
        after = message_of(await at.get("/status"), EngineStatus)

    assert (before.timezone, after.timezone) == ("local", "Asia/Seoul")


@in_event_loop
async def test_what_runs_need_can_be_started_ahead(workspace: Workspace) -> None:
    async with house(workspace) as at:
        message_of(await at.post("/warm"), EngineStatus)

        assert at.engine.warmed == 1


@in_event_loop
async def test_going_down_is_answered_first_and_says_which_runs_go_on(
    workspace: Workspace, sleeper: subprocess.Popen[bytes]
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        give_process(at, "a", sleeper)
        await at.engine.keeper.take_over(grace_seconds=5)
        assert not at.engine.stop_requested.is_set()

        reply = message_of(await at.post("/down", {}), DownReply)

        assert reply.pid == os.getpid()
        assert [(run.id, run.state) for run in reply.runs] == [("a", "RUNNING")]
        assert at.engine.stop_requested.is_set()
        assert sleeper.poll() is None
        sleeper.kill()
        await until(lambda: not at.engine.keeper.living)


@in_event_loop
async def test_going_down_may_cancel_what_runs_first(
    workspace: Workspace, sleeper: subprocess.Popen[bytes]
) -> None:
    async with house(workspace) as at:
        # Prefect knows nothing of these runs, so that they are closed without it.
        at.engine.prefect.child.ready.set()
        use_api(at, ForgetfulApi())
        accept(at.table, "waiting")
        accept(at.table, "running")
        mark = start_mark(sleeper.pid)
        at.table.claim("running", 0, pid=sleeper.pid, mark=mark or "", prefect_id=None)
        await at.engine.keeper.take_over(grace_seconds=5)

        reply = message_of(await at.post("/down", {"cancel_runs": True}), DownReply)

        assert reply.runs == ()
        assert at.engine.stop_requested.is_set()
        for run_id in ("waiting", "running"):
            run = at.table.get(run_id)
            assert (run.state, run.closed) == ("CANCELLED", True)
    assert sleeper.wait() == -signal.SIGTERM


@in_event_loop
async def test_a_run_that_ends_while_the_engine_goes_down_is_no_problem(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        async with house(workspace) as at:
            for run_id in ("a", "b"):
                accept(at.table, run_id)
                process = stack.enter_context(
                    subprocess.Popen(["sleep", "60"], start_new_session=True)
                )
                stack.callback(process.kill)
                give_process(at, run_id, process)
            await at.engine.keeper.take_over(grace_seconds=5)
            real = at.table.get
            gone: dict[str, Any] = {}

            def get(run_id: str) -> Any:
                if run_id in at.engine.keeper.living and not gone:
                    gone["b"] = at.engine.keeper.living.pop("b")
                return real(run_id)

            monkeypatch.setattr(at.table, "get", get)
            reply = message_of(await at.post("/down", {}), DownReply)
            at.engine.keeper.living.update(gone)

            assert "a" in {run.id for run in reply.runs}
            assert at.engine.stop_requested.is_set()
            stack.close()
            await until(lambda: not at.engine.keeper.living)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("DELETE", "/runs", 405),
        ("PUT", "/schedules/x", 405),
        ("GET", "/down", 405),
    ],
)
@in_event_loop
async def test_what_nobody_answers_to_is_refused_in_the_same_form(
    workspace: Workspace, method: str, path: str, status: int
) -> None:
    async with house(workspace) as at:
        answer = await at.client.request(method, path)

        assert answer.status_code == status
        assert not at.engine.stop_requested.is_set()
        assert set(answer.json()) == {"kind", "message", "where", "fix"}


@in_event_loop
async def test_an_error_that_nobody_expected_is_told_and_the_engine_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(workspace) as at:

        def broken() -> None:
            raise RuntimeError("what nobody expected")

        monkeypatch.setattr(at.table, "counts", broken)
        reply = refusal(await at.get("/status"), 500, "EngineError")
        assert reply.message == "RuntimeError: what nobody expected"

        assert (await at.get("/health")).status_code == 200


@in_event_loop
async def test_a_disk_that_is_gone_is_told_as_such(workspace: Workspace) -> None:
    async with house(workspace) as at:
        for path in workspace.root.glob("engine.db*"):
            path.unlink()
        workspace.database.write_bytes(b"not a database" * 1000)
        reply = refusal(await at.get("/runs"), 500, "StorageError")

    assert reply.where == str(workspace.database)
    assert reply.fix == "See `engine doctor`"


@in_event_loop
async def test_going_down_does_not_wait_for_a_prefect_server_that_was_given_up_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next engine tells it of the runs that were cancelled."""
    monkeypatch.setattr(engine_routes, "_CLOSING_SECONDS", 0.05)
    async with house(workspace) as at, without_a_prefect_server(at):
        accept(at.table, "a")
        answer = await asyncio.wait_for(at.post("/down", {"cancel_runs": True}), 5.0)
        message_of(answer, DownReply)

        assert at.table.get("a").state == "CANCELLED"
        assert at.engine.stop_requested.is_set()


@in_event_loop
async def test_notifications_are_listed_and_tested(workspace: Workspace) -> None:
    with answering() as server:
        (workspace.configs / ENGINE_FILE).write_text(
            "notifications:\n"
            f"  webhooks: ['http://127.0.0.1:{server.port}/secret']\n"
            "  allowed_hosts: [127.0.0.1]\n"
        )
        async with house(workspace) as at:
            none = message_of(await at.get("/notifications"), NotificationsReply)
            assert none.notifications == ()
            tested = message_of(await at.post("/notifications/test"), NotificationsReply)

    (sent,) = tested.notifications
    assert (sent.target, sent.problem) == ("webhook http://127.0.0.1/***", "")
    assert sent.delivered is not None
    assert server.heard[0].path == "/secret"
