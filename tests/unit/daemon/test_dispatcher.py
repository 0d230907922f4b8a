from __future__ import annotations

import pytest
import yaml

from engine.config.engine_settings import (
    EngineSettings,
    QueueSettings,
)
from engine.daemon import children, dispatcher
from engine.daemon.children import Child, Started
from engine.errors import (
    ConfigError,
    NotFoundError,
    ServerError,
    StorageError,
)
from engine.workspace import Workspace
from tests.unit.daemon.dispatcher_room import Room
from tests.unit.daemon.loop import for_a_moment, in_event_loop, running, until
from tests.unit.daemon.stand_ins import (
    DOCUMENT,
    LauncherStandIn,
    PrefectStandIn,
    accept,
    child_that_is_off,
    claim,
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "_RETRY_SECONDS", 0.005)


@in_event_loop
async def test_a_queued_run_gets_a_process_that_knows_what_to_do(workspace: Workspace) -> None:
    room = Room(workspace)
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: run_id in room.keeper.living)

    (order,) = room.launcher.orders
    assert (order.run_id, order.attempt, order.prefect_id) == (run_id, 0, f"prefect-{run_id}")
    assert (order.nice, order.memory_limit_mb, order.log_max_mb) == (3, 512, 9)
    assert room.keeper.living[run_id].flow == "train_flow"
    config = workspace.run_folder(run_id) / "config.yaml"
    assert config.read_text() == DOCUMENT
    assert config.parent.stat().st_mode & 0o777 == 0o700


@in_event_loop
async def test_prefect_knows_a_run_with_its_settings_before_it_starts(workspace: Workspace) -> None:
    room = Room(workspace)
    run_id = accept(room.table, flow="data_flow", tags=("nightly", "재고"))

    async with room.at_work():
        await until(lambda: run_id in room.keeper.living)

    assert room.prefect.api.made[run_id] == {
        "flow": "data_flow",
        "name": f"name-{run_id}",
        "parameters": {"settings": yaml.safe_load(DOCUMENT)},
        "tags": ("nightly", "재고"),
    }


@in_event_loop
async def test_high_priority_starts_first_then_the_order_of_acceptance_counts(
    workspace: Workspace,
) -> None:
    room = Room(workspace, at_once=1)
    for run_id, priority in [("a", 0), ("b", 0), ("c", 5), ("d", -5), ("e", 5), ("f", 0)]:
        accept(room.table, run_id, priority=priority)

    async with room.at_work():
        for number, run_id in enumerate("ceabfd", start=1):
            await until(lambda n=number: len(room.keeper.seen) == n)
            assert list(room.keeper.living) == [run_id]
            room.ends(run_id)

    assert room.launched == list("ceabfd")


@in_event_loop
async def test_no_more_runs_go_on_at_once_than_the_settings_say(workspace: Workspace) -> None:
    room = Room(workspace, at_once=2)
    for run_id in "abcd":
        accept(room.table, run_id)

    async with room.at_work():
        await until(lambda: len(room.keeper.seen) == 2)
        for run_id in "ab":
            room.dispatcher.wake()
            await for_a_moment()
            assert len(room.keeper.living) == 2
            room.ends(run_id)
            await until(lambda: len(room.keeper.living) == 2)

        assert set(room.keeper.living) == {"c", "d"}


@in_event_loop
async def test_a_limit_that_is_raised_holds_at_the_next_look(workspace: Workspace) -> None:
    room = Room(workspace, at_once=1)
    for run_id in "abc":
        accept(room.table, run_id)

    async with room.at_work():
        await until(lambda: len(room.keeper.living) == 1)
        room.settings = EngineSettings(queue=QueueSettings(max_concurrent=3))
        room.dispatcher.wake()
        await until(lambda: len(room.keeper.living) == 3)


