"""However a run ends, its record is true: in the table of runs and in Prefect."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from engine.execution.closing import close_dead_runs
from tests.e2e.harness import TIMEOUT_SECONDS, Engine

Endless = Callable[[], tuple[subprocess.Popen[str], str]]


def test_ctrl_c_cancels_the_run_and_everything_below_it(engine: Engine, endless: Endless) -> None:
    process, run_id = endless()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 130
    assert "cancelling" in err
    assert engine.table.get(run_id).state == "CANCELLED"
    state, below = engine.states_in_prefect(run_id)
    assert state == "CANCELLED"
    assert below == {"CANCELLED", "COMPLETED"}


def test_ctrl_c_while_the_run_is_still_starting_cancels_it_too(engine: Engine) -> None:
    known = engine.run_ids()
    process = engine.start("run", "data_flow", *engine.sample_options)
    while not (new := engine.run_ids() - known):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 130
    run = engine.table.get(new.pop())
    assert (run.state, run.closed) == ("CANCELLED", True)
    assert engine.states_in_prefect(run.id)[0] == "CANCELLED"


def test_a_killed_run_is_crashed_and_the_command_says_so(engine: Engine, endless: Endless) -> None:
    process, run_id = endless()
    pid = engine.table.get(run_id).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    out, _ = process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 1
    assert "CRASHED" in out
    state, below = engine.states_in_prefect(run_id)
    assert state == "CRASHED"
    assert below <= {"CRASHED", "COMPLETED"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_a_run_goes_on_when_whoever_watches_it_dies(
    engine: Engine, endless: Endless, number: signal.Signals
) -> None:
    process, run_id = endless()
    process.send_signal(number)
    process.communicate(timeout=TIMEOUT_SECONDS)
    time.sleep(1.0)

    engine.table.bury_dead()
    assert engine.table.get(run_id).state == "RUNNING"


def test_a_run_killed_together_with_its_watcher_is_found_dead_by_the_next_command(
    engine: Engine, endless: Endless
) -> None:
    process, run_id = endless()
    pid = engine.table.get(run_id).pid
    assert pid is not None
    process.kill()
    os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=TIMEOUT_SECONDS)

    listed = {run["id"]: run["state"] for run in engine.json("runs")}
    assert listed[run_id] == "CRASHED"
    with engine.prefect() as api:
        close_dead_runs(api, engine.table)
    state, below = engine.states_in_prefect(run_id)
    assert state == "CRASHED"
    assert below <= {"CRASHED", "COMPLETED"}
