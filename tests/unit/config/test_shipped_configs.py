"""The files that users copy and edit say everything that there is to say."""

from __future__ import annotations

import re
from importlib import resources
from itertools import takewhile

import pytest

from engine.config import files
from engine.config.engine_settings import EngineSettings
from engine.config.flow_settings import FLOWS, FlowName
from engine.config.layers import Layer
from engine.config.loading import load_engine_settings, load_settings
from engine.config.model_checks import describe_hparams
from engine.config.reference import SettingDoc, describe_settings
from engine.config.yaml_source import KeyPath, YamlDocument
from models import registry
from models.data_types import DATA_TYPES
from models.hyperparameters import Hyperparameters

FILES = files.all_files()


def settings_of(data_type: str) -> list[SettingDoc]:
    return [
        doc
        for doc in describe_settings(files.SETTINGS[data_type])
        if doc.key not in ("flow_module", "data_type", "train.hparams")
    ]


def home_of(doc: SettingDoc, data_type: str) -> str:
    section = doc.key.split(".")[0]
    flows = (flow for flow in FLOWS if section in files.SECTIONS[flow])
    return files.file_of(next(flows), data_type)


def value_in(document: YamlDocument, path: KeyPath) -> object:
    value: object = document.data
    for part in path:
        assert isinstance(value, dict), path
        assert part in value, f"{document.name} lacks {'.'.join(map(str, path))}"
        value = value[part]
    return value


def lines_of(file_name: str) -> list[str]:
    return resources.files("configs").joinpath(file_name).read_text("utf-8").splitlines()


def comment_of(document: YamlDocument, path: KeyPath) -> str:
    """The comment beside a setting, with the lines of comment that continue it."""
    text = resources.files("configs").joinpath(document.name.removeprefix("configs/")).read_text()
    lines = text.splitlines()[document.sources[path].key.line - 1 :]
    continued = takewhile(lambda line: line.lstrip().startswith("#"), lines[1:])
    return " ".join(line.partition("# ")[2] for line in [lines[0], *continued])


def numbers_in(text: str) -> set[float]:
    return {float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", text)}


ALL_SETTINGS = [
    *((home_of(doc, kind), doc) for kind in DATA_TYPES for doc in settings_of(kind)),
    *((files.ENGINE_FILE, doc) for doc in describe_settings(EngineSettings)),
]


@pytest.mark.parametrize(
    ("file_name", "doc"), ALL_SETTINGS, ids=[f"{name}:{doc.key}" for name, doc in ALL_SETTINGS]
)
def test_every_setting_is_shipped_with_its_default_and_what_is_allowed(
    file_name: str, doc: SettingDoc
) -> None:
    document = files.shipped(file_name)
    path = tuple(doc.key.split("."))

    assert value_in(document, path) == doc.default
    comment = comment_of(document, path)
    assert len(comment) > 8
    assert [choice for choice in doc.choices if choice not in comment] == []
    # The least days of a split follow from other settings, and the comment says from which.
    limits = numbers_in(doc.allowed) - ({1.0} if doc.key.startswith("dataset.split.") else set())
    if "number" in doc.type:
        assert limits <= numbers_in(comment)


@pytest.mark.parametrize("doc", [doc for _, doc in ALL_SETTINGS], ids=lambda doc: doc.key)
def test_every_setting_is_documented(doc: SettingDoc) -> None:
    assert len(doc.doc) > 20
    assert doc.doc.endswith((".", ")", '"'))


@pytest.mark.parametrize("file_name", FILES)
def test_shipped_files_fit_a_terminal(file_name: str) -> None:
    assert [line for line in lines_of(file_name) if len(line) > 100 or "\t" in line] == []


@pytest.mark.parametrize("data_type", DATA_TYPES)
@pytest.mark.parametrize("flow", FLOWS)
def test_every_flow_runs_on_shipped_settings(flow: FlowName, data_type: str) -> None:
    loaded = load_settings(flow, workspace_configs=None, flags={"data_type": data_type})

    bare = files.SETTINGS[data_type].model_validate({})
    told = loaded.settings.model_dump()
    hparams = told["train"].pop("hparams")
    assert (told.pop("flow_module"), told.pop("data_type")) == (flow, data_type)
    expected = bare.model_dump()
    assert (expected.pop("flow_module"), expected.pop("data_type")) == ("full_flow", data_type)
    assert expected["train"].pop("hparams") == {}
    assert told == expected
    assert hparams.keys() == {
        name for own in own_models(data_type).values() for name in own.names()
    }
    origins = {k: v for k, v in loaded.origins.items() if k not in ("flow_module", "data_type")}
    assert {origin.layer for origin in origins.values()} == {Layer.SHIPPED}


def test_the_engine_runs_on_shipped_settings() -> None:
    assert load_engine_settings(workspace_configs=None).settings == EngineSettings()


@pytest.mark.parametrize("data_type", DATA_TYPES)
def test_shipped_hyper_parameters_are_the_defaults_of_every_model_that_has_them(
    data_type: str,
) -> None:
    loaded = load_settings("train_flow", workspace_configs=None, flags={"data_type": data_type})
    shipped = loaded.settings.train.hparams

    defaults = {
        (model_type, name): (value, getattr(hyperparameters, name))
        for model_type, hyperparameters in own_models(data_type).items()
        for name, value in shipped.items()
        if name in hyperparameters.names()
    }
    assert len(defaults) > 20
    assert {who: both for who, both in defaults.items() if both[0] != both[1]} == {}


def own_models(data_type: str) -> dict[str, Hyperparameters]:
    """The defaults of each model that is shipped, whatever plugins other tests registered."""
    classes = {name: registry.model_class(name, data_type) for name in registry.names(data_type)}
    return {
        name: cls.Hyperparameters()
        for name, cls in classes.items()
        if cls.__module__.startswith("models.")
    }


HPARAMS = [(kind, doc) for kind in DATA_TYPES for doc in describe_hparams(None, kind)]


@pytest.mark.parametrize(
    ("data_type", "doc"), HPARAMS, ids=[f"{kind}:{doc.key}" for kind, doc in HPARAMS]
)
def test_every_hyper_parameter_is_shipped_with_what_is_allowed(
    data_type: str, doc: SettingDoc
) -> None:
    document = files.shipped(files.file_of("train_flow", data_type))
    path = tuple(doc.key.split("."))

    value_in(document, path)
    comment = comment_of(document, path)
    assert len(comment) > 8
    assert numbers_in(doc.allowed) <= numbers_in(comment)


@pytest.mark.parametrize("data_type", DATA_TYPES)
def test_the_shipped_comment_names_every_model_that_can_be_chosen(data_type: str) -> None:
    path = ("model", "model_type")
    comment = comment_of(files.shipped(files.file_of("train_flow", data_type)), path)

    assert [name for name in own_models(data_type) if name not in comment] == []