@in_event_loop
async def test_the_limit_of_a_flow_holds_up_no_other_flow(workspace: Workspace) -> None:
    room = Room(workspace, at_once=3, deploy_flow=1)
    for run_id, flow in [("a", "deploy_flow"), ("b", "deploy_flow"), ("c", "data_flow")]:
        accept(room.table, run_id, flow=flow)

    async with room.at_work():
        await until(lambda: len(room.keeper.living) == 2)
        await for_a_moment()
        assert set(room.keeper.living) == {"a", "c"}

        room.ends("a")
        await until(lambda: set(room.keeper.living) == {"b", "c"})


@in_event_loop
async def test_a_run_is_launched_once_however_often_the_queue_is_looked_at(
    workspace: Workspace,
) -> None:
    room = Room(workspace)
    room.launcher.may_go_on.clear()
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: room.launched)
        for _ in range(3):
            room.dispatcher.wake()
            await for_a_moment()
            assert room.why(run_id) == "its process is being made"
        room.launcher.may_go_on.set()
        await until(lambda: run_id in room.keeper.living)
        for _ in range(3):
            # It has a process, which has not claimed the run yet.
            room.dispatcher.wake()
            await for_a_moment()

    assert room.launched == [run_id]


@in_event_loop
async def test_what_is_being_launched_takes_a_slot(workspace: Workspace) -> None:
    room = Room(workspace, at_once=1)
    room.launcher.may_go_on.clear()
    accept(room.table, "a")
    accept(room.table, "b")

    async with room.at_work():
        await until(lambda: room.launched)
        await for_a_moment()
        assert room.launched == ["a"]
        assert room.why("b").startswith("waits for train_flow a: ")


@in_event_loop
async def test_a_run_that_waits_says_what_for(workspace: Workspace) -> None:
    room = Room(workspace, at_once=3, deploy_flow=1, train_flow=2)
    running_ones = ["11111111-1111", "a", "b"]
    accept(room.table, "11111111-1111", flow="deploy_flow")
    accept(room.table, "a")
    accept(room.table, "b")

    async with room.at_work():
        await until(lambda: len(room.keeper.living) == 3)
        for run_id in running_ones:
            claim(room.table, run_id)
        deploy = accept(room.table, flow="deploy_flow")
        train = accept(room.table)
        data = accept(room.table, flow="data_flow")
        room.dispatcher.wake()
        await until(lambda: [run.id for run in room.dispatcher.queue] == [deploy, train, data])

        assert room.why(deploy) == (
            "waits for deploy_flow 11111111: at most 1 run of deploy_flow at once "
            "(queue.per_flow.deploy_flow); number 1 in the queue"
        )
        assert room.why(train) == (
            "waits for train_flow a or train_flow b: at most 2 runs of train_flow at once "
            "(queue.per_flow.train_flow); number 2 in the queue"
        )
        assert room.why(data) == (
            "waits for deploy_flow 11111111 or train_flow a or train_flow b: "
            "at most 3 runs at once "
            "(queue.max_concurrent); number 3 in the queue"
        )


@in_event_loop
async def test_a_run_that_has_a_process_takes_no_place_in_the_queue(workspace: Workspace) -> None:
    """The process needs a moment to claim it; nobody tells the engine that it has."""
    room = Room(workspace, at_once=1)
    accept(room.table, "a")
    accept(room.table, "b")

    async with room.at_work():
        await until(lambda: "a" in room.keeper.living)
        room.dispatcher.wake()
        await for_a_moment()

        assert room.why("b").endswith("; number 1 in the queue")


@in_event_loop
async def test_a_run_that_was_just_accepted_comes_after_those_that_wait(
    workspace: Workspace,
) -> None:
    """It is told so at once, before anybody has looked at the queue."""
    room = Room(workspace, at_once=1)
    accept(room.table, "a")
    accept(room.table, "b")

    async with room.at_work():
        await until(lambda: "a" in room.keeper.living)
        claim(room.table, "a")
        room.dispatcher.wake()
        await until(lambda: [run.id for run in room.dispatcher.queue] == ["b"])
        accept(room.table, "c")

        assert room.why("b").endswith("; number 1 in the queue")
        assert room.why("c").endswith("; number 2 in the queue")


async def failed_child(name: str, reason: str) -> Child:
    """A child that was given up on."""

    async def start() -> Started:
        raise ServerError(reason)

    child = Child(name, start, lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "_PAUSES", ())
        async with running(child.supervise()):
            await until(lambda: child.has_failed)
    return child


