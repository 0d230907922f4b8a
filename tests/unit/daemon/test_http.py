from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from engine.config.files import ENGINE_FILE
from engine.daemon import children
from engine.daemon.actions import DELETED_PREFIX
from engine.daemon.children import Child, Started
from engine.daemon.http import engine_routes, make_app
from engine.errors import ServerError
from engine.processes import start_mark
from engine.runs.log import LOG_FILE
from engine.runs.outcome import Outcome
from engine.schema import (
    DeletedEvent,
    DownReply,
    EngineStatus,
    LaunchReply,
    LogEvent,
    LogReply,
    NotificationsReply,
    ProgressReply,
    ResetEvent,
    RunDetail,
    RunEvent,
    RunInfo,
    RunPage,
    RunsReply,
    ScheduleEvent,
    ScheduleInfo,
    SchedulesReply,
)
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from tests.unit.daemon.house import (
    ChildlessEngine,
    ForgetfulApi,
    House,
    house,
    house_with_a_door,
    message_of,
    refusal,
    use_api,
)
from tests.unit.daemon.loop import in_event_loop, running, until
from tests.unit.daemon.stand_ins import (
    accept,
    change_row,
    claim,
    end,
)
from tests.unit.prefect_server.http_server import answering

MIB = 1024**2


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, as that of a run is."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def give_process(at: House, run_id: str, process: subprocess.Popen[bytes]) -> None:
    mark = start_mark(process.pid)
    assert mark is not None
    claim(at.table, run_id, process.pid, mark)


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


@in_event_loop
async def test_a_launched_run_is_accepted_and_waits(workspace: Workspace) -> None:
    async with house(workspace) as at:
        asked = {
            "flow": "data_flow",
            "overrides": ["dataset.rules.gaps=zero"],
            "flags": {"seed": 3},
            "key": "k",
            "priority": 5,
            "origin": "a test",
        }
        reply = message_of(await at.post("/runs", asked), LaunchReply)
        warmed = at.engine.warmed

    run = reply.run
    assert reply.created
    assert (run.flow, run.state, run.priority, run.origin) == ("data_flow", "PENDING", 5, "a test")
    assert run.waiting == "the Prefect server is starting, which takes a few seconds"
    assert warmed == 1
    assert at.table.get(run.id).launch_key == "k"
    assert "gaps: zero" in at.table.document(run.id)


@in_event_loop
async def test_launching_the_same_key_again_gives_the_same_run(workspace: Workspace) -> None:
    async with house(workspace) as at:
        replies = [
            message_of(await at.post("/runs", {"flow": flow, "key": "k"}), LaunchReply)
            for flow in ("data_flow", "eval_flow")
        ]

    assert [reply.created for reply in replies] == [True, False]
    assert replies[0].run.id == replies[1].run.id
    assert len(at.table.newest(10)) == 1


@in_event_loop
async def test_launches_without_a_key_are_runs_of_their_own(workspace: Workspace) -> None:
    async with house(workspace) as at:
        for _ in range(2):
            message_of(await at.post("/runs", {"flow": "data_flow"}), LaunchReply)

    assert len(at.table.newest(10)) == 2


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"flow": "no_flow"}, "no_flow"),
        ({"flow": "data_flow", "overrides": ["no.such=1"]}, "no.such"),
        ({"flow": "train_flow", "flags": {"model_type": "NoModel"}}, "NoModel"),
        ({"flow": "train_flow", "flags": {"no_flag": 1}}, "no_flag"),
    ],
)
@in_event_loop
async def test_a_launch_with_wrong_settings_is_refused_and_nothing_is_accepted(
    workspace: Workspace, asked: dict[str, Any], says: str
) -> None:
    async with house(workspace) as at:
        reply = refusal(await at.post("/runs", asked), 422, "ConfigError")

    assert says in reply.message
    assert at.table.newest(10) == []


