"""Runs launched here and done on a second machine, through deaths of every process that there is.

The first machine's own Prefect server keeps its tables in PostgreSQL where that is installed. The
second machine is a workspace with a worker; storage is a folder that both reach.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.data.sample import write_sample
from engine.prefect_server.launch import known_connection
from engine.tables.run_record import RunRecord
from engine.workspace import Workspace
from tests.e2e.harness import PUPPET, Engine
from tests.services.postgres import running_postgres, why_not
from tests.services.prefect_program import free_port
from tests.services.second_host import SecondHost, wait_until

pytestmark = pytest.mark.long

LOST_SECONDS = 15
POOL = "factory"
SETTINGS = """
flow_api: {{enabled: false}}
web_page: {{enabled: false}}
predictor: {{enabled: false}}
queue: {{max_concurrent: 2}}
run: {{cancel_grace_seconds: 2}}
storage: {{url: "file://{shared}"}}
prefect_server:
  port: {port}
  work_pool: {pool}
  lost_after_seconds: {lost}
  idle_exit_seconds: 60
"""
LINK = '  url: "http://127.0.0.1:{port}/api"\n  auth: "${{PREFECT_AUTH}}"\n'


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, SecondHost]]:
    """The first machine with its engine, and the second one with its worker, both at work."""
    with contextlib.ExitStack() as stack:
        home = Workspace(tmp_path_factory.mktemp("home")).create()
        port, shared = free_port(), tmp_path_factory.mktemp("shared")
        text = SETTINGS.format(shared=shared, port=port, pool=POOL, lost=LOST_SECONDS)
        secrets = ""
        database = ""
        if not why_not():
            server = stack.enter_context(running_postgres(tmp_path_factory.mktemp("postgres")))
            database, secrets = f'database: {{url: "{server.url()}"}}\n', server.secret_line
        (home.configs / "engine.yaml").write_text(database + text)
        write_secrets(home, secrets)
        write_sample(home.data / "sample.csv", series=4, days=200)
        engine = Engine(home, home.data / "sample.csv")
        stack.callback(engine.run, "down", "--cancel-runs")
        assert engine.run("up").returncode == 0

        there = Workspace(tmp_path_factory.mktemp("there")).create()
        (there.configs / "engine.yaml").write_text(text + LINK.format(port=port))
        connection = known_connection(home.prefect_home)
        assert connection is not None
        write_secrets(there, f"PREFECT_AUTH={connection.auth}\n")
        host = SecondHost(there)
        stack.callback(host.stop)
        host.start()
        engine.json("run", "data_flow", *engine.sample_options)
        yield engine, host


def write_secrets(workspace: Workspace, text: str) -> None:
    workspace.secrets.write_text(text)
    workspace.secrets.chmod(0o600)


def launch(engine: Engine, *arguments: str) -> str:
    return str(engine.json("run", *arguments, "--detach")["id"])


def puppet(engine: Engine, behaviour: str) -> str:
    """A training that does what is asked of it, once it has begun to do so there."""
    run_id = launch(
        engine,
        "train_flow",
        "--model-type=Puppet",
        f"--set=model.plugins={json.dumps([str(PUPPET)])}",
        f"--set=train.hparams.behaviour={behaviour}",
    )
    engine.wait_until(lambda: engine.progress(run_id, "epoch"), seconds=90)
    return run_id


def records(engine: Engine, run_ids: list[str]) -> list[RunRecord]:
    return [engine.table.get(run_id) for run_id in run_ids]


def check_relayed(engine: Engine, host: SecondHost, run: RunRecord) -> None:
    """Everything that was written there stands here, once and in order."""
    folder = engine.workspace.run_folder(run.id)
    there = host.log_lines(run.id)
    here = [line for path in sorted(folder.glob("log*")) for line in path.read_text().splitlines()]
    assert there, "it was done there"
    assert [line for line in here if line in set(there)] == there
    events = (folder / "progress.jsonl").read_text().splitlines()
    told = [json.dumps(json.loads(line)) for line in events]
    wanted = host.events(run.id)
    assert [event for event in told if event in set(wanted)] == wanted


def test_runs_launched_here_are_done_there_whatever_dies_meanwhile(
    machines: tuple[Engine, SecondHost],
) -> None:
    engine, host = machines
    trainings = ["--model-type=SeasonalNaive"]
    runs = [launch(engine, "full_flow", *engine.sample_options, *trainings)]
    for number in range(19):
        if number % 3 == 2:
            runs.append(launch(engine, "data_flow", *engine.sample_options))
        else:
            runs.append(launch(engine, "train_flow", *trainings, f"--set=train.seed={number}"))

    def ended() -> int:
        return sum(record.is_final for record in records(engine, runs))

    wait_until(lambda: ended() >= 3, seconds=240, what="the first three runs")
    wait_until(host.runs, seconds=60, what="a run on the second machine")
    host.kill()
    host.start()

    wait_until(lambda: ended() >= 7, seconds=240, what="seven runs")
    wait_until(host.runs, seconds=60, what="a run on the second machine")
    host.kill_with_runs()
    host.start()

    wait_until(lambda: ended() >= 10, seconds=240, what="ten runs")
    parent_killed = kill_everything_here(engine)
    assert engine.run("up").returncode == 0

    wait_until(
        lambda: all(record.closed for record in records(engine, runs)),
        seconds=600,
        what=f"an end of every run: {Counter(r.state for r in records(engine, runs))}",
    )
    states = Counter(record.state for record in records(engine, runs))
    assert set(states) <= {"COMPLETED", "CRASHED"}, states
    assert states["COMPLETED"] >= 12
    for record in records(engine, runs):
        in_prefect, below = engine.states_in_prefect(record.id)
        assert in_prefect == record.state
        assert not below & {"RUNNING", "PENDING", "SCHEDULED", "CANCELLING"}
        if record.state == "COMPLETED" and record.flow != "full_flow":
            check_relayed(engine, host, record)
        elif record.state == "CRASHED" and record.flow != "full_flow":
            assert record.prefect_id in host.killed, record
        elif record.state == "CRASHED":
            assert parent_killed or host.killed


def kill_everything_here(engine: Engine) -> bool:
    """Kill the engine and every process of a run, but the Prefect server; was a parent among them?

    The server lives on like one on another machine.
    """
    pid = engine.json("status")["pid"]
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    server = engine.prefect()
    server.close()
    living = {record.pid: record for record in engine.table.unclosed() if record.pid}
    for process in family:
        with contextlib.suppress(psutil.Error):
            if "prefect_server" not in " ".join(process.cmdline()):
                process.kill()
    for own in living:
        with contextlib.suppress(ProcessLookupError):
            os.kill(own, signal.SIGKILL)
    return any(record.flow == "full_flow" for record in living.values())


def test_what_is_cancelled_here_ends_there(machines: tuple[Engine, SecondHost]) -> None:
    engine, host = machines
    run_id = puppet(engine, "wait")
    (pid,) = host.runs()

    engine.run("cancel", run_id)

    record = engine.wait_until(lambda: ended_record(engine, run_id), seconds=60)
    assert (record.state, record.message) == ("CANCELLED", "cancelled")
    assert engine.states_in_prefect(run_id)[0] == "CANCELLED"
    wait_until(lambda: not psutil.pid_exists(pid), seconds=60, what="the end of the process there")


def test_a_process_that_dies_there_is_a_crash_here(machines: tuple[Engine, SecondHost]) -> None:
    engine, host = machines
    run_id = puppet(engine, "wait")
    (pid,) = host.runs()

    os.kill(pid, signal.SIGKILL)

    record = engine.wait_until(lambda: ended_record(engine, run_id), seconds=60)
    assert record.state == "CRASHED"
    assert "its process on" in record.message
    assert engine.states_in_prefect(run_id)[0] == "CRASHED"


def test_a_machine_that_is_not_heard_of_any_more_is_a_crash_here(
    machines: tuple[Engine, SecondHost],
) -> None:
    engine, host = machines
    run_id = puppet(engine, "wait")

    host.kill_with_runs()
    try:
        record = engine.wait_until(lambda: ended_record(engine, run_id), seconds=90)
    finally:
        host.start()

    assert record.state == "CRASHED"
    assert "nothing was heard of it for" in record.message
    shown = engine.json("run", "show", run_id)
    assert host.workspace.root.name  # the machine that it was done on is told
    assert shown["host"]


def test_a_run_that_was_given_up_ends_by_itself_when_it_hears_of_it(
    machines: tuple[Engine, SecondHost],
) -> None:
    engine, host = machines
    run_id = puppet(engine, "wait")
    (pid,) = host.runs()

    # It is not heard of, as when its network fails, and comes back after it was given up.
    os.kill(pid, signal.SIGSTOP)
    record = engine.wait_until(lambda: ended_record(engine, run_id), seconds=90)
    os.kill(pid, signal.SIGCONT)

    assert record.state == "CRASHED"
    wait_until(lambda: not psutil.pid_exists(pid), seconds=60, what="the end of the process there")
    assert engine.states_in_prefect(run_id)[0] == "CRASHED"


def test_an_error_there_is_told_here_as_it_would_be(machines: tuple[Engine, SecondHost]) -> None:
    engine, _ = machines

    run: dict[str, Any] = engine.json(
        "run", "data_flow", "--data", "/nowhere/sales.csv", exit_code=5
    )

    assert (run["state"], run["error_kind"]) == ("FAILED", "NotFoundError")
    assert "/nowhere/sales.csv" in run["message"]


def test_why_nobody_does_a_run_is_a_sentence(machines: tuple[Engine, SecondHost]) -> None:
    engine, _ = machines
    with engine.prefect() as api:
        api.call("PATCH", f"/work_pools/{POOL}", {"is_paused": True})
    run_id = launch(engine, "data_flow", *engine.sample_options)

    def waiting() -> str:
        return str(engine.json("run", "show", run_id)["waiting"])

    wait_until(lambda: waiting() == f"work pool {POOL} is paused", seconds=60, what="the sentence")
    with engine.prefect() as api:
        api.call("PATCH", f"/work_pools/{POOL}", {"is_paused": False})
    assert engine.wait_until(lambda: ended_record(engine, run_id), seconds=90).state == "COMPLETED"


def ended_record(engine: Engine, run_id: str) -> RunRecord | None:
    record = engine.table.get(run_id)
    return record if record.closed else None


def test_two_workers_in_one_workspace_are_told_so(machines: tuple[Engine, SecondHost]) -> None:
    _, host = machines
    again = Engine(host.workspace, Path()).run("worker")

    assert again.returncode == 8
    assert "a worker runs already in this workspace" in again.stderr
