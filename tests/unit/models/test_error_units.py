"""What errors are measured in: how much a window moves, and how high its forecast is."""

from __future__ import annotations

import numpy as np
import pytest

from models.arrays import FloatArray, Windows
from models.errors import ModelProblem
from models.forecasting.error_units import ErrorUnit, learn_unit, unit_of_totals
from models.forecasting.intervals import GRID, Calibration

COUNT, STEPS = 4000, 3


def learnt(sigma: FloatArray, point: FloatArray, movement: FloatArray) -> ErrorUnit:
    """The unit of errors that are as large as `sigma` says."""
    residuals = np.random.default_rng(0).normal(size=point.shape) * sigma
    return learn_unit(residuals, point, movement, 1e-3, np.ones(len(point)))


@pytest.fixture
def forecasts() -> tuple[FloatArray, FloatArray]:
    """Forecasts of many levels, and movements that have nothing to do with them."""
    rng = np.random.default_rng(1)
    return np.exp(rng.uniform(0, 5, (COUNT, STEPS))), np.exp(rng.uniform(0, 4, COUNT))


def test_errors_that_follow_the_movement_are_measured_by_it(
    forecasts: tuple[FloatArray, FloatArray],
) -> None:
    point, movement = forecasts
    assert learnt(movement[:, None], point, movement) == ErrorUnit(1.0, 0.0)


def test_errors_of_counts_are_measured_by_the_root_of_their_level(
    forecasts: tuple[FloatArray, FloatArray],
) -> None:
    point, _ = forecasts
    unit = learnt(np.sqrt(point), point, np.sqrt(point.mean(axis=1)))
    assert unit.level >= 0.375


def test_of_a_movement_that_is_mostly_chance_less_counts(
    forecasts: tuple[FloatArray, FloatArray],
) -> None:
    point, movement = forecasts
    seen = movement * np.exp(np.random.default_rng(2).normal(0, 0.7, COUNT))
    unit = learnt(movement[:, None], point, seen)
    assert unit.movement < 1
    assert unit.level == 0


def test_what_stands_still_is_measured_by_the_floor() -> None:
    unit = ErrorUnit(0.5, 0.5)
    days = unit.of_days(np.array([[0.0, 16.0], [-16.0, 4.0]]), np.array([0.0, 9.0]), 4.0)
    assert days.tolist() == [[4.0, 8.0], [12.0, 6.0]]


def test_totals_of_days_with_the_same_unit_have_it_too() -> None:
    same = unit_of_totals(np.array([[2.0, 2.0, 2.0], [1e300, 1e300, 1e300]]))
    np.testing.assert_allclose(same, [[2.0] * 3, [1e300] * 3])
    rising = unit_of_totals(np.array([[1.0, 7.0]]))
    np.testing.assert_allclose(rising, [[1.0, 5.0]])
    assert unit_of_totals(np.ones((2, 0))).shape == (2, 0)


def test_a_day_that_is_forecast_higher_has_a_wider_interval_of_the_same_share() -> None:
    quantiles = np.quantile(np.linspace(-1, 1, 101), GRID)[None, :].repeat(2, axis=0)
    calibration = Calibration(quantiles, 101, 1.0, 0.5, False, unit=ErrorUnit(0.5, 0.5))
    windows = Windows(np.full((1, 14), 9.0), np.array([0]))
    lower, upper = calibration.interval(np.array([[100.0, 4.0]]), windows, 0.8)
    assert ((upper - lower)[0, 0] / (upper - lower)[0, 1]).item() == pytest.approx(5.0)


def test_what_was_kept_before_there_was_a_choice_is_measured_by_the_movement() -> None:
    quantiles = np.quantile(np.linspace(-1, 1, 101), GRID)[None, :]
    data = Calibration(quantiles, 101, 1.0, 0.5, False, unit=ErrorUnit(0.5, 0.5)).as_dict()
    assert Calibration.of_dict(data).unit == ErrorUnit(0.5, 0.5)
    del data["unit"]
    assert Calibration.of_dict(data).unit == ErrorUnit(1.0, 0.0)


@pytest.mark.parametrize("powers", [(-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.0)])
def test_powers_that_are_none_are_refused(powers: tuple[float, float]) -> None:
    with pytest.raises(ModelProblem, match="powers from 0 to 1"):
        ErrorUnit(*powers)
