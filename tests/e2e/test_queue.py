"""Runs that wait: for what, in which order, and that each launch is one run."""

from __future__ import annotations

import threading

import pytest

from engine.client import EngineClient, calls
from engine.schema import LaunchReply
from tests.e2e.harness import SAMPLE_COLUMNS, Engine, Puppets


def launch(engine: Engine, *options: str) -> str:
    return str(engine.json("run", "data_flow", "--detach", *engine.sample_options, *options)["id"])


@pytest.mark.long
def test_a_run_that_waits_says_for_what_and_starts_when_there_is_room(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    with own_engine.settings("queue: {max_concurrent: 1}"):
        first = own_puppet("wait")
        second, third = launch(own_engine), launch(own_engine)

        waiting = own_engine.json("run", "show", third)
        assert waiting["state"] == "PENDING"
        assert waiting["waiting"] == (
            f"waits for train_flow {first[:8]}: at most 1 run at once "
            "(queue.max_concurrent); number 2 in the queue"
        )
        own_engine.json("cancel", first)
        assert own_engine.wait_closed(second).state == "COMPLETED"
        assert own_engine.wait_closed(third).state == "COMPLETED"


@pytest.mark.long
def test_a_flow_can_have_a_limit_of_its_own_that_keeps_no_other_flow_waiting(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    with own_engine.settings("queue: {max_concurrent: 4, per_flow: {train_flow: 1}}"):
        first = own_puppet("wait")
        second = own_puppet.launch("wait")

        assert own_engine.wait_closed(launch(own_engine)).state == "COMPLETED"
        waiting = own_engine.json("run", "show", second)["waiting"]
        assert waiting.startswith(f"waits for train_flow {first[:8]}: at most 1 run of train_flow")
        assert "queue.per_flow.train_flow" in waiting


@pytest.mark.long
def test_a_higher_priority_overtakes_what_waits(own_engine: Engine, own_puppet: Puppets) -> None:
    with own_engine.settings("queue: {max_concurrent: 1}"):
        blocker = own_puppet("wait")
        usual, urgent = launch(own_engine), launch(own_engine, "--priority=5")
        idle = launch(own_engine, "--priority=-5")
        own_engine.json("cancel", blocker)
        runs = {run_id: own_engine.wait_closed(run_id) for run_id in (usual, urgent, idle)}

    started = sorted(runs, key=lambda run_id: runs[run_id].started or 0.0)
    assert started == [urgent, usual, idle]


def test_a_run_that_waits_is_cancelled_without_ever_having_a_process(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    with own_engine.settings("queue: {max_concurrent: 1}"):
        own_puppet("wait")
        run_id = launch(own_engine)
        own_engine.json("cancel", run_id)
        run = own_engine.wait_closed(run_id)

    assert (run.state, run.message) == ("CANCELLED", "cancelled before it started")
    assert run.pid is None


def test_the_same_key_is_one_run_however_often_and_whoever_launches_it(own_engine: Engine) -> None:
    replies: list[LaunchReply] = []

    def launch_once() -> None:
        with EngineClient(own_engine.workspace) as client:
            replies.append(
                client.send(
                    calls.launch(
                        "data_flow",
                        overrides=[text.removeprefix("--set=") for text in SAMPLE_COLUMNS],
                        flags={"data": str(own_engine.sample)},
                        key="the same",
                    )
                )
            )

    threads = [threading.Thread(target=launch_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({reply.run.id for reply in replies}) == 1
    assert sorted(reply.created for reply in replies) == [False] * 7 + [True]
    own_engine.wait_closed(replies[0].run.id)


def test_a_launch_with_wrong_settings_is_refused_and_nothing_is_accepted(
    own_engine: Engine,
) -> None:
    known = own_engine.run_ids()

    refused = own_engine.json("run", "train_flow", "--set=train.hparam.epochs=5", exit_code=2)

    assert "train.hparams" in refused["error"]["message"]
    assert own_engine.run_ids() == known
