"""The formulas of drift, held against scipy, closed forms and made data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpies
from scipy import stats

from models.arrays import FloatArray
from models.drift.distribution import Distribution
from models.drift.judging import judge, ks_p_value, psi_by_chance, psi_of_counts, worst_of
from models.drift.kept import LEAST_PARTS, Kept

some_values = numpies.arrays(
    np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6, allow_nan=False)
)


def normal(count: int, mean: float = 0.0, std: float = 1.0, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(mean, std, count)


def test_psi_is_the_sum_over_the_ranges_that_the_values_fill_alike() -> None:
    kept = Distribution.of(np.arange(100.0))
    # All of it in the upper half: of ten ranges five are empty and five are filled twice.
    later = np.arange(50.0, 100.0)
    expected = 5 * (0.2 - 0.1) * np.log(2) + 5 * (1e-4 - 0.1) * np.log(1e-4 / 0.1)
    assert kept.psi(later) == pytest.approx(expected)
    assert kept.psi(np.arange(100.0)) == pytest.approx(0.0, abs=1e-12)


@given(some_values)
def test_nothing_has_drifted_from_itself(values: FloatArray) -> None:
    kept = Distribution.of(values)
    assert kept.psi(values) == pytest.approx(0.0, abs=1e-9)
    assert kept.ks(values) <= 0.02 or len(values) < 100
    assert kept.distance(values) in (None, pytest.approx(0.0, abs=1e-6))


@given(some_values, some_values, st.floats(0.1, 1e3), st.floats(-1e3, 1e3))
def test_the_unit_of_the_values_does_not_matter(
    then: FloatArray, now: FloatArray, factor: float, shift: float
) -> None:
    one, other = Distribution.of(then), Distribution.of(then * factor + shift)
    distance, scaled = one.distance(now), other.distance(now * factor + shift)
    if one.std > 1e-3 and distance is not None and scaled is not None:
        assert scaled == pytest.approx(distance, rel=1e-4, abs=1e-4)


def test_a_value_above_a_heap_is_seen_as_well_as_one_below() -> None:
    kept = Distribution.of(np.zeros(50))
    assert kept.psi(np.full(50, 0.1)) > 5 and kept.psi(np.full(50, -0.1)) > 5
    mostly = Distribution.of(np.r_[np.zeros(80), np.arange(1.0, 21.0)])
    assert mostly.psi(np.r_[np.zeros(40), np.full(60, 0.5)]) > 0.25


def test_distances_are_those_of_scipy() -> None:
    then, now = normal(5000), normal(4000, 0.3, 1.4, seed=1)
    kept = Distribution.of(then)
    assert kept.ks(now) == pytest.approx(stats.ks_2samp(then, now).statistic, abs=0.015)
    ours = kept.distance(now)
    assert ours == pytest.approx(stats.wasserstein_distance(then, now) / then.std(), abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_how_likely_chance_is_comes_out_as_in_scipy(seed: int) -> None:
    then, now = normal(3000, seed=seed), normal(400, 0.05, seed=seed + 50)
    found = stats.ks_2samp(then, now, method="asymp")
    assert ks_p_value(float(found.statistic), 3000, 400) == pytest.approx(found.pvalue, abs=0.02)


@pytest.mark.parametrize("count", [20, 200, 2000])
def test_chance_alone_exceeds_the_bar_hardly_ever(count: int) -> None:
    kept = Distribution.of(normal(20_000))
    bar = psi_by_chance(kept, 20_000, count)
    found = [kept.psi(normal(count, seed=seed)) for seed in range(1, 401)]
    assert sum(psi > bar for psi in found) <= 3
    # Nor is it so high that nothing exceeds it.
    assert kept.psi(normal(max(count, 200), 1.0, seed=9)) > bar or count < 200


def test_what_is_far_off_has_drifted_and_what_is_not_has_not() -> None:
    kept = Kept.of(normal(5000), 5000)
    verdicts = {
        mean: judge("x", kept, normal(500, mean, seed=3), effective=500).verdict
        for mean in (0.0, 0.38, 2.0)
    }
    assert verdicts == {0.0: "alike", 0.38: "shifted", 2.0: "drifted"}


def test_few_values_never_cry_wolf() -> None:
    kept = Kept.of(normal(5000), 5000)
    for seed in range(100):
        assert judge("x", kept, normal(8, seed=seed), effective=8).verdict == "alike"
    # A thousand windows of four series are four.
    assert judge("x", kept, normal(1000, 0.6), effective=4).verdict == "alike"


def seasonal(weeks: int, seed: int = 0) -> list[FloatArray]:
    """Weeks of which each has its own level."""
    levels = np.sin(np.arange(weeks) / weeks * 2 * np.pi)
    return [normal(100, level, 0.2, seed + week) for week, level in enumerate(levels)]


def test_what_single_weeks_did_before_is_no_drift_and_what_none_did_is() -> None:
    parts = seasonal(52)
    kept = Kept.of(np.concatenate(parts), 2000, parts)
    busiest = normal(700, 1.0, 0.2, seed=99)
    assert judge("x", kept, busiest, effective=100).psi > 0.25
    assert judge("x", kept, busiest, effective=100).verdict == "alike"
    # Beyond the highest of all weeks the PSI cannot tell how far: the distance can.
    assert judge("x", kept, busiest + 3.0, effective=100).verdict == "drifted"
    assert Kept.of(np.concatenate(parts), 100, parts[: LEAST_PARTS - 1]).ordinary_psi == 0.0


def test_what_is_kept_can_be_written_and_read() -> None:
    parts = seasonal(20)
    kept = Kept.of(np.concatenate(parts), 400, parts)
    saved = json.loads(json.dumps(kept.to_dict(), allow_nan=False))
    again = Kept.from_dict(saved)
    assert again.to_dict() == saved
    now = normal(300, 0.4)
    assert judge("x", again, now, effective=50).psi == pytest.approx(
        judge("x", kept, now, effective=50).psi
    )
    for broken in ({}, {**saved, "shares": [1.0]}, {**saved, "quantiles": [None]}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Kept.from_dict(broken)


def test_shares_of_classes_are_compared_too() -> None:
    then = {"cat": 0.5, "dog": 0.5}
    psi, bar, verdict = psi_of_counts(then, {"cat": 480, "dog": 520}, effective=1000)
    assert (psi < bar or psi < 0.1) and verdict == "alike"
    assert psi_of_counts(then, {"cat": 950, "dog": 50}, effective=1000)[2] == "drifted"
    assert psi_of_counts(then, {"cat": 250, "dog": 250, "cow": 500}, effective=1000)[2] == "drifted"
    assert psi_of_counts(then, {"cat": 3}, effective=1000)[2] == "alike"


def test_the_worst_verdict_counts() -> None:
    assert worst_of(["alike", "drifted", "shifted"]) == "drifted"
    assert worst_of([]) == "alike"
