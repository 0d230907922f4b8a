from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from engine.config.loading import Loaded, load_settings
from engine.config.model_checks import describe_hparams
from engine.config.problems import ConfigProblemsError
from models import registry
from tests.own_registry import use_own_registry

PLUGIN = """
    from dataclasses import dataclass
    from models.base import Forecaster, Hyperparameters, bounded
    from models.registry import register

    @dataclass(frozen=True)
    class PolynomialHyperparameters(Hyperparameters):
        degree: int = bounded(2, 1, 5)
        \"\"\"Degree of the polynomial.\"\"\"

    @register("Polynomial")
    class Polynomial(Forecaster):
        Hyperparameters = PolynomialHyperparameters
"""


@pytest.fixture(autouse=True)
def registry_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after each test what its plugins registered."""
    use_own_registry(monkeypatch)


def load(configs: Path, *overrides: str) -> Loaded:
    return load_settings("train_flow", workspace_configs=configs, overrides=overrides)


def complaint(configs: Path, *overrides: str) -> str:
    with pytest.raises(ConfigProblemsError) as caught:
        load(configs, *overrides)
    return str(caught.value)


@pytest.fixture
def plugin(configs: Path) -> str:
    (configs.parent / "polynomial.py").write_text(textwrap.dedent(PLUGIN))
    return "model.plugins=[polynomial.py]"


def test_a_plugin_of_the_workspace_adds_its_model_and_its_hyper_parameters(
    configs: Path, plugin: str
) -> None:
    loaded = load(configs, plugin, "model.model_type=Polynomial", "train.hparams.degree=3")

    assert loaded.settings.model.model_type == "Polynomial"
    assert loaded.settings.train.hparams["degree"] == 3


def test_hyper_parameters_of_a_plugin_are_checked(configs: Path, plugin: str) -> None:
    text = complaint(configs, plugin, "train.hparams.degree=9")

    assert "train.hparams.degree: must be from 1 to 5, not 9 (as Polynomial takes it)" in text


def test_without_the_plugin_its_names_are_unknown(configs: Path) -> None:
    text = complaint(configs, "model.model_type=Polynomial", "train.hparams.degree=3")

    assert 'there is no model "Polynomial"; allowed: ' in text
    assert "train.hparams.degree: no model has a hyper-parameter of this name" in text


def test_a_plugin_that_fails_is_named_with_its_error_and_nothing_else_is_blamed(
    configs: Path,
) -> None:
    (configs.parent / "broken.py").write_text("1 / 0\n")

    text = complaint(configs, "model.plugins=[broken.py]", "model.model_type=Broken")

    assert "model.plugins: " in text
    assert "ZeroDivisionError" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("value", ["ten", "true", "1.5", "null", "[1]", '{"a": 1}', "0", "-1"])
def test_a_value_that_a_model_would_refuse_is_refused_before_the_run(
    configs: Path, value: str
) -> None:
    text = complaint(configs, f"train.hparams.epochs={value}")

    assert text.startswith(f"--set train.hparams.epochs={value}: train.hparams.epochs")
    assert len(text.splitlines()) == 1


def test_a_wrong_value_is_told_in_the_words_of_the_chosen_model(configs: Path) -> None:
    owners = sorted(registry.hyperparameter_names()["epochs"])

    for owner in owners:
        text = complaint(configs, f"model.model_type={owner}", "train.hparams.epochs=ten")
        assert f"(as {owner} takes it)" in text


def test_the_reference_of_hyper_parameters_has_the_default_of_every_model() -> None:
    docs = {doc.key.removeprefix("train.hparams."): doc for doc in describe_hparams()}

    assert docs.keys() == registry.hyperparameter_names().keys()
    for name, owners in registry.hyperparameter_names().items():
        defaults = docs[name].default
        assert isinstance(defaults, dict)
        assert defaults.keys() == owners
        assert docs[name].doc
        assert docs[name].allowed.startswith(docs[name].type.split(" or ")[0])
