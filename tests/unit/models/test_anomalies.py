from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.arrays import Panel, Windows
from models.errors import ModelProblem
from models.forecasting.anomalies import Findings, find_anomalies
from models.forecasting.calibration import calibrate
from models.forecasting.intervals import Calibration

WINDOW, HORIZON, DAYS = 28, 7, 300
SERIES = 50


def level(windows: Windows, steps: int) -> np.ndarray:
    return windows.values.mean(axis=1, keepdims=True).repeat(steps, axis=1)


def noise(seed: int = 6, days: int = DAYS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = rng.uniform(5, 80, (SERIES, 1))
    return np.maximum(np.round(size * rng.gamma(16, 1 / 16, (SERIES, days))), 1.0)


def panel_of(values: np.ndarray) -> Panel:
    return Panel(tuple(f"s{row}" for row in range(len(values))), dt.date(2026, 1, 5), values)


def calibrated(panel: Panel, days: int = 14) -> Calibration:
    history = panel.until(panel.days - days)
    return calibrate(level, history, window=WINDOW, horizon=HORIZON, validation_days=84)


def look(values: np.ndarray, *, days: int = 14, by: float = 0.99) -> Findings:
    panel = panel_of(values)
    return find_anomalies(
        panel,
        level,
        calibrated(panel, days),
        window=WINDOW,
        horizon=HORIZON,
        days=days,
        level=by,
    )


def kinds(found: Findings, row: int) -> list[tuple[str, int, int]]:
    """What is told of a series, with its days counted from the end: the last is 0."""
    return [
        (one.kind, DAYS - 1 - one.first, DAYS - 1 - one.last)
        for one in found.anomalies
        if one.row == row
    ]


@pytest.mark.parametrize("by", [0.9, 0.99])
def test_a_panel_without_anything_odd_has_as_many_as_the_level_says(by: float) -> None:
    counts = [look(noise(seed), days=56, by=by).days for seed in range(3)]

    checked = SERIES * 56
    assert {one.checked for one in counts} == {checked}
    assert all(one.expected == pytest.approx(checked * (1 - by)) for one in counts)
    outside = sum(one.outside for one in counts)
    assert outside == pytest.approx(3 * checked * (1 - by), rel=0.3)


def test_what_was_put_in_is_found_and_named() -> None:
    values = noise()
    size = values.mean(axis=1)
    values[3, -5] = 4 * size[3]  # spike
    values[8, -2] = 0  # drop
    values[13, -3:] = 0  # stopped three days ago
    values[18, -10:-6] = 0  # out for four days
    values[23, -7:] *= 1.9  # level up
    values[28, -7:] = np.round(values[28, -7:] * 0.3) + 1  # level down
    found = look(values)

    assert kinds(found, 3) == [("spike", 4, 4)]
    assert kinds(found, 8) == [("drop", 1, 1)]
    assert kinds(found, 13) == [("stopped", 2, 0)]
    assert kinds(found, 18) == [("stopped", 9, 6)]
    assert kinds(found, 23)[0] == ("shift_up", 6, 0)
    assert kinds(found, 28)[0] == ("shift_down", 6, 0)
    scores = [one.score for one in found.anomalies]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0
    # The six are the strangest of all.
    assert {one.row for one in found.anomalies[:6]} == {3, 8, 13, 18, 23, 28}
    assert found.stretches.checked == 2 * SERIES
    assert found.stretches.expected == pytest.approx(SERIES * 2 * 0.01)


def test_the_numbers_are_those_of_the_day_or_of_all_its_days() -> None:
    values = noise()
    values[3, -5] = 500
    values[13, -3:] = 0
    found = look(values)
    spike = next(one for one in found.anomalies if one.row == 3)
    stop = next(one for one in found.anomalies if one.row == 13)

    # Forecast from the seven days before the stretch that it lies in.
    expected = values[3, -7 - WINDOW : -7].mean()
    assert (spike.actual, spike.expected) == (500, pytest.approx(expected))
    assert spike.lower < spike.expected < spike.upper < 500
    assert spike.score == pytest.approx((500 - spike.upper) / (spike.upper - spike.lower))
    # A stop is asked of the day before it began.
    assert stop.expected == pytest.approx(3 * values[13, -3 - WINDOW : -3].mean())
    assert (stop.actual, stop.last - stop.first) == (0, 2)


def test_one_wild_day_is_no_shift_of_level() -> None:
    values = noise()
    values[3, -4] = 40 * values[3].mean()
    found = look(values)

    assert found.stretches.outside >= 1
    assert kinds(found, 3) == [("spike", 3, 3)]


def test_a_day_that_is_odd_for_many_series_is_told_as_such() -> None:
    values = noise()
    values[:12, -6] = 0
    found = look(values)

    ((day, count),) = found.common
    assert day == DAYS - 6
    assert 12 <= count <= 14


def test_products_that_sell_now_and_then_have_not_stopped() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(6):
        values = noise() * (rng.random((SERIES, DAYS)) < 0.25)
        found += [one.kind for one in look(values).anomalies]
    # Either may be seen on each day, by chance at most half as often as a value outside.
    chance = 6 * SERIES * 14 * 0.005
    assert found.count("stopped") <= chance
    assert found.count("drop") <= chance


def test_series_that_ended_or_have_just_begun_are_left_out() -> None:
    values = noise()
    values[0, -20:] = np.nan
    values[1, : -14 - WINDOW + 1] = np.nan
    found = look(values)

    # The second has a window for the second week only.
    assert set(range(SERIES)) - set(found.rows.tolist()) == {0}
    assert found.days.checked == (SERIES - 2) * 14 + 7
    values[2, -3:] = np.nan
    assert look(values).days.checked == found.days.checked - 3


def test_days_that_fill_no_horizon_are_looked_at_first() -> None:
    values = noise()
    values[3, -10] = 900
    found = look(values, days=10)

    assert found.days.checked == SERIES * 10
    assert found.first == DAYS - 10
    assert ("spike", 9, 9) in kinds(found, 3)


def test_without_totals_days_are_still_found() -> None:
    values = noise()
    values[3, -5] = 900
    values[13, -3:] = 0
    panel = panel_of(values)
    data = calibrated(panel).as_dict()
    del data["totals"]
    found = find_anomalies(
        panel,
        level,
        Calibration.of_dict(data),
        window=WINDOW,
        horizon=HORIZON,
        days=14,
        level=0.99,
    )

    assert kinds(found, 3) == [("spike", 4, 4)]
    assert sorted(kinds(found, 13)) == [("drop", at, at) for at in (0, 1, 2)]
    assert found.stretches.checked == found.stretches.outside == 0


def test_more_than_the_errors_can_tell_is_not_expected_either() -> None:
    panel = panel_of(noise())
    few = calibrated(panel).as_dict() | {"count": 99}
    found = find_anomalies(
        panel,
        level,
        Calibration.of_dict(few),
        window=WINDOW,
        horizon=HORIZON,
        days=14,
        level=0.999,
    )
    assert found.days.expected == pytest.approx(SERIES * 14 * 0.02)


@pytest.mark.parametrize("days", [0, DAYS - WINDOW + 1, DAYS + 5])
def test_days_without_a_window_before_them_are_refused(days: int) -> None:
    panel = panel_of(noise())
    with pytest.raises(ModelProblem, match="days cannot be looked at"):
        find_anomalies(
            panel,
            level,
            calibrated(panel),
            window=WINDOW,
            horizon=HORIZON,
            days=days,
            level=0.99,
        )
