"""`engine run FLOW`, `retry` and `rerun`: what is accepted. The engine here starts no run."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path

import pytest
import yaml

from engine.cli.connect import origin
from engine.client import EngineClient, calls
from engine.errors import ConfigError
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import RUN_ID, add_run
from tests.unit.engine_thread import EngineThread, meanwhile, wait_until

pytestmark = pytest.mark.usefixtures("light_engine")

DRIFT = Path(__file__).parents[2] / "contract" / "drift_model.py"


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks."""
    monkeypatch.setenv("LOGNAME", "ada")


def only_run(table: RunTable) -> RunRecord:
    (run,) = table.newest(2)
    return run


def test_a_launch_that_is_not_waited_for_says_which_run_it_is_and_what_it_waits_for(
    command: EngineCommand, table: RunTable, light_engine: EngineThread
) -> None:
    answer = command("run", "train_flow", "--detach")

    run = only_run(table)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        f"train_flow {run.name} ({run.id})",
        "  the Prefect server is starting, which takes a few seconds",
        f"  watch it: engine watch {run.id[:8]}",
    ]
    assert (run.flow, run.state, run.pid) == ("train_flow", "PENDING", None)
    assert light_engine.engine.warmed == 1


def test_a_run_is_tagged_and_keeps_its_tags_when_it_is_launched_again(
    command: EngineCommand, table: RunTable
) -> None:
    tagged = command("run", "data_flow", "-d", "--json", "--tag", "night", "--tag", "재고").json
    again = command("retry", tagged["id"], "-d", "--json").json
    other = command("rerun", tagged["id"], "-d", "--json", "--tag", "day").json

    assert [run["tags"] for run in (tagged, again, other)] == [
        ["night", "재고"],
        ["night", "재고"],
        ["day"],
    ]
    assert "  tags: night, 재고\n" in command("run", "show", tagged["id"]).out


@pytest.mark.parametrize("tag", ["a b", "", "a/b", "x" * 51])
def test_what_cannot_be_a_tag_is_refused(command: EngineCommand, table: RunTable, tag: str) -> None:
    answer = command("run", "data_flow", "-d", "--tag", tag)

    assert (answer.code, answer.out) == (2, "")
    assert "cannot be a tag: use 1 to 50 letters, digits and _ . : -" in answer.err
    assert table.newest(9) == []


def test_a_launch_is_data_too(command: EngineCommand, table: RunTable) -> None:
    answer = command("run", "full_flow", "-d", "--json", "--priority", "-3")

    run = only_run(table)
    assert (answer.code, answer.err) == (0, "")
    assert (answer.json["id"], answer.json["name"]) == (run.id, run.name)
    assert (answer.json["state"], answer.json["priority"]) == ("PENDING", -3)
    assert (answer.json["started"], answer.json["rerun_of"]) == (None, None)


def test_every_flow_can_be_launched_as_it_is_shipped(
    command: EngineCommand, table: RunTable
) -> None:
    flows = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
    for flow in flows:
        command("run", flow, "--detach")

    runs = table.newest(9)
    assert tuple(run.flow for run in reversed(runs)) == flows
    for run in runs:
        assert run.request == {"overrides": [], "flags": {}}
        assert yaml.safe_load(table.document(run.id))["flow_module"] == run.flow


