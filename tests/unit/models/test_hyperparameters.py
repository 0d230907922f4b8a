from __future__ import annotations

from dataclasses import dataclass

import pytest

from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters, bounded, choice


@dataclass(frozen=True)
class Example(Hyperparameters):
    epochs: int = bounded(10, low=1, high=100)
    """Passes over the data,
    in order."""
    rate: float = bounded(0.1, low=0.0)
    """Learning rate."""
    shuffle: bool = True
    """Whether to shuffle."""
    loss: str = choice("mae", "mse")
    """What is minimised."""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "'epochs' must be from 1 to 100, not 0"),
        ({"epochs": 101}, "'epochs' must be from 1 to 100, not 101"),
        ({"epochs": 10**9}, "'epochs' must be from 1 to 100"),
        ({"epochs": "ten"}, "'epochs' must be a whole number, not 'ten'"),
        ({"epochs": True}, "'epochs' must be a whole number, not True"),
        ({"epochs": 2.0}, "'epochs' must be a whole number, not 2.0"),
        ({"epochs": None}, "'epochs' must be a whole number, not None"),
        ({"rate": "1e-3"}, "'rate' must be a number, not '1e-3'. YAML reads"),
        ({"rate": float("nan")}, "'rate' must be finite"),
        ({"rate": float("inf")}, "'rate' must be finite"),
        ({"rate": -0.1}, "'rate' must be at least 0, not -0.1"),
        ({"rate": False}, "'rate' must be a number, not False"),
        ({"shuffle": 1}, "'shuffle' must be true or false, not 1"),
        ({"loss": "mea"}, "'loss' must be one of mae, mse, not 'mea'"),
        ({"loss": 3}, "'loss' must be a text, not 3"),
        ({"epoch": 3}, "unknown hyperparameter 'epoch'. Did you mean 'epochs'"),
        ({"zzz": 3}, "unknown hyperparameter 'zzz'. Valid names: epochs, rate, shuffle, loss"),
    ],
)
def test_a_wrong_value_is_answered_with_what_is_right(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelProblem, match=message):
        Example.parse(values)


def test_a_whole_number_is_a_number() -> None:
    assert repr(Example.parse({"rate": 1}).rate) == "1.0"


def test_the_docstrings_under_the_fields_are_its_documentation() -> None:
    assert Example.documentation() == {
        "epochs": "Passes over the data,\nin order.",
        "rate": "Learning rate.",
        "shuffle": "Whether to shuffle.",
        "loss": "What is minimised.",
    }
