"""The live feed of a real engine: what happens is told, and who comes back misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from engine.client import AsyncEngineClient, EngineClient, calls
from engine.client.calls import Call
from engine.schema import (
    Event,
    HealthEvent,
    LaunchReply,
    LogEvent,
    ResetEvent,
    RunEvent,
    StepEvent,
)
from engine.states import FINAL_STATES
from tests.e2e.harness import SAMPLE_COLUMNS, Engine


def launch_call(engine: Engine) -> Call[LaunchReply]:
    overrides = [text.removeprefix("--set=") for text in SAMPLE_COLUMNS]
    return calls.launch("data_flow", overrides=overrides, flags={"data": str(engine.sample)})


def is_end(event: Event) -> bool:
    return isinstance(event, RunEvent) and event.run.state in FINAL_STATES


def test_a_run_is_told_from_its_acceptance_to_its_end(engine: Engine) -> None:
    told: list[Event] = []
    with EngineClient(engine.workspace) as client:
        run = client.send(launch_call(engine)).run
        for event in client.events(run.id, logs=True):
            told.append(event)
            if is_end(event):
                break
        detail = client.send(calls.run(run.id))

    assert isinstance(told[0], ResetEvent)
    steps = [event.step for event in told if isinstance(event, StepEvent)]
    assert [step.id for step in detail.steps] == list(dict.fromkeys(step.id for step in steps))
    assert {step.id: step for step in steps} == {step.id: step for step in detail.steps}
    lines = [line for event in told if isinstance(event, LogEvent) for line in event.lines]
    assert any("validate_data: Finished" in line for line in lines)
    states = list(dict.fromkeys(e.run.state for e in told if isinstance(e, RunEvent)))
    assert states[-2:] == ["RUNNING", "COMPLETED"]


def test_other_runs_are_not_told_to_who_asks_for_one(engine: Engine) -> None:
    with EngineClient(engine.workspace) as client:
        asked, other = client.send(launch_call(engine)).run, client.send(launch_call(engine)).run
        told = []
        for event in client.events(asked.id):
            told.append(event)
            if is_end(event):
                break

    assert other.id not in str(told)
    engine.wait_closed(other.id)


@pytest.mark.long
def test_an_engine_that_is_replaced_is_followed_on_and_the_child_states_are_told(
    own_engine: Engine,
) -> None:
    async def follow() -> list[Event]:
        told: list[Event] = []
        async with AsyncEngineClient(own_engine.workspace) as client:
            await client.send(calls.warm())
            feed = client.events()
            told.append(await anext(feed))
            old = (await client.send(calls.down())).pid
            while (await client.send(calls.warm())).pid == old:
                await asyncio.sleep(0.05)  # it answers until the last moment
            async for event in feed:
                told.append(event)
                if isinstance(event, HealthEvent) and event.child.state == "ready":
                    return told
        raise AssertionError("the feed ended")

    told = asyncio.run(asyncio.wait_for(follow(), 60))

    assert len([event for event in told if isinstance(event, ResetEvent)]) == 2


def test_who_comes_back_with_the_last_id_gets_what_was_missed(engine: Engine) -> None:
    import httpx

    transport = httpx.HTTPTransport(uds=str(engine.workspace.socket))
    with httpx.Client(transport=transport, base_url="http://engine") as client:

        def lines(is_last: Callable[[str], bool], **headers: str) -> list[str]:
            """What is told up to a line; nothing more is waited for."""
            told = []
            with client.stream("GET", "/events", headers=headers) as response:
                for line in response.iter_lines():
                    told.append(line)
                    if is_last(line):
                        break
            return [line for line in told if line]

        def is_data(line: str) -> bool:
            return line.startswith("data: ")

        begin = lines(is_data)
        run = engine.json("run", "data_flow", *engine.sample_options)
        # What an earlier run used may be told before.
        missed = lines(lambda line: run["id"] in line, **{"last-event-id": begin[0][len("id: ") :]})
        unknown = lines(is_data, **{"last-event-id": "another-1"})

    assert '"type":"reset"' in begin[1]
    assert not any('"type":"reset"' in line for line in missed)
    assert '"type":"reset"' in unknown[1]
