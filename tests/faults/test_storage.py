"""Row 31: a full disk ends what must write, says so, and costs nothing that was there before."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.client import EngineClient, calls
from engine.data.sample import write_sample
from engine.errors import StorageError
from engine.processes import start_mark
from engine.schema import RunInfo
from engine.workspace import Workspace
from tests.faults.storm import COLUMNS

pytestmark = pytest.mark.long

MEGABYTES = 24


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, so small that it can be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={MEGABYTES}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system needs privileges")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave not a byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1024**2, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def wait(engine: EngineClient, run_id: str, holds: Callable[[RunInfo], bool]) -> RunInfo:
    deadline = time.monotonic() + 60
    while not holds(run := engine.send(calls.run(run_id)).run):
        assert time.monotonic() < deadline, run
        time.sleep(0.1)
    return run


def test_31_a_full_disk_ends_a_run_and_not_the_engine(small_disk: Path) -> None:
    workspace = Workspace(small_disk / "workspace").create()
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=4, days=200)
    (workspace.configs / "engine.yaml").write_text(
        "predictor: {port: 0}\nflow_api: {port: 0}\nweb_page: {port: 0}\n"
    )
    with EngineClient(workspace) as engine:
        try:
            flags = {"data": str(sample)}
            first = engine.send(calls.launch("data_flow", overrides=COLUMNS, flags=flags)).run
            wait(engine, first.id, lambda run: run.state == "COMPLETED")
            endless = ("train.hparams.epochs=10000", "train.hparams.patience=10000")
            run = engine.send(calls.launch("train_flow", overrides=endless)).run
            wait(engine, run.id, lambda run: run.state == "RUNNING")
            filler = fill(small_disk)
            deadline = time.monotonic() + 60
            while not (problems := engine.send(calls.status()).problems):
                assert time.monotonic() < deadline
                time.sleep(0.1)

            assert run.id in problems[0] and "The disk is full" in problems[0]
            assert engine.send(calls.runs()).runs[0].id == run.id  # it can still be asked
            with pytest.raises(StorageError, match="The disk is full"):
                engine.send(calls.launch("data_flow", overrides=COLUMNS, flags=flags))

            filler.unlink()
            ended = wait(engine, run.id, lambda run: run.state not in ("RUNNING", "PENDING"))
            assert (ended.state, ended.error_kind) == ("FAILED", "StorageError")
            assert "no space" in ended.message
            again = engine.send(calls.launch("data_flow", overrides=COLUMNS, flags=flags)).run
            wait(engine, again.id, lambda run: run.state == "COMPLETED")
            assert engine.send(calls.status()).problems == ()
        finally:
            pid = engine.send(calls.down(cancel_runs=True)).pid
    while start_mark(pid) is not None:
        time.sleep(0.1)
    assert not workspace.socket.exists()
