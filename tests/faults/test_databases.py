"""Backups, restores and vacuums that are killed, or whose disk is full, at any moment."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.store import AliasRegistry
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.faults.failing_files import FailingFiles, compile_library

pytestmark = pytest.mark.long

# Before it nothing is touched but locks.
FIRST_CHANGE = 36
MOST_CHANGES = 200
RUNS = 3


def make_databases(workspace: Workspace) -> None:
    table = RunTable(workspace.database)
    for number in range(RUNS):
        add_run(table, f"run-{number}")
    AliasRegistry(workspace.central_storage).promote("model-1", expected=None)


def add_run(table: RunTable, run_id: str) -> None:
    table.accept(NewRun(id=run_id, flow="full_flow", name=run_id, document="seed: 1\n"))
    table.finish(run_id, "COMPLETED", "", "")
    table.set_closed(run_id)


def run_ids(workspace: Workspace) -> set[str]:
    return {run.id for run in RunTable(workspace.database).newest(100)}


def command(workspace: Workspace, *arguments: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "db", *arguments],
        env=os.environ | {"MLOPS_WORKSPACE": str(workspace.root)} | environment,
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.fixture
def files(workspace: Workspace, tmp_path: Path) -> FailingFiles:
    """Faults of what `engine db` does to the files of a workspace."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    make_databases(workspace)
    return FailingFiles(compile_library(scratch), scratch, workspace.root, "db")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


def test_a_restore_that_is_killed_at_any_change_leaves_old_or_new_and_can_be_done_again(
    workspace: Workspace, files: FailingFiles, tmp_path: Path
) -> None:
    backup = str(tmp_path / "backup.tar.gz")
    assert command(workspace, "backup", backup) == 0

    for number in range(FIRST_CHANGE, MOST_CHANGES, 3):
        add_run(RunTable(workspace.database), f"later-{number}")
        files.let_fail(number, "kill")
        status = command(workspace, "restore", backup, "--yes", **files.environment)
        fault = files.failed()
        files.let_be()

        wanted = {f"run-{one}" for one in range(RUNS)}
        assert run_ids(workspace) in (wanted, wanted | {f"later-{number}"}), (number, fault)
        assert AliasRegistry(workspace.central_storage).read().champion == "model-1"
        if fault is None:
            assert status == 0
            break
        assert command(workspace, "restore", backup, "--yes") == 0
        assert run_ids(workspace) == wanted
        assert not workspace.restoring.exists()
    else:
        raise AssertionError("it never came to an end")
    assert number > 2 * FIRST_CHANGE, "there was nothing that could fail"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, so small that it is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a file system needs privileges")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_too_small_costs_nothing(small_disk: Path, tmp_path: Path) -> None:
    workspace = Workspace(small_disk / "workspace").create()
    make_databases(workspace)
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as database, database:
        database.execute("CREATE TABLE metrics (value BLOB)")
        for _ in range(15):
            database.execute("INSERT INTO metrics VALUES (randomblob(1000000))")
    elsewhere = tmp_path / "backup.tar"
    assert command(workspace, "backup", str(elsewhere)) == 0
    before = (workspace.root / "mlflow.db").read_bytes()
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 2_000_000))

    for arguments in (("backup",), ("restore", str(elsewhere), "--yes"), ("vacuum",)):
        assert command(workspace, *arguments) == 7, arguments

    assert (workspace.root / "mlflow.db").read_bytes() == before
    assert run_ids(workspace) == {f"run-{one}" for one in range(RUNS)}
    assert list(workspace.backups.glob("*")) == []
    filler.unlink()
    assert command(workspace, "restore", str(elsewhere), "--yes") == 0
    assert command(workspace, "info") == 0
