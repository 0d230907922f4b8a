"""Every way to break a settings file that we know of, and the message that it earns."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.config.loading import load_settings
from engine.config.problems import ConfigProblemsError

BROKEN = Path(__file__).parents[2] / "broken_yaml"
TABLE: dict[str, tuple[str, list[str]]] = {
    "anchor": ("train_flow", [":2:8: ", "anchors (&) and aliases (*) are not accepted"]),
    "bad_indentation": ("train_flow", [":4:2: ", "do not fit together", "indentation"]),
    "beyond_largest_number": ("deploy_flow", [":4:25: ", "1.0e999 is beyond the largest number"]),
    "control_character": ("data_flow", [":3:14: ", "U+001B"]),
    "cp949": ("data_flow", [":4:15: ", "0xc0 is not UTF-8; save the file as UTF-8"]),
    "dotted_key": ("data_flow", [":3:3: dataset.split.test_days: ", "one below the other"]),
    "duplicate_key": ("train_flow", [":5:3: train.seed: ", "stands twice, on lines 3 and 5"]),
    "empty": ("train_flow", [":1:1: ", "holds no settings"]),
    "exponent_without_dot": ("train_flow", [":4:14: train.hparams.init_lr: ", "write 1.0e-3"]),
    "fflow_module": ("train_flow", [":1:1: fflow_module: ", 'did you mean "flow_module"?']),
    "flow_module_of_another_file": (
        "train_flow",
        [":1:14: flow_module: ", '"eval_flow" does not fit this file; allowed: train_flow'],
    ),
    "fraction_for_whole_number": (
        "eval_flow",
        [":3:10: evaluate.folds: ", "4.0", "allowed: whole number, 1 to 52"],
    ),
    "hparam_of_wrong_type": ("train_flow", [":4:13: train.hparams.epochs: ", "a whole number"]),
    "hparam_out_of_range": ("train_flow", [":4:13: train.hparams.epochs: ", "must be", "not 0"]),
    "images": ("data_flow", [":4:3: dataset.date_col: unknown key"]),
    "infinity": (
        "deploy_flow",
        [":4:25: deploy.gate.max_ratio_to_naive: infinity and NaN", ":5:19: ", "max_abs_bias"],
    ),
    "key_in_wrong_section": ("train_flow", [":3:3: ", 'did you mean "train.hparams.epochs"?']),
    "key_that_is_a_switch": ("data_flow", [":4:5: ", "the key off is read as", 'write "off"']),
    "leading_zero": ("train_flow", [":3:9: train.seed: ", "octal", "write 10"]),
    "list_at_top": ("train_flow", [":1:1: ", "a list stands where `key: value` lines are"]),
    "list_for_section": (
        "deploy_flow",
        [":4:5: deploy.gate: ", "not a list", "allowed: max_ratio_to_naive, max_ratio_to_champion"],
    ),
    "merge_key": ("train_flow", [":3:3: ", "merge keys (<<) are not accepted"]),
    "missing_flow_module": ("train_flow", [":1:1: flow_module: missing; allowed: train_flow"]),
    "missing_plugin": ("train_flow", [":3:13: model.plugins: ", "models/mine.py"]),
    "no_is_false": ("data_flow", [":3:12: dataset.ds_name: ", 'is a switch, write "no"']),
    "number_in_quotes": ("eval_flow", [":3:10: evaluate.folds: ", "write it without quotes"]),
    "old_time_step": (
        "train_flow",
        [
            ':3:3: model.time_step: unknown key; did you mean "model.window"?',
            ":4:3: model.input_size: is said by dataset.height and dataset.width, for images",
        ],
    ),
    "only_comments": ("train_flow", [":1:1: ", "holds no settings"]),
    "out_of_range": (
        "train_flow",
        [
            ":3:11: model.window: 1 is out of range; allowed: whole number, 2 to 366",
            ":4:12: model.horizon: 400 is out of range; allowed: whole number, 1 to 365",
        ],
    ),
    "password_in_url": ("data_flow", [":4:8: dataset.url: ", "password", "${PASSWORD_VARIABLE}"]),
    "percent_without_quotes": ("data_flow", [":3:16: ", 'quote it: "%d/%m/%Y"']),
    "python_object": ("train_flow", [":3:15: ", "the tag !!python/object/apply:os.system"]),
    "scalar_at_top": ("train_flow", [":1:1: ", 'the text "train_flow" stands where']),
    "section_of_another_file": (
        "train_flow",
        [
            ":2:1: deploy: ",
            "move it to deploy_flow_config.yaml",
            "allowed: flow_module, data_type, model",
        ],
    ),
    "switch_for_number": ("eval_flow", [":3:10: evaluate.folds: ", "not a switch", "true"]),
    "tab_indentation": ("train_flow", [":3:1: ", "a tab stands in the indentation"]),
    "too_few_test_days": (
        "data_flow",
        [":4:16: dataset.split.test_days: ", "20 test days", "raise test_days to 28"],
    ),
    "two_documents": ("train_flow", [":2:1: ", "a second document begins here"]),
    "two_sources": ("data_flow", [":4:8: dataset.url: ", "file_path and url are both given"]),
    "unclosed_bracket": ("data_flow", [":4:13: ", "bracket that opens on line 3 is not closed"]),
    "unclosed_quote": ("data_flow", [":5:1: ", "the quote that opens on line 3 is not closed"]),
    "unknown_data_type": (
        "data_flow",
        [":2:12: data_type: ", '"video" is not one of the choices; allowed: timeseries | image'],
    ),
    "unknown_hparam": (
        "train_flow",
        [":4:5: train.hparams.epoch: ", 'did you mean "train.hparams.epochs"?'],
    ),
    "unknown_key": ("train_flow", [":3:3: model.horizont: ", 'did you mean "model.horizon"?']),
    "unknown_model": ("train_flow", [":3:15: model.model_type: ", 'did you mean "LSTM"?', "| "]),
    "utf_16": ("train_flow", [":1:1: ", "UTF-16; save it as UTF-8"]),
    "wrong_choice": (
        "data_flow",
        [
            ":4:11: dataset.rules.gaps: ",
            'allowed: error | zero | forward | interpolate; did you mean "interpolate"?',
        ],
    ),
    "wrong_type": (
        "eval_flow",
        [':3:10: evaluate.folds: a whole number is expected, not the text "four"; allowed: '],
    ),
}


def complaint(name: str, configs: Path) -> str:
    flow, _ = TABLE[name]
    shutil.copy(BROKEN / f"{name}.yaml", configs / f"{flow}_config.yaml")
    with pytest.raises(ConfigProblemsError) as caught:
        load_settings(flow, workspace_configs=configs)
    return str(caught.value)


@pytest.mark.parametrize("name", TABLE)
def test_a_broken_file_is_refused_with_its_place_and_a_way_out(name: str, configs: Path) -> None:
    text = complaint(name, configs)
    flow, parts = TABLE[name]

    assert [part for part in parts if part not in text] == [], text
    for line in text.splitlines():
        assert line.startswith(f"{configs / flow}_config.yaml:"), text


def test_the_table_has_every_broken_file() -> None:
    assert sorted(TABLE) == sorted(path.stem for path in BROKEN.glob("*.yaml"))


@pytest.mark.parametrize("name", ["wrong_type", "unknown_key", "two_sources", "duplicate_key"])
def test_one_mistake_is_reported_once(name: str, configs: Path) -> None:
    assert len(complaint(name, configs).splitlines()) == 1


def test_a_password_in_a_url_is_not_repeated(configs: Path) -> None:
    assert "hunter2" not in complaint("password_in_url", configs)


def test_all_problems_of_all_files_come_at_once(configs: Path) -> None:
    for name in ("wrong_choice", "out_of_range", "wrong_type", "list_for_section"):
        flow, _ = TABLE[name]
        shutil.copy(BROKEN / f"{name}.yaml", configs / f"{flow}_config.yaml")

    with pytest.raises(ConfigProblemsError) as caught:
        load_settings("eval_flow", workspace_configs=configs, overrides=["train.sed=3"])

    keys = {problem.key for problem in caught.value.problems}
    assert keys == {
        "dataset.rules.gaps",
        "model.window",
        "model.horizon",
        "evaluate.folds",
        "deploy.gate",
        "train.sed",
    }


def test_values_that_miss_because_a_file_is_unreadable_raise_no_further_problem(
    configs: Path,
) -> None:
    # The horizon alone would not fit the shipped split; the file that fits it does not parse.
    (configs / "train_flow_config.yaml").write_text("flow_module: train_flow\nmodel: {horizon: 60}")
    (configs / "data_flow_config.yaml").write_text("dataset: {split: {test_days: 99")

    with pytest.raises(ConfigProblemsError) as caught:
        load_settings("train_flow", workspace_configs=configs)

    assert ["bracket" in problem.what for problem in caught.value.problems] == [True]