@in_event_loop
async def test_without_a_prefect_server_everything_waits_for_it(workspace: Workspace) -> None:
    child = child_that_is_off()
    room = Room(workspace, prefect=PrefectStandIn(child))
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: room.changed == [run_id])
        assert room.why(run_id) == "the Prefect server is starting, which takes a few seconds"
        assert room.launched == []

        child.ready.set()
        room.dispatcher.wake()
        await until(lambda: run_id in room.keeper.living)


@in_event_loop
async def test_that_the_prefect_server_does_not_start_is_said_with_the_reason(
    workspace: Workspace,
) -> None:
    child = await failed_child("prefect server", "port 4200 cannot be used")
    room = Room(workspace, prefect=PrefectStandIn(child))
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: room.changed == [run_id])
        assert room.why(run_id) == (
            "the Prefect server does not start: given up after 1 attempts; the last: "
            "port 4200 cannot be used; see `engine status`"
        )


@in_event_loop
async def test_while_the_fork_server_imports_everything_waits_for_it(workspace: Workspace) -> None:
    child = child_that_is_off("fork server")
    room = Room(workspace, launcher=LauncherStandIn(child))
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: room.changed == [run_id])
        assert room.why(run_id) == (
            "the training libraries are being loaded, which takes a few seconds"
        )
        child.ready.set()
        room.dispatcher.wake()
        await until(lambda: run_id in room.keeper.living)


@in_event_loop
async def test_that_the_fork_server_does_not_start_is_said_with_the_reason(
    workspace: Workspace,
) -> None:
    child = await failed_child("fork server", "no module named torch")
    room = Room(workspace, launcher=LauncherStandIn(child))
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: room.changed == [run_id])
        assert room.why(run_id).startswith("the fork server does not start: ")
        assert "no module named torch" in room.why(run_id)


@in_event_loop
async def test_why_a_run_waits_is_told_when_it_changes_and_not_at_every_look(
    workspace: Workspace,
) -> None:
    room = Room(workspace, at_once=1)
    accept(room.table, "a")
    accept(room.table, "b")

    async with room.at_work():
        await until(lambda: "b" in room.changed and room.keeper.living)
        before = room.changed.count("b")
        for _ in range(3):
            room.dispatcher.wake()
            await for_a_moment()
        # At most once more, when the process of the first was made.
        assert room.changed.count("b") <= before + 1


@in_event_loop
async def test_a_launcher_that_fails_is_tried_again_with_a_new_attempt(
    workspace: Workspace,
) -> None:
    """Perhaps there is a process that nobody heard of: it must not do the run as well."""
    room = Room(workspace)
    room.launcher.problems = [ServerError("the fork server is gone")] * 3
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: run_id in room.keeper.living)

    assert [order.attempt for order in room.launcher.orders] == [0, 1, 2, 3]
    assert room.table.get(run_id).attempt == 3
    assert room.table.get(run_id).state == "PENDING"


@pytest.mark.parametrize("error", [ServerError("the fork server is gone"), RuntimeError("a bug")])
@in_event_loop
async def test_a_process_that_claimed_its_run_and_of_which_nobody_heard_is_watched_over(
    workspace: Workspace, error: Exception
) -> None:
    """Without a watch the run would say RUNNING for ever once that process is dead."""
    room = Room(workspace)
    room.launcher.problems = [error]
    room.launcher.before_problem = lambda order: claim(room.table, order.run_id, pid=4711)
    room.flaky.failures["new_attempt"] = 2
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: run_id in room.keeper.living)
        await for_a_moment()

    assert room.keeper.living[run_id].pid == 4711
    assert room.launched == [run_id]


@in_event_loop
async def test_a_prefect_server_that_fails_is_tried_again(workspace: Workspace) -> None:
    room = Room(workspace)
    room.prefect.api.problems = [ServerError("did not answer")] * 2
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: run_id in room.keeper.living)

    assert len(room.launched) == 1
    assert room.table.get(run_id).state == "PENDING"


