from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.effective import differences, effective_values
from engine.config.flow_settings import FlowName
from engine.config.form import Field, first_sentence, make_form
from engine.config.loading import load_settings
from models import registry
from tests.unit.config.conftest import WriteConfig


def fields(configs: Path, flow: FlowName, *overrides: str) -> dict[str, Field]:
    loaded = load_settings(flow, workspace_configs=configs, overrides=overrides)
    return {field.key: field for field in make_form(flow, loaded).fields}


@pytest.mark.parametrize(
    ("key", "kind", "low", "high"),
    [
        ("dataset.file_path", "text", None, None),
        ("dataset.target_col", "text", None, None),
        ("dataset.covariate_cols", "list", None, None),
        ("dataset.thousands", "choice", None, None),
        ("model.window", "int", 2, 366),
        ("train.hand_over", "bool", None, None),
        ("train.hparams.epochs", "int", 1, 10_000),
        ("train.hparams.dropout_rate", "float", 0, 0.9),
        ("model.objective", "choice", None, None),
        ("deploy.gate.max_ratio_to_naive", "float", 0, 100),
    ],
)
def test_a_field_knows_what_may_be_put_in(
    configs: Path, key: str, kind: str, low: float | None, high: float | None
) -> None:
    field = fields(configs, "full_flow")[key]

    assert (field.kind, field.low, field.high) == (kind, low, high)


def test_choices_are_listed_and_those_of_the_model_are_the_registered_ones(configs: Path) -> None:
    found = fields(configs, "full_flow")

    assert found["model.model_type"].kind == "choice"
    assert found["model.model_type"].choices == registry.names()
    assert found["dataset.rules.unsorted"].choices == ("sort", "error")
    assert found["model.objective"].choices == ("median", "stock")
    assert found["dataset.thousands"].is_optional
    assert not found["model.window"].is_optional


def test_a_flow_has_its_own_settings_and_no_others(configs: Path) -> None:
    def sections(flow: FlowName) -> set[str]:
        return {key.partition(".")[0] for key in fields(configs, flow)}

    assert sections("data_flow") == {"dataset", "model"}
    assert sections("train_flow") == {"model", "train"}
    assert sections("eval_flow") == {"evaluate"}
    assert sections("deploy_flow") == {"deploy"}
    assert sections("full_flow") >= {"dataset", "model", "train", "evaluate", "deploy"}
    assert "model.model_type" not in fields(configs, "data_flow")


def test_the_default_is_that_of_the_workspace(configs: Path, write_config: WriteConfig) -> None:
    path = write_config("train_flow", "model: {window: 21}\n")

    field = fields(configs, "train_flow")["model.window"]

    assert (field.default, field.origin) == (21, f"{path}:2")


def test_options_of_the_command_line_are_told(configs: Path) -> None:
    found = {key: one.option for key, one in fields(configs, "full_flow").items() if one.option}

    assert found == {
        "dataset.file_path": "--data",
        "model.model_type": "--model-type",
        "train.seed": "--seed",
        "train.threads": "--threads",
        "train.hparams.epochs": "--epochs",
        "deploy.force": "--force",
    }


def test_hyper_parameters_say_whose_they_are_and_stand_in_the_order_of_the_chosen_model(
    configs: Path,
) -> None:
    found = fields(configs, "train_flow", "model.model_type=LightGBM")

    assert found["train.hparams.epochs"].models == (
        "BiLSTM",
        "Conv1D-BiLSTM",
        "GRU",
        "LSTM",
        "auto",
    )
    assert found["train.hparams.gru_units"].models == ("GRU", "auto")
    assert found["train.hparams.trials"].models == ("auto",)
    assert {"LSTM", "LightGBM"} <= set(found["train.hparams.unknown_weekday_rate"].models)
    assert found["model.window"].models == ()
    assert found["train.hparams.gru_units"].owners == ("GRU",)
    assert found["train.hparams.trials"].owners == ("auto",)
    assert found["model.window"].owners == ()
    hparams = [one for key, one in found.items() if key.startswith("train.hparams.")]
    assert ["LightGBM" in one.models for one in hparams] == sorted(
        ["LightGBM" in one.models for one in hparams], reverse=True
    )


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One."),
        ("At most 0.9 of it. More.", "At most 0.9 of it."),
        ("No end", "No end"),
        ("", ""),
    ],
)
def test_the_first_sentence_ends_at_its_full_stop(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_what_is_set_to_what_it_is_makes_no_difference(configs: Path) -> None:
    before = load_settings("train_flow", workspace_configs=configs)
    same = load_settings("train_flow", workspace_configs=configs, overrides=["train.seed=7"])
    other = load_settings("train_flow", workspace_configs=configs, overrides=["train.seed=8"])

    assert differences(same, before) == []
    assert [(one.key, one.value, one.was) for one in differences(other, before)] == [
        ("train.seed", 8, 7)
    ]


def test_every_value_has_a_key_of_its_own(configs: Path) -> None:
    values = effective_values(load_settings("full_flow", workspace_configs=configs))

    keys = [one.key for one in values]
    assert len(keys) == len(set(keys))
    assert "train.hparams" not in keys
    assert {one.layer for one in values} <= {"default", "shipped", "flag"}
