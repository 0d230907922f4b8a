"""The engine's own HTTP interface: the live feed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.daemon.http import engine_routes, make_app
from engine.schema import (
    DeletedEvent,
    LaunchReply,
    LogEvent,
    ResetEvent,
    RunEvent,
    ScheduleEvent,
)
from engine.workspace import Workspace
from tests.unit.daemon.house import (
    house,
    house_with_a_door,
    message_of,
)
from tests.unit.daemon.loop import in_event_loop, until
from tests.unit.daemon.stand_ins import (
    accept,
    end,
)

MIB = 1024**2


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