@in_event_loop
async def test_a_mistake_in_the_users_own_file_is_refused_with_its_place(
    workspace: Workspace,
) -> None:
    file = workspace.configs / "data_flow_config.yaml"
    file.write_text("flow_module: data_flow\ndataset:\n  file_pth: x.csv\n")
    async with house(workspace) as at:
        reply = refusal(await at.post("/runs", {"flow": "data_flow"}), 422, "ConfigError")

    assert f"{file}:3:3" in f"{reply.where} {reply.message}"
    assert 'did you mean "dataset.file_path"?' in f"{reply.message} {reply.fix}"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/runs", {"flow": "data_flow", "priorty": 5}, "priorty"),
        ("/runs", {"flow": 5}, "$.flow"),
        ("/runs", {}, "flow"),
        ("/runs", {"flow": "data_flow", "priority": "5"}, "$.priority"),
        ("/runs", {"flow": "data_flow", "priority": 5.0}, "$.priority"),
        ("/runs", {"flow": "data_flow", "priority": True}, "$.priority"),
        ("/runs", {"flow": "data_flow", "priority": 101}, "$.priority"),
        ("/runs", {"flow": "data_flow", "priority": None}, "$.priority"),
        ("/runs", {"flow": "data_flow", "overrides": "a=1"}, "$.overrides"),
        ("/runs", {"flow": "data_flow", "overrides": [1]}, "$.overrides"),
        ("/runs", {"flow": "data_flow", "flags": []}, "$.flags"),
        ("/runs", {"flow": "data_flow", "key": ""}, "$.key"),
        ("/runs", {"flow": "data_flow", "key": "k" * 201}, "$.key"),
        ("/runs", {"flow": "data_flow", "origin": "o" * 201}, "$.origin"),
        ("/runs", [], "object"),
        ("/runs", "data_flow", "object"),
        ("/runs", b"flow=data_flow", "JSON is malformed"),
        ("/runs", b'{"flow": "data_flow"', "truncated"),
        ("/runs", b'{"flow": "\xff"}', "understood"),
        ("/runs", b"[" * 100_000, "understood"),
        ("/runs/cancel", {"ids": "a"}, "$.ids"),
        ("/runs/cancel", {"everything": True}, "everything"),
        ("/runs/delete", {"all": "yes"}, "$.all"),
        ("/runs/a/cancel", {"hard": 1}, "$.hard"),
        ("/runs/a/rerun", {"flow": "data_flow"}, "flow"),
        ("/down", {"cancel_runs": "no"}, "$.cancel_runs"),
        ("/schedules", {"name": "Nightly!", "flow": "data_flow"}, "$.name"),
        ("/schedules", {"name": "n", "flow": "data_flow", "every_seconds": 1}, "$.every_seconds"),
        ("/schedules", {"name": "n", "flow": "data_flow", "catch_up": "some"}, "$.catch_up"),
    ],
)
@in_event_loop
async def test_a_request_that_is_not_wholly_understood_is_refused_by_the_name_of_the_field(
    workspace: Workspace, path: str, body: Any, field: str
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        reply = refusal(await at.post(path, body), 422, "ConfigError")

        assert "the request cannot be understood" in reply.message
        assert field in reply.message
        assert not at.engine.stop_requested.is_set()
        assert at.table.get("a").state == "PENDING"
        assert len(at.table.newest(10)) == 1


@pytest.mark.parametrize(("size", "status"), [(MIB, 200), (MIB + 1, 413), (20 * MIB, 413)])
@in_event_loop
async def test_a_request_of_more_than_a_mebibyte_is_refused(
    workspace: Workspace, size: int, status: int
) -> None:
    """Also when nobody said beforehand how long it is."""
    body = json.dumps({"hard": True}).encode().ljust(size)

    async def in_pieces() -> AsyncIterator[bytes]:
        for first in range(0, size, MIB // 4):
            yield body[first : first + MIB // 4]

    async with house_with_a_door(workspace) as at:
        accept(at.table, "a")
        for content in (body, in_pieces()):
            try:
                answer = await at.client.post("/runs/a/cancel", content=content)
            except httpx.TransportError:
                # It hung up on who had not finished: that is no yes either.
                assert status != 200
                continue
            assert answer.status_code == status
            if status != 200:
                assert "longer than 1048576 bytes" in refusal(answer, 413, "ConfigError").message
        assert at.table.get("a").is_final == (status == 200)
        # The engine is none the worse for it.
        assert (await at.get("/health")).status_code == 200


@in_event_loop
async def test_runs_are_listed_newest_first_page_by_page(workspace: Workspace) -> None:
    async with house(workspace) as at:
        for number in range(5):
            accept(at.table, f"r{number}")
            change_row(workspace.database, f"r{number}", created=1000.0 + number)
        pages = [message_of(await at.get("/runs", limit=2), RunPage)]
        while pages[-1].before is not None:
            answer = await at.get("/runs", limit=2, before=repr(pages[-1].before))
            pages.append(message_of(answer, RunPage))

    assert [[run.id for run in page.runs] for page in pages] == [["r4", "r3"], ["r2", "r1"], ["r0"]]


@in_event_loop
async def test_a_last_page_that_is_full_is_the_last_one(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        accept(at.table, "b")
        page = message_of(await at.get("/runs", limit=2), RunPage)

    assert len(page.runs) == 2
    assert page.before is None


@in_event_loop
async def test_runs_can_be_chosen_by_flow_and_state(workspace: Workspace) -> None:
    async with house(workspace) as at:
        for run_id, flow, state in [
            ("a", "data_flow", "FAILED"),
            ("b", "train_flow", "FAILED"),
            ("c", "data_flow", "COMPLETED"),
        ]:
            accept(at.table, run_id, flow=flow)
            end(at.table, run_id, state)

        async def ids(**query: str) -> list[str]:
            page = message_of(await at.get("/runs", **query), RunPage)
            return [run.id for run in page.runs]

        assert await ids() == ["c", "b", "a"]
        assert await ids(flow="data_flow") == ["c", "a"]
        assert await ids(flow="data_flow", state="FAILED") == ["a"]
        assert await ids(state="CRASHED") == []
        assert await ids(flow="' OR 1=1 --") == []


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/runs", {"limit": "0"}, "limit must be a whole number from 1 to 1000"),
        ("/runs", {"limit": "1001"}, "limit must be"),
        ("/runs", {"limit": "-1"}, "limit must be"),
        ("/runs", {"limit": "1.5"}, "limit must be"),
        ("/runs", {"limit": "many"}, "limit must be"),
        ("/runs", {"limit": ""}, "limit must be"),
        ("/runs", {"limit": "²"}, "limit must be"),
        ("/runs", {"limit": "9" * 5000}, "limit must be"),
        ("/runs", {"before": "yesterday"}, "before must be a number"),
        ("/runs", {"before": ""}, "before must be a number"),
        ("/runs", {"before": "nan"}, "before must be a number"),
        ("/runs/a/log", {"tail": "0"}, "tail must be a whole number from 1 to 100000"),
        ("/runs/a/log", {"tail": "x"}, "tail must be"),
        ("/runs/a/progress", {"offset": "-1"}, "offset must be a whole number from 0"),
        ("/runs/a/progress", {"offset": str(2**53 + 1)}, "offset must be"),
        ("/events", {"logs": "yes"}, "logs must be true or false"),
    ],
)
@in_event_loop
async def test_a_query_that_makes_no_sense_is_refused(
    workspace: Workspace, path: str, query: dict[str, str], says: str
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        reply = refusal(await at.get(path, **query), 422, "ConfigError")

    assert says in reply.message


@pytest.mark.parametrize(
    ("path", "query"), [("/runs/cancel", {"hard": "yes"}), ("/runs/delete", {"force": "1"})]
)
@in_event_loop
async def test_a_switch_that_is_neither_on_nor_off_is_refused(
    workspace: Workspace, path: str, query: dict[str, str]
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        reply = refusal(await at.post(path, {"all": True}, **query), 422, "ConfigError")

        assert "must be true or false" in reply.message
        assert at.table.get("a").state == "PENDING"


@in_event_loop
async def test_a_run_is_shown_with_its_steps(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "3f2a81c4-x")
        at.write_progress("3f2a81c4-x")
        detail = message_of(await at.get("/runs/3f2a"), RunDetail)

    assert detail.run.id == "3f2a81c4-x"
    assert detail.folder == str(workspace.run_folder("3f2a81c4-x"))
    (step,) = detail.steps
    assert (step.name, step.done, step.total, step.measures) == ("train", 3, 20, {"loss": 0.5})
    assert (detail.outputs, detail.rows) == ({}, ())


@in_event_loop
async def test_a_run_that_has_ended_is_shown_with_what_it_made(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        end(at.table, "a", "COMPLETED")
        Outcome("COMPLETED", "", outputs={"dataset": "d1"}).write(at.folder("a"))
        detail = message_of(await at.get("/runs/a"), RunDetail)

    assert (detail.run.state, detail.run.waiting) == ("COMPLETED", "")
    assert detail.outputs == {"dataset": "d1"}


@in_event_loop
async def test_a_run_with_a_damaged_result_is_shown_without_it(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        end(at.table, "a", "COMPLETED")
        (at.folder("a") / "result.json").write_text("{")
        detail = message_of(await at.get("/runs/a"), RunDetail)

    assert detail.run.state == "COMPLETED"
    assert detail.outputs == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/runs/x"),
        ("GET", "/runs/x/log"),
        ("GET", "/runs/x/progress"),
        ("POST", "/runs/x/cancel"),
        ("POST", "/runs/x/rerun"),
        ("GET", "/events?run=x"),
        ("GET", "/runs/%25"),
        ("GET", "/runs/%00"),
        ("GET", "/runs/재고"),
    ],
)
@in_event_loop
async def test_a_run_that_there_is_not_is_not_found(
    workspace: Workspace, method: str, path: str
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        answer = await at.client.request(method, path)

    reply = refusal(answer, 404, "NotFoundError")
    assert "there is no run" in reply.message
    assert reply.fix == "`engine runs` lists them"


@in_event_loop
async def test_nothing_is_read_from_outside_of_the_folder_of_runs(workspace: Workspace) -> None:
    workspace.secrets.write_text("HOOK=very-secret\n")
    async with house(workspace) as at:
        for name in ("..%2Fsecrets.env", "..%2F..%2Fsecrets.env", "%2e%2e", ".."):
            for path in (f"/runs/{name}", f"/runs/{name}/log", f"/runs/{name}/progress"):
                answer = await at.get(path)
                assert answer.status_code == 404
                assert "very-secret" not in answer.text


@in_event_loop
async def test_the_beginning_of_several_ids_is_not_found(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "3f2a-1")
        accept(at.table, "3f2b-2")
        reply = refusal(await at.get("/runs/3f2"), 404, "NotFoundError")

    assert "is the beginning of several runs" in reply.message


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
async def test_a_log_is_read_from_its_beginning_and_on_from_where_one_was(
    workspace: Workspace,
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        file = at.folder("a") / LOG_FILE
        file.write_text("one\ntwo\nhal")
        first = message_of(await at.get("/runs/a/log"), LogReply)
        assert (first.lines, first.ended) == (("one", "two"), False)

        with file.open("a") as log:
            log.write("f\nrest")
        second = message_of(await at.get("/runs/a/log", cursor=first.cursor), LogReply)
        assert (second.lines, second.ended) == (("half",), False)

        end(at.table, "a")
        third = message_of(await at.get("/runs/a/log", cursor=second.cursor), LogReply)
        assert (third.lines, third.ended) == (("rest",), False)
        last = message_of(await at.get("/runs/a/log", cursor=third.cursor), LogReply)
        assert (last.lines, last.ended, last.cursor) == ((), True, third.cursor)


@in_event_loop
async def test_the_last_lines_of_a_log_can_be_had_alone(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        (at.folder("a") / LOG_FILE).write_text("".join(f"{n}\n" for n in range(1000)))
        reply = message_of(await at.get("/runs/a/log", tail=2), LogReply)

    assert reply.lines == ("998", "999")


@in_event_loop
async def test_a_run_without_a_log_has_no_lines(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        for query in ({}, {"tail": 5}, {"cursor": "0:0"}):
            reply = message_of(await at.get("/runs/a/log", **query), LogReply)
            assert (reply.lines, reply.ended) == ((), False)


@pytest.mark.parametrize("cursor", ["", "x", "0", "0:", ":0", "-1:0", "0:-1", "0:0:0", "../x:0"])
@in_event_loop
async def test_a_place_that_is_in_no_log_is_not_found(workspace: Workspace, cursor: str) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        reply = refusal(await at.get("/runs/a/log", cursor=cursor), 404, "NotFoundError")

    assert "is no place in a log" in reply.message


@in_event_loop
async def test_progress_is_read_with_every_point_of_a_curve(workspace: Workspace) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        at.write_progress("a")
        first = message_of(await at.get("/runs/a/progress"), ProgressReply)
        assert [event["kind"] for event in first.events] == ["task", "epoch"]
        assert first.events[1]["loss"] == 0.5

        rest = message_of(await at.get("/runs/a/progress", offset=first.offset), ProgressReply)
        assert rest == ProgressReply(events=(), offset=first.offset)


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
async def test_a_run_is_repeated_with_what_was_asked_for_and_what_is_to_be_different(
    workspace: Workspace,
) -> None:
    async with house(workspace) as at:
        asked = {
            "flow": "train_flow",
            "overrides": ["dataset.rules.gaps=zero"],
            "flags": {"model_type": "LSTM", "seed": 1},
            "priority": 3,
            "origin": "somebody",
        }
        first = message_of(await at.post("/runs", asked), LaunchReply).run
        change = {
            "flags": {"seed": 2},
            "overrides": ["train.hparams.epochs=5"],
            "key": "k",
            "origin": "me",
        }
        second = message_of(await at.post(f"/runs/{first.id}/rerun", change), LaunchReply)
        again = message_of(await at.post(f"/runs/{first.id[:8]}/rerun", change), LaunchReply)

    record = at.table.get(second.run.id)
    assert (second.created, again.created) == (True, False)
    assert again.run.id == second.run.id != first.id
    assert (second.run.rerun_of, second.run.priority) == (first.id, 3)
    assert second.run.origin == "me"
    assert record.request["flags"] == {"model_type": "LSTM", "seed": 2}
    assert record.request["overrides"] == ["dataset.rules.gaps=zero", "train.hparams.epochs=5"]


@in_event_loop
async def test_a_repeated_run_may_have_another_priority(workspace: Workspace) -> None:
    async with house(workspace) as at:
        asked = {"flow": "data_flow", "priority": 3}
        first = message_of(await at.post("/runs", asked), LaunchReply).run
        answer = await at.post(f"/runs/{first.id}/rerun", {"priority": 0})

    assert message_of(answer, LaunchReply).run.priority == 0


@in_event_loop
async def test_a_repeated_run_whose_settings_are_wrong_now_is_refused(workspace: Workspace) -> None:
    async with house(workspace) as at:
        first = message_of(await at.post("/runs", {"flow": "data_flow"}), LaunchReply).run
        answer = await at.post(f"/runs/{first.id}/rerun", {"overrides": ["no.such=1"]})
        refusal(answer, 422, "ConfigError")

    assert len(at.table.newest(10)) == 1


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


@asynccontextmanager
async def without_a_prefect_server(at: House) -> AsyncIterator[None]:
    """It was given up on."""

    async def start() -> Started:
        raise ServerError("port 4200 cannot be used")

    at.engine.prefect.child = Child("prefect server", start, lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "_PAUSES", ())
        async with running(at.engine.prefect.child.supervise()):
            await until(lambda: at.engine.prefect.child.has_failed)
            yield


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


@in_event_loop
async def test_the_feed_is_a_stream_of_server_sent_events(workspace: Workspace) -> None:
    async with house_with_a_door(workspace) as at, at.feed() as listener:
        assert listener.answer.status_code == 200
        assert listener.answer.headers["content-type"].startswith("text/event-stream")
        assert await listener.next() == ResetEvent(reason="the feed begins")

        launched = message_of(await at.post("/runs", {"flow": "data_flow"}), LaunchReply).run
        event = await listener.next()
        assert isinstance(event, RunEvent)
        assert (event.run.id, event.run.state) == (launched.id, "PENDING")

        await at.post(f"/runs/{launched.id}/cancel")
        event = await listener.next()
        assert isinstance(event, RunEvent)
        assert event.run.state == "CANCELLED"


@in_event_loop
async def test_who_comes_back_with_the_last_id_hears_what_was_missed(workspace: Workspace) -> None:
    async with house_with_a_door(workspace) as at:
        async with at.feed() as listener:
            await listener.next()
            last_id = listener.last_id
        launched = message_of(await at.post("/runs", {"flow": "data_flow"}), LaunchReply).run
        at.engine.feed.publish(DeletedEvent(run_id="b"))

        async with at.feed(last_id=last_id) as listener:
            first = await listener.next()
            assert isinstance(first, RunEvent)
            assert first.run.id == launched.id
            assert await listener.next() == DeletedEvent(run_id="b")


@pytest.mark.parametrize("last_id", ["of-an-earlier-engine-7", "x", "-1"])
@in_event_loop
async def test_who_comes_back_with_an_id_of_another_engine_must_ask_anew(
    workspace: Workspace, last_id: str
) -> None:
    async with house_with_a_door(workspace) as at, at.feed(last_id=last_id) as listener:
        assert await listener.next() == ResetEvent(reason="events were missed")


@in_event_loop
async def test_the_feed_of_one_run_with_its_log(workspace: Workspace) -> None:
    async with house_with_a_door(workspace) as at:
        accept(at.table, "3f2a-1")
        accept(at.table, "77")
        lines = LogEvent(run_id="3f2a-1", lines=("line\nwith an end", "재고"), cursor="0:9")
        async with at.feed(run="3f2a", logs="true") as listener:
            await listener.next()
            await until(lambda: at.engine.feed.wants_log("3f2a-1"))
            at.engine.feed.publish(DeletedEvent(run_id="77"))
            at.engine.feed.publish(ScheduleEvent(name="nightly"))
            at.engine.feed.publish(lines)
            at.engine.feed.publish(DeletedEvent(run_id="3f2a-1"))

            assert await listener.next() == lines
            assert await listener.next() == DeletedEvent(run_id="3f2a-1")

        # Whoever hangs up has left.
        await until(lambda: not at.engine.feed.wants_log("3f2a-1"))


@in_event_loop
async def test_who_hangs_up_before_the_first_word_has_left_too(workspace: Workspace) -> None:
    """Else the engine would go on reading the log for nobody."""
    async with house(workspace) as at:
        accept(at.table, "a")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/events",
            "query_string": b"run=a&logs=true",
            "headers": [],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(_: Any) -> None:
            """Nobody hears it."""

        await make_app(at.engine)(scope, receive, send)
        assert not at.engine.feed.wants_log("a")


@in_event_loop
async def test_a_quiet_feed_gives_a_sign_of_life(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_routes, "_KEEP_ALIVE_SECONDS", 0.01)
    async with house_with_a_door(workspace) as at, at.feed() as listener:
        await listener.next()
        for _ in range(2):
            assert await listener.line() == ": still here"
            assert await listener.line() == ""


@in_event_loop
async def test_a_run_that_is_deleted_is_told_of(workspace: Workspace) -> None:
    async with house_with_a_door(workspace) as at:
        accept(at.table, "a")
        end(at.table, "a")
        async with at.feed() as listener:
            await listener.next()
            await at.post("/runs/delete", {"ids": ["a"]})
            assert await listener.next() == DeletedEvent(run_id="a")


@in_event_loop
async def test_schedules_are_added_listed_changed_and_removed(workspace: Workspace) -> None:
    async with house(workspace) as at:
        assert message_of(await at.get("/schedules"), SchedulesReply).schedules == ()
        asked = {
            "name": "nightly",
            "flow": "data_flow",
            "cron": "0 2 * * *",
            "timezone": "Asia/Seoul",
            "overrides": ["dataset.rules.gaps=zero"],
            "priority": -5,
        }
        added = message_of(await at.post("/schedules", asked), ScheduleInfo)
        assert (added.name, added.cron, added.priority) == ("nightly", "0 2 * * *", -5)
        assert (added.timezone, added.catch_up, added.enabled) == ("Asia/Seoul", "latest", True)
        assert len(added.next_times) == 3
        assert added.next_times[0] > time.time()
        # What fires soon must not wait for imports.
        assert at.engine.warmed == 1
        assert message_of(await at.get("/schedules"), SchedulesReply).schedules == (added,)

        paused = message_of(
            await at.client.patch("/schedules/nightly", json={"enabled": False}), ScheduleInfo
        )
        assert (paused.enabled, paused.next_times) == (False, ())
        resumed = message_of(
            await at.client.patch("/schedules/nightly", json={"enabled": True}), ScheduleInfo
        )
        assert resumed == added

        removed = message_of(await at.client.delete("/schedules/nightly"), ScheduleInfo)
        assert removed == added
        assert message_of(await at.get("/schedules"), SchedulesReply).schedules == ()


@in_event_loop
async def test_schedules_that_make_no_sense_are_refused(workspace: Workspace) -> None:
    async with house(workspace) as at:
        base = {"name": "n", "flow": "data_flow"}
        for wrong in (
            {},
            {"cron": "0 2 * * *", "every_seconds": 60.0},
            {"cron": "x"},
            {"every_seconds": 60, "overrides": ["no.such=1"]},
            {"every_seconds": 60, "flow": "no_flow"},
            {"cron": "0 2 * * *", "timezone": "Asia/Seol"},
        ):
            refusal(await at.post("/schedules", base | wrong), 422, "ConfigError")
        assert message_of(await at.get("/schedules"), SchedulesReply).schedules == ()

        good = base | {"every_seconds": 60}
        message_of(await at.post("/schedules", good), ScheduleInfo)
        reply = refusal(await at.post("/schedules", good), 409, "ConflictError")
        assert "there is a schedule 'n' already" in reply.message
        message_of(await at.post("/schedules", good | {"replace": True}), ScheduleInfo)


@in_event_loop
async def test_a_schedule_that_there_is_not_is_not_found(workspace: Workspace) -> None:
    async with house(workspace) as at:
        for answer in (
            await at.client.patch("/schedules/x", json={"enabled": True}),
            await at.client.delete("/schedules/x"),
        ):
            reply = refusal(answer, 404, "NotFoundError")
            assert reply.fix == "`engine schedule list` lists them"
        refusal(await at.client.patch("/schedules/x", json={}), 422, "ConfigError")
        refusal(await at.client.patch("/schedules/x", json={"enabled": 1}), 422, "ConfigError")


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
