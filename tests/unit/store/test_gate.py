from __future__ import annotations

from typing import Any

import pytest

from engine.config.series_settings import GateSettings
from engine.store.gate import Check, check_candidate

LIMITS = GateSettings(max_ratio_to_naive=1.0, max_ratio_to_champion=1.05, max_abs_bias=0.25)


def scores(
    candidate: float | None = 0.8,
    *,
    naive: float | None = 1.0,
    champion: float | str | None = "none",
    bias: float | None = 0.1,
) -> dict[str, Any]:
    labels: dict[str, Any] = {"candidate": candidate, "SeasonalNaive": naive}
    if champion != "none":
        labels["champion"] = champion
    return {
        label: {"overall": {"mase": mase, "bias": bias if label == "candidate" else 0.0}}
        for label, mase in labels.items()
    }


def checks(**given: Any) -> dict[str, Check]:
    return {check.name: check for check in check_candidate(scores(**given), LIMITS)}


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ({"candidate": 0.8}, True),
        ({"candidate": 1.0}, True),
        ({"candidate": 1.001}, False),
        ({"candidate": 0.0, "naive": 0.0}, True),
        ({"candidate": 0.001, "naive": 0.0}, False),
        ({"candidate": 0.0, "naive": 2.0}, True),
        ({"candidate": None}, False),
        ({"naive": None}, False),
        ({"candidate": None, "naive": None}, False),
    ],
)
def test_a_candidate_must_be_as_good_as_seasonal_naive(given: dict[str, Any], passed: bool) -> None:
    assert checks(**given)["MASE to seasonal naive"].passed == passed


@pytest.mark.parametrize(
    ("candidate", "champion", "passed"),
    [
        (0.8, 0.8, True),
        (0.84, 0.8, True),
        (0.85, 0.8, False),
        (0.8, 0.0, False),
        (0.8, None, False),
    ],
)
def test_a_candidate_must_be_about_as_good_as_the_champion(
    candidate: float, champion: float | None, passed: bool
) -> None:
    found = checks(candidate=candidate, champion=champion)

    assert found["MASE to the champion"].passed == passed
    assert found["MASE to seasonal naive"].passed


def test_without_a_champion_nothing_is_said_about_one() -> None:
    assert list(checks()) == ["MASE to seasonal naive", "bias"]


@pytest.mark.parametrize(
    ("bias", "passed"),
    [(0.0, True), (0.25, True), (-0.25, True), (0.251, False), (-0.251, False), (None, False)],
)
def test_a_candidate_must_not_lean_to_either_side(bias: float | None, passed: bool) -> None:
    assert checks(bias=bias)["bias"].passed == passed


@pytest.mark.parametrize(
    ("given", "name", "sentence"),
    [
        (
            {"candidate": 1.2},
            "MASE to seasonal naive",
            "MASE 1.200 is 1.200 of seasonal naive's 1.000 (allowed: up to 1)",
        ),
        (
            {"candidate": 0.9, "champion": 0.6},
            "MASE to the champion",
            "MASE 0.900 is 1.500 of the champion's 0.600 (allowed: up to 1.05)",
        ),
        (
            {"candidate": 0.9, "naive": 0.0},
            "MASE to seasonal naive",
            "MASE 0.900 beside seasonal naive's 0 (allowed: up to 1)",
        ),
        (
            {"candidate": None},
            "MASE to seasonal naive",
            "MASE cannot be told, no series has a scale to measure it by (allowed: up to 1)",
        ),
        ({"bias": -0.3}, "bias", "bias -0.300 (allowed: up to 0.25 either way)"),
        (
            {"bias": None},
            "bias",
            "bias cannot be told, all actual values are zero (allowed: up to 0.25 either way)",
        ),
    ],
)
def test_every_check_says_its_numbers(given: dict[str, Any], name: str, sentence: str) -> None:
    assert checks(**given)[name].sentence == sentence


WITH_COVERAGE = LIMITS.model_copy(update={"max_coverage_error": 0.1})


def coverage_check(covered: float | None, level: float | None = 0.8) -> Check:
    measured = scores()
    measured["candidate"]["overall"]["coverage"] = covered
    *others, check = check_candidate(measured, WITH_COVERAGE, level)
    assert [other.name for other in others] == ["MASE to seasonal naive", "bias"]
    return check


@pytest.mark.parametrize(
    ("covered", "passed"),
    [(0.8, True), (0.7001, True), (0.8999, True), (0.69, False), (0.91, False), (None, False)],
)
def test_intervals_must_hold_about_what_they_say_where_that_is_asked(
    covered: float | None, passed: bool
) -> None:
    assert coverage_check(covered).passed == passed


def test_the_check_of_coverage_says_its_numbers() -> None:
    assert coverage_check(0.65).sentence == (
        "coverage 0.650 is -0.150 from the level 0.8 (allowed: up to 0.1 either way)"
    )
    untold = "coverage cannot be told, no prediction intervals were measured"
    assert coverage_check(None).sentence.startswith(untold)
    assert coverage_check(0.8, level=None).sentence.startswith(untold)


def test_what_an_older_evaluation_did_not_measure_is_not_there_to_pass() -> None:
    assert not check_candidate(scores(), WITH_COVERAGE, None)[-1].passed


def test_a_check_can_be_told_as_json() -> None:
    assert checks(bias=0.1)["bias"].to_dict() == {
        "name": "bias",
        "value": 0.1,
        "limit": 0.25,
        "passed": True,
        "sentence": "bias +0.100 (allowed: up to 0.25 either way)",
    }
