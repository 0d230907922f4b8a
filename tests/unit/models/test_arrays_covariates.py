"""Covariates of panels and windows, and forecasts that stop at zero."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.arrays import Panel, Windows, floored, roll
from models.errors import ModelProblem
from models.forecasting.windows import SampleIndex, windows_before

DAY = dt.date(2024, 1, 1)


def panel(days: int = 6, known: int = 9) -> Panel:
    values = np.arange(2.0 * days).reshape(2, days)
    covariates = np.stack([np.arange(2.0 * known).reshape(2, known)] * 2, axis=2)
    covariates[:, :, 1] *= -1
    return Panel(("a", "b"), DAY, values, ("promo", "price"), covariates)


@pytest.mark.parametrize(
    ("names", "covariates", "message"),
    [
        (("promo",), None, "no values"),
        (("promo",), np.zeros((2, 5, 1)), "needs covariates of shape"),
        (("promo",), np.zeros((1, 6, 1)), "needs covariates of shape"),
        (("promo",), np.zeros((2, 6, 2)), "needs covariates of shape"),
        (("promo", "promo"), np.zeros((2, 6, 2)), "not unique"),
        (("promo",), np.full((2, 6, 1), np.inf), "infinity"),
    ],
)
def test_covariates_that_do_not_fit_are_refused(names, covariates, message) -> None:
    with pytest.raises(ModelProblem, match=message):
        Panel(("a", "b"), DAY, np.zeros((2, 6)), names, covariates)


def test_covariates_of_windows_that_do_not_fit_are_refused() -> None:
    for covariates in (np.zeros((1, 6, 1)), np.zeros((2, 5, 1)), np.zeros((2, 6))):
        with pytest.raises(ModelProblem, match="need covariates of shape"):
            Windows(np.zeros((2, 6)), np.zeros(2, dtype=np.int64), covariates)


def test_what_is_known_in_advance_stays_when_the_future_is_cut_off() -> None:
    windows, rows = windows_before(panel(), 4, 3)
    assert rows.tolist() == [0, 1]
    assert windows.values.tolist() == [[1, 2, 3], [7, 8, 9]]
    assert windows.covariates is not None
    assert windows.covariates[0, :, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_samples_bring_the_covariates_of_their_targets() -> None:
    samples = SampleIndex(panel(), 3, 2, 0, 6).take(np.array([1, 2]))
    assert samples.targets.tolist() == [[4, 5], [9, 10]]
    assert samples.windows.covariates is not None
    assert samples.windows.covariates[:, :, 0].tolist() == [[1, 2, 3, 4, 5], [9, 10, 11, 12, 13]]


def test_covariates_are_chosen_by_name_and_one_that_lacks_is_unknown() -> None:
    chosen = panel().with_covariates(("price", "holiday"))
    assert chosen.covariates is not None
    assert chosen.covariates[0, :3, 0].tolist() == [0, -1, -2]
    assert np.isnan(chosen.covariates[:, :, 1]).all()
    assert panel().with_covariates(()).covariates is None
    bare = Panel(("a",), DAY, np.zeros((1, 4))).with_covariates(("promo",))
    assert bare.covariates is not None
    assert bare.covariates.shape == (1, 4, 1)


def test_what_is_not_known_of_the_days_to_come_is_nan() -> None:
    windows = panel(known=7).last_windows(3)
    known = windows.known_covariates(2, 3)[0, :, 0]
    assert known[:4].tolist() == [3, 4, 5, 6]
    assert np.isnan(known[4:]).all()
    without = Windows(windows.values, windows.weekday)
    assert np.isnan(without.known_covariates(2, 3)).all()
    with pytest.raises(ModelProblem, match="knows 1 covariates, the windows 2"):
        windows.known_covariates(1, 3)


def test_rolling_moves_the_covariates_on() -> None:
    asked = []

    def answer(windows: Windows) -> np.ndarray:
        asked.append(windows.known_covariates(2, 2)[0, :, 0].tolist())
        return np.zeros((len(windows), 2))

    roll(answer, panel().last_windows(3), 5)
    assert asked[0] == [3, 4, 5, 6, 7]
    assert asked[1][:4] == [5, 6, 7, 8]
    assert np.isnan(asked[1][4])
    assert asked[2][:2] == [7, 8]
    assert np.isnan(asked[2][2:]).all()


def test_a_forecast_stops_at_zero_where_its_window_never_was_below() -> None:
    windows = Windows(np.array([[1.0, 2.0], [1.0, -2.0]]), np.array([0, 0]))
    below = np.full((2, 3), -5.0)
    assert floored(below, windows).tolist() == [[0, 0, 0], [-5, -5, -5]]
    rolled = roll(lambda asked: below[: len(asked)], windows, 4, nonnegative=True)
    assert rolled.tolist() == [[0] * 4, [-5] * 4]
    assert roll(lambda asked: below[: len(asked)], windows, 2).min() == -5
