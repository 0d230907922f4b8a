from __future__ import annotations

import pickle

import pytest

from engine import errors
from engine.config.problems import ConfigProblemsError, Problem
from engine.errors import EngineError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, EngineError)
]


@pytest.mark.parametrize(
    ("where", "fix", "text"),
    [
        (None, None, "the disk is full"),
        ("runs/1", None, "runs/1: the disk is full"),
        (None, "Free some space", "the disk is full. Free some space"),
        ("runs/1", "Free some space", "runs/1: the disk is full. Free some space"),
    ],
)
def test_an_error_says_where_what_and_what_to_do(
    where: str | None, fix: str | None, text: str
) -> None:
    assert str(EngineError("the disk is full", where=where, fix=fix)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_the_same_after_it_crossed_a_process_border(kind: type[EngineError]) -> None:
    error = kind("the disk is full", where="runs/1", fix="Free some space")

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is kind
    assert (copy.what, copy.where, copy.fix) == ("the disk is full", "runs/1", "Free some space")
    assert str(copy) == str(error)


def test_an_error_with_parts_of_its_own_keeps_them_across_a_process_border() -> None:
    error = ConfigProblemsError([Problem("is unknown", where="--set", key="model.windw")])

    copy = pickle.loads(pickle.dumps(error))

    assert copy.problems == error.problems
    assert str(copy) == "--set: model.windw: is unknown"


def test_an_error_made_elsewhere_counts_to_its_family() -> None:
    assert ConfigProblemsError([Problem("unknown key")]).kind == "ConfigError"


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_this_module_is_a_family(kind: type[EngineError]) -> None:
    assert kind("something happened").kind == kind.__name__
