from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.daemon import scheduler as scheduler_module
from engine.daemon.feed import Feed, Selection
from engine.daemon.scheduler import Scheduler
from engine.daemon.workers import Workers
from engine.errors import ConfigError, ConflictError, NotFoundError, ServerError, StorageError
from engine.schema import (
    LaunchReply,
    LaunchRequest,
    ScheduleEvent,
    ScheduleInfo,
    ScheduleRequest,
    decode_event,
)
from engine.tables.schedules import ScheduleRecord, ScheduleTable
from engine.workspace import Workspace
from tests.unit.client.messages import run_info
from tests.unit.daemon.loop import for_a_moment, in_event_loop, running, until

# A Thursday, 2026-01-01 06:00:00 in UTC.
START = 1767247200.0
HOUR = 3600.0


class Clock:
    """Stands for the module `time`: the clock on the wall can be set, the other one only counts."""

    def __init__(self) -> None:
        self.wall = START
        self.counted = 1000.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.counted

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.counted += seconds


class Launches:
    """Accepts runs; the same key gives the same run."""

    def __init__(self) -> None:
        self.requests: list[LaunchRequest] = []
        self.runs: dict[str, str] = {}
        self.problem_of: dict[str, Exception] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        self.requests.append(request)
        if request.flow in self.problem_of:
            raise self.problem_of[request.flow]
        assert request.key is not None
        created = request.key not in self.runs
        run_id = self.runs.setdefault(request.key, f"run-{len(self.runs) + 1}")
        await self.may_answer.wait()
        return LaunchReply(run=run_info(id=run_id), created=created)

    @property
    def times(self) -> list[float]:
        """The times that were launched for, seen from the start, each once."""
        return [float(key.rpartition(" ")[2]) - START for key in self.runs]


class Room:
    """A scheduler with everything around it."""

    def __init__(self, workspace: Workspace, clock: Clock, launches: Launches) -> None:
        self.clock = clock
        self.launches = launches
        self.workers = Workers()
        self.feed = Feed("boot")
        self.listener = self.feed.subscribe(Selection(), self.feed.id_of(0))
        self.zone = "UTC"
        self.table = ScheduleTable(workspace.database)
        self.scheduler = Scheduler(
            workspace, self.table, launches.launch, lambda: self.zone, self.feed, self.workers
        )

    async def add(self, name: str = "nightly", **changed: Any) -> ScheduleInfo:
        values: dict[str, Any] = {"name": name, "flow": "data_flow"}
        if "cron" not in changed:
            values["every_seconds"] = HOUR
        return await self.scheduler.add(ScheduleRequest(**{**values, **changed}))

    async def only(self) -> ScheduleInfo:
        (schedule,) = await self.scheduler.list()
        return schedule

    async def told(self) -> list[str]:
        """The schedules that listeners were told of."""
        names = []
        async for item in self.listener.items(quiet_seconds=0):
            if item is None:
                break
            event = decode_event(item.data)
            assert isinstance(event, ScheduleEvent)
            names.append(event.name)
        return names

    @asynccontextmanager
    async def firing(self) -> AsyncIterator[None]:
        async with running(self.scheduler.fire()):
            yield


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(scheduler_module, "time", clock)
    # It is the clock of the test that goes on, which nothing wakes up for.
    monkeypatch.setattr(scheduler_module, "_LONGEST_SLEEP_SECONDS", 0.005)
    return clock


