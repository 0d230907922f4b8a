from __future__ import annotations

import datetime as dt

import pytest

from engine.errors import DataError
from tui.predict.pasted import MOST_VALUES, read_values


@pytest.mark.parametrize(
    "text",
    [
        "1,2,-3.5",
        "1 2 -3.5",
        "1\n2\n-3.5\n",
        "1\t2\t-3.5",
        " 1; 2;;-3.5 ",
        "1|2|\u22123.5",
        "1,\r\n2,\r\n-35e-1",
    ],
)
def test_numbers_may_have_anything_between_them(text: str) -> None:
    assert read_values(text).values == (1.0, 2.0, -3.5)
    assert read_values(text).last_day is None


@pytest.mark.parametrize("text", ["1 2 3 2026-01-31", "2026-01-31: 1 2 3".replace(":", ",")])
def test_one_day_is_that_of_the_last_value(text: str) -> None:
    assert read_values(text).last_day == dt.date(2026, 1, 31)
    assert read_values(text).values == (1.0, 2.0, 3.0)


def test_with_a_day_each_the_values_come_in_their_order() -> None:
    pasted = read_values("2026-03-01,3\n2026-02-28,2\n2026-02-27,1\n")

    assert pasted.values == (1.0, 2.0, 3.0)
    assert pasted.last_day == dt.date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no number in it"),
        (" ;, ", "there is no number in it"),
        ("2026-01-31", "there is no number in it"),
        ("1 2 x3", "value 3 is not a number: x3"),
        ("1 nan", "value 2 is not a number: nan"),
        ("1 -inf", "value 2 is not a number: -inf"),
        ("1e999", "value 1 is not a number: 1e999"),
        ("1 2026-13-01", "there is no day 2026-13-01"),
        ("1 9999-12-31", "there is no day 9999-12-31"),
        ("1 2026-01-01 2", "one day for all the values, or one for each"),
        ("2026-01-01 1 2026-01-03 2", "2026-01-01 is followed by 2026-01-03"),
        ("2026-01-01 1 2026-01-01 2", "2026-01-01 is followed by 2026-01-01"),
        ("1 " * (MOST_VALUES + 1), "at most 5,000 values at once"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(DataError) as refused:
        read_values(text)

    assert refused.value.what == said
