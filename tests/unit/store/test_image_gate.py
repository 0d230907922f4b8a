from __future__ import annotations

from typing import Any

import pytest

from engine.config.image_settings import ImageGateSettings
from engine.store.image_gate import check_classifier


def score(wrong: list[int], count: int = 200, **given: float) -> dict[str, Any]:
    overall = {"errors": len(wrong), "count": count, "accuracy": 1 - len(wrong) / count}
    return {"overall": {**overall, "macro_f1": 0.9, "ece": 0.02, **given}, "wrong": wrong}


def checks(
    candidate: dict[str, Any],
    champion: dict[str, Any] | None = None,
    baseline: int = 20,
    **gate: Any,
) -> dict[str, bool]:
    scores = {"candidate": candidate, "MeanPicture": score(list(range(baseline)))}
    if champion is not None:
        scores["champion"] = champion
    found = check_classifier(scores, ImageGateSettings(**gate))
    return {check.name: check.passed for check in found}


def test_fewer_errors_than_the_mean_picture_pass_and_more_do_not() -> None:
    assert checks(score([1, 2])) == {"errors to the nearest mean picture": True}
    assert checks(score(list(range(21)))) == {"errors to the nearest mean picture": False}
    assert checks(score(list(range(15))), max_ratio_to_baseline=0.5) == {
        "errors to the nearest mean picture": False
    }


def test_beside_a_reference_without_errors_only_none_pass() -> None:
    assert checks(score([]), baseline=0) == {"errors to the nearest mean picture": True}
    assert checks(score([3]), baseline=0) == {"errors to the nearest mean picture": False}


@pytest.mark.parametrize(
    ("own", "champions", "passes"),
    [
        ([1], [], True),  # one picture may be chance
        ([1, 2, 3, 4], [], True),
        ([1, 2, 3, 4, 5], [], False),  # five of five: p 0.03
        (list(range(12)), list(range(8)), True),  # what both tell wrong says nothing
        (list(range(100, 115)), list(range(5)), False),
        ([1, 2], [1, 2, 3], True),
    ],
)
def test_more_errors_than_the_champions_pass_where_they_may_be_chance(
    own: list[int], champions: list[int], passes: bool
) -> None:
    assert checks(score(own), score(champions))["errors to the champion"] is passes


def test_every_error_counts_where_chance_is_not_tolerated() -> None:
    assert not checks(score([1]), score([]), tolerate_chance=False)["errors to the champion"]
    assert checks(score([1]), score([1]), tolerate_chance=False)["errors to the champion"]


def test_bounds_are_asked_where_they_are_set() -> None:
    asked = {"min_accuracy": 0.99, "min_macro_f1": 0.8, "max_calibration_error": 0.01}
    assert checks(score([1, 2, 3, 4]), **asked) == {
        "errors to the nearest mean picture": True,
        "accuracy": False,
        "macro F1": True,
        "calibration error": False,
    }


def test_a_sentence_says_what_decided() -> None:
    scores = {"candidate": score([1]), "MeanPicture": score([1, 2]), "champion": score([])}
    told = [check.sentence for check in check_classifier(scores, ImageGateSettings())]

    assert told == [
        "1 of 200 told wrong is 0.500 of the nearest mean picture's 2 (allowed: up to 1)",
        "1 of 200 told wrong beside the champion's 0 (allowed: up to 1), which may be chance "
        "(p 0.50)",
    ]


def test_a_ratio_to_no_errors_is_no_number_unless_there_are_none() -> None:
    def value(wrong: list[int]) -> float | None:
        scores = {"candidate": score(wrong), "MeanPicture": score([])}
        (check,) = check_classifier(scores, ImageGateSettings(max_ratio_to_baseline=100))
        return check.value

    assert value([]) == 0.0
    assert value([1]) is None


def test_a_bound_itself_is_still_allowed() -> None:
    asked = {"min_accuracy": 0.98, "min_macro_f1": 0.9, "max_calibration_error": 0.02}

    assert set(checks(score([1, 2, 3, 4]), **asked).values()) == {True}


def test_a_refusal_says_that_it_is_no_chance() -> None:
    scores = {
        "candidate": score(list(range(10))),
        "MeanPicture": score(list(range(20))),
        "champion": score([]),
    }
    _, check = check_classifier(scores, ImageGateSettings())

    assert not check.passed
    assert check.sentence.endswith("(allowed: up to 1), and that is no chance (p 0.001)")