class Rooms:
    """Makes engines of one workspace, one after the other, and ends what is left of them."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self._workspace = workspace
        self._clock = clock
        self.launches = Launches()
        self.made: list[Room] = []

    def make(self) -> Room:
        self.made.append(Room(self._workspace, self._clock, self.launches))
        return self.made[-1]


@pytest.fixture
def rooms(workspace: Workspace, clock: Clock) -> Any:
    rooms = Rooms(workspace, clock)
    yield rooms
    for room in rooms.made:
        room.workers.close()


@pytest.fixture
def room(rooms: Rooms) -> Room:
    return rooms.make()


@in_event_loop
async def test_a_schedule_says_when_it_fires_next(room: Room) -> None:
    schedule = await room.add(cron="30 6 * * *")

    day = 24 * HOUR
    assert schedule.next_times == (START + 1800, START + 1800 + day, START + 1800 + 2 * day)
    assert (schedule.last_time, schedule.last_run, schedule.problem) == (None, None, "")
    assert await room.scheduler.list() == [schedule]


@in_event_loop
async def test_a_schedule_fires_once_at_its_time_and_not_before(room: Room) -> None:
    await room.add(
        overrides=("dataset.rules.gaps=zero",), flags={"seed": 3}, priority=7, tags=("x",)
    )

    async with room.firing():
        room.clock.go_on(HOUR - 0.001)
        await for_a_moment()
        assert room.launches.requests == []
        room.clock.go_on(0.001)
        await until(lambda: room.launches.requests)
        await for_a_moment()

    (request,) = room.launches.requests
    assert request == LaunchRequest(
        flow="data_flow",
        overrides=("dataset.rules.gaps=zero",),
        flags={"seed": 3},
        key=f"schedule nightly {START + HOUR:.3f}",
        priority=7,
        origin="schedule nightly",
        tags=("x",),
    )
    schedule = await room.only()
    assert (schedule.last_time, schedule.last_run) == (START + HOUR, "run-1")
    assert schedule.next_times[0] == START + 2 * HOUR


@in_event_loop
async def test_each_time_has_a_key_and_a_run_of_its_own(room: Room) -> None:
    await room.add()

    async with room.firing():
        for number in (1, 2, 3):
            room.clock.go_on(HOUR)
            await until(lambda n=number: len(room.launches.requests) == n)

    assert room.launches.times == [HOUR, 2 * HOUR, 3 * HOUR]


@in_event_loop
async def test_a_schedule_that_is_added_while_others_wait_is_not_overlooked(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "_LONGEST_SLEEP_SECONDS", 3600.0)
    async with room.firing():
        await for_a_moment()
        await room.add()
        room.clock.go_on(HOUR)
        await room.add("other", every_seconds=2 * HOUR)
        await until(lambda: room.launches.requests)


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("skip", []),
        ("latest", [5 * HOUR]),
        ("all", [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR]),
    ],
)
@in_event_loop
async def test_what_passed_while_no_engine_ran_is_made_up_as_the_schedule_says(
    room: Room, catch_up: str, expected: list[float]
) -> None:
    await room.add(catch_up=catch_up)
    room.clock.go_on(5.5 * HOUR)

    async with room.firing():
        await until(lambda: room.table.get("nightly").last_time == START + 5 * HOUR)
        await for_a_moment()

    assert room.launches.times == expected
    assert len(room.launches.requests) == len(expected)
    assert (await room.only()).next_times[0] == START + 6 * HOUR


@in_event_loop
async def test_of_very_many_missed_times_the_newest_hundred_are_made_up(room: Room) -> None:
    await room.add(catch_up="all")
    room.clock.go_on(1000 * HOUR)

    async with room.firing():
        await until(lambda: len(room.launches.requests) == 100)
        await for_a_moment()

    assert room.launches.times == [number * HOUR for number in range(901, 1001)]


@pytest.mark.parametrize(("late", "expected"), [(0.0, [HOUR]), (60.0, [HOUR]), (61.0, [])])
@in_event_loop
async def test_a_time_that_is_hardly_past_was_not_missed(
    room: Room, late: float, expected: list[float]
) -> None:
    await room.add(catch_up="skip")
    room.clock.go_on(HOUR + late)

    async with room.firing():
        await until(lambda: room.table.get("nightly").last_time == START + HOUR)

    assert room.launches.times == expected


@in_event_loop
async def test_a_schedule_that_rests_does_not_fire_and_makes_nothing_up(room: Room) -> None:
    await room.add(catch_up="all")
    assert await room.scheduler.any_enabled()
    paused = await room.scheduler.set_enabled("nightly", False)
    assert (paused.enabled, paused.next_times) == (False, ())
    assert not await room.scheduler.any_enabled()

    async with room.firing():
        room.clock.go_on(5.5 * HOUR)
        await for_a_moment()
        assert room.launches.requests == []

        resumed = await room.scheduler.set_enabled("nightly", True)
        assert resumed.next_times[0] == START + 6 * HOUR
        await for_a_moment()
        assert room.launches.requests == []
        room.clock.go_on(HOUR)
        await until(lambda: room.launches.requests)

    assert room.launches.times == [6 * HOUR]


@in_event_loop
async def test_a_schedule_may_rest_from_the_beginning(room: Room) -> None:
    schedule = await room.add(enabled=False)

    assert (schedule.enabled, schedule.next_times) == (False, ())


@in_event_loop
async def test_a_name_is_taken_once_unless_it_is_to_be_replaced(room: Room) -> None:
    await room.add(flow="data_flow")

    with pytest.raises(ConflictError, match="there is a schedule 'nightly' already"):
        await room.add(flow="eval_flow")
    assert (await room.only()).flow == "data_flow"

    await room.add(flow="eval_flow", every_seconds=2 * HOUR, replace=True)
    schedule = await room.only()
    assert (schedule.flow, schedule.every_seconds) == ("eval_flow", 2 * HOUR)
    assert schedule.next_times[0] == START + 2 * HOUR


@in_event_loop
async def test_a_schedule_that_is_removed_fires_no_more(room: Room) -> None:
    await room.add()
    removed = await room.scheduler.remove("nightly")
    assert removed.name == "nightly"
    assert await room.scheduler.list() == []

    async with room.firing():
        room.clock.go_on(5 * HOUR)
        await for_a_moment()

    assert room.launches.requests == []


@in_event_loop
async def test_what_there_is_not_can_be_neither_changed_nor_removed(room: Room) -> None:
    with pytest.raises(NotFoundError, match="there is no schedule 'x'"):
        await room.scheduler.set_enabled("x", True)
    with pytest.raises(NotFoundError):
        await room.scheduler.set_enabled("x", False)
    with pytest.raises(NotFoundError):
        await room.scheduler.remove("x")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"cron": "0 25 * * *"}, "is not a cron expression"),
        ({"cron": "every day"}, "is not a cron expression"),
        ({"cron": ""}, "is not a cron expression"),
        ({"cron": "0 0 30 2 *"}, "0 0 30 2"),
        ({"cron": "0 6 * * *", "timezone": "Asia/Seol"}, "there is no time zone 'Asia/Seol'"),
        ({"cron": "0 6 * * *", "every_seconds": 60.0}, "either a cron expression or a period"),
        ({"every_seconds": None}, "either a cron expression or a period"),
        ({"flow": "no_flow"}, "no_flow"),
        ({"overrides": ("dataset.no_such=1",)}, "dataset.no_such"),
        ({"flags": {"epochs": "many"}}, "epochs"),
    ],
)
@in_event_loop
async def test_a_schedule_whose_launches_would_be_refused_is_refused(
    room: Room, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        await room.add(**wrong)

    assert says in str(refused.value)
    assert await room.scheduler.list() == []


@in_event_loop
async def test_a_schedule_without_a_zone_has_that_of_the_engine_when_it_was_added(
    room: Room,
) -> None:
    room.zone = "Asia/Seoul"
    by_default = await room.add("a", cron="0 6 * * *")
    by_name = await room.add("b", cron="0 6 * * *", timezone="UTC")
    room.zone = "UTC"

    assert by_default.timezone == "Asia/Seoul"
    assert by_default.next_times[0] == START + 15 * HOUR
    assert by_name.next_times[0] == START + 24 * HOUR
    assert [schedule.timezone for schedule in await room.scheduler.list()] == ["Asia/Seoul", "UTC"]


@in_event_loop
async def test_a_launch_that_fails_is_a_problem_of_its_schedule_alone(room: Room) -> None:
    await room.add("bad", flow="train_flow")
    await room.add("good", flow="data_flow")
    room.launches.problem_of["train_flow"] = ConfigError("dataset.file_path: no such file")

    async with room.firing():
        room.clock.go_on(HOUR)
        await until(lambda: len(room.launches.requests) == 2)
        await until(lambda: room.table.get("good").last_run)

        bad, good = await room.scheduler.list()
        assert bad.problem == "dataset.file_path: no such file"
        assert (bad.last_run, bad.last_time) == (None, START + HOUR)
        assert bad.next_times[0] == START + 2 * HOUR
        assert (good.problem, good.last_run) == ("", "run-1")

        room.launches.problem_of.clear()
        room.clock.go_on(HOUR)
        await until(lambda: room.table.get("bad").last_run)

    assert (await room.scheduler.list())[0].problem == ""


@pytest.mark.parametrize("error", [ServerError("not up yet"), StorageError("the disk is full")])
@in_event_loop
async def test_a_launch_that_fails_is_not_repeated_in_a_hurry(room: Room, error: Exception) -> None:
    await room.add()
    room.launches.problem_of["data_flow"] = error

    async with room.firing():
        room.clock.go_on(HOUR)
        await until(lambda: room.launches.requests)
        await for_a_moment()

    assert len(room.launches.requests) == 1


@in_event_loop
async def test_43_a_clock_that_is_set_back_does_not_silence_a_schedule(room: Room) -> None:
    """Its next time would lie a day ahead; what was launched for is not launched for twice."""
    await room.add(cron="0 * * * *")

    async with room.firing():
        for number in (1, 2, 3):
            room.clock.go_on(HOUR)
            await until(lambda n=number: len(room.launches.runs) == n)
        await until(lambda: room.table.get("nightly").next_time == START + 4 * HOUR)

        room.clock.wall -= 2 * HOUR
        await until(lambda: room.table.get("nightly").next_time == START + 2 * HOUR)
        for _ in range(3):
            room.clock.go_on(HOUR)
            await for_a_moment()
        await until(lambda: len(room.launches.runs) == 4)

    assert room.launches.times == [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]


@pytest.mark.parametrize(
    ("catch_up", "expected"), [("skip", []), ("latest", [10 * HOUR]), ("all", list(range(1, 11)))]
)
@in_event_loop
async def test_43_a_clock_that_is_set_forth_has_missed_what_it_left_out(
    room: Room, catch_up: str, expected: list[float]
) -> None:
    await room.add(catch_up=catch_up)

    async with room.firing():
        await for_a_moment()
        room.clock.wall += 10.5 * HOUR
        await until(lambda: room.table.get("nightly").last_time == START + 10 * HOUR)

    assert room.launches.times == (
        [number * HOUR for number in expected] if catch_up == "all" else expected
    )
    assert (await room.only()).next_times[0] == START + 11 * HOUR


@in_event_loop
async def test_small_steps_of_the_clock_change_nothing(room: Room) -> None:
    await room.add()

    async with room.firing():
        for step in (0.5, -1.0, 2.0, -0.5):
            room.clock.wall += step
            await for_a_moment()
        assert (await room.only()).next_times[0] == START + HOUR
        room.clock.go_on(HOUR)
        await until(lambda: room.launches.requests)

    assert room.launches.times == [HOUR]


@in_event_loop
async def test_the_next_engine_fires_what_was_missed_once(rooms: Rooms, clock: Clock) -> None:
    first = rooms.make()
    await first.add()
    async with first.firing():
        clock.go_on(HOUR)
        await until(lambda: first.table.get("nightly").last_run)
    clock.go_on(HOUR)

    second = rooms.make()
    async with second.firing():
        await until(lambda: len(rooms.launches.requests) == 2)
        await for_a_moment()

    assert rooms.launches.times == [HOUR, 2 * HOUR]


@in_event_loop
async def test_an_engine_that_dies_between_a_launch_and_its_note_launches_nothing_twice(
    rooms: Rooms, clock: Clock
) -> None:
    first = rooms.make()
    await first.add()
    rooms.launches.may_answer.clear()
    async with first.firing():
        clock.go_on(HOUR)
        await until(lambda: rooms.launches.runs)
    assert first.table.get("nightly").last_run is None

    rooms.launches.may_answer.set()
    second = rooms.make()
    async with second.firing():
        await until(lambda: second.table.get("nightly").last_run)

    assert len(rooms.launches.requests) == 2
    assert rooms.launches.times == [HOUR]
    assert second.table.get("nightly").last_run == "run-1"


@in_event_loop
async def test_a_schedule_that_is_removed_while_it_fires_is_no_problem(room: Room) -> None:
    await room.add()
    room.launches.may_answer.clear()

    async with room.firing():
        room.clock.go_on(HOUR)
        await until(lambda: room.launches.runs)
        await room.scheduler.remove("nightly")
        room.launches.may_answer.set()
        await room.add("other", every_seconds=60.0)
        room.clock.go_on(60.0)
        await until(lambda: len(room.launches.runs) == 2)

    assert [schedule.name for schedule in await room.scheduler.list()] == ["other"]


@in_event_loop
async def test_schedules_that_cannot_be_read_for_a_while_fire_later(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.add()
    readable = room.table.all
    failures = [1, 2, 3]

    def unreadable() -> list[ScheduleRecord]:
        if failures:
            failures.pop()
            raise StorageError("the disk is gone")
        return readable()

    monkeypatch.setattr(room.table, "all", unreadable)
    async with room.firing():
        room.clock.go_on(HOUR)
        await until(lambda: room.launches.requests)


@in_event_loop
async def test_a_clock_that_is_set_while_the_schedules_cannot_be_read_ends_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.add()
    readable = room.table.all
    broken = False

    def unreadable() -> list[ScheduleRecord]:
        if broken:
            raise StorageError("the disk is gone")
        return readable()

    monkeypatch.setattr(room.table, "all", unreadable)
    async with room.firing():
        await for_a_moment()
        broken = True
        room.clock.wall -= HOUR
        await for_a_moment()
        broken = False
        room.clock.go_on(3 * HOUR)
        await until(lambda: room.launches.requests)


def put_with_lost_zone(room: Room, name: str = "lost") -> None:
    """A schedule whose time zone is not on this machine any more."""
    room.table.put(
        ScheduleRecord(
            name=name,
            flow="data_flow",
            cron="0 * * * *",
            every_seconds=None,
            timezone="Atlantis/Capital",
            created=START,
            next_time=START + HOUR,
        ),
        replace=False,
    )


@in_event_loop
async def test_a_schedule_whose_zone_is_gone_holds_up_no_other(room: Room) -> None:
    put_with_lost_zone(room)
    await room.add("nightly")

    async with room.firing():
        room.clock.go_on(HOUR)
        await until(lambda: room.launches.requests)
        await until(lambda: room.table.get("lost").next_time is None)
        room.clock.go_on(HOUR)
        await until(lambda: len(room.launches.requests) == 2)

    assert {request.origin for request in room.launches.requests} == {"schedule nightly"}


@in_event_loop
async def test_a_schedule_whose_zone_is_gone_survives_a_clock_that_is_set(room: Room) -> None:
    put_with_lost_zone(room)
    await room.add("nightly")

    async with room.firing():
        await for_a_moment()
        room.clock.wall -= 100.0
        await for_a_moment()
        room.clock.go_on(HOUR + 100.0)
        await until(lambda: room.launches.requests)


@in_event_loop
async def test_a_schedule_whose_zone_is_gone_can_be_seen_and_removed(room: Room) -> None:
    put_with_lost_zone(room)
    await room.add("nightly")

    assert [schedule.name for schedule in await room.scheduler.list()] == ["lost", "nightly"]
    assert (await room.scheduler.remove("lost")).name == "lost"
    assert [schedule.name for schedule in await room.scheduler.list()] == ["nightly"]


@in_event_loop
async def test_who_listens_is_told_that_schedules_changed(room: Room) -> None:
    await room.add("a")
    await room.add("b")
    await room.scheduler.set_enabled("b", False)
    await room.scheduler.remove("b")
    async with room.firing():
        room.clock.go_on(HOUR)
        await until(lambda: room.table.get("a").last_run)
        await for_a_moment()

    assert await room.told() == ["a", "b", "b", "b", "a"]
