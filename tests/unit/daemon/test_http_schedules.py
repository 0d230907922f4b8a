"""The engine's own HTTP interface: schedules."""

from __future__ import annotations

import time

from engine.schema import (
    ScheduleInfo,
    SchedulesReply,
)
from engine.workspace import Workspace
from tests.unit.daemon.house import (
    house,
    message_of,
    refusal,
)
from tests.unit.daemon.loop import in_event_loop

MIB = 1024**2


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
