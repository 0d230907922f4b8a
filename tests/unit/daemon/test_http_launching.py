"""The engine's own HTTP interface: launching runs, and repeating them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.schema import (
    LaunchReply,
)
from engine.workspace import Workspace
from tests.unit.daemon.house import (
    house,
    house_with_a_door,
    message_of,
    refusal,
)
from tests.unit.daemon.loop import in_event_loop
from tests.unit.daemon.stand_ins import (
    accept,
)

MIB = 1024**2


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
            "tags": ["nightly", "재고:v1.2_x-y"],
        }
        reply = message_of(await at.post("/runs", asked), LaunchReply)
        warmed = at.engine.warmed

    run = reply.run
    assert reply.created
    assert (run.flow, run.state, run.priority, run.origin) == ("data_flow", "PENDING", 5, "a test")
    assert (run.tags, run.key) == (("nightly", "재고:v1.2_x-y"), "k")
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


@pytest.mark.parametrize(
    "tags", [["a b"], [""], ["a\n"], ["x" * 51], ["a/b"], [3], "a", [f"t{n}" for n in range(21)]]
)
@in_event_loop
async def test_what_cannot_be_tags_is_refused(workspace: Workspace, tags: object) -> None:
    async with house(workspace) as at:
        reply = refusal(
            await at.post("/runs", {"flow": "data_flow", "tags": tags}), 422, "ConfigError"
        )
        assert at.table.newest(10) == []

    assert "$.tags" in reply.message


@in_event_loop
async def test_a_repeated_run_keeps_its_tags_unless_others_are_given(workspace: Workspace) -> None:
    async with house(workspace) as at:
        asked = {"flow": "data_flow", "tags": ["a", "b"]}
        first = message_of(await at.post("/runs", asked), LaunchReply).run
        tags = [
            message_of(await at.post(f"/runs/{first.id}/rerun", change), LaunchReply).run.tags
            for change in ({}, {"tags": ["c"]}, {"tags": []})
        ]

    assert tags == [("a", "b"), ("c",), ()]


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
