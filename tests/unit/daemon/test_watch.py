from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from engine.daemon import watch
from engine.daemon.watch import DeathWatch, PollingWatch, watch_process
from engine.processes import start_mark
from tests.unit.daemon.loop import PATIENCE_SECONDS, in_event_loop

Watch = Callable[[int, str], DeathWatch]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_POLL_SECONDS", 0.005)


@pytest.fixture(params=[watch_process, PollingWatch], ids=["kernel", "polling"])
def watching(request: pytest.FixtureRequest) -> Watch:
    """Both ways of watching."""
    way: Watch = request.param
    return way


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def stranger() -> Iterator[int]:
    """A process that is no child of ours; its parent is gone."""
    with ExitStack() as stack:
        answer = subprocess.run(
            ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"],
            capture_output=True,
            check=True,
            text=True,
        )
        pid = int(answer.stdout)
        stack.callback(lambda: start_mark(pid) and os.kill(pid, signal.SIGKILL))
        yield pid


def mark_of(pid: int) -> str:
    mark = start_mark(pid)
    assert mark is not None
    return mark


async def death(of: DeathWatch) -> None:
    await asyncio.wait_for(of.death(), PATIENCE_SECONDS)


async def is_still_watched(of: DeathWatch) -> bool:
    try:
        await asyncio.wait_for(of.death(), 0.05)
    except TimeoutError:
        return True
    return False


@in_event_loop
async def test_the_death_of_a_child_is_seen_before_it_is_collected(
    watching: Watch, sleeper: subprocess.Popen[bytes]
) -> None:
    with closing(watching(sleeper.pid, mark_of(sleeper.pid))) as watched:
        assert await is_still_watched(watched)

        sleeper.kill()
        await death(watched)

    assert sleeper.wait() == -signal.SIGKILL


@in_event_loop
async def test_the_death_of_a_process_that_is_no_child_is_seen(
    watching: Watch, stranger: int
) -> None:
    with closing(watching(stranger, mark_of(stranger))) as watched:
        assert await is_still_watched(watched)

        os.kill(stranger, signal.SIGKILL)
        await death(watched)


@pytest.mark.parametrize("collected", [True, False])
@in_event_loop
async def test_a_process_that_is_dead_already_is_dead(
    watching: Watch, sleeper: subprocess.Popen[bytes], collected: bool
) -> None:
    mark = mark_of(sleeper.pid)
    sleeper.kill()
    if collected:
        sleeper.wait()
    else:
        os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    with closing(watching(sleeper.pid, mark)) as watched:
        await death(watched)


@in_event_loop
async def test_a_later_process_of_the_same_number_is_not_the_one_that_was_meant(
    watching: Watch, sleeper: subprocess.Popen[bytes]
) -> None:
    for mark in ["mark of an earlier process", ""]:
        with closing(watching(sleeper.pid, mark)) as watched:
            await death(watched)

    assert sleeper.poll() is None


@in_event_loop
async def test_who_stops_waiting_may_wait_again(
    watching: Watch, sleeper: subprocess.Popen[bytes]
) -> None:
    with closing(watching(sleeper.pid, mark_of(sleeper.pid))) as watched:
        for _ in range(3):
            assert await is_still_watched(watched)
        sleeper.kill()
        await death(watched)
        await death(watched)


@in_event_loop
async def test_many_processes_are_watched_at_once(watching: Watch) -> None:
    with ExitStack() as stack:
        sleepers = [
            stack.enter_context(subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL))
            for _ in range(5)
        ]
        for sleeper in sleepers:
            stack.callback(sleeper.kill)
        watches = [
            stack.enter_context(closing(watching(sleeper.pid, mark_of(sleeper.pid))))
            for sleeper in sleepers
        ]
        waiting = [asyncio.create_task(death(watched)) for watched in watches]

        sleepers[3].kill()
        await waiting[3]

        assert [task.done() for task in waiting] == [False, False, False, True, False]
        for sleeper in sleepers:
            sleeper.kill()
        await asyncio.gather(*waiting)


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files by /proc")
def test_a_watch_leaves_no_open_file(sleeper: subprocess.Popen[bytes]) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for mark in [mark_of(sleeper.pid), "mark of an earlier process"]:
        watch_process(sleeper.pid, mark).close()

    assert open_files() == before
