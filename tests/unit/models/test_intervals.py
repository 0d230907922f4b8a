from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest

from models.arrays import Panel, Windows
from models.errors import ModelProblem
from models.forecasting.calibration import calibrate
from models.forecasting.intervals import GRID, Calibration, window_scales

WINDOW, HORIZON, VALIDATION_DAYS = 14, 7, 28
RESIDUALS = np.random.default_rng(5).permutation(99) - 49.0
"""The whole numbers from -49 to 49: their order statistics are known by heart."""


def still(count: int, level: float = 100.0) -> Windows:
    return Windows(np.full((count, WINDOW), level), np.zeros(count, dtype=np.int64))


def ramp(**changes: Any) -> Calibration:
    """Residuals -49 .. 49 at step 1 and twice as wide at step 2, in units of the scale."""
    quantiles = np.stack([np.quantile(RESIDUALS * factor, GRID) for factor in (1.0, 2.0)])
    shape = {"count": 99, "floor": 1.0, "growth": 0.5, "nonnegative": False}
    return Calibration(**{"quantiles": quantiles, **shape, **changes})


def last_week(windows: Windows, steps: int) -> np.ndarray:
    positions = [windows.window - 7 + step % 7 for step in range(steps)]
    return windows.values[:, positions]


def noise(series: int = 8, days: int = 200, shift: float = 0.0) -> Panel:
    rng = np.random.default_rng(2)
    spread = rng.uniform(0.5, 50, (series, 1))
    values = shift + spread * rng.normal(0, 1, (series, days))
    return Panel(tuple(f"s{row}" for row in range(series)), dt.date(2026, 1, 1), values)


def of_naive(panel: Panel, validation_days: int = VALIDATION_DAYS) -> Calibration:
    return calibrate(
        last_week,
        panel,
        window=WINDOW,
        horizon=HORIZON,
        validation_days=validation_days,
    )


@pytest.mark.parametrize("level", [0.1, 0.5, 0.8, 0.9, 0.98])
def test_the_ends_are_the_residuals_of_the_rank_that_a_value_to_come_needs(level: float) -> None:
    point = np.full((1, 2), 100.0)
    lower, upper = ramp().interval(point, still(1), level)
    # Of 99 residuals and the one to come, ceil(100 (1 + level) / 2) are at or below the upper end.
    rank = np.ceil(np.round(100 * (1 + level) / 2, 9))
    end = np.sort(RESIDUALS)[int(rank) - 1]
    np.testing.assert_allclose(upper - point, [[end, 2 * end]], atol=1e-9)
    np.testing.assert_allclose(point - lower, [[end, 2 * end]], atol=1e-9)


def test_more_than_the_residuals_can_tell_is_the_largest_of_them() -> None:
    point = np.full((1, 1), 100.0)
    lower, upper = ramp().interval(point, still(1), 0.999)
    assert (lower.item(), upper.item()) == (51.0, 149.0)
    one = Calibration(np.full((1, GRID.size), 3.0), 1, 1.0, 0.5, False)
    assert [end.item() for end in one.interval(point, still(1), 0.1)] == [100.0, 103.0]


def test_errors_to_one_side_make_a_lopsided_interval_with_the_forecast_inside() -> None:
    quantiles = np.quantile(np.arange(5.0, 104.0), GRID)[None, :]
    calibration = Calibration(quantiles, 99, 1.0, 0.5, False)
    lower, upper = calibration.interval(np.full((1, 1), 20.0), still(1), 0.8)
    assert lower.item() == 20.0
    assert upper.item() == pytest.approx(20 + 94)


def test_beyond_the_horizon_the_last_step_is_widened_with_a_power_of_the_step() -> None:
    point = np.zeros((1, 8))
    lower, upper = ramp(growth=0.5).interval(point, still(1), 0.8)
    width = (upper - lower)[0]
    np.testing.assert_allclose(width[2:] / width[1], np.sqrt(np.arange(3, 9) / 2))
    lower, upper = ramp(growth=0.0).interval(point, still(1), 0.8)
    np.testing.assert_allclose((upper - lower)[0, 2:], width[1])


