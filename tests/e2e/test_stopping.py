"""However a run ends, its record is true: in the table of runs and in Prefect."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.processes import start_mark
from tests.e2e.harness import TIMEOUT_SECONDS, Engine, Puppets

Endless = Callable[[], tuple[subprocess.Popen[str], str]]


@pytest.fixture(autouse=True)
def hang_up_is_not_ignored() -> Iterator[None]:
    """Under nohup it is, and every process that is started from there inherits that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_ctrl_c_cancels_the_run_and_everything_below_it(engine: Engine, endless: Endless) -> None:
    process, run_id = endless()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 130
    assert "cancelling" in err
    assert engine.wait_closed(run_id).state == "CANCELLED"
    state, below = engine.states_in_prefect(run_id)
    assert state == "CANCELLED"
    assert below == {"CANCELLED", "COMPLETED"}


def test_ctrl_c_while_the_run_is_still_starting_cancels_it_too(engine: Engine) -> None:
    known = engine.run_ids()
    process = engine.start("run", "full_flow", *engine.endless_options)
    (run_id,) = engine.wait_until(lambda: engine.run_ids() - known)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 130
    assert engine.wait_closed(run_id).state == "CANCELLED"


def test_a_killed_run_is_crashed_and_the_command_says_so(engine: Engine, endless: Endless) -> None:
    process, run_id = endless()
    os.kill(engine.pid_of(run_id), signal.SIGKILL)
    out, _ = process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 1
    assert "CRASHED" in out
    assert "SIGKILL" in out
    engine.wait_closed(run_id)
    state, below = engine.states_in_prefect(run_id)
    assert state == "CRASHED"
    assert below == {"CRASHED", "COMPLETED"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_a_run_goes_on_when_whoever_watches_it_dies(
    engine: Engine, endless: Endless, number: signal.Signals
) -> None:
    process, run_id = endless()
    process.send_signal(number)
    process.communicate(timeout=TIMEOUT_SECONDS)
    time.sleep(0.5)

    assert engine.json("run", "show", run_id)["state"] == "RUNNING"


def test_a_run_goes_on_when_the_terminal_that_launched_it_is_closed(engine: Engine) -> None:
    known = engine.run_ids()
    terminal, shell_side = os.openpty()
    process = subprocess.Popen(
        # As a login shell's: closing the terminal hangs up on it.
        [
            "setsid",
            "--ctty",
            "--wait",
            *engine.command,
            "run",
            "full_flow",
            *engine.endless_options,
        ],
        env=engine.environment | {"TERM": "xterm"},
        stdin=shell_side,
        stdout=shell_side,
        stderr=shell_side,
    )
    os.close(shell_side)
    run_id = engine.wait_for_step("train_model", process, not_in=known)
    os.close(terminal)
    process.wait(TIMEOUT_SECONDS)

    assert engine.json("run", "show", run_id)["state"] == "RUNNING"
    engine.end(run_id)


@pytest.mark.parametrize("behaviour", ["wait", "count"])
def test_a_run_that_sleeps_or_computes_in_python_is_cancelled_at_once(
    engine: Engine, puppet: Puppets, behaviour: str
) -> None:
    run_id = puppet(behaviour)

    cancelled = engine.json("cancel", run_id)

    assert cancelled["runs"][0]["state"] == "CANCELLING"
    run = engine.wait_closed(run_id)
    assert (run.state, run.message) == ("CANCELLED", "cancelled")
    assert engine.states_in_prefect(run_id) == ("CANCELLED", {"CANCELLED", "COMPLETED"})


def test_a_run_that_does_not_listen_is_killed_after_its_grace_time(
    engine: Engine, puppet: Puppets
) -> None:
    run_id = puppet("stubborn")
    engine.json("cancel", run_id)
    time.sleep(0.5)
    assert engine.table.get(run_id).state == "CANCELLING"

    run = engine.wait_closed(run_id)

    assert (run.state, run.message) == ("CANCELLED", "cancelled")
    assert start_mark(run.pid or 0) is None
    assert engine.states_in_prefect(run_id) == ("CANCELLED", {"CANCELLED", "COMPLETED"})


def test_a_hard_cancel_does_not_wait(engine: Engine, puppet: Puppets) -> None:
    run_id = puppet("stubborn")

    engine.json("cancel", "--now", run_id)

    assert engine.wait_closed(run_id).state == "CANCELLED"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [("crash", "ended by SIGSEGV"), ("leave", "exit status 7")],
)
def test_a_run_whose_process_dies_says_how_and_leaves_a_trace(
    engine: Engine, puppet: Puppets, behaviour: str, message: str
) -> None:
    run = engine.wait_closed(puppet(behaviour))

    assert run.state == "CRASHED"
    assert message in run.message
    assert engine.states_in_prefect(run.id) == ("CRASHED", {"CRASHED", "COMPLETED"})
    if behaviour == "crash":
        log = engine.run("logs", run.id).stdout
        assert "Segmentation fault" in log
        assert "puppet_model.py" in log


def test_what_a_run_started_ends_with_it(engine: Engine, puppet: Puppets) -> None:
    run_id = puppet("spawn")
    (child,) = engine.wait_until(lambda: engine.progress(run_id, "child"))
    os.kill(engine.pid_of(run_id), signal.SIGKILL)

    engine.wait_closed(run_id)

    assert start_mark(child["done"]) is None


def test_a_run_that_takes_more_memory_than_it_may_fails_and_says_so(
    engine: Engine, puppet: Puppets
) -> None:
    with engine.settings("run: {memory_limit_mb: 200}"):
        run = engine.wait_closed(puppet("greedy"))

    assert run.state == "FAILED"
    assert "more than the 200 MB" in run.message
    assert "run.memory_limit_mb" in run.message
    peak = engine.wait_until(lambda: engine.table.get(run.id).peak_bytes)
    assert peak is not None and peak > 100 * 1024**2
    assert engine.states_in_prefect(run.id)[0] == "FAILED"


def test_a_process_that_is_told_to_end_by_somebody_else_is_crashed(
    engine: Engine, puppet: Puppets
) -> None:
    run_id = puppet("wait")
    os.kill(engine.pid_of(run_id), signal.SIGTERM)

    run = engine.wait_closed(run_id)

    assert (run.state, run.message) == ("CRASHED", "its process was told to end (SIGTERM)")


def test_a_hang_up_does_not_reach_a_run(engine: Engine, puppet: Puppets) -> None:
    run_id = puppet("wait")
    os.kill(engine.pid_of(run_id), signal.SIGHUP)
    time.sleep(0.3)

    assert engine.json("run", "show", run_id)["state"] == "RUNNING"


def test_a_run_steps_back_behind_others(engine: Engine, puppet: Puppets) -> None:
    pid = engine.pid_of(puppet("wait"))

    assert os.getpriority(os.PRIO_PROCESS, pid) == 5
    assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "500\n"
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"OMP_NUM_THREADS=1" in environment
