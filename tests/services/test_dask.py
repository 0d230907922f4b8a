"""Trials of `auto` on the workers of a real Dask scheduler."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.data.sample import write_sample
from engine.workspace import Workspace
from tests.e2e.harness import SETTINGS, Engine

distributed = pytest.importorskip("distributed", reason="needs the extra [dask]")

pytestmark = [pytest.mark.long, pytest.mark.e2e]

START_SECONDS = 60.0
AUTO = ("--model-type=auto", "--set=train.hparams.trials=6", "--set=train.hparams.epochs=3")


@dataclass
class Cluster:
    """A scheduler and its workers, each a process."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]

    def searches_known_by(self) -> dict[str, int]:
        """For each worker, of how many searches it has done trials."""
        with distributed.Client(self.address, timeout=START_SECONDS) as client:
            known: dict[str, int] = client.run(_searches_known)
            return known


def _searches_known() -> int:
    from engine.execution import dask_crew

    return dask_crew._shared_of.cache_info().misses


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Start one on a free port of this machine."""
    contact = folder / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with ExitStack() as stack:

        def start(module: str, *options: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{module}-{len(made)}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"distributed.cli.{module}", *options],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            stack.callback(_end, process)
            made.append(process)
            return process

        made: list[subprocess.Popen[bytes]] = []
        scheduler = start(
            "dask_scheduler",
            "--host=127.0.0.1",
            "--port=0",
            "--no-dashboard",
            f"--scheduler-file={contact}",
        )
        address = _address(contact, scheduler)
        hired = [
            start(
                "dask_worker",
                address,
                "--nthreads=1",
                "--no-nanny",
                "--no-dashboard",
                f"--local-directory={folder}",
            )
            for _ in range(workers)
        ]
        yield Cluster(address, scheduler, hired)


def _address(contact: Path, scheduler: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert scheduler.poll() is None, "the scheduler does not start"
        assert time.monotonic() < deadline, "the scheduler does not answer"
        if contact.exists():
            try:
                return str(json.loads(contact.read_text())["address"])
            except ValueError:
                pass  # half written
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a data set, and a search done without Dask."""
    workspace = Workspace(tmp_path_factory.mktemp("dask")).create()
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=6, days=220)
    (workspace.configs / "engine.yaml").write_text(SETTINGS)
    started = Engine(workspace, sample)
    try:
        started.json("run", "data_flow", *started.sample_options)
        yield started
    finally:
        started.run("down", "--cancel-runs")


def settings_with(address: str) -> str:
    return SETTINGS.replace(
        "run: {cancel_grace_seconds: 2}",
        f"run: {{cancel_grace_seconds: 2, dask_scheduler: '{address}'}}",
    )


def leaderboard(run: dict[str, Any]) -> list[dict[str, Any]]:
    """What was tried and how good it was, without the times that it took."""
    rows: list[dict[str, Any]] = run["outputs"]["leaderboard"]
    return [
        {name: row[name] for name in ("member", "model_type", "hyperparameters", "score", "weight")}
        for row in rows
    ]


def test_two_worker_processes_do_the_trials_and_find_what_the_run_itself_finds(
    engine: Engine, tmp_path: Path
) -> None:
    alone = engine.json("run", "train_flow", *AUTO)
    with cluster(tmp_path, 2) as dask, engine.settings(settings_with(dask.address)):
        beside = engine.json("run", "train_flow", *AUTO)
        known = dask.searches_known_by()

    assert beside["state"] == "COMPLETED"
    assert len(known) == 2
    assert all(known.values()), "both workers did trials"
    assert leaderboard(beside) == leaderboard(alone)


def test_a_worker_that_is_killed_costs_no_trial(engine: Engine, tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as dask, engine.settings(settings_with(dask.address)):
        before = engine.run_ids()
        process = engine.start("run", "train_flow", *AUTO, "--json")
        run_id = engine.wait_for_step("train_model", process, not_in=before)
        dask.workers[0].kill()
        process.communicate(timeout=120)
        run = engine.json("run", "show", run_id)

    assert run["state"] == "COMPLETED"
    assert {row["status"] for row in run["outputs"]["leaderboard"]} == {"done"}


def test_a_scheduler_that_is_not_there_is_told(engine: Engine, tmp_path: Path) -> None:
    with cluster(tmp_path, 0) as dask:
        address = dask.address
    with engine.settings(settings_with(address)):
        done = engine.run("run", "train_flow", *AUTO)

    assert done.returncode == 6, done
    told = done.stdout + done.stderr
    assert f"no Dask scheduler answers at {address}" in told
    assert "run.dask_scheduler" in told


def test_a_scheduler_that_dies_ends_the_run_and_the_next_goes_on_with_what_was_done(
    engine: Engine, tmp_path: Path
) -> None:
    with cluster(tmp_path, 2) as dask, engine.settings(settings_with(dask.address)):
        before = engine.run_ids()
        process = engine.start("run", "train_flow", *AUTO, "--set=train.seed=5")
        run_id = engine.wait_for_step("train_model", process, not_in=before)
        dask.scheduler.kill()
        told = "".join(process.communicate(timeout=120))

    assert engine.wait_closed(run_id).state == "FAILED"
    assert "the Dask scheduler" in told and "is gone" in told
    again = engine.json("run", "train_flow", *AUTO, "--set=train.seed=5")
    assert again["state"] == "COMPLETED"


def test_a_worker_that_would_make_other_models_does_none() -> None:
    from engine.execution import dask_crew

    theirs = dask_crew._versions() | {"torch": "1.0"}
    with pytest.raises(dask_crew.OtherVersionError, match=r"torch .* instead of 1\.0"):
        dask_crew._shared_of(pickle.dumps((theirs, (), b"not looked at")))
