"""The real engine: its command, its server, its processes, in a workspace of the test session."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.config.settings import PrefectServerSettings
from engine.data.sample import write_sample
from engine.prefect_server.supervise import ServerLease
from engine.runs.table import RunTable
from engine.states import FINAL_STATES
from engine.workspace import Workspace
from tests.e2e.harness import Engine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One workspace for the session: a first server start costs ten seconds."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=6, days=220)
    (workspace.configs / "engine.yaml").write_text("prefect_server:\n  idle_exit_seconds: 1\n")
    with ServerLease(workspace.prefect_home, PrefectServerSettings(idle_exit_seconds=1)) as lease:
        lease.wait_ready()
        yield Engine(workspace, sample)
    for run in RunTable(workspace.database).newest(1000):
        assert run.state in FINAL_STATES, f"a test left {run}"


@pytest.fixture(scope="session")
def full_run(engine: Engine) -> dict[str, Any]:
    """A full_flow that ended well, as `engine run --json` told of it."""
    run: dict[str, Any] = engine.json(
        "run", "full_flow", *engine.sample_options, "--model-type=LightGBM"
    )
    assert (run["state"], run["exit_code"]) == ("COMPLETED", 0)
    return run


@pytest.fixture
def endless(engine: Engine) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Starts a training that would take hours, and ends it when the test is over."""
    started: list[tuple[subprocess.Popen[str], str]] = []

    def start() -> tuple[subprocess.Popen[str], str]:
        before = engine.run_ids()
        process = engine.start(
            "run",
            "full_flow",
            *engine.sample_options,
            "--model-type=LSTM",
            "--epochs=10000",
            "--set=train.hparams.patience=10000",
        )
        started.append((process, engine.wait_for_step("train_model", process, not_in=before)))
        return started[-1]

    yield start
    for process, run_id in started:
        run = engine.table.get(run_id)
        if not run.is_final and run.pid is not None:
            os.killpg(run.pid, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
        process.communicate()
        while not engine.table.get(run_id).is_final:
            engine.table.bury_dead()
            time.sleep(0.05)  # a process that was killed takes a moment to be gone
