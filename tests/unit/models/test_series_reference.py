"""What series that were learnt from look like in numbers."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from models.arrays import FloatArray, Panel, Windows
from models.drift.judging import judge
from models.drift.series_reference import (
    FORECASTS,
    INPUTS,
    SeriesReference,
    independent,
    learn_reference,
)
from models.drift.windows import NUMBERS, STD, WEEK, ZEROS, numbers_of, rounded
from models.errors import ModelProblem
from models.metrics import seasonal_scale

WINDOW, HORIZON = 28, 7


def panel_of(values: FloatArray) -> Panel:
    return Panel(tuple(f"s{row}" for row in range(len(values))), dt.date(2025, 1, 1), values)


def demand(series: int = 20, days: int = 400, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    base = np.exp(rng.normal(2, 1, series))[:, None]
    return rng.poisson(base * (1 + 0.3 * np.sin(np.arange(days) * 2 * np.pi / 7))).astype(float)


def mean_forecast(windows: Windows) -> FloatArray:
    return np.repeat(windows.values.mean(axis=1)[:, None], HORIZON, axis=1)


def learn(values: FloatArray) -> SeriesReference:
    return learn_reference(panel_of(values), window=WINDOW, horizon=HORIZON, predict=mean_forecast)


def test_the_numbers_of_a_window_are_what_they_are_called() -> None:
    week = np.array([0.0, 1, 2, 3, 4, 5, 6])
    (found,) = numbers_of(np.tile(week, 4)[None])
    assert dict(zip(NUMBERS, found.tolist(), strict=True)) == pytest.approx(
        {"mean": 3, "size": 3, "std": 2, "zeros": 1 / 7, "recent": 3, "week": 1}
    )
    (still,) = numbers_of(np.full((1, 28), 1e9))
    assert still[STD] == 0 and np.isnan(still[WEEK])
    (negative,) = numbers_of(np.array([[-1.0, 1.0, 0.0, 0.0]]))
    assert negative[ZEROS] == 0.5 and negative[1] == 0.5 and np.isnan(negative[WEEK])


def test_six_digits_are_kept() -> None:
    values = np.array([[1 / 3, 0.0, 123456789.0, -1e-300, np.nan]])
    kept = rounded(values)[0].tolist()
    assert kept[:4] == [0.333333, 0.0, 123457000.0, -1e-300] and np.isnan(kept[4])


def test_each_series_is_told_beside_itself() -> None:
    reference = learn(demand())
    assert reference.features.keys() == {*INPUTS, *FORECASTS}
    # A series a hundred times as large as another is no more drifted than that.
    for row in (0, 7):
        window = reference.own[row, 0] * np.ones((1, WINDOW))
        features = reference.inputs(numbers_of(window), np.array([row]))
        assert features[0, 0] == pytest.approx(1.0)
        assert reference.forecasts(window[:, :HORIZON] * 2, np.array([row]))[0, 0] == pytest.approx(
            2.0
        )
    np.testing.assert_allclose(
        reference.scale(np.arange(3)), seasonal_scale(demand()[:3, -394:], 7)
    )


def test_it_can_be_written_and_read_and_is_small() -> None:
    reference = learn(demand(series=100))
    text = json.dumps(reference.to_dict(), allow_nan=False)
    assert len(text) < 25_000
    again = SeriesReference.from_dict(json.loads(text))
    assert again.to_dict() == json.loads(text)
    assert again.rows["s99"] == 99 and again.last_day == dt.date(2026, 2, 4)


def test_series_without_a_whole_window_or_any_movement_do_no_harm() -> None:
    values = demand(series=4)
    values[0] = 0.0
    values[1] = 42.0
    values[2, :380] = np.nan
    reference = learn(values)
    assert reference.series == ("s0", "s1", "s3")
    json.dumps(reference.to_dict(), allow_nan=False)
    features = reference.inputs(numbers_of(values[:2, -WINDOW:]), np.array([0, 1]))
    assert np.isnan(features[0, 0]) and features[1, 0] == 1.0
    empty = learn(values[:, :10])
    assert empty.series == () and empty.features == {} and empty.sizes is None
    assert SeriesReference.from_dict(empty.to_dict()).own.shape == (0, 5)


def judged(reference: SeriesReference, values: FloatArray) -> dict[str, str]:
    """The verdicts on the windows of the last week."""
    ends = range(values.shape[1] - 6, values.shape[1] + 1)
    numbers = np.concatenate([numbers_of(values[:, end - WINDOW : end]) for end in ends])
    rows = np.tile(np.arange(len(values)), 7)
    columns = zip(INPUTS, reference.inputs(numbers, rows).T, strict=True)
    effective = independent(rows, 7, WINDOW)
    return {
        name: judge(
            name, reference.features[name], column[~np.isnan(column)], effective=effective
        ).verdict
        for name, column in columns
        if not np.isnan(column).all()
    }


def test_a_level_a_third_higher_is_found_and_the_same_again_is_not() -> None:
    alarms = 0
    for seed in range(20):
        values = demand(seed=seed, days=440)
        reference = learn(values[:, :400])
        alarms += "drifted" in judged(reference, values).values()
        higher = values.copy()
        higher[:, 400:] = np.round(higher[:, 400:] * 1.3)
        assert judged(reference, higher)["level"] == "drifted"
    assert alarms == 0


def test_a_busy_season_that_was_learnt_from_is_no_drift() -> None:
    rng = np.random.default_rng(1)
    days = np.arange(800)
    season = 1 + 0.5 * np.sin(days * 2 * np.pi / 365)
    values = rng.poisson(20 * season * np.ones((30, 1))).astype(float)
    for end in range(440, 800, 45):
        reference = learn(values[:, : end - 40])
        verdicts = judged(reference, values[:, :end])
        assert verdicts["level"] != "drifted"


def test_values_near_the_largest_float_do_no_harm() -> None:
    values = demand(series=6)
    values[0] *= 1e200
    values[1, -40:] = 1e250
    reference = learn(values)
    json.dumps(reference.to_dict(), allow_nan=False)
    numbers = numbers_of(values[:, -WINDOW:])
    assert all(np.isfinite(kept.distribution.std) for kept in reference.features.values())
    assert np.isfinite(reference.inputs(numbers, np.arange(6))[2:]).all()


def test_a_model_that_cannot_answer_leaves_its_forecasts_out() -> None:
    def cannot(_: Windows) -> FloatArray:
        raise ModelProblem("not finite")

    panel = panel_of(demand(series=3))
    reference = learn_reference(panel, window=WINDOW, horizon=HORIZON, predict=cannot)
    assert reference.features.keys() == {*INPUTS}
