from __future__ import annotations

import json
import pickle

import pytest

from engine import errors
from engine.config.problems import ConfigProblemsError, Problem
from engine.errors import DataError, EngineError, error_of_dict

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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("where", "fix"), [(None, None), ("runs/재고", "Free some space")])
def test_an_error_is_the_same_after_it_was_data(
    kind: type[EngineError], where: str | None, fix: str | None
) -> None:
    error = kind("the disk is full", where=where, fix=fix)

    copy = error_of_dict(json.loads(json.dumps(error.to_dict())))

    assert type(copy) is kind
    assert (copy.what, copy.where, copy.fix) == ("the disk is full", where, fix)
    assert str(copy) == str(error)


def test_an_error_as_data_says_its_family_and_its_parts() -> None:
    error = DataError("no number", where="row 7", fix="See the report")

    assert error.to_dict() == {
        "kind": "DataError",
        "message": "no number",
        "where": "row 7",
        "fix": "See the report",
    }


def test_an_error_made_elsewhere_comes_back_as_one_of_its_family() -> None:
    error = ConfigProblemsError([Problem("unknown key", key="a"), Problem("unknown key", key="b")])

    copy = error_of_dict(error.to_dict())

    assert type(copy) is errors.ConfigError
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    "kind",
    ["TimeoutError", "ErrorOfTomorrow", "", "Mapping", "error_of_dict", "__name__", "annotations"],
)
def test_an_error_of_an_unknown_kind_is_a_plain_one_that_says_the_same(kind: str) -> None:
    copy = error_of_dict({"kind": kind, "message": "what happened", "where": "a", "fix": "b"})

    assert type(copy) is EngineError
    assert str(copy) == "a: what happened. b"


def test_an_error_needs_no_place_and_no_advice_to_be_made_again() -> None:
    copy = error_of_dict({"kind": "DataError", "message": "no number"})

    assert (copy.what, copy.where, copy.fix) == ("no number", None, None)
