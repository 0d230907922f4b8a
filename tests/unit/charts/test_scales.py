from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.charts.scales import day_ticks, elapsed_ticks, format_duration, number_scale

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3599.6, "1 h 00 m"),
        (3725, "1 h 02 m"),
        (86399, "23 h 59 m"),
        (273_600, "3 d 04 h"),
    ],
)
def test_durations_read_like_speech(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, ["+0 s"]),
        (0.35, ["+0 s", "+0.1 s", "+0.2 s", "+0.3 s"]),
        (41, ["+0 s", "+10 s", "+20 s", "+30 s", "+40 s"]),
        (600, ["+0 m", "+2 m", "+4 m", "+6 m", "+8 m", "+10 m"]),
        (90_000, ["+0 h", "+6 h", "+12 h", "+18 h", "+24 h"]),
    ],
)
def test_elapsed_time_has_round_ticks(seconds: float, expected: list[str]) -> None:
    assert [label for _, label in elapsed_ticks(seconds, 6)] == expected


@settings(deadline=None)
@given(st.floats(0, 1e11), st.integers(2, 20))
def test_there_are_never_more_elapsed_ticks_than_fit(seconds: float, most: int) -> None:
    ticks = elapsed_ticks(seconds, most)

    assert 1 <= len(ticks) <= most
    assert ticks[-1][0] <= seconds * (1 + 1e-9) or seconds == 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 184, ["0", "50", "100", "150", "200"]),
        (-11358, -3000, ["-12,000", "-10,000", "-8,000", "-6,000", "-4,000", "-2,000"]),
        (5, 5, ["4.4", "4.6", "4.8", "5.0", "5.2", "5.4", "5.6"]),
        (1.2e9, 9e9, ["0 ", "2 G", "4 G", "6 G", "8 G", "10 G"]),
        (0.00012, 0.0009, ["0", "0.0002", "0.0004", "0.0006", "0.0008", "0.0010"]),
    ],
)
def test_numbers_have_round_ticks(low: float, high: float, expected: list[str]) -> None:
    scale = number_scale(low, high, 7)

    assert [label for _, label in scale.ticks] == [label.strip() for label in expected]


@settings(deadline=None)
@given(finite, finite, st.integers(0, 20))
def test_any_floats_get_a_scale_that_holds_them(one: float, other: float, most: int) -> None:
    low, high = min(one, other), max(one, other)
    scale = number_scale(low, high, most)

    assert 2 <= len(scale.ticks) <= max(3, most)
    slack = 1e-6 * (scale.high / 2 - scale.low / 2)
    assert scale.low <= low + slack
    assert high <= scale.high + slack
    assert math.isfinite(scale.position(low))
    assert -1e-6 <= scale.position(low) <= scale.position(high) <= 1 + 1e-6


@settings(deadline=None)
@given(st.dates(), st.dates(), st.integers(1, 20))
def test_any_days_get_ticks_between_them(one: date, other: date, most: int) -> None:
    first, last = min(one, other), max(one, other)
    ticks = day_ticks(first, last, most)

    assert 1 <= len(ticks) <= most
    assert all(first.toordinal() <= day <= last.toordinal() for day, _ in ticks)


def test_years_are_named_where_they_begin() -> None:
    labels = [label for _, label in day_ticks(date(2025, 9, 20), date(2026, 8, 1), 7)]

    assert labels == ["Nov", "Jan 2026", "Mar", "May", "Jul"]
