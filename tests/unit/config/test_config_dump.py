from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from engine.config.dump import dump_settings
from engine.config.loading import load_effective, load_engine_settings, load_settings
from engine.config.problems import ConfigProblemsError

AWKWARD = [
    'dataset.ds_name="007"',
    "dataset.file_path=재고 #1: 'no'.csv",
    'dataset.date_col="no"',
    'dataset.target_col=["a, b", "[c]", "null", "\\u00a0\\u202e"]',
    "dataset.series_col=null",
    "dataset.delimiter=;",
    "dataset.date_format=%d/%m/%Y",
    "train.hparams.init_lr=1e-5",
    "deploy.gate.max_ratio_to_naive=1e-7",
    "deploy.gate.max_ratio_to_champion=2",
]


AWKWARD_PICTURES = [
    "data_type=image",
    "dataset.file_path=사진 #1: 'no'",
    'dataset.label_col="no"',
    "dataset.height=32",
    "dataset.width=48",
    "dataset.max_megapixels=1e-3",
    "model.model_type=ResNet",
    "model.pretrained=weights: 1.npz",
    "deploy.gate.min_accuracy=0.97",
]


@pytest.mark.parametrize(
    "overrides",
    [[], AWKWARD, ["data_type=image"], AWKWARD_PICTURES],
    ids=["shipped", "awkward", "pictures", "awkward pictures"],
)
def test_effective_settings_read_back_as_they_were(tmp_path: Path, overrides: list[str]) -> None:
    loaded = load_settings("train_flow", workspace_configs=None, overrides=overrides)
    path = tmp_path / "config.yaml"
    path.write_text(dump_settings(loaded), encoding="utf-8")

    assert load_effective(path) == loaded.settings
    assert yaml.safe_load(path.read_text("utf-8")) == loaded.settings.model_dump(mode="json")


def test_every_line_names_the_origin_of_its_value(tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "data_flow_config.yaml").write_text(
        "flow_module: data_flow\ndataset:\n  ds_name: a\n"
    )
    loaded = load_settings(
        "full_flow",
        workspace_configs=configs,
        overrides=["train.seed=3"],
        flags={"epochs": 2},
    )

    lines = [" ".join(line.split()) for line in dump_settings(loaded).splitlines()]

    assert f"ds_name: a # {configs}/data_flow_config.yaml:3" in lines
    assert "seed: 3 # --set" in lines
    assert "epochs: 2 # --epochs" in lines
    settings = [line for line in lines if not line.endswith(":")]
    assert [line for line in settings if " # " not in line] == []


def test_a_line_end_in_a_path_cannot_smuggle_in_a_setting(tmp_path: Path) -> None:
    configs = tmp_path / "a\nb: 1" / "configs"
    configs.mkdir(parents=True)
    (configs / "train_flow_config.yaml").write_text("flow_module: train_flow\ntrain: {seed: 1}\n")
    loaded = load_settings("train_flow", workspace_configs=configs)
    path = tmp_path / "config.yaml"
    path.write_text(dump_settings(loaded), encoding="utf-8")

    assert load_effective(path) == loaded.settings


def test_an_edited_file_is_checked_again(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    loaded = load_settings("train_flow", workspace_configs=None)
    path.write_text(dump_settings(loaded).replace("window: 30", "window: one"))

    with pytest.raises(ConfigProblemsError, match=r"config.yaml:\d+:11: model.window: "):
        load_effective(path)


def test_a_run_about_pictures_is_checked_as_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    loaded = load_settings("train_flow", workspace_configs=None, flags={"data_type": "image"})
    path.write_text(dump_settings(loaded).replace("mistakes: 20", "folds: 3"))

    with pytest.raises(ConfigProblemsError, match=r"config.yaml:\d+:3: evaluate.folds: unknown"):
        load_effective(path)


def test_a_hyper_parameter_edited_to_a_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("train: {hparams: {epochs: [1]}}\n")

    with pytest.raises(ConfigProblemsError, match=r"1:27: train.hparams.epochs: a number, a text"):
        load_effective(path)


def test_engine_settings_are_written_the_same_way() -> None:
    loaded = load_engine_settings(workspace_configs=None, overrides=["timezone=Asia/Seoul"])

    text = dump_settings(loaded)

    assert yaml.safe_load(text) == loaded.settings.model_dump(mode="json")
    assert "# --set" in text
