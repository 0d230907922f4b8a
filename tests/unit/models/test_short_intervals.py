"""Intervals where only the last days of a window are known."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest

from models.arrays import FloatArray, Panel, Windows
from models.errors import ModelProblem
from models.forecasting.calibration import calibrate
from models.forecasting.intervals import Calibration
from models.forecasting.movement import ShortScales, window_scales
from models.forecasting.short import shortened
from models.forecasting.windows import SampleIndex

WINDOW, HORIZON, DAYS = 30, 7, 200
LENGTHS = [1, 2, 3, 5, 7, 10, 14, 21]


def demand(seed: int) -> Panel:
    """Series with a week and noise, of very different levels."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.uniform(1, 6, 60))[:, None]
    week = 1 + 0.4 * rng.normal(size=(60, 7))
    values = level * week[:, np.arange(DAYS) % 7] * rng.gamma(8, 1 / 8, (60, DAYS))
    ids = tuple(f"s{number}" for number in range(60))
    return Panel(ids, dt.date(2026, 1, 1), np.abs(values))


def weekday_mean(windows: Windows, steps: int) -> FloatArray:
    places = [[*range(WINDOW - 7 + step % 7, -1, -7)] for step in range(steps)]
    columns = [windows.values[:, days].mean(axis=1) for days in places]
    return np.stack(columns, axis=1)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(weekday_mean, demand(1), window=WINDOW, horizon=HORIZON, validation_days=60)


def covered(calibration: Calibration, days: int, level: float) -> tuple[float, float]:
    """How often days, and totals of all days, of other series are in their interval."""
    panel = demand(2)
    samples = SampleIndex(panel, WINDOW, HORIZON, 0, DAYS).spread(3000)
    windows = shortened(samples.windows, np.full(len(samples.windows), days))
    point = weekday_mean(windows, HORIZON)
    lower, upper = calibration.interval(point, windows, level)
    part = ((lower <= samples.targets) & (samples.targets <= upper)).mean()
    low, high = calibration.total_interval(point, windows, level)
    total = samples.targets.sum(axis=1)
    return float(part), float(((low[:, -1] <= total) & (total <= high[:, -1])).mean())


@pytest.mark.parametrize("days", LENGTHS)
def test_of_any_number_of_known_days_the_interval_holds_what_it_says(
    calibration: Calibration, days: int
) -> None:
    part, total = covered(calibration, days, 0.8)

    assert part == pytest.approx(0.8, abs=0.05)
    assert total == pytest.approx(0.8, abs=0.06)


def test_as_if_all_days_were_known_it_would_be_too_narrow(calibration: Calibration) -> None:
    samples = SampleIndex(demand(2), WINDOW, HORIZON, 0, DAYS).spread(3000)
    cut = shortened(samples.windows, np.full(len(samples.windows), 2))
    point = weekday_mean(cut, HORIZON)

    lower, upper = calibration.interval(point, Windows(cut.values, cut.weekday), 0.8)

    assert ((lower <= samples.targets) & (samples.targets <= upper)).mean() < 0.7


def test_whole_windows_among_short_ones_are_measured_as_ever(calibration: Calibration) -> None:
    windows = SampleIndex(demand(2), WINDOW, HORIZON, 0, DAYS).spread(50).windows
    days = np.where(np.arange(50) % 2 == 0, WINDOW, 5)
    mixed = shortened(windows, days)
    point = weekday_mean(mixed, 20)

    plain = calibration.interval(point, windows, 0.8)
    both = calibration.interval(point, mixed, 0.8)
    totals = calibration.total_interval(point, mixed, 0.8)

    for end, whole in zip(both, plain, strict=True):
        np.testing.assert_allclose(end[::2], whole[::2])
    alone = calibration.interval(point[1:2], mixed.take(np.array([1])), 0.8)
    np.testing.assert_allclose(both[1][1], alone[1][0])
    whole_totals = calibration.total_interval(point, windows, 0.8)
    np.testing.assert_allclose(totals[1][::2], whole_totals[1][::2])


def test_a_series_of_one_day_has_an_interval_of_its_own_size(calibration: Calibration) -> None:
    values = np.array([[1.0], [1000.0]]).repeat(WINDOW, axis=1)
    windows = Windows(values, np.array([0, 0]), known_days=np.array([1, 1]))

    lower, upper = calibration.interval(values[:, :HORIZON], windows, 0.8)

    assert (upper - lower)[1, 0] > 100 * (upper - lower)[0, 0] > 0


def test_what_is_kept_is_read_again_and_may_be_absent(calibration: Calibration) -> None:
    data = json.loads(json.dumps(calibration.as_dict()))
    windows = Windows(np.ones((1, WINDOW)), np.array([0]), known_days=np.array([3]))

    assert Calibration.of_dict(data).short == calibration.short
    del data["short"]
    older = Calibration.of_dict(data)
    assert older.short is None
    assert "short" not in older.as_dict()
    # Too narrow an interval is worse than none.
    for ask in (older.interval, older.total_interval):
        with pytest.raises(ModelProblem, match="only some days of its window are known"):
            ask(np.ones((1, HORIZON)), windows, 0.8)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"level_share": 0.5},
        {"level_share": 0.5, "factors": []},
        {"level_share": 0.5, "factors": [[1, 2.0]]},
        {"level_share": 0.5, "factors": [[1, 2.0, "3"]]},
        {"level_share": 0.5, "factors": [[0, 2.0, 3.0]]},
        {"level_share": 0.5, "factors": [[2, 2.0, 3.0], [1, 2.0, 3.0]]},
        {"level_share": 0.5, "factors": [[1, 0.0, 3.0]]},
        {"level_share": -0.5, "factors": [[1, 2.0, 3.0]]},
        {"level_share": 0.5, "factors": [[1, 2.0, 3.0]], "more": 1},
    ],
)
def test_what_is_something_else_is_refused(calibration: Calibration, wrong: object) -> None:
    with pytest.raises(ModelProblem):
        Calibration.of_dict({**calibration.as_dict(), "short": wrong})


def test_a_model_that_never_misses_whole_windows_is_calibrated_all_the_same() -> None:
    values = np.tile(np.arange(7.0), (2, 20))
    panel = Panel(("a", "b"), dt.date(2026, 1, 1), values)

    found = calibrate(weekday_mean, panel, window=WINDOW, horizon=HORIZON, validation_days=30)

    assert found.short is not None
    assert all(np.isfinite(row).all() for row in found.short.factors)


def test_between_two_numbers_of_days_factors_are_on_a_straight_line() -> None:
    scales = ShortScales(0.5, ((1, 2.0, 2.0), (3, 4.0, 8.0)))
    values = np.full((1, 8), 6.0)

    def known(days: int) -> Windows:
        return Windows(values, np.array([0]), known_days=np.array([days]))

    assert scales.widening(known(1)).tolist() == [2.0]
    assert scales.widening(known(2)).tolist() == pytest.approx([3.0])
    assert scales.widening(known(8)).tolist() == [1.0]
    # Nothing moves, so half of the level counts, less with each day.
    assert scales.movement(known(1)).tolist() == pytest.approx([3.0])
    assert scales.movement(known(2)).tolist() == pytest.approx([3.0 * 7 / 8])
    assert scales.movement(known(8)).tolist() == [0.0]
    assert replace(scales, level_share=0.0).movement(known(3)).tolist() == [0.0]
    widening = scales.total_widening(known(3), steps=5, horizon=3)
    assert widening[0].tolist() == pytest.approx([1.0, 1.5, 2.0, 2.0, 2.0])
    assert window_scales(Windows(values, np.array([0]))).tolist() == [0.0]
