from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from engine.daemon import keeper as keeper_module
from engine.daemon.launching import Exit, LaunchedProcess
from engine.processes import is_alive, start_mark
from engine.runs.outcome import RESULT_FILE, Outcome
from engine.workspace import Workspace
from tests.unit.daemon.keeper_room import STUBBORN, Process, Room, Start, starting
from tests.unit.daemon.loop import for_a_moment, in_event_loop, until
from tests.unit.daemon.stand_ins import Death

_MIB = 1024**2


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "_LOOK_SECONDS", 0.005)
    monkeypatch.setattr(keeper_module, "_RETRY_SECONDS", 0.005)


@pytest.fixture
def start() -> Iterator[Start]:
    with starting() as start_one:
        yield start_one


@pytest.fixture
def room(workspace: Workspace) -> Room:
    return Room(workspace)


@pytest.mark.parametrize(
    ("exit_", "message"),
    [
        (
            Exit(-signal.SIGKILL, 1.5, 12 * _MIB),
            "its process was killed (SIGKILL), by somebody or for lack of memory: "
            "it had used 12 MiB of memory",
        ),
        (
            Exit(-signal.SIGSEGV, 1.5, 2048 * _MIB),
            "its process was ended by SIGSEGV: it had used 2,048 MiB of memory",
        ),
        (Exit(-99, 1.5, 0), "its process was ended by signal 99: it had used 0 MiB of memory"),
        (Exit(3, 1.5, 0), "its process ended with exit status 3, without a word"),
        (Exit(0, 1.5, 0), "its process ended with exit status 0, without a word"),
    ],
)
@in_event_loop
async def test_a_run_whose_process_ends_without_a_word_has_crashed_and_it_is_said_how(
    room: Room, start: Start, exit_: Exit, message: str
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, exit_)
        room.claim(run_id, process)
        process.kill()
        run = await room.ended(run_id)

    assert (run.state, run.message) == ("CRASHED", message)
    assert run.cpu_seconds == 1.5
    assert room.closer.runs == [run_id]
    assert run_id in room.changed
    assert room.freed == 1


@in_event_loop
async def test_when_nobody_can_tell_how_it_ended_that_is_said(room: Room, start: Start) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.claim(run_id, process)
        await room.keeper.take_over(grace_seconds=5)
        assert room.keeper.living[run_id].pid == process.pid
        process.kill()
        run = await room.ended(run_id)

    assert (run.state, run.message) == ("CRASHED", "its process died without a word")
    assert room.closer.runs == [run_id]


