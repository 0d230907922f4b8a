"""Which features a version's trees gained by: as text, and the same wherever it is asked."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cli.features import feature_lines, importance_of

FIT, AGAIN = {"a": 0.4, "b": 0.6}, {"a": 0.7, "b": 0.3}


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"fit": {"importance": FIT}}, [("b", 0.6), ("a", 0.4)]),
        ({"fit": {"importance": FIT}, "refit": None}, [("b", 0.6), ("a", 0.4)]),
        ({"fit": {"importance": FIT}, "refit": {"importance": {}}}, [("b", 0.6), ("a", 0.4)]),
        ({"fit": {"importance": FIT}, "refit": {"importance": AGAIN}}, [("a", 0.7), ("b", 0.3)]),
        ({"fit": {}}, []),
        ({}, []),
    ],
)
def test_what_learnt_last_says_it(
    training: dict[str, Any], expected: list[tuple[str, float]]
) -> None:
    assert list(importance_of(training).items()) == expected


def test_the_largest_are_drawn_and_the_rest_is_added_up() -> None:
    importance = importance_of({"fit": {"importance": {f"f{at}": at / 78 for at in range(1, 13)}}})

    heading, *bars = feature_lines(importance, 60, colour=False, ascii=False)

    assert heading == "What its trees look at (part of what they gained):"
    assert [bar.split()[0] for bar in bars[:3]] == ["f12", "f11", "f10"]
    assert len(bars) == 11
    assert bars[-1].startswith("2 more")
    assert bars[-1].endswith("3.8 %")
    assert list(feature_lines({}, 60, colour=False, ascii=False)) == []
