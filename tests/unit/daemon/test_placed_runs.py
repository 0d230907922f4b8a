"""Runs that a work pool does: placing them, and watching over the processes that see to it here."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from engine.config.engine_settings import PrefectServerSettings, StorageSettings
from engine.daemon import dispatcher
from engine.daemon import keeper as keeper_module
from engine.daemon.launching import Exit
from engine.errors import NotFoundError
from engine.runs.outcome import Outcome
from engine.workspace import Workspace
from tests.unit.daemon.dispatcher_room import Room as DispatcherRoom
from tests.unit.daemon.keeper_room import STUBBORN, Room, Start, starting
from tests.unit.daemon.loop import for_a_moment, in_event_loop, until
from tests.unit.daemon.stand_ins import accept


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "_RETRY_SECONDS", 0.005)
    monkeypatch.setattr(keeper_module, "_LOOK_SECONDS", 0.005)
    monkeypatch.setattr(keeper_module, "_RETRY_SECONDS", 0.005)


@pytest.fixture
def start() -> Iterator[Start]:
    with starting() as start_one:
        yield start_one


@pytest.fixture
def room(workspace: Workspace) -> Room:
    return Room(workspace)


def with_a_pool(room: DispatcherRoom) -> None:
    server = PrefectServerSettings(work_pool="factory", lost_after_seconds=33)
    storage = StorageSettings(url="file:///shared")
    values = {"prefect_server": server, "storage": storage}
    room.settings = room.settings.model_copy(update=values)


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The flows of the runs that were placed, in a pool that takes all."""
    flows: list[str] = []

    def place(api: object, pool: str, flow: str, **more: object) -> tuple[str, str]:
        flows.append(flow)
        return f"placed-{more['idempotency_key']}", pool

    monkeypatch.setattr(dispatcher, "place_flow_run", place)
    return flows


@in_event_loop
async def test_what_can_be_done_elsewhere_is_placed_and_the_rest_is_done_here(
    workspace: Workspace, placed: list[str]
) -> None:
    room = DispatcherRoom(workspace, at_once=9)
    with_a_pool(room)
    flows = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
    runs = {accept(room.table, flow=flow): flow for flow in flows}

    async with room.at_work():
        await until(lambda: len(room.launched) == 5)

    assert placed == ["data_flow", "train_flow", "eval_flow"]
    for order in room.launcher.orders:
        is_placed = runs[order.run_id] in placed
        assert (order.pool, order.is_placed) == ("factory", is_placed)
        assert order.prefect_id.startswith("placed-") == is_placed
        assert order.lost_after_seconds == 33


@in_event_loop
async def test_runs_that_are_done_elsewhere_take_no_place_here(
    workspace: Workspace, placed: list[str]
) -> None:
    room = DispatcherRoom(workspace, at_once=1)
    with_a_pool(room)
    for _ in range(5):
        accept(room.table, flow="train_flow")
    here = [accept(room.table, flow="full_flow") for _ in range(2)]

    async with room.at_work():
        await until(lambda: len(room.launched) == 6)

        assert "at most 1 run at once" in room.why(here[1])
    assert len(placed) == 5


@in_event_loop
async def test_a_limit_of_a_flow_holds_wherever_it_is_done(
    workspace: Workspace, placed: list[str]
) -> None:
    room = DispatcherRoom(workspace, train_flow=2)
    with_a_pool(room)
    runs = [accept(room.table, flow="train_flow") for _ in range(3)]

    async with room.at_work():
        await until(lambda: len(room.launched) == 2)
        await for_a_moment()

        assert "queue.per_flow.train_flow" in room.why(runs[2])
        assert len(room.launched) == 2


