from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.arrays import Panel
from models.errors import ModelProblem
from models.forecasting.windows import SampleIndex, loss_scales, split_samples, windows_before
from models.metrics import MEDIAN

NAN = np.nan
MONDAY = dt.date(2024, 1, 1)


def ragged_panel() -> Panel:
    """Row r holds 100 r + column, so that every value says where it is from."""
    values = 100.0 * np.arange(4)[:, None] + np.arange(20.0)[None, :]
    values[1, :8] = NAN
    values[2, 15:] = NAN
    values[3, 3:] = NAN
    return Panel(("a", "b", "c", "d"), MONDAY, values)


def brute_force(panel: Panel, window: int, horizon: int, first: int, last: int) -> list[tuple]:
    found = []
    for row, series in enumerate(panel.values):
        for origin in range(window, panel.days - horizon + 1):
            part = series[origin - window : origin + horizon]
            if first <= origin and origin + horizon <= last and not np.isnan(part).any():
                weekday = (MONDAY + dt.timedelta(days=origin - 1)).weekday()
                found.append((row, weekday, *part))
    return found


def listed(index: SampleIndex) -> list[tuple]:
    samples = index.take(np.arange(len(index)))
    parts = (samples.rows, samples.windows.weekday, samples.windows.values, samples.targets)
    return [(row, day, *values, *targets) for row, day, values, targets in zip(*parts, strict=True)]


@pytest.mark.parametrize("validation_days", [2, 3, 6])
def test_samples_are_all_complete_ones_and_validation_is_apart(validation_days: int) -> None:
    panel, border = ragged_panel(), 20 - validation_days
    training, validation = split_samples(panel, 4, 2, validation_days)
    assert validation is not None
    assert listed(training) == brute_force(panel, 4, 2, 0, border)
    assert listed(validation) == brute_force(panel, 4, 2, border, 20)


def test_without_validation_days_every_sample_is_for_training() -> None:
    training, validation = split_samples(ragged_panel(), 4, 2, 0)
    assert validation is None
    assert listed(training) == brute_force(ragged_panel(), 4, 2, 0, 20)


def test_a_draw_takes_no_sample_twice_and_no_more_than_asked() -> None:
    index = SampleIndex(ragged_panel(), 4, 2, 0, 20)
    drawn = index.draw(10, np.random.default_rng(0)).windows.values[:, 0]
    assert len(set(drawn)) == len(drawn) == 10
    everything = index.draw(10**9, np.random.default_rng(0)).windows.values[:, 0]
    assert sorted(everything) == sorted(index.take(np.arange(len(index))).windows.values[:, 0])


def test_a_spread_covers_the_whole_range_evenly() -> None:
    index = SampleIndex(ragged_panel(), 4, 2, 0, 20)
    everything = index.take(np.arange(len(index))).targets[:, 0].tolist()
    places = [everything.index(target) for target in index.spread(5).targets[:, 0]]
    gaps = np.diff([*places, len(index)])
    assert places[0] == 0
    assert gaps.max() - gaps.min() <= 1


def test_series_that_are_too_short_are_refused_with_the_length_they_need() -> None:
    panel = Panel(("a",), MONDAY, np.zeros((1, 9)))
    with pytest.raises(ModelProblem, match=r"longest has 9 days, and 10 are needed \(window 4"):
        split_samples(panel, 4, 3, 3)


def test_a_validation_part_shorter_than_the_horizon_is_refused() -> None:
    with pytest.raises(ModelProblem, match="less than the horizon of 7 days"):
        split_samples(ragged_panel(), 4, 7, 3)


def test_a_validation_part_without_values_is_refused() -> None:
    values = np.zeros((1, 30))
    values[0, 20:] = NAN
    with pytest.raises(ModelProblem, match="no series has 2 values in the last 10 days"):
        split_samples(Panel(("a",), MONDAY, values), 4, 2, 10)


def test_windows_before_an_origin_hold_nothing_from_it_on() -> None:
    windows, rows = windows_before(ragged_panel(), 12, 4)
    assert rows.tolist() == [0, 1, 2]
    assert windows.values.tolist() == [[8, 9, 10, 11], [108, 109, 110, 111], [208, 209, 210, 211]]
    assert windows.weekday.tolist() == [4, 4, 4]
    assert len(windows_before(ragged_panel(), 3, 4)[0]) == 0


def test_loss_scales_come_from_the_training_days_and_are_never_zero() -> None:
    values = np.tile(np.arange(7.0), (3, 4))
    values[0] += np.arange(28)
    values[1, 20:] = 1e9
    scales = loss_scales(Panel(("moves", "repeats", "also"), MONDAY, values), 8, MEDIAN)
    assert scales.tolist() == [7.0, 7.0, 7.0]
    flat = loss_scales(Panel(("a",), MONDAY, np.zeros((1, 28))), 8, MEDIAN)
    assert flat.tolist() == [1.0]
