"""The engine's own HTTP interface: runs, their logs and their progress."""

from __future__ import annotations

import pytest

from engine.daemon.keeper import Living
from engine.daemon.usage import Usage
from engine.runs.log import LOG_FILE
from engine.runs.outcome import Outcome
from engine.schema import (
    FLOW_NAMES,
    FlowsReply,
    LogReply,
    ProgressReply,
    RunDetail,
    RunPage,
)
from engine.workspace import Workspace
from tests.unit.daemon.house import (
    house,
    message_of,
    refusal,
)
from tests.unit.daemon.loop import in_event_loop
from tests.unit.daemon.stand_ins import (
    accept,
    change_row,
    claim,
    end,
)

MIB = 1024**2


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


@in_event_loop
async def test_any_part_of_the_list_can_be_asked_for_and_says_how_long_the_list_is(
    workspace: Workspace,
) -> None:
    async with house(workspace) as at:
        for number in range(5):
            accept(at.table, f"r{number}", tags=("odd",) if number % 2 else ())
            change_row(workspace.database, f"r{number}", created=1000.0 + number)

        async def page(**query: object) -> tuple[list[str], int | None, float | None]:
            found = message_of(await at.get("/runs", **query), RunPage)
            return [run.id for run in found.runs], found.total, found.before

        assert await page(limit=2) == (["r4", "r3"], None, 1003.0)
        assert await page(limit=2, offset=0) == (["r4", "r3"], 5, 1003.0)
        assert await page(limit=2, offset=3) == (["r1", "r0"], 5, None)
        assert await page(limit=2, offset=9) == ([], 5, None)
        assert await page(limit=1, filter="tag:odd") == (["r3"], 2, 1003.0)
        assert await page(limit=1, filter="tag:odd", before=1003.0) == (["r1"], 1, None)
        assert await page(filter="!tag:odd", offset=1) == (["r2", "r0"], 3, None)
        assert await page(filter="state:open", flow="eval_flow") == ([], 0, None)


@in_event_loop
async def test_each_flow_tells_what_became_of_it(workspace: Workspace) -> None:
    async with house(workspace) as at:
        for run_id in ("a", "b", "c"):
            accept(at.table, run_id, flow="train_flow")
        claim(at.table, "a")
        end(at.table, "a", "COMPLETED")
        change_row(workspace.database, "a", started=10.0, ended=12.5)
        claim(at.table, "b")
        reply = message_of(await at.get("/flows"), FlowsReply)

    assert [facts.flow for facts in reply.flows] == list(FLOW_NAMES)
    facts = next(facts for facts in reply.flows if facts.flow == "train_flow")
    assert facts.counts == {"COMPLETED": 1, "RUNNING": 1, "PENDING": 1}
    assert facts.last_started is not None
    assert (facts.last_started.id, facts.last_started.state) == ("b", "RUNNING")
    assert (facts.durations, facts.states) == ((2.5,), ("PENDING", "RUNNING", "COMPLETED"))


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
        ("/runs", {"offset": "-1"}, "offset must be a whole number from 0"),
        ("/runs", {"offset": "x"}, "offset must be"),
        ("/runs", {"filter": "stat:failed"}, "no field 'stat'; did you mean \"state\"?"),
        ("/runs", {"filter": "x" * 501}, "longer than 500"),
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
        asked = {"overrides": ["train.hparams.patience=3"], "flags": {"epochs": 5}}
        accept(at.table, "3f2a81c4-x", request=asked)
        at.write_progress("3f2a81c4-x")
        detail = message_of(await at.get("/runs/3f2a"), RunDetail)

    assert detail.run.id == "3f2a81c4-x"
    assert detail.folder == str(workspace.run_folder("3f2a81c4-x"))
    (step,) = detail.steps
    assert (step.name, step.done, step.total, step.measures) == ("train", 3, 20, {"loss": 0.5})
    assert (detail.outputs, detail.rows) == ({}, ())
    assert (detail.overrides, detail.flags) == (("train.hparams.patience=3",), {"epochs": 5})


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
async def test_of_a_run_that_ended_a_moment_ago_the_most_memory_counts(
    workspace: Workspace,
) -> None:
    async with house(workspace) as at:
        accept(at.table, "a")
        claim(at.table, "a")
        living = Living("train_flow", pid=1, usage=Usage(2.5, 10 * MIB), peak=90 * MIB)
        at.engine.keeper.living["a"] = living
        before = message_of(await at.get("/runs/a"), RunDetail).run
        end(at.table, "a", "COMPLETED")
        after = message_of(await at.get("/runs/a"), RunDetail).run
        del at.engine.keeper.living["a"]

    assert (before.memory, after.memory, after.cpu_seconds) == (10 * MIB, 90 * MIB, 2.5)
