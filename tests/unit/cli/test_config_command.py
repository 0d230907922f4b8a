from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from engine.config.reference import describe_settings
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand

FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")


@pytest.fixture
def config_file(workspace: Workspace) -> Path:
    return workspace.configs / "train_flow_config.yaml"


@pytest.mark.parametrize("flow", FLOWS)
def test_the_settings_of_a_flow_are_shown_as_yaml_with_their_origins(
    command: EngineCommand, flow: str
) -> None:
    answer = command("config", "show", flow)

    assert answer.code == 0
    assert yaml.safe_load(answer.out)["model"]["window"] == 30
    assert "(shipped)" in answer.out


def test_without_a_name_it_is_full_flow(command: EngineCommand) -> None:
    assert command("config", "show").out == command("config", "show", "full_flow").out


def test_settings_of_the_workspace_and_the_command_line_say_where_they_come_from(
    command: EngineCommand, config_file: Path
) -> None:
    config_file.write_text("flow_module: train_flow\nmodel: {window: 21}\n")

    data = command("config", "show", "train_flow", "--set", "train.seed=9", "--json").json

    assert data["settings"]["model"]["window"] == 21
    assert data["settings"]["train"]["seed"] == 9
    assert data["origins"]["model.window"] == f"{config_file}:2"
    assert data["origins"]["train.seed"] == "--set"


def test_the_settings_of_the_engine_can_be_shown(command: EngineCommand) -> None:
    assert "idle_exit_seconds" in command("config", "show", "engine").out
    settings = command("config", "show", "engine", "--json").json["settings"]
    assert settings["prefect_server"]["port"] == 0


@pytest.mark.parametrize(
    "arguments",
    [["show", "--set", "model.windw=3"], ["show", "--set", "model.window"], ["show", "tain_flow"]],
)
def test_what_cannot_be_set_or_shown_is_a_usage_error(
    command: EngineCommand, arguments: list[str]
) -> None:
    answer = command("config", *arguments)

    assert answer.code == 2
    assert answer.out == ""
    assert answer.err != ""


def test_a_sound_configuration_is_fine(command: EngineCommand, workspace: Workspace) -> None:
    answer = command("config", "check")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"the configuration is fine ({workspace.configs})\n"
    assert command("config", "check", "--json").json == {"ok": True, "problems": [], "notes": []}


def test_all_problems_of_all_files_are_listed_at_once(
    command: EngineCommand, config_file: Path, workspace: Workspace
) -> None:
    config_file.write_text("flow_module: train_flow\nmodel:\n  windw: 21\n")
    (workspace.configs / "engine.yaml").write_text("run: {nice: 99}\n")

    answer = command("config", "check")

    assert answer.code == 2
    assert answer.out == ""
    assert f"{config_file}:3:3: " in answer.err
    assert 'did you mean "model.window"?' in answer.err
    assert "engine.yaml:1:13: run.nice: 99 is out of range" in answer.err
    # Every flow reads the file, but it is one problem.
    assert answer.err.count("windw") == 1
    data = command("config", "check", "--json").json
    assert not data["ok"]
    typo, range_ = data["problems"]
    assert (typo["file"], typo["line"], typo["column"]) == (str(config_file), 3, 3)
    assert (typo["key"], typo["suggestion"]) == ("model.windw", "model.window")
    assert typo["fix"] == 'did you mean "model.window"?'
    assert (range_["key"], range_["message"]) == ("run.nice", "99 is out of range")
    assert range_["fix"].startswith("allowed: ")
    assert range_["text"] in answer.err


def test_a_file_that_nobody_reads_is_noted_but_no_problem(
    command: EngineCommand, workspace: Workspace
) -> None:
    (workspace.configs / "train_flow.yaml").write_text("model: {window: 9}\n")

    answer = command("config", "check")

    assert answer.code == 0
    assert "note: " in answer.err
    assert "train_flow.yaml is not read" in answer.err
    assert command("config", "check", "--json").json["notes"] != []


def test_the_reference_explains_every_setting(command: EngineCommand) -> None:
    text = command("config", "reference").out
    data = command("config", "reference", "--json").json

    keys = {entry["key"] for entry in data}
    assert {doc.key for doc in describe_settings()} < keys
    assert "prefect_server.port" in keys
    assert all(f"\n{key} = " in f"\n{text}" for key in keys)


def test_the_reference_can_be_asked_for_one_section(command: EngineCommand) -> None:
    data = command("config", "reference", "deploy.gate", "--json").json

    assert {entry["key"] for entry in data} == {
        "deploy.gate.max_ratio_to_naive",
        "deploy.gate.max_ratio_to_champion",
        "deploy.gate.max_abs_bias",
        "deploy.gate.max_coverage_error",
    }


def test_a_section_that_does_not_exist_is_not_found(command: EngineCommand) -> None:
    answer = command("config", "reference", "deploi")

    assert answer.code == 5
    assert "no setting begins with 'deploi'" in answer.err


