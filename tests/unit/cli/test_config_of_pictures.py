"""`engine config` and dry runs, of settings about pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from engine.config.image_settings import ImageSettings
from engine.config.reference import describe_settings
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand

FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
TRAIN = "flow_module: train_flow\n"


@pytest.fixture
def config_file(workspace: Workspace) -> Path:
    return workspace.configs / "image_train_flow_config.yaml"


@pytest.mark.parametrize("flow", FLOWS)
def test_the_settings_are_shown_with_the_files_about_pictures_as_their_origins(
    command: EngineCommand, flow: str
) -> None:
    answer = command("config", "show", flow, "--data-type", "image")

    assert answer.code == 0
    assert yaml.safe_load(answer.out)["data_type"] == "image"
    assert "configs/image_train_flow_config.yaml:" in answer.out
    assert "configs/train_flow_config.yaml:" not in answer.out


def test_each_value_is_told_with_the_file_of_the_workspace(
    command: EngineCommand, config_file: Path
) -> None:
    config_file.write_text(f"{TRAIN}model: {{model_type: ResNet}}\n")

    data = command("config", "show", "train_flow", "--data-type", "image", "--json").json

    values = {one["key"]: one for one in data["values"]}
    assert data["settings"]["model"]["model_type"] == "ResNet"
    assert values["model.model_type"]["origin"] == f"{config_file}:2"
    assert values["model.model_type"]["layer"] == "workspace"
    assert values["train.hparams.residual_blocks"]["value"] == 1
    assert {doc.key for doc in describe_settings(ImageSettings)} - values.keys() == {
        "train.hparams"
    }


def test_a_check_of_everything_finds_what_is_wrong_with_either_kind_of_file(
    command: EngineCommand, config_file: Path, workspace: Workspace
) -> None:
    config_file.write_text(
        f"{TRAIN}model: {{model_type: LSTM}}\ntrain: {{hparams: {{zoom: 9.0}}}}\n"
    )
    plain = workspace.configs / "data_flow_config.yaml"
    plain.write_text("flow_module: data_flow\ndataset: {max_rows: 0}\n")

    answer = command("config", "check", "--json")

    places = {(one["key"], one["file"], one["line"]) for one in answer.json["problems"]}
    assert answer.code == 2
    assert places == {
        ("model.model_type", str(config_file), 2),
        ("train.hparams.zoom", str(config_file), 3),
        ("dataset.max_rows", str(plain), 2),
    }


def test_a_plain_file_about_pictures_is_checked_as_such(
    command: EngineCommand, workspace: Workspace
) -> None:
    path = workspace.configs / "full_flow_config.yaml"
    path.write_text("flow_module: full_flow\ndata_type: image\nmodel: {window: 9}\n")

    everything = command("config", "check", "--json")
    launch = command("config", "check", "full_flow", "--json")

    for answer in (everything, launch):
        (problem,) = answer.json["problems"]
        assert (problem["key"], problem["file"]) == ("model.window", str(path))
        assert "data_type timeseries" in problem["message"]


@pytest.mark.parametrize("is_named", [True, False], ids=["by its own name", "with --as"])
def test_a_draft_about_pictures_is_checked_before_it_replaces_the_file(
    command: EngineCommand, config_file: Path, tmp_path: Path, is_named: bool
) -> None:
    draft = tmp_path / (config_file.name if is_named else "draft")
    named = [] if is_named else ["--as", config_file.name]
    draft.write_text(f"{TRAIN}model:\n  model_type: GRU\n  window: 9\n")

    wrong = command("config", "check", "--file", draft, *named, "--json")
    draft.write_text(f"{TRAIN}model: {{model_type: ResNet}}\n")
    right = command("config", "check", "--file", draft, *named, "--json")

    places = {one["key"]: (one["file"], one["line"]) for one in wrong.json["problems"]}
    assert places == {
        "model.model_type": (str(config_file), 3),
        "model.window": (str(config_file), 4),
    }
    assert (right.code, right.json["problems"]) == (0, [])
    assert not config_file.exists()


def test_a_draft_that_turns_a_plain_file_to_pictures_is_checked_as_one_about_them(
    command: EngineCommand, config_file: Path, tmp_path: Path
) -> None:
    draft = tmp_path / "train_flow_config.yaml"
    draft.write_text(f"{TRAIN}data_type: image\nmodel: {{model_type: GRU}}\n")

    alone = command("config", "check", "--file", draft, "--json")
    config_file.write_text(TRAIN)
    beside = command("config", "check", "--file", draft, "--json")

    assert [one["key"] for one in alone.json["problems"]] == ["model.model_type"]
    assert [one["key"] for one in beside.json["problems"]] == ["data_type"]
    assert config_file.name in beside.json["problems"][0]["message"]


def test_a_draft_of_no_file_is_told_every_name(command: EngineCommand, tmp_path: Path) -> None:
    draft = tmp_path / "image_notes.yaml"
    draft.write_text("a: 1\n")

    answer = command("config", "check", "--file", draft)

    assert answer.code == 2
    assert "image_train_flow_config.yaml" in answer.err
    assert "engine.yaml" in answer.err


@pytest.mark.parametrize(
    "line", [("config", "check", "full_flow"), ("run", "full_flow", "--dry-run")]
)
def test_a_launch_about_pictures_is_compared_with_a_usual_one_about_pictures(
    command: EngineCommand, line: tuple[str, ...]
) -> None:
    answer = command(*line, "--model-type", "ResNet", "--epochs", "3", "--json")

    assert answer.code == 0
    assert {one["key"]: (one["value"], one["was"]) for one in answer.json["differences"]} == {
        "model.model_type": ("ResNet", "CNN"),
        "train.hparams.epochs": (3, 20),
    }


def test_a_dry_run_tells_the_steps_and_the_source_of_pictures(
    command: EngineCommand, workspace: Workspace
) -> None:
    (workspace.data / "pictures").mkdir()
    line = ("run", "full_flow", "--dry-run", "--data-type", "image")

    digits = command(*line, "--json").json
    folder = command(*line, "--data", workspace.data / "pictures", "--json").json
    text = command(*line, "--set", "dataset.height=32", "--set", "dataset.width=48").out
    nothing = command("run", "train_flow", "--dry-run", "--data-type", "image", "--json")

    assert (digits["data_type"], digits["can_begin"]) == ("image", True)
    assert digits["model"] == {"model_type": "CNN", "seed": 7}
    assert "prepare_image_data" in digits["flows"][0]["steps"]
    assert folder["input"]["value"] == str(workspace.data / "pictures")
    assert "data type: image\n" in text
    assert "model: model_type CNN, height 32, width 48, seed 7\n" in text
    assert nothing.code == 5
    assert "engine run data_flow --data-type image" in nothing.json["input"]["problem"]


def test_the_reference_of_pictures_explains_their_settings(command: EngineCommand) -> None:
    data = command("config", "reference", "--data-type", "image", "--json").json
    one = command("config", "reference", "dataset.max_megapixels", "--data-type", "image")
    lost = command("config", "reference", "dataset.max_megapixels")

    assert {doc.key for doc in describe_settings(ImageSettings)} < {entry["key"] for entry in data}
    assert one.out.startswith("dataset.max_megapixels = 50.0  (number, above 0 to 1000)\n")
    assert lost.code == 5
    assert "--data-type image" in lost.err


@pytest.mark.parametrize("flow", FLOWS)
def test_the_form_of_pictures_has_what_a_launch_would_use(
    command: EngineCommand, flow: str
) -> None:
    form = command("config", "form", flow, "--data-type", "image", "--json").json
    shown = command("config", "show", flow, "--data-type", "image", "--json").json

    effective = {one["key"]: one["value"] for one in shown["values"]}
    assert (form["flow"], form["data_type"]) == (flow, "image")
    assert {field["section"] for field in form["fields"]} == form["sections"].keys()
    assert len(form["fields"]) > 1
    for field in form["fields"]:
        assert field["default"] == effective.get(field["key"], field["default"])
        assert field["doc"].endswith(".")


def test_the_form_of_pictures_is_readable_for_people(command: EngineCommand) -> None:
    lines = command("config", "form", "train_flow", "--data-type", "image").out.splitlines()

    assert lines[0] == "model: Which classifier (image_train_flow_config.yaml)."
    assert any(line.startswith('  model_type = "CNN"') for line in lines)
