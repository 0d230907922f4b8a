from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.arrays import Panel, Windows, roll
from models.errors import ModelProblem

NAN = np.nan
WEDNESDAY = dt.date(2024, 1, 3)


def test_a_panel_knows_its_calendar() -> None:
    panel = Panel(("a",), WEDNESDAY, np.zeros((1, 10)))
    assert (panel.days, panel.weekday_of(0), panel.weekday_of(5)) == (10, 2, 0)
    assert panel.date_of(12) == dt.date(2024, 1, 15)


def test_a_panel_knows_where_each_series_begins_and_ends() -> None:
    values = np.array([[1, 2, 3.0], [NAN, 2, 3], [1, NAN, NAN], [NAN, NAN, NAN]])
    begins, ends = Panel(("a", "b", "c", "d"), WEDNESDAY, values).spans
    assert begins.tolist() == [0, 1, 0, 0]
    assert ends.tolist() == [3, 3, 1, 0]


def test_until_hides_the_day_and_all_after_it() -> None:
    panel = Panel(("a", "b"), WEDNESDAY, np.array([[1, 2, 3.0], [NAN, NAN, 9]]))
    assert panel.until(2).values.tolist()[0] == [1, 2]
    assert panel.until(2).spans[1].tolist() == [2, 0]
    with pytest.raises(ModelProblem, match="outside a panel of 3 days"):
        panel.until(4)


def test_the_values_of_a_panel_cannot_be_changed() -> None:
    values = np.zeros((1, 3))
    panel = Panel(("a",), WEDNESDAY, values)
    with pytest.raises(ValueError, match="read-only"):
        panel.values[0, 0] = 1
    values[0, 0] = 1  # the caller's own array stays writable


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        (("a",), [[1, NAN, 3]], "'a' has missing days inside"),
        (("a", "b"), [[1, 2, 3], [1, np.inf, 3]], "'b' holds an infinity"),
        (("a", "a"), [[1], [2]], "not unique"),
        (("a",), [[1], [2]], "shape"),
    ],
)
def test_a_panel_that_breaks_its_rules_is_refused(
    ids: tuple[str, ...], values: list[list[float]], message: str
) -> None:
    with pytest.raises(ModelProblem, match=message):
        Panel(ids, WEDNESDAY, np.array(values, dtype=float))


def test_last_windows_are_those_of_series_that_reach_the_last_day() -> None:
    values = np.array([[1, 2, 3.0], [4, 5, NAN], [NAN, 7, 8], [NAN, NAN, 9]])
    panel = Panel(("a", "b", "c", "d"), WEDNESDAY, values)
    assert panel.last_windows(2).values.tolist() == [[2, 3], [7, 8]]
    assert panel.last_windows(2).weekday.tolist() == [4, 4]
    assert panel.last_windows(2, most=1).values.tolist() == [[2, 3]]
    assert panel.last_windows(4).values.shape == (0, 4)


@pytest.mark.parametrize(
    ("values", "weekday", "message"),
    [
        ([[1, NAN]], [0], "value 1 of window 0"),
        ([[1, 2]], [8], "weekday is 0"),
        ([[1, 2]], [-1], "weekday is 0"),
        ([[1, 2]], [0, 1], "shape"),
        ([1, 2], [0, 1], "shape"),
    ],
)
def test_windows_that_break_their_rules_are_refused(
    values: list[float], weekday: list[int], message: str
) -> None:
    with pytest.raises(ModelProblem, match=message):
        Windows(np.array(values, dtype=float), np.array(weekday))


def test_rolling_feeds_back_and_keeps_the_weekday_right() -> None:
    asked: list[Windows] = []

    def last_plus_one(windows: Windows) -> np.ndarray:
        asked.append(windows)
        return windows.values[:, -1:] + [1.0, 2.0]

    windows = Windows(np.array([[1.0, 2.0, 3.0], [7.0, 8.0, 9.0]]), np.array([6, 7]))
    forecast = roll(last_plus_one, windows, 5)
    assert forecast.tolist() == [[4, 5, 6, 7, 8], [10, 11, 12, 13, 14]]
    assert [step.weekday.tolist() for step in asked] == [[6, 7], [1, 7], [3, 7]]
    assert asked[1].values.tolist() == [[3, 4, 5], [9, 10, 11]]


def test_rolling_works_when_the_horizon_is_longer_than_the_window() -> None:
    windows = Windows(np.array([[1.0, 2.0]]), np.array([0]))
    forecast = roll(lambda now: now.values[:, -1:] + np.arange(1.0, 4.0), windows, 7)
    assert forecast.tolist() == [[3, 4, 5, 6, 7, 8, 9]]


def test_a_forecast_that_is_not_finite_is_refused_with_its_day() -> None:
    windows = Windows(np.array([[0.0, 3.0]]), np.array([0]))
    with (
        np.errstate(divide="ignore"),
        pytest.raises(ModelProblem, match="not finite for day 2 or later"),
    ):
        roll(lambda now: 3 / (3 - np.full((1, 1), now.values[0, 0])), windows, 9)