@pytest.mark.parametrize("error", [ServerError("gone"), NotFoundError("the server has no flow")])
@in_event_loop
async def test_between_two_attempts_there_is_a_pause(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """What Prefect does not find is not a run that was cancelled."""
    monkeypatch.setattr(dispatcher, "_RETRY_SECONDS", 3600.0)
    room = Room(workspace)
    room.prefect.api.problems = [error] * 1000
    accept(room.table)

    async with room.at_work():
        await until(lambda: room.prefect.api.asked)
        await for_a_moment()

        assert room.prefect.api.asked == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigError("no such setting"), "ConfigError"),
        (StorageError("the disk is full"), "StorageError"),
        (OSError(28, "No space left on device"), "StorageError"),
    ],
)
@in_event_loop
async def test_a_run_that_cannot_be_started_has_failed_and_the_others_go_on(
    workspace: Workspace, error: Exception, kind: str
) -> None:
    room = Room(workspace, at_once=1)
    room.launcher.problems = [error]
    accept(room.table, "a")
    accept(room.table, "b")

    async with room.at_work():
        await until(lambda: "b" in room.keeper.living)

    failed = room.table.get("a")
    assert (failed.state, failed.error_kind) == ("FAILED", kind)
    assert failed.message == f"could not be started: {error}"
    assert "a" in room.changed
    assert room.launched == ["a", "b"]


@in_event_loop
async def test_a_run_whose_folder_cannot_be_made_has_failed(workspace: Workspace) -> None:
    room = Room(workspace)
    workspace.runs.rmdir()
    workspace.runs.write_text("in the way")
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: room.table.get(run_id).is_final)

    assert room.table.get(run_id).state == "FAILED"
    assert room.table.get(run_id).error_kind == "StorageError"
    assert room.prefect.api.made == {}


@in_event_loop
async def test_a_run_that_is_cancelled_at_the_last_moment_gets_no_process(
    workspace: Workspace,
) -> None:
    room = Room(workspace)
    run_id = accept(room.table)
    room.flaky.before["document"] = lambda: room.table.request_cancel(run_id)

    async with room.at_work():
        await until(lambda: room.table.get(run_id).is_final)
        await for_a_moment()

    assert room.table.get(run_id).state == "CANCELLED"
    assert room.launched == []


@in_event_loop
async def test_a_run_that_is_cancelled_while_prefect_is_told_is_not_tried_again(
    workspace: Workspace,
) -> None:
    """The process that it may get finds nothing to claim."""
    room = Room(workspace)
    room.prefect.api.before = room.table.request_cancel
    room.launcher.problems = [ServerError("the fork server is gone")]
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: not room.launcher.problems)
        await for_a_moment()

    assert room.table.get(run_id).state == "CANCELLED"
    assert room.launched == [run_id]


@in_event_loop
async def test_a_run_that_is_deleted_while_it_is_launched_is_no_problem(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(workspace)
    room.launcher.problems = [ServerError("the fork server is gone")]

    def delete(run_id: str) -> None:
        room.table.request_cancel(run_id)
        room.table.delete(run_id)

    room.prefect.api.before = delete
    accept(room.table)

    async with room.at_work():
        await until(lambda: not room.launcher.problems)
        await for_a_moment()
        later = accept(room.table)
        room.prefect.api.before = lambda _: None
        room.dispatcher.wake()
        await until(lambda: later in room.keeper.living)

    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@in_event_loop
async def test_a_queue_that_cannot_be_read_for_a_while_is_read_later(
    workspace: Workspace,
) -> None:
    room = Room(workspace)
    room.flaky.failures["queued"] = 3
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: run_id in room.keeper.living)


@in_event_loop
async def test_a_dispatcher_that_is_stopped_leaves_what_it_was_doing_in_the_queue(
    workspace: Workspace,
) -> None:
    room = Room(workspace)
    room.launcher.may_go_on.clear()
    run_id = accept(room.table)

    async with room.at_work():
        await until(lambda: room.launched)

    assert [run.id for run in room.table.queued()] == [run_id]
    assert room.keeper.living == {}
