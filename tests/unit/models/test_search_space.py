from __future__ import annotations

from dataclasses import dataclass

import pytest

from models import registry
from models.hyperparameters import Hyperparameters, bounded, choice
from models.search.search_space import Choices, Range, differing, search_space


@dataclass(frozen=True)
class Own(Hyperparameters):
    epochs: int = bounded(20, low=1)
    max_samples: int = bounded(20, low=1)
    unknown_rate: float = bounded(0.1, low=0.0, high=1.0)
    units: int = bounded(32, low=1, high=40)
    pace: float = bounded(0.01, low=1e-6)
    part: float = bounded(0.9, low=0.0, high=1.0)
    nothing: float = bounded(0.0, low=0.0)
    single: int = bounded(1, low=1, high=1)
    learning_rate: float = bounded(0.1, low=0.0, high=1.0)
    fast: bool = True
    kind: str = choice("a", "b")
    only: str = choice("a")


def test_ranges_lie_around_the_defaults_and_within_the_bounds() -> None:
    space = search_space(Own, Own())
    assert space == {
        "units": Range(16, 40, is_log=True, is_whole=True),
        "pace": Range(0.005, 0.02, is_log=True, is_whole=False),
        "part": Range(pytest.approx(0.6), 1.0, is_log=False, is_whole=False),
        "learning_rate": Range(0.05, 0.2, is_log=True, is_whole=False),
        "fast": Choices((True, False)),
        "kind": Choices(("a", "b")),
    }


def test_what_somebody_set_is_not_searched() -> None:
    assert "units" not in search_space(Own, Own(units=33))


@pytest.mark.parametrize("name", sorted(set(registry.names()) - {"auto"}))
def test_every_value_in_a_range_is_one_that_the_type_takes(name: str) -> None:
    kind = registry.get(name).Hyperparameters
    for key, own in search_space(kind, kind()).items():
        ends = own.values if isinstance(own, Choices) else (own.low, own.high)
        for value in ends:
            assert getattr(kind(**{key: value}), key) == value
        default = getattr(kind(), key)
        assert default in ends or ends[0] < default < ends[1]


def test_only_what_differs_from_the_defaults_is_told() -> None:
    assert differing(Own, {"epochs": 20, "units": 33}) == {"units": 33}