def test_the_unit_is_how_much_the_window_moves_beside_its_week() -> None:
    week = np.array([5.0, 0, 0, 0, 0, 0, 9.0])
    moves = np.tile(week, 2) + np.repeat([0.0, 8.0], 7)
    windows = Windows(np.stack([np.tile(week, 2), moves, moves * 10 - 5e6]), np.array([0, 0, 7]))
    assert window_scales(windows).tolist() == pytest.approx([0.0, 4.0, 40.0])
    short = Windows(np.array([[0.0, 4.0], [3.0, 3.0]]), np.array([7, 7]))
    assert window_scales(short).tolist() == [2.0, 0.0]
    # The mean of 0.1 is not exactly 0.1: that is rounding, no movement.
    assert window_scales(still(1, 0.1)).tolist() == [0.0]
    lower, upper = ramp(floor=0.5).interval(np.zeros((3, 1)), windows, 0.8)
    np.testing.assert_allclose((upper - lower)[:, 0], np.array([0.5, 4.0, 40.0]) * 80)


def test_where_nothing_was_ever_negative_no_interval_begins_below_zero() -> None:
    windows = Windows(np.stack([np.full(WINDOW, 10.0), np.full(WINDOW, -10.0)]), np.array([0, 0]))
    point = np.array([[10.0, -1.0], [10.0, -1.0]])
    free, _ = ramp().interval(point, windows, 0.8)
    cut, upper = ramp(nonnegative=True).interval(point, windows, 0.8)
    # The forecast stays inside even where it is negative; a window below zero is not cut at all.
    assert cut[0].tolist() == [0.0, -1.0]
    assert cut[1].tolist() == free[1].tolist()
    assert (cut <= point).all()
    assert (point <= upper).all()


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 80.0, np.nan])
def test_a_level_that_is_no_probability_of_an_interval_is_refused(level: float) -> None:
    with pytest.raises(ModelProblem, match="level must be above 0 and below 1"):
        ramp().interval(np.zeros((1, 1)), still(1), level)


def test_an_interval_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ModelProblem, match="not finite"), np.errstate(over="ignore"):
        ramp(floor=1e307).interval(np.zeros((1, 1)), still(1), 0.98)


def test_the_probability_below_a_threshold_fits_the_interval() -> None:
    calibration, windows = ramp(), still(1)
    point = np.full((1, 5), 100.0)
    _, upper = calibration.interval(point, windows, 0.8)
    for step, end in enumerate(upper[0]):
        below = calibration.probability_below(point, windows, end)
        assert below[0, step] == pytest.approx(0.9, abs=0.015)
    thresholds = [0.0, 50.0, 75.0, 100.0, 125.0, 150.0]
    first = [calibration.probability_below(point, windows, at)[0, 0] for at in thresholds]
    assert first == sorted(first)
    assert (first[0], first[3], first[-1]) == (0.0, pytest.approx(0.5), 1.0)
    low = np.full((1, 1), 10.0)
    assert ramp().probability_below(low, windows, 0.0).item() > 0.3
    assert ramp(nonnegative=True).probability_below(low, windows, 0.0).item() == 0.0


def test_only_windows_whose_targets_were_held_back_are_compared() -> None:
    panel = noise()
    asked: list[Windows] = []

    def recording(windows: Windows, steps: int) -> np.ndarray:
        asked.append(windows)
        return last_week(windows, steps)

    calibration = calibrate(
        recording, panel, window=WINDOW, horizon=HORIZON, validation_days=VALIDATION_DAYS
    )
    origins = VALIDATION_DAYS - HORIZON + 1
    assert calibration.count == len(asked[0]) == 8 * origins
    first = panel.days - VALIDATION_DAYS
    np.testing.assert_array_equal(asked[0].values[0], panel.values[0, first - WINDOW : first])
    # Other values before these windows change nothing.
    values = panel.values.copy()
    values[:, : first - WINDOW] *= 100
    assert of_naive(Panel(panel.ids, panel.start, values)).as_dict() == calibration.as_dict()


