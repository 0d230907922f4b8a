"""Whatever of the engine is killed: runs go on, nothing is lost, and nobody says what is not so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from engine.processes import is_alive, start_mark
from tests.e2e.harness import Engine, Puppets
from tests.faults.storm import processes_of

pytestmark = pytest.mark.long


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def child(engine: Engine, name: str) -> int:
    """Process number of a child of the engine that is ready."""

    def ready() -> int | None:
        status = engine.json("status")
        return next(
            (c["pid"] for c in status["children"] if c["name"] == name and c["state"] == "ready"),
            None,
        )

    found = engine.wait_until(ready)
    assert found is not None
    return found


def engine_pid(engine: Engine) -> int:
    return int(engine.json("status")["pid"])


def start_data_flow(engine: Engine) -> str:
    return str(engine.json("run", "data_flow", "--detach", *engine.sample_options)["id"])


def test_a_run_outlives_its_engine_and_the_next_one_takes_it_over(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    run_id = own_puppet("wait")
    before = engine_pid(own_engine)
    kill(before)

    assert own_engine.json("run", "show", run_id)["state"] == "RUNNING"
    assert engine_pid(own_engine) != before
    own_engine.json("cancel", run_id)
    assert own_engine.wait_closed(run_id).state == "CANCELLED"
    assert own_engine.states_in_prefect(run_id) == ("CANCELLED", {"CANCELLED", "COMPLETED"})


def test_a_run_that_ends_while_no_engine_lives_has_ended_well(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    run_id = own_puppet("talk")
    kill(engine_pid(own_engine))

    run = own_engine.wait_until(
        lambda: (run := own_engine.table.get(run_id)).closed and run, seconds=60
    )

    assert run.state == "FAILED"  # a puppet cannot be exported
    assert "a puppet does not serve" in run.message
    assert own_engine.json("run", "show", run_id)["state"] == "FAILED"


def test_a_run_killed_together_with_its_engine_is_found_dead_by_the_next_one(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    run_id = own_puppet("wait")
    kill(engine_pid(own_engine))
    kill(own_engine.pid_of(run_id))

    assert own_engine.json("run", "show", run_id)["state"] == "CRASHED"
    own_engine.wait_closed(run_id)
    assert own_engine.states_in_prefect(run_id) == ("CRASHED", {"CRASHED", "COMPLETED"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_runs_go_on_when_the_engine_is_told_to_stop(
    own_engine: Engine, own_puppet: Puppets, number: signal.Signals
) -> None:
    run_id = own_puppet("wait")
    pid = engine_pid(own_engine)
    mark = start_mark(pid)
    os.kill(pid, number)
    if number is not signal.SIGHUP:
        own_engine.wait_until(lambda: not is_alive(pid, mark))
    time.sleep(0.2)

    assert own_engine.json("run", "show", run_id)["state"] == "RUNNING"
    assert (engine_pid(own_engine) == pid) is (number is signal.SIGHUP)


def test_no_task_row_is_lost_with_the_server_that_had_it_in_memory(own_engine: Engine) -> None:
    run_id = start_data_flow(own_engine)
    own_engine.wait_until(
        lambda: any(
            event["name"] == "split_time_series_data"
            for event in own_engine.progress(run_id, "task")
        )
    )
    kill(child(own_engine, "prefect server"))

    run = own_engine.wait_closed(run_id)

    assert run.state == "COMPLETED"
    assert own_engine.states_in_prefect(run_id) == ("COMPLETED", {"COMPLETED"})
    bars = own_engine.json("run", "show", run_id)["timeline"]["bars"]
    assert len([bar for bar in bars if bar["kind"] == "task"]) == 4


def test_a_run_waits_for_a_server_that_was_killed_under_it(own_engine: Engine) -> None:
    run_id = start_data_flow(own_engine)
    own_engine.wait_until(lambda: own_engine.table.get(run_id).pid)
    kill(child(own_engine, "prefect server"))

    assert own_engine.wait_closed(run_id).state == "COMPLETED"


def test_a_run_outlives_the_fork_server_that_made_it(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    run_id = own_puppet("wait")
    before = child(own_engine, "fork server")
    kill(before)

    other = own_engine.json("run", "data_flow", *own_engine.sample_options)

    assert other["state"] == "COMPLETED"
    assert child(own_engine, "fork server") != before
    assert own_engine.json("run", "show", run_id)["state"] == "RUNNING"
    kill(own_engine.pid_of(run_id))
    assert own_engine.wait_closed(run_id).state == "CRASHED"


def test_a_launch_that_was_accepted_survives_the_death_of_everything(own_engine: Engine) -> None:
    child(own_engine, "prefect server")
    run_ids = [start_data_flow(own_engine) for _ in range(3)]
    for pid in processes_of(own_engine.workspace, ""):
        kill(pid)

    own_engine.run("up")

    states = {own_engine.wait_closed(run_id).state for run_id in run_ids}
    assert states <= {"COMPLETED", "CRASHED"}  # those that had begun were killed too
    for run_id in run_ids:
        state, below = own_engine.states_in_prefect(run_id)
        assert state == own_engine.table.get(run_id).state
        assert below <= {"COMPLETED", "CRASHED"}


def test_46_a_second_engine_in_a_workspace_leaves_at_once(own_engine: Engine) -> None:
    own_engine.run("up")
    command = [sys.executable, "-m", "engine.daemon.main", str(own_engine.workspace.root)]

    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    assert second.returncode == 75
    assert "an engine runs already" in second.stderr


def test_clients_that_start_the_engine_at_the_same_moment_get_one(own_engine: Engine) -> None:
    own_engine.run("down")
    processes = [own_engine.start("runs", "--json") for _ in range(5)]

    outputs = [process.communicate(timeout=60) for process in processes]

    assert [process.returncode for process in processes] == [0] * 5, outputs
    assert len(processes_of(own_engine.workspace, "daemon.main")) == 1


def test_an_engine_that_only_answers_questions_starts_nothing_else(own_engine: Engine) -> None:
    own_engine.run("down")
    own_engine.json("runs")

    states = {c["name"]: c["state"] for c in own_engine.json("status")["children"]}

    assert states == {"prefect server": "off", "fork server": "off"}


def test_nothing_is_left_when_the_engine_goes_down(own_engine: Engine, own_puppet: Puppets) -> None:
    run_id = own_puppet("wait")

    stopped = own_engine.json("down", "--cancel-runs")

    assert stopped == {"stopped": True, "running": []}
    assert processes_of(own_engine.workspace, "") == []
    assert own_engine.table.get(run_id).state == "CANCELLED"
    assert own_engine.table.get(run_id).closed
    assert own_engine.run("status").returncode == 6


def test_without_a_fork_server_runs_start_slower_and_are_watched_over_just_as_well(
    own_engine: Engine, own_puppet: Puppets
) -> None:
    with own_engine.settings("run: {start_method: spawn}\npredictor: {enabled: false}\n"):
        own_engine.run("restart")
        done = own_engine.json("run", "data_flow", *own_engine.sample_options)
        crashed = own_engine.wait_closed(own_puppet("crash"))
        waiting = own_puppet("wait")
        kill(engine_pid(own_engine))  # the next one has not started it, and watches all the same
        own_engine.json("cancel", waiting)
        cancelled = own_engine.wait_closed(waiting)
        children = [child["name"] for child in own_engine.json("status")["children"]]
    own_engine.run("restart")

    assert done["state"] == "COMPLETED"
    assert (crashed.state, cancelled.state) == ("CRASHED", "CANCELLED")
    assert "SIGSEGV" in crashed.message
    assert children == ["prefect server"]
