from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.tables.drift_checks import DriftCheck, DriftChecks
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.drift.served import Service


@pytest.fixture
def service(workspace: Workspace) -> Service:
    return Service(workspace)


def test_where_nothing_serves_it_says_so(command: EngineCommand) -> None:
    answer = command("drift")
    assert answer.code == 5 and "nothing serves yet" in answer.err
    assert command("drift", "--checks", "--json").json == []
    assert "no check yet" in command("drift", "--checks").out


def test_drift_is_told_with_numbers_reasons_and_a_chart(
    command: EngineCommand, service: Service
) -> None:
    for back in range(5):
        service.asks(2.0, days=1, at=time.time() - back * 86_400, until=250 - back)
    answer = command("drift", "--days", "6")
    assert answer.code == 0
    assert f"{service.version.id}: drifted" in answer.out
    level = next(line for line in answer.out.splitlines() if line.startswith("level "))
    assert level.rstrip().endswith("drifted")
    assert "- the windows are at 2.0" in answer.out
    assert "by day: standard deviations from what was learnt" in answer.out
    (told,) = command("drift", "--days", "6", "--json").json
    assert (told["verdict"], told["answers"], told["last_action"]) == ("drifted", 60, None)


def test_a_script_may_fail_on_a_verdict(command: EngineCommand, service: Service) -> None:
    service.asks(1.0, at=time.time())
    assert command("drift", "--fail-on", "shifted").code == 0
    service.asks(3.0, at=time.time())
    assert command("drift").code == 0
    assert command("drift", "--fail-on", "drifted").code == 1


def test_what_was_done_last_is_told(
    command: EngineCommand, service: Service, workspace: Workspace
) -> None:
    checks = DriftChecks(workspace.database)
    number = checks.add(DriftCheck(1.8e9, "timeseries", service.version.id, "drifted", 9, ("so",)))
    checks.decide(number, "retrain", "full_flow is launched")
    checks.launched(number, "6b690ead-1")
    waiting = checks.add(DriftCheck(1.9e9, "timeseries", "v2", "drifted", 9, ("\x1b[31mred",)))
    assert "retrain, run 6b690ead" in command("drift").out
    (told,) = command("drift", "--json").json
    assert told["last_action"]["run_id"] == "6b690ead-1"
    shown = command("drift", "--checks").out
    assert "retrain" in shown and "about to be" in shown and "\x1b" not in shown
    newest = command("drift", "--checks", "--json").json[0]
    assert (newest["check"], newest["action"]) == (waiting, "")


def test_other_versions_and_data_sets_may_be_named(
    command: EngineCommand, service: Service
) -> None:
    assert command("drift", "--version", service.version.id).code == 0
    assert command("drift", "--version", "gone-1").code == 5
    assert command("drift", "--data-type", "image").code == 5
    assert command("drift", "--dataset", "0123456789abcdef").code == 5


def test_a_page_of_evidently_needs_something_to_show(
    command: EngineCommand, service: Service, tmp_path: Path
) -> None:
    answer = command("drift", "--html", tmp_path / "drift.html")
    assert answer.code == 3 and "there is nothing to compare yet" in answer.err


def test_without_the_extra_it_says_what_to_install(
    command: EngineCommand, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.asks(at=time.time())
    monkeypatch.setitem(__import__("sys").modules, "evidently", None)
    answer = command("drift", "--html", tmp_path / "drift.html")
    assert answer.code == 2 and "pip install 'mlops-tui[evidently]'" in answer.err
    assert not (tmp_path / "drift.html").exists()
