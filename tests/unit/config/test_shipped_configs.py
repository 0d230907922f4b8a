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
from engine.config.series_settings import SeriesSettings
from engine.config.yaml_source import KeyPath, YamlDocument
from models import registry

FILES = [*(files.file_of(flow) for flow in FLOWS), files.ENGINE_FILE]
FLOW_SETTINGS = [
    doc
    for doc in describe_settings(SeriesSettings)
    if doc.key not in ("flow_module", "data_type", "train.hparams")
]


def home_of(doc: SettingDoc) -> str:
    section = doc.key.split(".")[0]
    return next(files.file_of(flow) for flow in FLOWS if section in files.SECTIONS[flow])


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


ALL_SETTINGS = [(home_of(doc), doc) for doc in FLOW_SETTINGS] + [
    (files.ENGINE_FILE, doc) for doc in describe_settings(EngineSettings)
]


@pytest.mark.parametrize(
    ("file_name", "doc"), ALL_SETTINGS, ids=[doc.key for _, doc in ALL_SETTINGS]
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


@pytest.mark.parametrize("doc", [*FLOW_SETTINGS, *describe_settings(EngineSettings)], ids=str)
def test_every_setting_is_documented(doc: SettingDoc) -> None:
    assert len(doc.doc) > 20
    assert doc.doc.endswith((".", ")", '"'))


@pytest.mark.parametrize("file_name", FILES)
def test_shipped_files_fit_a_terminal(file_name: str) -> None:
    assert [line for line in lines_of(file_name) if len(line) > 100 or "\t" in line] == []


@pytest.mark.parametrize("flow", FLOWS)
def test_every_flow_runs_on_shipped_settings(flow: FlowName) -> None:
    loaded = load_settings(flow, workspace_configs=None)

    assert (
        loaded.settings.model_copy(
            update={"train": SeriesSettings().train, "flow_module": SeriesSettings().flow_module}
        )
        == SeriesSettings()
    )
    assert loaded.settings.flow_module == flow
    assert {origin.layer for key, origin in loaded.origins.items() if key != "flow_module"} == {
        Layer.SHIPPED
    }


def test_the_engine_runs_on_shipped_settings() -> None:
    assert load_engine_settings(workspace_configs=None).settings == EngineSettings()


def test_shipped_hyper_parameters_are_the_defaults_of_every_model_that_has_them() -> None:
    shipped = load_settings("train_flow", workspace_configs=None).settings.train.hparams

    differing = {
        (model_type, name): (value, getattr(registry.get(model_type).Hyperparameters(), name))
        for name, value in shipped.items()
        for model_type in registry.hyperparameter_names()[name]
        if registry.get(model_type).__module__.startswith("models.forecasting.")
        and getattr(registry.get(model_type).Hyperparameters(), name) != value
    }
    assert differing == {}


@pytest.mark.parametrize("doc", describe_hparams(), ids=lambda doc: doc.key)
def test_every_hyper_parameter_is_shipped_with_what_is_allowed(doc: SettingDoc) -> None:
    document = files.shipped("train_flow_config.yaml")
    path = tuple(doc.key.split("."))

    value_in(document, path)
    comment = comment_of(document, path)
    assert len(comment) > 8
    assert numbers_in(doc.allowed) <= numbers_in(comment)
