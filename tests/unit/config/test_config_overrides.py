from __future__ import annotations

import pytest

from engine.config.loading import Loaded, load_settings
from engine.config.problems import ConfigProblemsError


def load(*overrides: str, flow: str = "train_flow") -> Loaded:
    return load_settings(flow, workspace_configs=None, overrides=overrides)


def complaint(*overrides: str) -> str:
    with pytest.raises(ConfigProblemsError) as caught:
        load(*overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("train.seed=3", "seed", 3),
        (" train.seed = 3 ", "seed", 3),
        ("train.dataset=sales-2024", "dataset", "sales-2024"),
        ('train.dataset="007"', "dataset", "007"),
        ("train.dataset='007'", "dataset", "007"),
    ],
)
def test_a_value_is_read_as_json_or_else_as_yaml_would(
    override: str, key: str, value: object
) -> None:
    assert getattr(load(override).settings.train, key) == value


def test_an_exponent_without_a_dot_is_a_number_here() -> None:
    loaded = load("deploy.gate.max_ratio_to_naive=1e-3", "train.hparams.init_lr=2e-3")

    assert loaded.settings.deploy.gate.max_ratio_to_naive == 0.001
    assert loaded.settings.train.hparams["init_lr"] == 0.002


def test_null_takes_a_value_away() -> None:
    dataset = load("dataset.series_col=null").settings.dataset

    assert dataset.series_col is None


@pytest.mark.parametrize("value", ['["Stock", "Input"]', "[Stock, Input]", "['Stock', Input]"])
def test_lists_are_read_in_json_and_in_yaml(value: str) -> None:
    dataset = load(f"dataset.target_col={value}", "dataset.series_col=null").settings.dataset

    assert dataset.target_col == ("Stock", "Input")


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("dataset.date_format=%d/%m/%Y", "date_format", "%d/%m/%Y"),
        ("dataset.delimiter=;", "delimiter", ";"),
        ("dataset.delimiter=|", "delimiter", "|"),
        ("dataset.thousands=,", "thousands", ","),
        ("dataset.date_col=day: of sale", "date_col", "day: of sale"),
    ],
)
def test_text_that_yaml_would_trip_over_needs_no_second_quotes(
    override: str, key: str, value: str
) -> None:
    assert getattr(load(override).settings.dataset, key) == value


def test_equals_signs_after_the_first_belong_to_the_value() -> None:
    loaded = load(
        "dataset.file_path=null",
        "dataset.url=postgresql://reader:${DB_PASSWORD}@db/stock?sslmode=require",
        "dataset.query=select * from stock where kind = 1",
    )

    assert loaded.settings.dataset.query == "select * from stock where kind = 1"
    assert str(loaded.settings.dataset.url).endswith("?sslmode=require")


def test_a_whole_section_is_merged_key_by_key() -> None:
    rules = load('dataset.rules={"gaps": "zero"}').settings.dataset.rules

    assert (rules.gaps, rules.duplicates) == ("zero", "error")


def test_the_last_of_two_wins() -> None:
    assert load("train.seed=1", "train.seed=2").settings.train.seed == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.sed=3", '--set train.sed=3: train.sed: unknown key; did you mean "train.seed"?'),
        ("epochs=3", 'did you mean "train.hparams.epochs"?'),
        ("train.epochs=3", 'did you mean "train.hparams.epochs"?'),
        ("time_step=3", 'did you mean "model.window"?'),
        ("model.classes=3", "the classes of images are those of the data set"),
        ("train.seed.x=3", "--set train.seed.x=3: train.seed.x: unknown key"),
        ("train.seed", "--set train.seed: this is not key=value"),
        ("=3", "this is not key=value"),
        ("train..seed=3", "this is not key=value"),
        ("flow_module=full_flow", "the flow is chosen by the command"),
        ("train.seed=[1", "--set train.seed=[1: train.seed: "),
        ("train.seed=010", 'write 10, or "010"'),
        ("train.seed=NaN", "infinity and NaN are not settings"),
        ("train.seed=-Infinity", "infinity and NaN are not settings"),
        ("deploy.gate.max_abs_bias=1e999", "infinity and NaN are not settings"),
        ("train.seed=" + "9" * 5000, "--set train.seed=999"),
        ("train.seed=" + "[" * 9000, "train.seed: "),
        ('dataset.rules={"gaps": "zero", "gaps": "error"}', "a key stands twice"),
        ("train.seed=x", "a whole number is expected, not the text"),
        ("train.seed=1.5", "a whole number is expected, not the number 1.5"),
        ("train.seed=true", "a whole number is expected, not a switch"),
        ("train.seed=null", "a whole number is expected, not nothing"),
        ("train=null", "train: this is a section"),
        ("dataset.ds_name=no", 'write "no"'),
        ("dataset.ds_name=123", 'for text write "123"'),
        ("dataset.ds_name=../etc", "is not accepted; allowed: a-z"),
        ("dataset.target_col=[1]", "dataset.target_col"),
        ("dataset.covariate_cols=price", "a list of text is expected"),
        ("model.model_type=lstm", 'did you mean "LSTM"?'),
        ("train.hparams.epoch=3", 'did you mean "train.hparams.epochs"?'),
        ("train.hparams.lr=0.1", 'did you mean "train.hparams.init_lr"?'),
        ("train.hparams.pool_size=64", "no model has a hyper-parameter of this name; allowed: "),
    ],
)
def test_a_wrong_override_is_refused_with_its_text_and_key(override: str, expected: str) -> None:
    text = complaint(override)

    assert text.startswith(f"--set {override[:20]}")
    assert expected in text
    assert len(text.splitlines()) == 1


def test_a_password_in_an_override_is_not_shown() -> None:
    text = complaint("dataset.file_path=null", "dataset.url=mysql://me:hunter2@db/s")

    assert "password in plain text" in text
    assert "hunter2" not in text


def test_a_control_sequence_in_an_override_cannot_reach_the_terminal() -> None:
    assert "\x1b" not in complaint("train.\x1b[2J=\x1b]0;x\x07")


def test_a_hyper_parameter_that_the_chosen_model_lacks_is_noted_when_set_for_this_run() -> None:
    loaded = load_settings(
        "train_flow",
        workspace_configs=None,
        flags={"model_type": "LightGBM", "epochs": 3},
    )

    assert loaded.notes == ["LightGBM does not use epochs"]


def test_what_a_search_hands_on_to_the_models_that_it_tries_is_not_noted() -> None:
    found = load("model.model_type=auto", "train.hparams.epochs=3", "train.hparams.trials=2")

    assert found.notes == []


def test_hyper_parameters_of_other_models_in_the_files_are_not_noted() -> None:
    assert load("model.model_type=LightGBM").notes == []
