"""What a machine that does runs of others keeps of them, and what it calls itself."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from engine.execution.worker_process import default_name, environment, sweep_old_runs

WEEK = 7 * 86400


def run_folder(runs: Path, name: str, *, age: float) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "log").write_text("text")
    moment = time.time() - age
    for path in (folder / "log", folder):
        os.utime(path, (moment, moment))
    return folder


def test_what_was_not_touched_for_a_week_goes(tmp_path: Path) -> None:
    old = run_folder(tmp_path, "old", age=WEEK + 60)
    young = run_folder(tmp_path, "young", age=WEEK - 60)
    living = run_folder(tmp_path, "living", age=WEEK + 60)
    (living / "log").write_text("still written to")
    (tmp_path / "a-file").write_text("none of ours")

    assert sweep_old_runs(tmp_path) == 1

    assert not old.exists()
    assert young.exists() and living.exists() and (tmp_path / "a-file").exists()


def test_where_nothing_was_done_yet_nothing_goes(tmp_path: Path) -> None:
    assert sweep_old_runs(tmp_path / "nowhere") == 0


def test_each_workspace_has_a_worker_of_its_own_name(tmp_path: Path) -> None:
    assert default_name(tmp_path) == default_name(tmp_path) != default_name(tmp_path / "b")
    assert not set("/%") & set(default_name(tmp_path))


def test_runs_are_started_with_this_very_python(tmp_path: Path) -> None:
    found = environment(tmp_path, 5)

    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert found["MLOPS_WORKSPACE"] == str(tmp_path)
