from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from models.arrays import UNKNOWN_WEEKDAY, Windows
from models.errors import ModelProblem
from models.forecasting.explanation import explain, usual_values

WINDOW = 15


def window_of(values: np.ndarray, covariates: np.ndarray | None = None) -> Windows:
    return Windows(values[None, :], np.array([3]), covariates)


def some_values(days: int = WINDOW) -> np.ndarray:
    return np.random.default_rng(4).uniform(0, 50, days)


def test_in_a_linear_model_a_day_contributes_its_weight_times_its_deviation() -> None:
    values = some_values()
    weights = np.random.default_rng(5).normal(0, 1, (WINDOW, 3))

    found = explain(lambda windows: windows.values @ weights + 7, window_of(values))

    deviation = values - usual_values(values)
    np.testing.assert_allclose(found.contributions, weights * deviation[:, None], atol=1e-10)
    np.testing.assert_allclose(found.baseline, usual_values(values) @ weights + 7)
    np.testing.assert_allclose(found.standard_error, 0, atol=1e-10)
    np.testing.assert_allclose(found.of_day(2), weights[:, 1] * deviation, atol=1e-10)
    np.testing.assert_allclose(found.of_day(None), (weights * deviation[:, None]).sum(axis=1))


def saturating(windows: Windows) -> np.ndarray:
    """Days that act on each other, and a forecast that is never below 0."""
    values = windows.values
    level = values.mean(axis=1)
    peak = values[:, -4:].max(axis=1)
    return np.maximum(np.stack([level * peak / 10 - values[:, 0], peak - 30], axis=1), 0)


@pytest.mark.parametrize("pairs", [2, 5])
def test_contributions_add_up_to_what_the_window_changed_whatever_the_model(pairs: int) -> None:
    found = explain(saturating, window_of(some_values()), pairs=pairs)

    added = found.baseline + found.contributions.sum(axis=0)
    np.testing.assert_allclose(added, found.forecast, rtol=1e-12)


def test_few_days_have_the_values_of_all_orders() -> None:
    values = np.array([3.0, 40.0, 11.0, 25.0, 8.0])
    usual = np.array([10.0, 9.0, 20.0, 21.0, 30.0])
    exact = np.zeros((5, 2))
    for order in itertools.permutations(range(5)):
        joined = usual.copy()
        before = saturating(window_of(joined))[0]
        for day in order:
            joined[day] = values[day]
            after = saturating(window_of(joined))[0]
            exact[day] += (after - before) / math.factorial(5)
            before = after

    found = explain(saturating, window_of(values), usual=usual, pairs=400)

    error = np.abs(found.contributions - exact)
    assert error.max() < 0.05 * np.abs(exact).max()
    # What is said about the error of sampling is about what it is.
    assert (error <= 4 * found.standard_error + 1e-9).all()


def test_the_same_seed_says_the_same_and_another_nearly_so() -> None:
    first, again, other = (
        explain(saturating, window_of(some_values()), seed=seed) for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first.contributions, again.contributions)
    assert (first.contributions != other.contributions).any()
    apart = np.abs(first.contributions - other.contributions)
    assert (apart <= 6 * (first.standard_error + other.standard_error) + 1e-9).all()


def test_a_day_that_the_model_does_not_see_contributes_nothing() -> None:
    found = explain(saturating, window_of(some_values()))

    # The second answer looks at the last four days only.
    assert (found.contributions[:-4, 1] == 0).all()
    still = explain(saturating, window_of(np.full(WINDOW, 5.0)))
    assert (still.contributions == 0).all()


def test_weekday_and_covariates_stay_as_they_are() -> None:
    asked: list[Windows] = []
    covariates = np.arange(2.0 * (WINDOW + 2)).reshape(1, WINDOW + 2, 2)

    def ask(windows: Windows) -> np.ndarray:
        asked.append(windows)
        assert windows.covariates is not None
        return windows.values[:, :1] + windows.covariates[:, -1, :]

    found = explain(ask, window_of(some_values(), covariates), pairs=2)

    assert all((windows.weekday == 3).all() for windows in asked)
    assert all((windows.covariates == covariates).all() for windows in asked)
    assert (found.contributions[1:] == 0).all()
    # Many windows at a time, not one after the other.
    assert sorted(map(len, asked)) == [2, 4 * (WINDOW - 1)]


def test_a_usual_day_is_the_mean_of_its_weekday() -> None:
    weeks = np.array([[1.0, 2, 3, 4, 5, 6, 7], [3.0, 4, 5, 6, 7, 8, 9]])
    assert usual_values(weeks.ravel()).tolist() == [2, 3, 4, 5, 6, 7, 8] * 2
    assert usual_values(np.append(weeks.ravel(), 5.0))[[0, 7, 14]].tolist() == [3, 3, 3]
    assert usual_values(np.array([1.0, 3.0, 8.0])).tolist() == [4, 4, 4]


def test_a_window_of_one_day_has_nothing_unusual() -> None:
    found = explain(lambda windows: windows.values * 2, window_of(np.array([3.0])))

    assert (found.forecast.tolist(), found.contributions.tolist()) == ([6], [[0]])


def test_what_is_no_single_window_is_refused() -> None:
    two = Windows(np.ones((2, WINDOW)), np.array([UNKNOWN_WEEKDAY] * 2))
    for window, pairs in ((two, 32), (window_of(some_values()), 1)):
        with pytest.raises(ModelProblem, match="one window is explained"):
            explain(saturating, window, pairs=pairs)
