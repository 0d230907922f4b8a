from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest

from engine.daemon import children
from engine.daemon.children import Child, Started
from engine.database.problems import DatabaseError
from engine.errors import ServerError
from engine.schema import ChildInfo
from tests.unit.daemon.loop import for_a_moment, in_event_loop, running, until

AT_ONCE = (0.0, 0.0, 0.0)


class Process:
    """A process that dies when it is told to, and the watch over it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.dies = asyncio.Event()
        self.is_watched = True

    async def death(self) -> None:
        await self.dies.wait()

    def close(self) -> None:
        self.is_watched = False


class Nursery:
    """Starts processes, unless something is wrong; they die at once when that is wanted."""

    def __init__(self) -> None:
        self.started: list[Process] = []
        self.attempts = 0
        self.problem: Exception | None = None
        self.attempts_with_problem = 10**9
        self.stillborn = False

    async def start(self) -> Started:
        self.attempts += 1
        if self.problem is not None and self.attempts <= self.attempts_with_problem:
            raise self.problem
        process = Process(100 + len(self.started))
        self.started.append(process)
        if self.stillborn:
            process.dies.set()
        return Started(process.pid, process)


def child_of(nursery: Nursery, told: Callable[[ChildInfo], None] = lambda _: None) -> Child:
    return Child("fork server", nursery.start, told)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_PAUSES", AT_ONCE)


def test_a_child_is_off_until_somebody_keeps_it_running() -> None:
    info = child_of(Nursery()).info

    assert (info.name, info.state, info.pid, info.restarts) == ("fork server", "off", None, 0)
    assert info.problem == ""


@in_event_loop
async def test_a_child_that_is_up_is_ready_and_everyone_is_told() -> None:
    told: list[ChildInfo] = []
    child = child_of(Nursery(), told.append)

    async with running(child.supervise()):
        await child.ready.wait()
        assert (child.info.state, child.info.pid, child.info.problem) == ("ready", 100, "")
        assert child.pid == 100
        assert not child.has_failed

    assert [info.state for info in told] == ["starting", "ready"]
    assert told[0].since <= told[1].since


@in_event_loop
async def test_a_child_that_dies_is_started_again_at_once() -> None:
    nursery, told = Nursery(), list[ChildInfo]()
    child = child_of(nursery, told.append)

    async with running(child.supervise()):
        await child.ready.wait()
        nursery.started[0].dies.set()
        await until(lambda: child.pid == 101)

        assert child.ready.is_set()
        assert (child.info.state, child.info.restarts, child.info.problem) == ("ready", 1, "")

    states = [state for state, _ in itertools.groupby(info.state for info in told)]
    assert states == ["starting", "ready", "restarting", "ready"]
    again = next(info for info in told if info.state == "restarting")
    assert (again.problem, again.pid) == ("process 100 ended unexpectedly", None)


@in_event_loop
async def test_nobody_is_sent_to_a_child_that_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_PAUSES", (3600.0,))
    nursery, told = Nursery(), list[ChildInfo]()
    child = child_of(nursery, told.append)

    async with running(child.supervise()):
        await child.ready.wait()
        nursery.started[0].dies.set()
        await until(lambda: not child.ready.is_set())
        await for_a_moment()

        assert child.pid is None
        assert child.problem == "process 100 ended unexpectedly"
        assert child.info.state == "restarting"
        assert (told[-1].state, told[-1].problem) == ("restarting", child.problem)


@in_event_loop
async def test_why_a_child_does_not_start_is_told_while_the_next_attempt_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "_PAUSES", (3600.0,))
    nursery, told = Nursery(), list[ChildInfo]()
    nursery.problem = ServerError("stopped while it imported its libraries")
    child = child_of(nursery, told.append)

    async with running(child.supervise()):
        await until(lambda: nursery.attempts == 1)
        await for_a_moment()

        assert child.info.problem == "stopped while it imported its libraries"
        assert told[-1].problem == "stopped while it imported its libraries"


@pytest.mark.parametrize("problem", [ServerError("no port"), OSError(12, "no memory")])
@in_event_loop
async def test_a_child_that_does_not_start_is_tried_again_and_then_nothing_is_wrong(
    problem: Exception,
) -> None:
    nursery, told = Nursery(), list[ChildInfo]()
    nursery.problem, nursery.attempts_with_problem = problem, 2
    child = child_of(nursery, told.append)

    async with running(child.supervise()):
        await child.ready.wait()

        assert (child.info.problem, child.info.restarts) == ("", 2)
    assert {info.problem for info in told} == {"", str(problem)}


@in_event_loop
async def test_each_attempt_waits_longer_than_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "_PAUSES", (0.0, 0.0, 3600.0))
    nursery = Nursery()
    nursery.stillborn = True
    child = child_of(nursery)

    async with running(child.supervise()):
        await until(lambda: nursery.attempts == 3)
        await for_a_moment()

        assert nursery.attempts == 3
        assert not child.has_failed


def test_the_first_replacement_comes_at_once_and_the_pauses_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()

    assert children._PAUSES[0] == 0.0
    assert list(children._PAUSES) == sorted(children._PAUSES)


@pytest.mark.parametrize("dies", [False, True])
@in_event_loop
async def test_a_child_that_never_lasts_is_given_up_on_with_the_reason(dies: bool) -> None:
    nursery, told = Nursery(), list[ChildInfo]()
    nursery.stillborn = dies
    nursery.problem = None if dies else ServerError("no port")
    child = child_of(nursery, told.append)

    async with running(child.supervise()):
        await until(lambda: child.has_failed)
        await for_a_moment()

    reason = "process 103 ended unexpectedly" if dies else "no port"
    assert nursery.attempts == 4
    assert told[-1].state == "failed"
    assert told[-1].problem == f"given up after 4 attempts; the last: {reason}"


@in_event_loop
async def test_a_child_that_was_given_up_on_can_be_revived_with_all_attempts_anew() -> None:
    nursery = Nursery()
    nursery.problem = ServerError("no port")
    child = child_of(nursery)

    async with running(child.supervise()):
        await until(lambda: child.has_failed)
        child.revive()
        await until(lambda: nursery.attempts == 8 and child.has_failed)

        nursery.problem = None
        child.revive()
        await child.ready.wait()
        assert (child.info.state, child.info.problem) == ("ready", "")
        nursery.started[0].dies.set()
        await until(lambda: child.pid == 101)


@in_event_loop
async def test_a_revival_before_it_is_needed_does_not_count_later() -> None:
    nursery = Nursery()
    child = child_of(nursery)

    async with running(child.supervise()):
        await child.ready.wait()
        child.revive()
        nursery.stillborn = True
        nursery.started[0].dies.set()
        await until(lambda: child.has_failed)
        await for_a_moment()

        assert child.has_failed
        assert nursery.attempts == 4


@in_event_loop
async def test_a_child_that_lasted_has_its_earlier_deaths_forgiven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "_STABLE_SECONDS", -1.0)
    nursery = Nursery()
    nursery.stillborn = True
    child = child_of(nursery)

    async with running(child.supervise()):
        await until(lambda: nursery.attempts >= 20)

        assert not child.has_failed


@in_event_loop
async def test_the_watch_over_every_process_is_given_back() -> None:
    nursery = Nursery()
    child = child_of(nursery)

    async with running(child.supervise()):
        await child.ready.wait()
        nursery.started[0].dies.set()
        await until(lambda: child.pid == 101)
        assert [process.is_watched for process in nursery.started] == [False, True]

    assert [process.is_watched for process in nursery.started] == [False, False]
    assert not child.ready.is_set()


@in_event_loop
async def test_what_waits_for_a_database_is_never_given_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "_OUTSIDE_PAUSES", AT_ONCE)
    nursery, told = Nursery(), list[ChildInfo]()
    nursery.problem = DatabaseError("the database cannot be reached")
    nursery.attempts_with_problem = 5 * len(AT_ONCE)
    child = child_of(nursery, told.append)

    async with running(child.supervise()):
        await child.ready.wait()

        assert nursery.attempts > 5 * len(AT_ONCE)
        assert not child.waits_for_database
    assert {info.state for info in told} == {"starting", "restarting", "ready"}
    assert [info.problem for info in told if info.problem][-1] == "the database cannot be reached"
