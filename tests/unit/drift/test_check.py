"""A check as the engine has it made: a row of the table, once at a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.drift import check as drift_check
from engine.drift.check import check_all
from engine.locks import FileLock
from engine.tables.drift_checks import DriftChecks
from engine.workspace import Workspace
from models.bundles.checks import REFERENCE_FILE
from tests.unit.drift.served import NOW, Service


def test_what_was_found_is_written_down(workspace: Workspace) -> None:
    service = Service(workspace)
    service.asks(2.0)
    check_all(workspace, NOW)
    (found,) = DriftChecks(workspace.database).newest(9)
    assert (found.version, found.verdict, found.answers) == (service.version.id, "drifted", 84)
    assert found.numbers["deployed_by_run"] == "maker" and found.reasons
    assert found.action == "", "what is done about it is not its business"
    assert workspace.drift_lock.stat().st_mtime == NOW


def test_where_nothing_was_asked_or_nothing_serves_there_is_no_row(workspace: Workspace) -> None:
    assert check_all(workspace, NOW) == []
    Service(workspace)
    assert check_all(workspace, NOW) == []


def test_one_check_at_a_time(workspace: Workspace) -> None:
    Service(workspace).asks()
    lock = FileLock(workspace.drift_lock)
    lock.acquire()
    assert check_all(workspace, NOW) == []
    lock.release()
    assert len(check_all(workspace, NOW)) == 1


def test_it_is_a_process_that_says_what_is_wrong(workspace: Workspace) -> None:
    service = Service(workspace)
    path = service.version.folder / "bundle" / REFERENCE_FILE
    path.write_text("{}")
    command = [sys.executable, "-m", "engine.drift.check", str(workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("error: ") and REFERENCE_FILE in done.stderr


def test_main_checks_the_workspace_that_it_is_given(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    Service(workspace).asks(2.0)
    monkeypatch.setattr(sys, "argv", ["check", str(workspace.root)])
    assert drift_check.main() == 0
    # Asked in another year than the one that is today, as far as this machine's clock goes.
    assert all(one.answers for one in DriftChecks(workspace.database).newest(9))