@in_event_loop
async def test_a_pool_that_cannot_be_used_is_a_reason_to_wait_and_then_none(
    workspace: Workspace, placed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = DispatcherRoom(workspace)
    with_a_pool(room)
    taking = dispatcher.place_flow_run
    problem = NotFoundError("there is no work pool factory", fix="Start a worker")

    def refuse(*_: object, **__: object) -> tuple[str, str]:
        raise problem

    monkeypatch.setattr(dispatcher, "place_flow_run", refuse)
    monkeypatch.setattr(dispatcher, "_POOL_SECONDS", 0.2)
    run_id = accept(room.table, flow="train_flow")

    async with room.at_work():
        await until(lambda: "there is no work pool factory" in room.why(run_id))
        assert room.launched == []
        here = accept(room.table, flow="full_flow")
        room.dispatcher.wake()
        await until(lambda: room.launched == [here])

        monkeypatch.setattr(dispatcher, "place_flow_run", taking)
        await until(lambda: room.launched == [here, run_id])


@in_event_loop
async def test_what_was_placed_stays_so_whatever_the_settings_say_by_now(
    workspace: Workspace, placed: list[str]
) -> None:
    room = DispatcherRoom(workspace)
    run_id = accept(room.table, flow="train_flow")
    assert room.table.claim(run_id, 0, pid=5, mark="m", prefect_id="p", pool="factory")
    room.table.release(run_id, 5)

    async with room.at_work():
        await until(lambda: room.launched == [run_id])

    (order,) = room.launcher.orders
    assert (order.pool, order.is_placed) == ("factory", True)


KILLED = Exit(-signal.SIGKILL, 0.0, 0)


@in_event_loop
async def test_a_run_that_goes_on_elsewhere_gets_another_process_here(
    room: Room, start: Start
) -> None:
    process = start()
    async with room.at_work():
        room.claim(room.accept(), process, pool="factory")
        room.table.begin_elsewhere("a", "w1 on there")
        room.watch("a", process, KILLED)

        process.kill()
        await until(lambda: room.freed)

        record = room.table.get("a")
        assert (record.state, record.pid, record.attempt) == ("RUNNING", None, 1)
        assert (record.host, record.is_final) == ("w1 on there", False)
        assert [run.id for run in room.table.queued()] == ["a"]
        assert room.closer.runs == []


@in_event_loop
async def test_one_whose_process_here_died_while_no_engine_was_there_does_too(
    room: Room, start: Start
) -> None:
    process = start()
    room.claim(room.accept(), process, pool="factory")
    process.kill()
    process.wait()

    async with room.at_work():
        await room.keeper.take_over(1.0)

        assert [run.id for run in room.table.queued()] == ["a"]


@in_event_loop
async def test_one_that_was_cancelled_ends_with_its_process_here(room: Room, start: Start) -> None:
    process = start()
    async with room.at_work():
        room.claim(room.accept(), process, pool="factory")
        room.table.request_cancel("a")
        room.watch("a", process, KILLED)

        process.kill()
        await room.ended("a")

        assert room.table.get("a").state == "CANCELLED"
        assert room.closer.runs == ["a"]


@in_event_loop
async def test_one_whose_processes_here_die_again_and_again_has_crashed(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        room.accept()
        for number in range(keeper_module._MOST_VAIN_PROCESSES):
            process = start()
            room.claim("a", process, pool="factory")
            room.watch("a", process, KILLED)
            process.kill()
            await until(lambda number=number: room.freed > number)  # type: ignore[misc]

        await room.ended("a")
        assert room.table.get("a").state == "CRASHED"


@in_event_loop
async def test_one_that_could_write_down_its_end_has_it(room: Room, start: Start) -> None:
    process = start()
    async with room.at_work():
        room.claim(room.accept(), process, pool="factory")
        Outcome("COMPLETED", "").write(room.workspace.run_folder("a"))
        room.watch("a", process, KILLED)

        process.kill()
        await room.ended("a")

        assert room.table.get("a").state == "COMPLETED"


@in_event_loop
async def test_who_is_elsewhere_is_given_time_to_be_reached(
    room: Room, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "_REACH_SECONDS", 3600.0)
    process = start(STUBBORN)
    async with room.at_work():
        record = room.claim(room.accept(), process, pool="factory")
        await room.keeper.adopt(record)

        room.keeper.ask_to_end(record, hard=False, grace_seconds=0.01)
        await for_a_moment()

        assert process.poll() is None