def test_each_effective_value_is_told_with_its_origin_and_its_meaning(
    command: EngineCommand, config_file: Path
) -> None:
    config_file.write_text("flow_module: train_flow\nmodel: {window: 21}\n")

    values = command("config", "show", "train_flow", "--set", "train.seed=9", "--json").json[
        "values"
    ]
    of_engine = command("config", "show", "engine", "--json").json["values"]

    by_key = {one["key"]: one for one in values}
    window, seed = by_key["model.window"], by_key["train.seed"]
    assert (window["value"], window["default"], window["layer"]) == (21, 30, "workspace")
    assert window["origin"] == f"{config_file}:2"
    assert (window["kind"], window["allowed"]) == ("int", "whole number, 2 to 366")
    assert window["doc"].startswith("Past days")
    assert [one["key"] for one in of_engine if one["is_secret"]] == [
        "notifications.webhooks",
        "notifications.apprise",
        "prefect_server.auth",
        "database.url",
        "storage.options",
        "tracking.url",
        "tracking.registry_url",
    ]
    assert (seed["value"], seed["layer"]) == (9, "set")
    assert by_key["train.hparams.epochs"]["default"] == 20
    assert {one["key"] for one in of_engine} >= {"predictor.port", "storage.options"}


@pytest.mark.parametrize("flow", FLOWS)
def test_the_form_of_a_flow_has_what_a_launch_without_overrides_would_use(
    command: EngineCommand, flow: str
) -> None:
    form = command("config", "form", flow, "--json").json
    shown = command("config", "show", flow, "--json").json

    effective = {one["key"]: one["value"] for one in shown["values"]}
    keys = [field["key"] for field in form["fields"]]
    assert form["flow"] == flow
    assert len(keys) == len(set(keys)) > 0
    assert {field["section"] for field in form["fields"]} == form["sections"].keys()
    for field in form["fields"]:
        assert field["default"] == effective.get(field["key"], field["default"])
        assert field["doc"].endswith(".")


def test_the_form_is_readable_for_people(command: EngineCommand) -> None:
    lines = command("config", "form", "train_flow").out.splitlines()

    assert lines[0] == "model: Which forecaster (train_flow_config.yaml)."
    assert any(line.startswith('  model_type = "LSTM"') for line in lines)
    assert any("[--epochs]" in line for line in lines)


def test_a_launch_is_checked_and_compared_without_being_made(command: EngineCommand) -> None:
    line = ("config", "check", "train_flow", "--model-type", "LightGBM", "--set", "train.seed=9")

    answer = command(*line, "--json")
    text = command(*line)

    assert (answer.code, answer.json["ok"], answer.json["problems"]) == (0, True, [])
    differences = {one["key"]: one for one in answer.json["differences"]}
    assert differences["train.seed"] == {
        "key": "train.seed",
        "value": 9,
        "was": 7,
        "origin": "--set",
    }
    assert differences["model.model_type"]["value"] == "LightGBM"
    assert "train.hparams.epochs" not in differences
    assert "  train.seed: 9 instead of 7" in text.out


def test_a_launch_that_would_be_refused_says_why(command: EngineCommand) -> None:
    answer = command(
        "config", "check", "full_flow", "--set", "model.horizon=999", "--epochs", "0", "--json"
    )

    assert (answer.code, answer.json["ok"]) == (2, False)
    problems = {one["key"]: one for one in answer.json["problems"]}
    assert problems["model.horizon"]["fix"] == "allowed: whole number, 1 to 365"
    assert problems["model.horizon"]["where"] == "--set model.horizon=999"
    assert problems["train.hparams.epochs"]["where"] == "--epochs"
    assert answer.json["differences"] == []


def test_a_draft_is_checked_before_it_replaces_the_file(
    command: EngineCommand, config_file: Path, tmp_path: Path
) -> None:
    config_file.write_text("flow_module: train_flow\nmodel: {window: 21}\n")
    draft = tmp_path / "draft"
    draft.write_text("flow_module: train_flow\nmodel:\n  window: many\n  horizn: 3\n")
    line = ("config", "check", "--file", draft, "--as", config_file.name)

    wrong = command(*line, "--json")
    draft.write_text("flow_module: train_flow\nmodel: {window: 28}\n")
    right = command(*line, "--json")
    compared = command("config", "check", "train_flow", *line[2:], "--json")

    assert (wrong.code, wrong.json["ok"]) == (2, False)
    places = {one["key"]: (one["file"], one["line"]) for one in wrong.json["problems"]}
    assert places == {
        "model.window": (str(config_file), 3),
        "model.horizn": (str(config_file), 4),
    }
    assert (right.code, right.json["problems"]) == (0, [])
    (difference,) = compared.json["differences"]
    assert (difference["key"], difference["value"], difference["was"]) == ("model.window", 28, 21)
    assert config_file.read_text().endswith("window: 21}\n")


def test_a_draft_of_the_engine_is_checked_as_such(command: EngineCommand, tmp_path: Path) -> None:
    draft = tmp_path / "engine.yaml"
    draft.write_text("run: {nice: 99}\n")

    answer = command("config", "check", "--file", draft, "--json")

    assert answer.code == 2
    assert [one["key"] for one in answer.json["problems"]] == ["run.nice"]


@pytest.mark.parametrize(
    "options",
    [
        ["--set", "train.seed=9"],
        ["--as", "engine.yaml"],
        ["--file", "/nowhere"],
        ["nothing_flow"],
    ],
)
def test_a_check_of_nothing_in_particular_is_a_usage_error(
    command: EngineCommand, options: list[str]
) -> None:
    assert command("config", "check", *options).code == 2


def test_a_draft_of_a_file_that_nobody_reads_is_refused(
    command: EngineCommand, tmp_path: Path
) -> None:
    draft = tmp_path / "notes.yaml"
    draft.write_text("a: 1\n")

    answer = command("config", "check", "--file", draft)

    assert answer.code == 2
    assert "--as" in answer.err
    assert "train_flow_config.yaml" in answer.err
