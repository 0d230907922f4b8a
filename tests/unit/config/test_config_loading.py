from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config.layers import Layer
from engine.config.loading import load_engine_settings, load_settings
from engine.config.problems import ConfigProblemsError
from engine.errors import ConfigError

WriteConfig = Callable[[str, str], Path]


def test_without_a_workspace_the_shipped_files_hold() -> None:
    loaded = load_settings("train_flow", workspace_configs=None)

    assert loaded.settings.flow_module == "train_flow"
    assert loaded.settings.model.window == 30
    origin = loaded.origins["model.window"]
    assert origin.layer is Layer.SHIPPED
    assert str(origin).startswith("configs/train_flow_config.yaml:")
    assert str(origin).endswith(" (shipped)")
    assert loaded.notes == []


def test_every_run_has_the_settings_of_all_flows(write_config: WriteConfig, configs: Path) -> None:
    write_config("data_flow", "dataset: {ds_name: stock}\n")
    write_config("eval_flow", "evaluate: {folds: 2}\n")

    settings = load_settings("deploy_flow", workspace_configs=configs).settings

    assert (settings.dataset.ds_name, settings.evaluate.folds) == ("stock", 2)


def test_a_workspace_file_changes_only_the_keys_that_it_holds(
    write_config: WriteConfig, configs: Path
) -> None:
    path = write_config("data_flow", "dataset:\n  split:\n    test_days: 40\n")

    loaded = load_settings("data_flow", workspace_configs=configs)

    assert loaded.settings.dataset.split.test_days == 40
    assert loaded.settings.dataset.split.validation_days == 28
    assert str(loaded.origins["dataset.split.test_days"]) == f"{path}:4"
    assert loaded.origins["dataset.split.validation_days"].layer is Layer.SHIPPED


def test_full_flow_lays_its_own_file_over_the_others(
    write_config: WriteConfig, configs: Path
) -> None:
    write_config("train_flow", "model: {window: 20, horizon: 5}\n")
    write_config("full_flow", "model: {window: 40}\n")

    full = load_settings("full_flow", workspace_configs=configs).settings
    train = load_settings("train_flow", workspace_configs=configs).settings

    assert (full.model.window, full.model.horizon) == (40, 5)
    assert (train.model.window, train.model.horizon) == (20, 5)


def test_a_flag_wins_over_set_and_set_over_files(write_config: WriteConfig, configs: Path) -> None:
    write_config("train_flow", "train: {seed: 1, threads: 1, hparams: {epochs: 1}}\n")

    loaded = load_settings(
        "train_flow",
        workspace_configs=configs,
        overrides=["train.threads=2", "train.hparams.epochs=2"],
        flags={"epochs": 3, "model_type": None},
    )

    train = loaded.settings.train
    assert (train.seed, train.threads, train.hparams["epochs"]) == (1, 2, 3)
    assert str(loaded.origins["train.threads"]) == "--set"
    assert str(loaded.origins["train.hparams.epochs"]) == "--epochs"


def test_a_heading_with_nothing_under_it_sets_nothing(
    write_config: WriteConfig, configs: Path
) -> None:
    write_config("train_flow", "model:\n  # window: 20\ntrain:\n")

    assert load_settings("train_flow", workspace_configs=configs).settings.model.window == 30


def test_a_section_set_to_null_on_purpose_is_refused(
    write_config: WriteConfig, configs: Path
) -> None:
    write_config("train_flow", "model: null\n")

    with pytest.raises(ConfigProblemsError, match=r"model: this is a section .* not nothing"):
        load_settings("train_flow", workspace_configs=configs)


def test_values_that_do_not_fit_together_are_blamed_on_the_one_given_for_this_run() -> None:
    with pytest.raises(ConfigProblemsError) as caught:
        load_settings("train_flow", workspace_configs=None, flags={"horizon": 8})

    (problem,) = caught.value.problems
    assert (problem.where, problem.key) == ("--horizon", "model.horizon")
    assert "needs 29" in problem.what


def test_problems_are_one_error_of_the_configuration_kind_with_a_line_each() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings("eval_flow", workspace_configs=None, flags={"folds": 0, "window": 0})

    assert str(caught.value).splitlines() == [
        "--window: model.window: 0 is out of range; allowed: whole number, 2 to 366",
        "--folds: evaluate.folds: 0 is out of range; allowed: whole number, 1 to 52",
    ]


def test_a_flag_beyond_every_number_is_refused() -> None:
    with pytest.raises(ConfigProblemsError, match=r"--epochs: train.hparams.epochs: this number"):
        load_settings("train_flow", workspace_configs=None, flags={"epochs": 10**400})


def test_an_unknown_flow_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigProblemsError, match='did you mean "train_flow"'):
        load_settings("trainflow", workspace_configs=None)


def test_a_yaml_file_that_no_flow_reads_is_noted(configs: Path) -> None:
    (configs / "train_flow.yaml").write_text("model: {window: 9}\n")
    (configs / ".draft-1-new-train_flow_config.yaml").write_text("an editor's own business")

    (note,) = load_settings("train_flow", workspace_configs=configs).notes

    assert "train_flow.yaml is not read" in note
    assert 'did you mean "train_flow_config.yaml"?' in note


def test_engine_settings_have_layers_and_origins_too(configs: Path) -> None:
    path = configs / "engine.yaml"
    path.write_text("prefect_server:\n  port: 4200\n")

    loaded = load_engine_settings(workspace_configs=configs, overrides=["run.nice=0"])

    assert loaded.settings.prefect_server.port == 4200
    assert str(loaded.origins["prefect_server.port"]) == f"{path}:2"
    assert str(loaded.origins["run.nice"]) == "--set"
    assert loaded.origins["timezone"].layer is Layer.SHIPPED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timezone: Asia/Seul\n", 'engine.yaml:1:11: timezone: .*did you mean "Asia/Seoul"'),
        ("timezone: ../../etc\n", "engine.yaml:1:11: timezone: "),
        ("timezone: Asia\n", "engine.yaml:1:11: timezone: "),
        ("prefect_server: {port: 65536}\n", "port: 65536 is out of range; allowed: .* 0 to 65535"),
        ("prefectserver: {port: 1}\n", 'engine.yaml:1:1: .*did you mean "prefect_server"'),
    ],
)
def test_engine_settings_are_checked_like_the_others(
    configs: Path, text: str, message: str
) -> None:
    (configs / "engine.yaml").write_text(text)

    with pytest.raises(ConfigProblemsError, match=message):
        load_engine_settings(workspace_configs=configs)


def test_importing_the_configuration_loads_no_learning_library() -> None:
    code = (
        "import sys, engine.config.loading, engine.config.dump, engine.config.reference;"
        "heavy = {'numpy', 'pandas', 'torch', 'lightgbm', 'prefect', 'sqlalchemy', 'pyarrow'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
