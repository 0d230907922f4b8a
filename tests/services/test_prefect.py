"""An existing Prefect server by its URL: the program itself, with the settings that it comes with.

It protects itself against forged requests and hands out less at once than our own server does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.data.sample import write_sample
from engine.workspace import Workspace
from tests.e2e.harness import PUPPET, Engine
from tests.services.prefect_program import AUTH, PrefectProgram, attach, prefect_program

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectProgram]:
    strict = {
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_API_DEFAULT_LIMIT": "5",
    }
    with prefect_program(tmp_path_factory.mktemp("prefect"), **strict) as started:
        yield started


@pytest.fixture(scope="module")
def engine(server: PrefectProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    write_sample(workspace.data / "sample.csv", series=6, days=220)
    attach(workspace, server)
    started = Engine(workspace, workspace.data / "sample.csv")
    try:
        assert started.run("up").returncode == 0
        yield started
    finally:
        started.run("down", "--cancel-runs")


def in_prefect(server: PrefectProgram, engine: Engine, run_id: str) -> tuple[str, list[str]]:
    """State of the run, and those of everything below it."""
    prefect_id = engine.wait_closed(run_id).prefect_id
    assert prefect_id is not None
    with server.api() as api:
        tree = api.flow_runs(prefect_id)
        tasks = api.task_runs(row["id"] for row in tree)
    return tree[0]["state_type"], [row["state_type"] for row in [*tree[1:], *tasks]]


def endless(engine: Engine) -> str:
    """A training that goes on until somebody ends it, once it has begun to."""
    run = engine.json(
        "run",
        "train_flow",
        "--detach",
        "--model-type=Puppet",
        f"--set=model.plugins={json.dumps([str(PUPPET)])}",
    )
    engine.wait_until(lambda: engine.progress(run["id"], "epoch"), seconds=60)
    return str(run["id"])


def test_every_flow_is_recorded_there_whole(server: PrefectProgram, engine: Engine) -> None:
    run = engine.json("run", "full_flow", *engine.sample_options, "--model-type=LightGBM")

    state, below = in_prefect(server, engine, run["id"])
    assert state == run["state"] == "COMPLETED"
    # More rows than the server hands out at once: four subflows, and every step of them.
    assert len(below) > 15
    assert set(below) == {"COMPLETED"}
    assert len(run["timeline"]["bars"]) > 15
    assert not (engine.workspace.prefect_home / "prefect.db").exists()


def test_a_run_that_is_cancelled_or_killed_comes_to_a_true_end_there(
    server: PrefectProgram, engine: Engine
) -> None:
    cancelled, killed = endless(engine), endless(engine)

    engine.run("cancel", cancelled)
    subprocess.run(["kill", "-9", str(engine.pid_of(killed))], check=True)

    for run_id, expected in ((cancelled, "CANCELLED"), (killed, "CRASHED")):
        state, below = in_prefect(server, engine, run_id)
        assert (state, engine.table.get(run_id).state) == (expected, expected)
        assert set(below) == {"COMPLETED", expected}


def test_runs_wait_for_a_server_that_is_away_and_none_is_lost(
    server: PrefectProgram, engine: Engine
) -> None:
    server.kill()
    engine.wait_until(lambda: "does not answer" in engine.run("status").stdout, seconds=60)
    run = engine.json("run", "data_flow", "--detach", *engine.sample_options)
    shown = engine.json("run", "show", run["id"])
    assert (shown["state"], shown["waiting"].partition(":")[0]) == (
        "PENDING",
        "waits for the Prefect server",
    )

    server.start()

    assert in_prefect(server, engine, run["id"])[0] == "COMPLETED"


def test_the_credentials_are_told_to_nobody(server: PrefectProgram, engine: Engine) -> None:
    found = [
        path
        for path in engine.workspace.root.rglob("*")
        if path.is_file() and path != engine.workspace.secrets
        if AUTH.partition(":")[2].encode() in path.read_bytes()
    ]
    assert found == []
    assert AUTH not in engine.run("status", "--json").stdout
    assert AUTH not in engine.run("doctor").stdout
    assert AUTH not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_wrong_credentials_are_said_so(engine: Engine, tmp_path: Path) -> None:
    engine.workspace.secrets.write_text("PREFECT_AUTH=ops:wrong\n")
    try:
        findings = engine.json("doctor", exit_code=1)
    finally:
        engine.workspace.secrets.write_text(f"PREFECT_AUTH={AUTH}\n")

    (found,) = [one for one in findings["checks"] if one["name"] == "prefect server"]
    assert found["state"] == "error"
    assert "refuses these credentials" in found["message"]
