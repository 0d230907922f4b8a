"""Which kind of data a launch is about, and which files say something about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.config.engine_settings import EngineSettings
from engine.config.files import ENGINE_FILE, all_files, file_of, flow_of
from engine.config.flow_settings import FLOWS, FlowName
from engine.config.form import make_form
from engine.config.image_settings import ImageSettings
from engine.config.loading import Loaded, load_settings
from engine.config.problems import ConfigProblemsError
from engine.config.reference import describe_settings
from engine.config.resolve import resolve
from engine.config.series_settings import SeriesSettings
from models import registry
from models.data_types import DATA_TYPES, IMAGE, TIMESERIES
from tests.own_registry import use_own_registry

FULL = "flow_module: full_flow\n"
TRAIN = "flow_module: train_flow\n"


def load(
    configs: Path | None,
    flow: FlowName = "full_flow",
    *,
    overrides: Sequence[str] = (),
    drafts: dict[str, Path] | None = None,
    **flags: object,
) -> Loaded:
    return load_settings(
        flow, workspace_configs=configs, overrides=overrides, flags=flags, drafts=drafts or {}
    )


def refusal(
    configs: Path | None, flow: FlowName = "full_flow", *overrides: str, **flags: object
) -> str:
    with pytest.raises(ConfigProblemsError) as caught:
        load(configs, flow, overrides=overrides, **flags)
    return str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "flags", "data_type"),
    [
        ([], {}, TIMESERIES),
        ([], {"data_type": None, "model_type": None}, TIMESERIES),
        ([], {"data_type": "image"}, IMAGE),
        (["data_type=image"], {}, IMAGE),
        (['data_type="image"'], {}, IMAGE),
        (["data_type=image", "data_type=timeseries"], {}, TIMESERIES),
        (["data_type=timeseries"], {"data_type": "image"}, IMAGE),
        # A model says it, if it is one of that kind alone.
        ([], {"model_type": "CNN"}, IMAGE),
        ([], {"model.model_type": "ResNet"}, IMAGE),
        (["model.model_type=CNN"], {}, IMAGE),
        ([], {"model_type": "GRU"}, TIMESERIES),
        ([], {"model_type": "auto"}, TIMESERIES),
        ([], {"model_type": "auto", "data_type": "image"}, IMAGE),
    ],
)
def test_the_launch_says_which_kind_of_data_it_is_about(
    overrides: list[str], flags: dict[str, object], data_type: str
) -> None:
    loaded = load(None, overrides=overrides, **flags)

    assert loaded.settings.data_type == data_type
    assert type(loaded.settings) is {TIMESERIES: SeriesSettings, IMAGE: ImageSettings}[data_type]


def test_a_plain_file_may_say_that_it_is_about_pictures(configs: Path) -> None:
    path = configs / "full_flow_config.yaml"
    path.write_text(f"{FULL}data_type: image\nmodel: {{model_type: ResNet}}\n")

    full, data = load(configs), load(configs, "data_flow")

    assert (full.settings.data_type, full.settings.model.model_type) == (IMAGE, "ResNet")
    assert str(full.origins["model.model_type"]) == f"{path}:3"
    # The other flows go by it as well, though what it sets is for full_flow alone.
    assert (data.settings.data_type, data.settings.model.model_type) == (IMAGE, "CNN")
    # It is stronger than a file, and says nothing to a launch about series.
    assert load(configs, model_type="LSTM").settings.data_type == TIMESERIES
    assert load(configs, data_type="timeseries").settings.model.model_type == "LSTM"
    assert load(configs, model_type="auto").settings.data_type == IMAGE


def test_the_file_of_the_flow_itself_counts_more_than_that_of_full_flow(configs: Path) -> None:
    (configs / "full_flow_config.yaml").write_text(f"{FULL}data_type: image\n")
    (configs / "train_flow_config.yaml").write_text(f"{TRAIN}data_type: timeseries\n")

    assert load(configs, "train_flow").settings.data_type == TIMESERIES
    assert load(configs, "eval_flow").settings.data_type == IMAGE


def test_a_workspace_holds_settings_of_both_kinds_side_by_side(configs: Path) -> None:
    (configs / "train_flow_config.yaml").write_text(f"{TRAIN}train: {{seed: 1}}\n")
    (configs / "image_train_flow_config.yaml").write_text(f"{TRAIN}train: {{seed: 2}}\n")

    assert load(configs, "train_flow").settings.train.seed == 1
    assert load(configs, "train_flow", model_type="CNN").settings.train.seed == 2
    assert load(configs, "full_flow", data_type="image").settings.train.seed == 2


def test_two_files_that_say_what_holds_for_pictures_are_refused(configs: Path) -> None:
    plain, own = configs / "full_flow_config.yaml", configs / "image_full_flow_config.yaml"
    plain.write_text(f"{FULL}data_type: image\n")
    own.write_text(FULL)

    said = refusal(configs)

    assert said.startswith(f"{plain}:2:12: data_type: {own} says what holds")
    assert load(configs, data_type="timeseries").settings.data_type == TIMESERIES


def test_a_file_named_for_pictures_cannot_be_about_series(configs: Path) -> None:
    path = configs / "image_full_flow_config.yaml"
    path.write_text(f"{FULL}data_type: timeseries\n")

    said = refusal(configs, data_type="image")

    assert said == f'{path}:2:12: data_type: "timeseries" does not fit this file; allowed: image'


@pytest.mark.parametrize("flags", [{}, {"data_type": "timeseries"}])
def test_an_unknown_kind_of_data_in_a_file_is_told_whatever_is_launched(
    configs: Path, flags: dict[str, object]
) -> None:
    path = configs / "full_flow_config.yaml"
    path.write_text(f"{FULL}data_type: video\n")

    assert refusal(configs, **flags) == (
        f'{path}:2:12: data_type: "video" is not one of the choices; allowed: timeseries | image'
    )


@pytest.mark.parametrize("text", ["video", "[image]", "7", "", "IMAGE"])
def test_an_unknown_kind_of_data_of_a_launch_is_refused_with_the_choices(text: str) -> None:
    said = refusal(None, "full_flow", f"data_type={text}")

    assert said.startswith(f"--set data_type={text}: data_type: ")
    assert "allowed: timeseries | image" in said
    assert "--data-type: data_type: " in refusal(None, data_type="video")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            {"model_type": "CNN", "data_type": "timeseries"},
            'no model "CNN" of data_type timeseries; it is one of data_type image',
        ),
        (
            {"model_type": "LSTM", "data_type": "image"},
            'no model "LSTM" of data_type image; it is one of data_type timeseries',
        ),
        ({"model_type": "resnet"}, 'did you mean "ResNet"?'),
        ({"model_type": "cnn", "data_type": "image"}, 'did you mean "CNN"?'),
        ({"model_type": "cnn", "data_type": "image"}, "allowed: auto | CNN | MeanPicture | ResNet"),
    ],
)
def test_a_model_of_another_kind_of_data_is_told_from_one_that_there_is_not(
    flags: dict[str, object], told: str
) -> None:
    assert told in refusal(None, "train_flow", **flags)


@pytest.mark.parametrize(
    ("override", "data_type", "told"),
    [
        ("dataset.height=32", TIMESERIES, "it is a setting of data_type image"),
        ("model.window=9", IMAGE, "it is a setting of data_type timeseries"),
        ("dataset.hieght=32", IMAGE, 'did you mean "dataset.height"?'),
        ("train.hparams.lstm_units=9", IMAGE, "no model has a hyper-parameter of this name"),
    ],
)
def test_a_setting_of_another_kind_of_data_is_told_as_such(
    override: str, data_type: str, told: str
) -> None:
    assert told in refusal(None, "full_flow", override, data_type=data_type)


def test_a_misplaced_section_is_sent_to_the_file_of_its_own_data_type(configs: Path) -> None:
    (configs / "image_data_flow_config.yaml").write_text(
        "flow_module: data_flow\nmodel: {model_type: CNN}\n"
    )

    assert "move it to image_train_flow_config.yaml" in refusal(configs, data_type="image")


def test_a_draft_stands_for_the_file_of_its_name(configs: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.write_text(f"{FULL}data_type: image\ntrain: {{seed: 3}}\n")

    plain = load(configs, drafts={"full_flow_config.yaml": draft})
    named = load(configs, drafts={"image_full_flow_config.yaml": draft}, data_type="image")

    assert (plain.settings.data_type, plain.settings.train.seed) == (IMAGE, 3)
    assert named.settings.train.seed == 3
    assert str(named.origins["train.seed"]) == f"{configs}/image_full_flow_config.yaml:3"
    assert load(configs, drafts={"image_full_flow_config.yaml": draft}).settings.train.seed == 7


def test_a_model_of_the_users_own_for_pictures_is_found_once_it_is_known(
    configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_own_registry(monkeypatch)
    (configs.parent / "own.py").write_text(
        "from models.hyperparameters import Hyperparameters\n"
        "from models.imaging.classifier import Classifier\n"
        "from models.registry import register\n"
        "@register('Mine')\n"
        "class Mine(Classifier):\n"
        "    Hyperparameters = Hyperparameters\n"
    )
    plugin = "model.plugins=[own.py]"

    said = refusal(configs, "train_flow", plugin, model_type="Mine")
    loaded = load(configs, "train_flow", overrides=[plugin], model_type="Mine", data_type="image")

    assert "it is one of data_type image" in said
    assert loaded.settings.model.model_type == "Mine"


def test_every_file_is_known_by_its_name() -> None:
    names = all_files()

    assert len(names) == len(set(names)) == 2 * len(FLOWS) + 1
    assert [flow_of(file_of(flow, kind)) for flow in FLOWS for kind in DATA_TYPES] == [
        (flow, kind) for flow in FLOWS for kind in DATA_TYPES
    ]
    assert flow_of(ENGINE_FILE) is flow_of("image_engine.yaml") is flow_of("a.yaml") is None


@pytest.mark.parametrize("flow", FLOWS)
def test_the_form_of_pictures_asks_for_what_pictures_need(flow: FlowName) -> None:
    made = make_form(flow, load(None, flow, data_type="image"))

    keys = {field.key for field in made.fields}
    known = {doc.key for doc in describe_settings(ImageSettings)}
    assert made.data_type == IMAGE
    assert {key for key in keys - known if not key.startswith("train.hparams.")} == set()
    assert keys.isdisjoint({doc.key for doc in describe_settings(EngineSettings)})
    if flow in ("train_flow", "full_flow"):
        by_key = {field.key: field for field in made.fields}
        assert by_key["model.model_type"].choices == registry.names(IMAGE)
        assert by_key["train.hparams.conv_layers"].owners == ("CNN",)
        assert "auto" in by_key["train.hparams.residual_blocks"].models
        assert "train.hparams.lstm_units" not in by_key


@pytest.mark.parametrize(
    ("flow", "flags", "parameters"),
    [
        ("data_flow", {"data_type": "image"}, {"data_type": "image"}),
        ("eval_flow", {"data_type": "timeseries"}, {}),
        ("train_flow", {"model_type": "CNN"}, {"model_type": "CNN", "data_type": "image"}),
        (
            "full_flow",
            {"model_type": "auto", "data_type": "image"},
            {"model_type": "auto", "data_type": "image"},
        ),
    ],
)
def test_a_list_of_runs_tells_those_about_pictures_from_the_others(
    configs: Path, flow: str, flags: dict[str, object], parameters: dict[str, str]
) -> None:
    found = resolve(flow, workspace_configs=configs, overrides=(), flags=flags)

    assert found.parameters == parameters