def test_what_comes_lies_in_the_interval_as_often_as_the_level_says() -> None:
    panel = noise(series=40, days=400)
    calibration = of_naive(panel.until(200))
    inside = []
    for origin in range(200, 390, HORIZON):
        windows = panel.until(origin).last_windows(WINDOW)
        actual = panel.values[:, origin : origin + HORIZON]
        lower, upper = calibration.interval(last_week(windows, HORIZON), windows, 0.8)
        inside.append((lower <= actual) & (actual <= upper))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.03)
    # In calm series as in wild ones: the scale of the window sees to that.
    by_series = np.concatenate(inside, axis=1).mean(axis=1)
    assert by_series.min() > 0.7
    assert by_series.max() < 0.94


@pytest.mark.parametrize(
    ("walks", "low", "high"), [(False, 0.0, 0.1), (True, 0.35, 0.65)], ids=["noise", "walk"]
)
def test_errors_grow_beyond_the_horizon_as_they_did(walks: bool, low: float, high: float) -> None:
    panel = noise(series=60, days=120)
    values = panel.values.cumsum(axis=1) if walks else panel.values
    assert low <= of_naive(Panel(panel.ids, panel.start, values)).growth <= high


def test_growth_that_cannot_be_measured_is_that_of_a_random_walk() -> None:
    assert of_naive(noise(), validation_days=HORIZON).growth == 0.5


def test_series_that_stand_still_have_intervals_too() -> None:
    panel = Panel(("a", "b"), dt.date(2026, 1, 1), np.array([[5.0], [0.0]]).repeat(100, axis=1))
    calibration = of_naive(panel)
    assert calibration.nonnegative
    windows = panel.last_windows(WINDOW)
    point = last_week(windows, HORIZON)
    for end in calibration.interval(point, windows, 0.9):
        np.testing.assert_array_equal(end, point)
    # One that stood still and then moved: the move is the unit.
    values = panel.values.copy()
    values[:, -HORIZON:] += 3.0
    moved = of_naive(Panel(panel.ids, panel.start, values), validation_days=HORIZON)
    _, upper = moved.interval(point, windows, 0.5)
    np.testing.assert_allclose(upper, point + 3.0)


def test_without_values_to_compare_with_nothing_is_calibrated() -> None:
    values = noise().values.copy()
    values[:, -VALIDATION_DAYS + 3 :] = np.nan
    panel = Panel(noise().ids, noise().start, values)
    with pytest.raises(ModelProblem, match="no series has 7 values in the last 28 days"):
        of_naive(panel)


def test_it_comes_back_from_json_as_it_was() -> None:
    calibration = of_naive(noise(shift=1000.0))
    again = Calibration.of_dict(json.loads(json.dumps(calibration.as_dict(), allow_nan=False)))
    assert again.as_dict() == calibration.as_dict()
    windows = noise(shift=1000.0).last_windows(WINDOW)
    for before, after in zip(
        calibration.interval(last_week(windows, 20), windows, 0.73),
        again.interval(last_week(windows, 20), windows, 0.73),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 0},
        {"count": 1.5},
        {"floor": 0.0},
        {"floor": float("nan")},
        {"growth": -0.1},
        {"growth": 1.5},
        {"growth": float("nan")},
        {"nonnegative": 1},
        {"probabilities": [0.0, 1.0]},
        {"quantiles": []},
        {"quantiles": [[1.0, 2.0]]},
        {"quantiles": [["a"] * GRID.size]},
        {"quantiles": [[0.0] * (GRID.size - 1) + [float("inf")]]},
        {"quantiles": [[1.0] * (GRID.size - 1) + [0.0]]},
        {"quantiles": [[0.0] * GRID.size, [0.0]]},
        {"unit": {"movement": 1.0}},
        {"unit": {"movement": 1.0, "level": 1.5}},
        {"unit": {"movement": float("nan"), "level": 0.0}},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_no_calibration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelProblem):
        Calibration.of_dict({**ramp().as_dict(), **changes})
    with pytest.raises(ModelProblem):
        Calibration.of_dict([changes])
