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
    assert len(data["problems"]) == 2


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
    }


def test_a_section_that_does_not_exist_is_not_found(command: EngineCommand) -> None:
    answer = command("config", "reference", "deploi")

    assert answer.code == 5
    assert "no setting begins with 'deploi'" in answer.err
