from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.dates import read_dates, strptime_choices

DAY = dt.date(2024, 3, 5)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05",
        "2024-3-5",
        "20240305",
        "2024/03/05",
        "2024.03.05",
        "2024. 3. 5.",
        "2024년 3월 5일",
        "2024-03-05 00:00",
        "2024-03-05T00:00:00.000",
        " 2024-03-05 ",
        "5 March 2024",
        "05-Mar-2024",
        "Mar 5, 2024",
        "March 5 2024",
    ],
)
def test_a_form_that_reads_in_one_way_is_read(text: str) -> None:
    column = read_dates({text: 1}, None)

    assert column.days == {text: DAY}
    assert not column.faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("05/03/2024", "ambiguous"),
        ("05.03.2024", "ambiguous"),
        ("05/03/24", "unreadable"),
        ("2024-W10-2", "unreadable"),
        ("5 Mrz 2024", "unreadable"),
        ("tomorrow", "unreadable"),
        ("1709596800", "unreadable"),
        ("2023-02-29", "impossible"),
        ("2024-13-01", "impossible"),
        ("0204-03-05", "year"),
        ("2024-03-05T00:00:00Z", "zone"),
        ("2024-03-05 00:00+0900", "zone"),
        ("2024-03-05 23:59", "time"),
    ],
)
def test_everything_else_is_refused_with_its_reason(text: str, fault: str) -> None:
    column = read_dates({text: 1}, None)

    assert not column.days
    assert column.faults[text][0] == fault


@pytest.mark.parametrize(
    ("proof", "day", "form"),
    [
        ("13/03/2024", dt.date(2024, 3, 5), "NN/NN/YYYY"),
        ("03/13/2024", dt.date(2024, 5, 3), "NN/NN/YYYY"),
    ],
)
def test_a_day_above_twelve_anywhere_tells_the_order_of_the_column(
    proof: str, day: dt.date, form: str
) -> None:
    column = read_dates({"05/03/2024": 1, proof: 1}, None)

    assert column.days["05/03/2024"] == day
    assert column.order_proof == proof
    assert column.form == form


def test_two_orders_in_one_column_are_refused() -> None:
    column = read_dates({"13/03/2024": 9, "14/03/2024": 9, "03/15/2024": 1}, None)

    assert column.faults.keys() == {"03/15/2024"}
    assert column.faults["03/15/2024"][0] == "mixed"


def test_the_rarer_form_is_the_fault() -> None:
    column = read_dates({"2024-03-05": 1, "2024/03/06": 5}, None)

    assert column.faults.keys() == {"2024-03-05"}


def test_a_format_settles_what_is_ambiguous() -> None:
    day_first, month_first = strptime_choices("05/03/2024")

    assert read_dates({"05/03/2024": 1}, day_first).days["05/03/2024"] == DAY
    assert read_dates({"05/03/2024": 1}, month_first).days["05/03/2024"] == dt.date(2024, 5, 3)


def test_a_text_that_does_not_fit_the_format_is_refused() -> None:
    column = read_dates({"2024-03-05": 1, "05/03/24": 1}, "%d/%m/%y")

    assert column.days == {"05/03/24": DAY}
    assert column.faults["2024-03-05"][0] == "unreadable"


@given(
    st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d %B %Y", "%Y-%m-%d 00:00:00"]),
)
def test_what_is_written_is_what_is_read(day: dt.date, form: str) -> None:
    text = day.strftime(form)

    assert read_dates({text: 1}, None).days == {text: day}


@given(st.text(max_size=12))
def test_no_text_breaks_the_reader(text: str) -> None:
    column = read_dates({text: 1}, None)

    assert (text in column.days) != (text in column.faults)
