from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models import registry
from models.base import Forecaster
from models.errors import ModelProblem

pytestmark = pytest.mark.usefixtures("restored_registry")

MINIMAL = """
from __future__ import annotations

from dataclasses import dataclass

from models.base import Forecaster, Hyperparameters
from models.registry import register


@dataclass(frozen=True)
class Nothing(Hyperparameters):
    pass


@register("{name}")
class Mine(Forecaster):
    Hyperparameters = Nothing
"""


def test_the_shipped_models_are_found() -> None:
    assert {"LSTM", "LightGBM", "SeasonalNaive"} <= set(registry.names())


def test_finding_the_models_loads_no_heavy_module() -> None:
    code = (
        "import sys; from models import registry; import models.forecasting.bundle; "
        "registry.hyperparameter_names(); "
        "heavy = {'torch', 'lightgbm', 'optuna', 'onnx', 'onnxruntime', 'pandas', 'scipy'}; "
        "print(heavy & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("set()", "")


@pytest.mark.parametrize(
    ("name", "guess"),
    [("lstm", "LSTM"), ("LSMT", "LSTM"), ("lightgbm", "LightGBM"), ("seasonal_naive", "Seasonal")],
)
def test_an_unknown_model_is_answered_with_the_one_that_was_meant(name: str, guess: str) -> None:
    with pytest.raises(ModelProblem, match=f"Did you mean '{guess}.*Valid names: .*LightGBM"):
        registry.get(name)


def test_a_model_takes_its_own_hyperparameters_from_a_shared_configuration() -> None:
    hparams = {"epochs": 3, "rounds": 40}
    shape = {"window": 30, "horizon": 7, "seed": 0, "threads": 0, "hparams": hparams}
    assert registry.create("LSTM", **shape).hyperparameters.epochs == 3
    assert registry.create("LightGBM", **shape).hyperparameters.rounds == 40


def test_a_hyperparameter_that_no_model_has_is_refused() -> None:
    with pytest.raises(ModelProblem, match=r"'epoch'\. Did you mean 'epochs'"):
        registry.create("LSTM", window=30, horizon=7, seed=0, threads=0, hparams={"epoch": 1})


def test_every_hyperparameter_knows_its_models() -> None:
    owners = registry.hyperparameter_names()
    assert "LSTM" in owners["epochs"]
    assert "LightGBM" not in owners["epochs"]
    assert {"LSTM", "LightGBM"} <= owners["unknown_weekday_rate"]


def test_a_search_uses_the_hyperparameters_of_what_it_tries() -> None:
    assert registry.used_hyperparameters("GRU") == set(registry.get("GRU").Hyperparameters.names())
    assert registry.used_hyperparameters("auto") == set(registry.hyperparameter_names())


def test_loading_a_file_twice_is_loading_it_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINIMAL.format(name="Mine"))
    assert registry.load_file(path) == ("Mine",)
    first = registry.get("Mine")
    assert registry.load_file(tmp_path / "." / "mine.py") == ("Mine",)
    assert registry.get("Mine") is first


@pytest.mark.parametrize("name", ["LSTM", "lstm", "LIGHTGBM"])
def test_a_file_cannot_replace_a_model(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINIMAL.format(name=name))
    before = registry.names()
    with pytest.raises(ModelProblem, match="is registered already"):
        registry.load_file(path)
    assert registry.names() == before


def test_two_files_of_one_name_in_two_folders_both_count(tmp_path: Path) -> None:
    for folder in ("One", "Two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.py").write_text(MINIMAL.format(name=folder))
        registry.load_file(tmp_path / folder / "model.py")
    assert {"One", "Two"} <= set(registry.names())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "registers no model"),
        ("def f(:", "SyntaxError"),
        ("import no_such_package", "ModuleNotFoundError.*no_such_package"),
        (MINIMAL.format(name="Half") + "\n1 / 0\n", "ZeroDivisionError"),
        (MINIMAL.format(name="../x"), "cannot be the name of a model"),
        (
            MINIMAL.format(name="Bare").replace("    Hyperparameters = Nothing", "    pass"),
            "'Bare' does not say which hyperparameters it has",
        ),
    ],
    ids=[
        "no model",
        "syntax",
        "import",
        "fails after registering",
        "path as name",
        "no hyperparameters",
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_registers_nothing(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    before = registry.names()
    with pytest.raises(ModelProblem, match=f"broken.py.*{message}"):
        registry.load_file(path)
    assert registry.names() == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match=r"gone\.py is not a Python file"):
        registry.load_file(tmp_path / "gone.py")


@pytest.mark.parametrize(
    "changes", [{"window": 1}, {"horizon": 0}, {"seed": -1}, {"seed": 2**32}, {"threads": -1}]
)
def test_a_model_of_an_impossible_shape_is_refused(changes: dict[str, int]) -> None:
    shape = {"window": 30, "horizon": 7, "seed": 0, "threads": 0, **changes}
    with pytest.raises(ModelProblem, match=next(iter(changes))):
        registry.create("LSTM", **shape, hparams={})


@pytest.mark.parametrize("name", ["LSTM", "LightGBM"])
def test_a_model_that_was_not_fitted_says_so(name: str, tmp_path: Path) -> None:
    model: Forecaster = registry.create(name, window=30, horizon=7, seed=0, threads=0, hparams={})
    with pytest.raises(ModelProblem, match="has not been fitted"):
        model.save(tmp_path)
