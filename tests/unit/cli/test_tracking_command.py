from __future__ import annotations

import socket
from pathlib import Path

import pytest

from engine.config.mlflow_address import OWN_PLACE
from engine.tables.mirrored import ALIASES, PLACE, RUN, VERSION, MirrorTable
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from engine.tracking import server
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.engine_thread import EngineThread


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mirrored(workspace: Workspace) -> MirrorTable:
    return MirrorTable(workspace.database, OWN_PLACE)


def ended(table: RunTable, run_id: str) -> None:
    table.accept(NewRun(run_id, "data_flow", "brave-lion", "", {}, None, 0, "ann", None, {}, ()))
    table.finish(run_id, "FAILED", "no data", closed=True)


def settings(workspace: Workspace, text: str) -> None:
    (workspace.configs / "engine.yaml").write_text(f"tracking: {text}\n")


def test_at_first_nothing_was_needed_of_mlflow(command: EngineCommand) -> None:
    answer = command("mlflow", "status")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "✓ mlflow.db in the workspace, not needed yet",
        "  experiment mlops-tui: 0 runs",
    ]


def test_the_status_tells_what_is_mirrored_what_waits_and_why(
    command: EngineCommand, mirrored: MirrorTable, table: RunTable
) -> None:
    for run_id in ("a", "b", "c"):
        ended(table, run_id)
    mirrored.done(PLACE)
    mirrored.done(RUN, "a", mlflow_id="m")
    mirrored.done(VERSION, "lstm-1", mlflow_id="mlops-tui-timeseries/1")
    mirrored.done(ALIASES, "timeseries", fingerprint='["lstm-1", null]')
    mirrored.failed(RUN, "b", problem="too \x1b[31mred", next_try=1.0)

    answer = command("mlflow", "status")

    assert answer.code == 1
    lines = answer.out.splitlines()
    assert lines[0].startswith("✓ mlflow.db in the workspace, last reached 20")
    assert lines[1] == "  experiment mlops-tui: 1 run, 2 to be mirrored"
    assert lines[2] == "  mlops-tui-timeseries/1  lstm-1  champion"
    assert lines[3].startswith("✗ run b: too \\x1b[31mred (again at 19")
    told = command("mlflow", "status", "--json")
    assert told.json["runs"] == {"mirrored": 1, "waiting": 2}
    assert told.json["aliases"] == {"timeseries": {"champion": "lstm-1", "previous": None}}
    assert told.json["failing"][0] == {
        "kind": "run",
        "id": "b",
        "attempts": 1,
        "next_try": 1.0,
        "problem": "too \x1b[31mred",
    }


def test_an_mlflow_that_is_away_has_the_exit_status_of_a_server(
    command: EngineCommand, mirrored: MirrorTable, table: RunTable
) -> None:
    ended(table, "a")
    mirrored.failed(PLACE, problem="Connection refused", next_try=1.0)

    answer = command("mlflow", "status")

    assert answer.code == 6
    assert "✗ MLflow: Connection refused" in answer.out
    doctor = command("doctor", "--json").json["checks"]
    (finding,) = [check for check in doctor if check["name"] == "tracking"]
    assert (finding["state"], finding["ok"]) == ("warning", True)
    assert finding["message"] == "Connection refused; 1 run waits for it"


def test_switched_off_it_says_so_and_syncs_nothing(
    command: EngineCommand, workspace: Workspace
) -> None:
    settings(workspace, "{enabled: false}")

    assert command("mlflow", "status").out.startswith("tracking is switched off")
    answer = command("mlflow", "sync")
    assert answer.code == 8
    assert "tracking.enabled in engine.yaml" in answer.err


def test_a_sync_that_reaches_nothing_says_why_and_loses_nothing(
    command: EngineCommand, workspace: Workspace, table: RunTable
) -> None:
    ended(table, "a")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings(workspace, f"{{url: 'http://127.0.0.1:{closed.getsockname()[1]}'}}")
        answer = command("mlflow", "sync", "--json")

    assert answer.code == 6
    assert answer.json["runs"] == {"mirrored": 0, "waiting": 1}
    assert "MLflow cannot be reached: Connection refused" in answer.json["problem"]


def test_the_status_says_so_when_the_engine_mirrors_elsewhere(
    command: EngineCommand, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EngineThread(workspace):
        assert command("mlflow", "status").err == ""
        monkeypatch.setattr(
            "engine.cli.tracking._where",
            lambda line: _elsewhere(line.workspace),
        )
        told = command("mlflow", "status").err

    assert "note: the engine mirrors to mlflow.db in the workspace" in told


def _elsewhere(workspace: Workspace) -> object:
    from engine.config.engine_settings import TrackingSettings
    from engine.config.mlflow_address import mlflow_address

    named = TrackingSettings(url="http://other.example")
    return named, mlflow_address(workspace, named, {}), {}


def test_pages_need_mlflows_own_server_and_a_free_port(
    command: EngineCommand, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(server, "_SERVER_PARTS", ("no_such_module",))
        lacking = command("mlflow", "ui")
    settings(workspace, "{url: 'https://mlflow.example'}")
    there = command("mlflow", "ui")

    assert lacking.code == 2
    assert "pip install 'mlops-tui[mlflow]'" in lacking.err
    assert there.code == 8
    assert "answers there already: https://mlflow.example" in there.err


def test_a_port_that_is_taken_is_told_with_who_has_it(
    command: EngineCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "_SERVER_PARTS", ())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = command("mlflow", "ui", "--port", str(taken.getsockname()[1]))

    assert answer.code == 6
    assert "has it" in answer.err
    assert "--port" in answer.err