def test_what_was_asked_for_is_recorded_with_the_run(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    (workspace.configs / "train_flow_config.yaml").write_text(
        "flow_module: train_flow\nmodel: {window: 21}\n"
    )
    command(
        *("run", "train_flow", "--detach", "--model-type", "LightGBM", "--epochs", "3"),
        *("--seed", "5", "--priority", "9", "--set", "model.horizon=5", "--set", "train.threads=2"),
    )

    run = only_run(table)
    assert run.request == {
        "overrides": ["model.horizon=5", "train.threads=2"],
        "flags": {"model_type": "LightGBM", "epochs": 3, "seed": 5},
    }
    assert (run.priority, run.origin, run.rerun_of) == (9, "ada, command line", None)
    assert run.parameters == {"model_type": "LightGBM"}
    document = yaml.safe_load(table.document(run.id))
    assert document["model"]["window"] == 21
    assert document["model"]["horizon"] == 5
    assert document["model"]["model_type"] == "LightGBM"
    assert (document["train"]["seed"], document["train"]["threads"]) == (5, 2)


def test_a_relative_file_is_meant_from_where_one_stands(
    command: EngineCommand, table: RunTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command("run", "data_flow", "--detach", "--data", "stock.csv")

    assert only_run(table).request["flags"] == {"data": str(tmp_path / "stock.csv")}
    document = yaml.safe_load(table.document(only_run(table).id))
    assert document["dataset"]["file_path"] == str(tmp_path / "stock.csv")


def test_a_user_without_a_name_is_just_somebody_at_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)

    assert origin() == "command line"


def test_the_same_key_again_gives_the_same_run_with_a_note(
    command: EngineCommand, table: RunTable
) -> None:
    first = command("run", "data_flow", "--detach", "--key", "tonight")
    second = command("run", "data_flow", "--detach", "--key", "tonight", "--seed", "8")

    run = only_run(table)
    assert (first.err, first.out) == ("", second.out)
    assert second.code == 0
    assert second.err == (
        f"note: this key was launched already, as data_flow {run.name} ({run.id[:8]})\n"
    )
    assert run.request["flags"] == {}
    assert command("run", "data_flow", "-d", "--key", "tonight", "--json").json["id"] == run.id


def test_without_a_key_every_launch_is_a_run(command: EngineCommand, table: RunTable) -> None:
    for _ in range(2):
        command("run", "data_flow", "--detach")

    assert len(table.newest(9)) == 2


def test_a_note_about_the_configuration_is_told_with_the_launch(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    (workspace.configs / "train_flow.yaml").write_text("model: {window: 9}\n")

    answer = command("run", "train_flow", "--detach")

    assert "note: " in answer.err
    assert "train_flow.yaml is not read" in answer.err
    assert command("run", "train_flow", "--detach", "--json").err == ""


def test_a_request_that_cannot_be_is_refused_and_nothing_is_accepted(
    command: EngineCommand, table: RunTable
) -> None:
    reasons = {
        ("--set", "model.windw=3"): 'did you mean "model.window"?',
        ("--set", "model.window"): "model.window",
        ("--epochs", "0"): "--epochs: train.hparams.epochs: ",
        ("--model-type", "LSMT"): 'did you mean "LSTM"?',
        ("--key", "x" * 201): "key",
    }
    for options, reason in reasons.items():
        answer = command("run", "train_flow", *options)

        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("error: ")
        assert reason in answer.err
    assert table.newest(9) == []


def test_a_refusal_is_data_too(command: EngineCommand) -> None:
    answer = command("run", "train_flow", "--json", "--set", "model.windw=3")

    assert (answer.code, answer.json["exit_code"], answer.err) == (2, 2, "")
    assert answer.json["error"]["kind"] == "ConfigError"
    assert 'did you mean "model.window"?' in answer.json["error"]["message"]


def test_a_mistake_in_a_file_is_refused_with_its_place(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    path = workspace.configs / "train_flow_config.yaml"
    path.write_text("flow_module: train_flow\nmodel:\n  windw: 21\n")

    answer = command("run", "full_flow")

    assert answer.code == 2
    assert answer.err.startswith(f"error: {path}:3:3: model.windw: unknown key; did you mean ")
    assert table.newest(9) == []


def test_what_is_no_number_for_an_option_is_a_usage_error(
    command: EngineCommand, table: RunTable
) -> None:
    wrong = [("--priority", "101"), ("--priority", "-101"), ("--epochs", "many"), ("--seed", "1.5")]

    assert {command("run", "train_flow", "-d", *options).code for options in wrong} == {2}
    assert table.newest(9) == []


@pytest.mark.parametrize("verb", ["retry", "rerun"])
def test_a_run_is_launched_again_as_it_was_asked_for(
    command: EngineCommand, table: RunTable, verb: str
) -> None:
    request = {"overrides": ["model.horizon=5"], "flags": {"epochs": 3}}
    add_run(table, flow="train_flow", state="FAILED", request=request, priority=4)

    answer = command(verb, "3f2a", "--detach")

    again = table.newest(1)[0]
    assert answer.code == 0
    assert answer.out.startswith(f"train_flow {again.name} ({again.id})\n")
    assert (again.flow, again.request, again.priority) == ("train_flow", request, 4)
    assert (again.rerun_of, again.origin) == (RUN_ID, "ada, command line")
    assert yaml.safe_load(table.document(again.id))["model"]["horizon"] == 5
    assert command("run", "show", again.id, "--json").json["rerun_of"] == RUN_ID


def test_a_retry_reads_the_corrected_files(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, flow="train_flow", state="FAILED", document="model: {window: 9}\n")
    path = workspace.configs / "train_flow_config.yaml"
    path.write_text("flow_module: train_flow\nmodel: {window: 21}\n")

    command("retry", RUN_ID, "--detach")

    assert yaml.safe_load(table.document(table.newest(1)[0].id))["model"]["window"] == 21


def test_a_rerun_adds_its_changes_to_what_was_asked_for(
    command: EngineCommand, table: RunTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = {"overrides": ["model.horizon=5"], "flags": {"epochs": 3, "seed": 1}}
    add_run(table, flow="full_flow", state="COMPLETED", request=request)

    answer = command(
        *("rerun", RUN_ID, "--detach", "--json", "--seed", "2", "--data", "new.csv"),
        *("--set", "model.horizon=6", "--priority", "-5"),
    )

    again = table.newest(1)[0]
    assert answer.json["rerun_of"] == RUN_ID
    assert again.request == {
        "overrides": ["model.horizon=5", "model.horizon=6"],
        "flags": {"epochs": 3, "seed": 2, "data": str(tmp_path / "new.csv")},
    }
    assert again.priority == -5
    assert yaml.safe_load(table.document(again.id))["model"]["horizon"] == 6


def test_the_priority_of_an_earlier_run_can_be_taken_back(
    command: EngineCommand, table: RunTable
) -> None:
    add_run(table, state="FAILED", priority=50)

    command("retry", RUN_ID, "--detach", "--priority", "0")

    assert table.newest(1)[0].priority == 0


def test_a_key_counts_for_launching_again_too(command: EngineCommand, table: RunTable) -> None:
    add_run(table, state="FAILED")

    first = command("retry", RUN_ID, "--detach", "--key", "k")
    second = command("rerun", RUN_ID, "--detach", "--key", "k")

    assert first.out == second.out
    assert "note: this key was launched already" in second.err
    assert len(table.newest(9)) == 2


def test_a_rerun_with_a_change_that_cannot_be_is_refused(
    command: EngineCommand, table: RunTable
) -> None:
    add_run(table, flow="train_flow", state="FAILED")

    answer = command("rerun", RUN_ID, "--set", "model.window=0")

    assert answer.code == 2
    assert "--set model.window=0: model.window: 0 is out of range" in answer.err
    assert [run.id for run in table.newest(9)] == [RUN_ID]


def test_a_model_of_ones_own_is_accepted_with_its_hyper_parameters(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    shutil.copy(DRIFT, workspace.root / "drift.py")

    answer = command(
        *("run", "train_flow", "-d", "--json", "--set", "model.plugins=[drift.py]"),
        *("--model-type", "Drift", "--set", "train.hparams.damping=0.25"),
    )

    assert answer.code == 0
    assert answer.json["parameters"] == {"model_type": "Drift"}
    document = yaml.safe_load(table.document(answer.json["id"]))
    assert document["train"]["hparams"]["damping"] == 0.25


def test_a_model_of_ones_own_that_ends_its_interpreter_is_a_mistake_of_ones_own(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    (workspace.root / "leaving.py").write_text("import os\nos._exit(0)\n")

    answer = command("run", "train_flow", "--set", "model.plugins=[leaving.py]")

    assert answer.code == 2
    assert "model.plugins" in answer.err
    assert table.newest(9) == []


def test_nobody_waits_while_the_model_of_somebody_else_is_imported(
    command: EngineCommand, workspace: Workspace
) -> None:
    begun, go_on = workspace.root / "begun", workspace.root / "go-on"
    (workspace.root / "slow.py").write_text(
        "import pathlib, time\n"
        f"pathlib.Path({str(begun)!r}).touch()\n"
        "deadline = time.monotonic() + 5.0\n"
        f"while not pathlib.Path({str(go_on)!r}).exists() and time.monotonic() < deadline:\n"
        "    time.sleep(0.01)\n"
    )
    ends: list[str] = []

    def launch() -> None:
        with (
            EngineClient(workspace, autostart=False) as client,
            pytest.raises(ConfigError, match="registers no model"),
        ):
            client.send(calls.launch("train_flow", overrides=["model.plugins=[slow.py]"]))
        ends.append("launch")

    with meanwhile(launch):
        wait_until(begun.exists)
        for line in (["runs"], ["status"], ["schedule", "list"]):
            assert command(*line).code == 0
        ends.append("questions")
        go_on.touch()

    assert ends == ["questions", "launch"]
