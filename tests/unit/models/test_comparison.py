from __future__ import annotations

import math

import numpy as np
import pytest

from models.forecasting.comparison import LEAST_SERIES, difference, mean_interval

NAN = np.nan


def binomial(count: int, least: int) -> float:
    """Probability of at least so many heads of a fair coin."""
    return sum(math.comb(count, heads) for heads in range(least, count + 1)) / 2**count


def test_a_difference_that_all_series_share_is_certain() -> None:
    errors = np.array([[0.5, 0.9, 0.7, 1.2, 2.0, 0.1]] * 3)

    found = difference(errors, errors + 0.25, seed=1)

    assert found is not None
    assert found.value == pytest.approx(-0.25)
    assert (found.lower, found.upper) == (pytest.approx(-0.25), pytest.approx(-0.25))
    assert (found.probability_better, found.series) == (1.0, 6)
    assert found.is_clear


def test_the_interval_of_a_coin_is_that_of_the_binomial_distribution() -> None:
    # Of 20 series half have an error of 1, the others of 0: the mean of a draw is that of 20 coins.
    errors = np.arange(20.0)[None, :] % 2

    interval = mean_interval(errors, seed=3)

    # P(heads <= 5) = 0.021, P(heads <= 6) = 0.058: the 2.5 % quantile is 6 of 20, likewise above.
    assert binomial(20, 15) < 0.025 < binomial(20, 14)
    assert interval == (pytest.approx(0.3), pytest.approx(0.7))


def test_the_probability_of_being_better_is_the_part_of_the_draws() -> None:
    # Three of five are better by 1, two worse by 1; each draw is five coins of 3/5.
    errors, others = np.zeros((1, 5)), np.array([[1.0, 1.0, 1.0, -1.0, -1.0]])
    expected = sum(math.comb(5, k) * 0.6**k * 0.4 ** (5 - k) for k in (3, 4, 5))

    found = difference(errors, others, seed=5)

    assert found is not None
    assert found.probability_better == pytest.approx(expected, abs=0.03)
    assert not found.is_clear


def test_a_tie_counts_half() -> None:
    errors = np.ones((2, 8))

    found = difference(errors, errors, seed=1)

    assert found is not None
    assert (found.value, found.probability_better, found.is_clear) == (0.0, 0.5, False)


def test_only_what_both_were_scored_on_is_compared() -> None:
    errors = np.array([[1.0, 2.0, NAN, 4.0, 5.0, 6.0, 7.0], [1.0, NAN, NAN, 4.0, 5.0, 6.0, 7.0]])
    others = np.array([[2.0, 4.0, 1.0, 4.0, 5.0, 6.0, NAN], [2.0, 1.0, 1.0, 4.0, 5.0, 6.0, NAN]])

    found = difference(errors, others, seed=1)

    # Differences: -1, -1; -2; 0, 0; 0, 0; 0, 0.
    assert found is not None
    assert found.series == 5
    assert found.value == pytest.approx(-4 / 9)
    assert difference(np.full((1, 9), NAN), np.ones((1, 9)), seed=1) is None


def test_series_are_drawn_whole() -> None:
    # Eight origins of a series are no eight series: they all say the same.
    errors = np.repeat(np.arange(6.0)[None, :], 8, axis=0)

    assert mean_interval(errors, seed=2) == mean_interval(errors[:1], seed=2)


def test_too_few_series_are_not_made_to_say_something() -> None:
    few = np.arange(1.0, LEAST_SERIES)[None, :]

    found = difference(few, few + 1, seed=1)

    assert mean_interval(few, seed=1) is None
    assert found is not None
    assert found.value == pytest.approx(-1)
    assert (found.lower, found.upper, found.probability_better) == (None, None, None)
    assert not found.is_clear


def test_the_same_seed_gives_the_same_interval_also_of_many_series() -> None:
    errors = np.random.default_rng(1).gamma(2.0, size=(2, 1500))

    assert mean_interval(errors, seed=4) == mean_interval(errors, seed=4)
    assert mean_interval(errors, seed=4) != mean_interval(errors, seed=5)
    lower, upper = mean_interval(errors, seed=4) or (NAN, NAN)
    spread = errors.mean(axis=0).std() / math.sqrt(1500)
    assert upper - lower == pytest.approx(2 * 1.96 * spread, rel=0.1)