@in_event_loop
async def test_a_run_whose_cancelling_was_asked_for_is_cancelled_however_it_ended(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        room.claim(run_id, process)
        room.table.request_cancel(run_id)
        process.kill()
        run = await room.ended(run_id)

    assert (run.state, run.message) == ("CANCELLED", "cancelled")


@in_event_loop
async def test_what_a_process_wrote_down_before_it_died_is_how_its_run_ended(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        room.claim(run_id, process)
        Outcome("FAILED", "row 7: no number", "DataError").write(room.workspace.run_folder(run_id))
        process.kill()
        run = await room.ended(run_id)

    assert (run.state, run.message, run.error_kind) == ("FAILED", "row 7: no number", "DataError")


@pytest.mark.parametrize("content", ["{", "[]", '{"state": "COMPLETED"}'])
@in_event_loop
async def test_a_damaged_result_is_as_good_as_none(room: Room, start: Start, content: str) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(3, 0.0, 0))
        room.claim(run_id, process)
        (room.workspace.run_folder(run_id) / RESULT_FILE).write_text(content)
        process.kill()
        await until(lambda: not room.keeper.living)
        await until(lambda: room.table.get(run_id).is_final, patience=5.0)

    assert room.table.get(run_id).state == "CRASHED"


@in_event_loop
async def test_a_run_that_its_process_ended_itself_is_left_as_it_is(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(0, 2.5, 7 * _MIB))
        room.claim(run_id, process)
        room.table.finish(run_id, "COMPLETED", "")
        room.table.set_closed(run_id)
        process.kill()
        run = await room.ended(run_id)

    assert (run.state, run.message) == ("COMPLETED", "")
    assert room.closer.runs == []
    assert run_id in room.changed


@in_event_loop
async def test_a_run_that_ended_before_prefect_knew_is_told_to_prefect(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(0, 0.0, 0))
        room.claim(run_id, process)
        room.table.finish(run_id, "COMPLETED", "")
        process.kill()
        await room.ended(run_id)

    assert room.closer.runs == [run_id]


@in_event_loop
async def test_a_run_that_its_process_did_not_claim_is_as_it_was_and_has_another_attempt(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        process.kill()
        await until(lambda: room.freed)

    run = room.table.get(run_id)
    assert (run.state, run.attempt, run.pid) == ("PENDING", 1, None)
    assert [queued.id for queued in room.table.queued()] == [run_id]
    assert room.closer.runs == []


@in_event_loop
async def test_42_a_run_whose_processes_end_again_and_again_before_they_begin_has_failed(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id = room.accept()
        times = 0
        while not room.table.get(run_id).is_final:
            process = start()
            room.watch(run_id, process, Exit(1, 0.0, 0))
            process.kill()
            times += 1
            await until(lambda n=times: room.freed == n)

    run = room.table.get(run_id)
    assert times == 5
    assert (run.state, run.error_kind) == ("FAILED", "ServerError")
    assert run.message == (
        "5 processes ended before they began with it; the last one ended with exit status 1, "
        "without a word"
    )
    assert room.closer.runs == [run_id]
    assert run_id in room.changed


@in_event_loop
async def test_attempts_that_came_to_nothing_for_other_reasons_do_not_count(
    room: Room, start: Start
) -> None:
    """Each start of an engine makes a new attempt of what waits, and so does a server's pause."""
    async with room.at_work():
        run_id = room.accept()
        for _ in range(10):
            room.table.new_attempts()
        process = start()
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        process.kill()
        await until(lambda: room.freed)

    assert room.table.get(run_id).state == "PENDING"


@in_event_loop
async def test_a_process_that_came_too_late_does_not_end_the_run_of_another(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, late, other = room.accept(), start(), start()
        room.watch(run_id, late, Exit(0, 0.0, 0))
        claimed = room.claim(run_id, other)
        late.kill()
        await until(lambda: room.freed)

    run = room.table.get(run_id)
    assert (run.state, run.pid, run.attempt) == ("RUNNING", other.pid, claimed.attempt)
    assert other.poll() is None


@in_event_loop
async def test_a_process_of_a_run_that_was_cancelled_meanwhile_changes_nothing(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(0, 0.0, 0))
        cancelled = room.table.request_cancel(run_id)
        process.kill()
        await until(lambda: room.freed)

    run = room.table.get(run_id)
    assert (run.state, run.message, run.ended) == (
        "CANCELLED",
        "cancelled before it started",
        cancelled.ended,
    )


@in_event_loop
async def test_an_engine_takes_over_what_an_earlier_one_left(room: Room, start: Start) -> None:
    alive, dead, killed = start(), start(), start()
    runs = {"alive": alive, "dead": dead, "killed": killed}
    for run_id, process in runs.items():
        room.accept(run_id)
        room.claim(run_id, process)
    room.table.request_cancel("killed")
    for process in (dead, killed):
        process.kill()
        process.wait()
    room.accept("waiting")
    room.accept("unclosed")
    room.table.finish("unclosed", "COMPLETED", "")
    room.accept("closed")
    room.table.finish("closed", "COMPLETED", "")
    room.table.set_closed("closed")

    async with room.at_work():
        await room.keeper.take_over(grace_seconds=5)

        assert list(room.keeper.living) == ["alive"]
        assert room.table.get("alive").state == "RUNNING"
        assert room.tails.steps("alive") == []
        crashed = room.table.get("dead")
        assert (crashed.state, crashed.message) == ("CRASHED", "its process died without a word")
        assert room.table.get("killed").state == "CANCELLED"
        assert room.table.get("waiting").state == "PENDING"
        # What the engine of before may have started for it claims in vain.
        assert room.table.get("waiting").attempt == 1
        assert sorted(room.closer.runs) == ["dead", "killed", "unclosed"]
        assert alive.poll() is None

        alive.kill()
        await room.ended("alive")
    assert room.table.get("alive").state == "CRASHED"


@in_event_loop
async def test_a_process_of_which_nobody_heard_is_watched_over_also_when_it_is_dead(
    room: Room, start: Start
) -> None:
    alive, dead = start(), start()
    for run_id, process in {"alive": alive, "dead": dead}.items():
        room.accept(run_id)
        room.claim(run_id, process)
    dead.kill()
    dead.wait()

    async with room.at_work():
        for run_id in ("alive", "dead"):
            await room.keeper.adopt(room.table.get(run_id))
        assert room.table.get("dead").state == "CRASHED"
        assert list(room.keeper.living) == ["alive"]
        alive.kill()
        await room.ended("alive")
    assert room.table.get("alive").state == "CRASHED"


@in_event_loop
async def test_a_later_process_of_the_same_number_is_not_adopted_and_not_touched(
    room: Room, start: Start
) -> None:
    stranger = start()
    run_id = room.accept()
    room.table.claim(run_id, 0, pid=stranger.pid, mark="of an earlier process", prefect_id="p")
    record = room.table.get(run_id)

    async with room.at_work():
        room.keeper.ask_to_end(record, hard=True, grace_seconds=0)
        await room.keeper.take_over(grace_seconds=0)

        assert room.keeper.living == {}
        assert room.table.get(run_id).state == "CRASHED"
        await for_a_moment()
        assert stranger.poll() is None


@in_event_loop
async def test_a_damaged_result_does_not_keep_an_engine_from_starting(
    room: Room, start: Start
) -> None:
    process = start()
    run_id = room.accept()
    room.claim(run_id, process)
    process.kill()
    process.wait()
    (room.workspace.run_folder(run_id) / RESULT_FILE).write_text("{")

    async with room.at_work():
        await room.keeper.take_over(grace_seconds=5)

    assert room.table.get(run_id).state == "CRASHED"


@in_event_loop
async def test_a_cancelled_run_may_end_by_itself(room: Room, start: Start) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(-signal.SIGTERM, 0.0, 0))
        room.claim(run_id, process)
        record = room.table.request_cancel(run_id)
        room.keeper.ask_to_end(record, hard=False, grace_seconds=3600)
        run = await room.ended(run_id)

    assert run.state == "CANCELLED"
    assert process.wait() == -signal.SIGTERM


async def until_ready(process: Process) -> None:
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    assert line == b"ready\n"


@in_event_loop
async def test_a_run_that_does_not_end_when_asked_is_killed_after_its_grace(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start(STUBBORN)
        await until_ready(process)
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        room.claim(run_id, process)
        record = room.table.request_cancel(run_id)
        room.keeper.ask_to_end(record, hard=False, grace_seconds=0.05)
        assert process.poll() is None
        run = await room.ended(run_id)

    assert run.state == "CANCELLED"
    assert process.wait() == -signal.SIGKILL


@in_event_loop
async def test_the_grace_is_not_cut_short_and_asking_again_does_not_prolong_it(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start(STUBBORN)
        await until_ready(process)
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        room.claim(run_id, process)
        record = room.table.request_cancel(run_id)
        room.keeper.ask_to_end(record, hard=False, grace_seconds=3600)
        deadline = room.keeper.living[run_id].kill_at
        await for_a_moment()
        room.keeper.ask_to_end(record, hard=False, grace_seconds=7200)
        room.keeper.kill_after(run_id, 9999)
        await for_a_moment()

        assert process.poll() is None
        assert room.keeper.living[run_id].kill_at == deadline
        assert deadline is not None

        process.kill()
        await room.ended(run_id)


@in_event_loop
async def test_asking_hard_does_not_wait(room: Room, start: Start) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start(STUBBORN)
        await until_ready(process)
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        room.claim(run_id, process)
        record = room.table.request_cancel(run_id)
        room.keeper.ask_to_end(record, hard=False, grace_seconds=3600)
        room.keeper.ask_to_end(record, hard=True, grace_seconds=3600)
        await room.ended(run_id)

    assert process.wait() == -signal.SIGKILL


@in_event_loop
async def test_a_run_that_was_being_cancelled_when_the_engine_ended_is_killed_by_the_next(
    room: Room, start: Start
) -> None:
    run_id, process = room.accept(), start(STUBBORN)
    await until_ready(process)
    room.claim(run_id, process)
    room.table.request_cancel(run_id)

    async with room.at_work():
        await room.keeper.take_over(grace_seconds=0.05)
        run = await room.ended(run_id)

    assert run.state == "CANCELLED"
    assert process.wait() == -signal.SIGKILL


@in_event_loop
async def test_a_deadline_is_held_although_the_table_could_not_be_read_for_a_while(
    room: Room, start: Start
) -> None:
    run_id, process = room.accept(), start(STUBBORN)
    await until_ready(process)
    async with room.at_work():
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        record = room.claim(run_id, process)
        room.flaky.failures["get"] = 2
        room.keeper.ask_to_end(record, hard=False, grace_seconds=0)
        await until(lambda: process.poll() is not None, patience=5.0)


@in_event_loop
async def test_what_a_run_started_ends_with_it(room: Room, start: Start) -> None:
    async with room.at_work():
        run_id = room.accept()
        process = start("sleep 60 & echo $!; exec sleep 60")
        assert process.stdout is not None
        helper = int(await asyncio.to_thread(process.stdout.readline))
        mark = start_mark(helper)
        assert mark is not None
        room.watch(run_id, process, Exit(-signal.SIGKILL, 0.0, 0))
        room.claim(run_id, process)

        os.kill(process.pid, signal.SIGKILL)

        await until(lambda: not is_alive(helper, mark))
        await room.ended(run_id)


@in_event_loop
async def test_what_a_run_uses_is_seen_while_it_goes_on_and_kept_at_its_end(
    room: Room, start: Start
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.claim(run_id, process)
        await room.keeper.take_over(grace_seconds=5)
        await until(lambda: room.keeper.living[run_id].peak)
        usage, peak = room.keeper.living[run_id].usage, room.keeper.living[run_id].peak
        assert usage is not None
        process.kill()
        run = await room.ended(run_id)

    assert run.peak_bytes is not None
    assert run.peak_bytes >= peak
    assert run.cpu_seconds is not None


@in_event_loop
async def test_an_end_that_cannot_be_written_down_is_a_problem_until_it_can(
    room: Room, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(1, 0.0, 0))
        room.claim(run_id, process)
        room.flaky.failures["finish"] = 10**6
        process.kill()
        await until(lambda: room.keeper.problem)
        assert room.keeper.problem == (
            f"the end of run {run_id} cannot be written down: the disk is full"
        )

        room.flaky.failures["finish"] = 0
        run = await room.ended(run_id)

    assert run.state == "CRASHED"
    assert room.keeper.problem == ""


@in_event_loop
async def test_a_run_that_was_deleted_meanwhile_needs_no_end(room: Room, start: Start) -> None:
    async with room.at_work():
        run_id, process = room.accept(), start()
        room.watch(run_id, process, Exit(0, 0.0, 0))
        room.table.finish(run_id, "CANCELLED", "")
        room.table.delete(run_id)
        process.kill()
        await until(lambda: room.freed)

    assert room.keeper.problem == ""


@in_event_loop
async def test_runs_end_independently_of_each_other(room: Room, start: Start) -> None:
    async with room.at_work():
        processes = {run_id: start() for run_id in "abc"}
        for run_id, process in processes.items():
            room.accept(run_id)
            room.watch(run_id, process, Exit(1, 0.0, 0))
            room.claim(run_id, process)
        assert set(room.keeper.living) == set("abc")
        processes["b"].kill()
        await until(lambda: room.table.get("b").is_final)

        assert set(room.keeper.living) == set("ac")
        assert not room.table.get("a").is_final
        for process in processes.values():
            process.kill()
        await until(lambda: room.freed == 3)


@in_event_loop
async def test_a_cancel_is_not_lost_to_the_answer_that_comes_at_that_moment() -> None:
    """It would keep an engine that ends from ending."""
    answer: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
    asking = asyncio.create_task(LaunchedProcess(0, Death(), answer).exit())
    await asyncio.sleep(0)

    answer.set_result(Exit(0, 0.0, 0))
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
