"""The matrices of the statistical members against statsmodels, and what pooling learns."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path

import numpy as np
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel, ThetaModelResults
from statsmodels.tsa.holtwinters import SimpleExpSmoothing

from models import registry
from models.arrays import Panel, Windows
from models.base import Forecaster, no_progress
from models.errors import ModelProblem
from models.forecasting.pooling import PooledForecast
from models.forecasting.smoothing import (
    ETSParameters,
    ThetaParameters,
    ets_initial_weights,
    ets_weights,
    season_weights,
    theta_weights,
)
from models.forecasting.statistical import ETS, Theta


def window_of(days: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    day = np.arange(days)
    return 50 + 0.4 * day + 8 * np.sin(2 * np.pi * day / 7) + rng.normal(0, 3, days)


def panel_of(values: np.ndarray) -> Panel:
    return Panel(tuple(map(str, range(len(values)))), dt.date(2024, 1, 1), values)


def fitted(name: str, values: np.ndarray, objective: str = "median") -> Forecaster:
    model = registry.create(
        name,
        window=28,
        horizon=7,
        seed=1,
        threads=1,
        hparams={"smoothing_samples": 500},
        objective=objective,
    )
    model.fit(panel_of(values), validation_days=0, progress=no_progress)
    return model


@pytest.mark.parametrize(
    "parameters",
    [
        ETSParameters(0.3, 0.2, 0.25, 0.9, 0.5, 0.6),
        ETSParameters(0.02, 0.0, 0.1, 0.8, 0.0, 0.4),
        ETSParameters(0.8, 0.1, 0.4, 0.98, 1.0, 1.0),
    ],
    ids=["all", "trend stays at its start", "fast"],
)
@pytest.mark.parametrize("days", [14, 30, 61])
def test_ets_is_that_of_statsmodels(parameters: ETSParameters, days: int) -> None:
    values = window_of(days)
    level, trend, *season = ets_initial_weights(days, parameters) @ values
    theirs = ETSModel(
        values,
        error="add",
        trend="add",
        damped_trend=True,
        seasonal="add",
        seasonal_periods=7,
        initialization_method="known",
        initial_level=level,
        initial_trend=trend,
        initial_seasonal=season,
    ).smooth([parameters.alpha, parameters.beta, parameters.gamma, parameters.damping])

    ours = values @ ets_weights(days, 16, parameters)

    np.testing.assert_allclose(ours, theirs.forecast(16), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "parameters",
    [ThetaParameters(0.3, 0.5, 0.6), ThetaParameters(0.005, 0.25, 1.0), ThetaParameters(0.8, 0, 0)],
    ids=["classical", "slow", "no drift"],
)
@pytest.mark.parametrize("days", [14, 30, 61])
def test_theta_is_that_of_statsmodels(parameters: ThetaParameters, days: int) -> None:
    values = window_of(days)
    season = parameters.season * season_weights(days) @ values
    adjusted = values - season[np.arange(days) % 7]
    smoothing = SimpleExpSmoothing(
        adjusted, initialization_method="known", initial_level=adjusted.mean()
    ).fit(smoothing_level=parameters.alpha, optimized=False)
    slope = np.polyfit(np.arange(days), adjusted, 1)[0]
    theirs = ThetaModelResults(
        slope,
        parameters.alpha,
        None,
        float(smoothing.forecast(1)[0]),
        np.zeros(7),
        False,
        ThetaModel(adjusted, period=7, deseasonalize=False),
    ).forecast(16, theta=1 / (1 - parameters.drift))

    ours = values @ theta_weights(days, 16, parameters)

    expected = np.asarray(theirs) + season[(days + np.arange(16)) % 7]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)


def test_the_season_is_that_of_an_exact_week_whatever_the_trend() -> None:
    week = np.array([3.0, 1.0, 0.0, -1.0, -4.0, 2.0, -1.0])
    values = 20 + 0.5 * np.arange(28) + np.tile(week, 4)

    season = season_weights(28) @ values

    # A line fitted through a week's pattern is tilted a little by it.
    np.testing.assert_allclose(season, week, atol=0.5)
    assert season.sum() == pytest.approx(0)


def test_a_window_of_less_than_two_weeks_has_no_season() -> None:
    assert not season_weights(13).any()
    with_season = ets_weights(13, 7, ETSParameters(0.2, 0, 0.4, 0.9, 0, 1.0))
    without = ets_weights(13, 7, ETSParameters(0.2, 0, 0.0, 0.9, 0, 0.0))
    np.testing.assert_array_equal(with_season, without)


@pytest.mark.parametrize("window", [2, 6, 13, 14, 30])
def test_weights_add_up_to_one(window: int) -> None:
    for weights in (
        ets_weights(window, 16, ETSParameters(0.3, 0.2, 0.2, 0.9, 0.5, 0.6)),
        theta_weights(window, 16, ThetaParameters(0.3, 0.5, 0.6)),
    ):
        assert weights.shape == (window, 16)
        np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", ["ETS", "Theta"])
def test_pooling_tells_a_wandering_level_from_noise_around_a_fixed_one(name: str) -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 1, (4, 200))
    alphas = {
        kind: fitted(name, 100 + values)._parameters["alpha"]  # type: ignore[attr-defined]
        for kind, values in {"wanders": noise.cumsum(axis=1), "stays": noise}.items()
    }
    assert alphas["wanders"] >= 0.5
    assert alphas["stays"] <= 0.05


@pytest.mark.parametrize("name", ["ETS", "Theta"])
def test_pooling_finds_the_week_and_the_trend(name: str) -> None:
    slopes = np.random.default_rng(3).uniform(-0.5, 0.5, (4, 1))
    noise = np.random.default_rng(4).normal(0, 0.1, (4, 207))
    days = np.arange(207)
    values = 500 + slopes * days + 10 * np.sin(2 * np.pi * days / 7) + noise
    model = fitted(name, values[:, :200])

    forecast = model.predict(panel_of(values[:, :200]).last_windows(28))

    assert np.abs(forecast - values[:, 200:]).mean() < 0.6


@pytest.mark.parametrize("name", ["ETS", "Theta"])
def test_each_objective_leaves_its_own_middle_of_the_errors(name: str) -> None:
    values = np.random.default_rng(5).gamma(0.4, 10.0, (30, 150))
    errors = {}
    for objective in ("median", "stock"):
        model = fitted(name, values, objective)
        windows = np.lib.stride_tricks.sliding_window_view(values, 35, axis=1)[:, ::7]
        windows = windows.reshape(-1, 35)
        asked = Windows(windows[:, :28], np.zeros(len(windows), dtype=np.int64))
        errors[objective] = windows[:, 28:] - model.predict(asked)
    assert abs(errors["stock"].mean()) < 0.05 * values.mean()
    assert 0.45 < (errors["median"] > 0).mean() < 0.55
    assert errors["median"].mean() > 0.3 * values.mean()


def test_a_wild_day_is_cut() -> None:
    values = np.full((1, 28), 10.0) + np.tile([-1.0, 1.0], 14)
    wild = values.copy()
    wild[0, -2] = 1000.0
    weights = ets_weights(28, 7, ETSParameters(0.3, 0, 0, 1.0, 0, 0))
    weekday = np.array([0])
    moved = {
        clip: float(PooledForecast(weights, clip, 0.0).answer(Windows(wild, weekday)).mean())
        for clip in (1.0, math.inf)
    }
    assert moved[1.0] < 100 < moved[math.inf]


@pytest.mark.parametrize("cls", [ETS, Theta])
def test_every_start_is_on_the_grid(cls: type[ETS] | type[Theta]) -> None:
    for start in cls.starts:
        assert start.keys() == cls.grid.keys()
        assert all(value in cls.grid[name] for name, value in start.items())


@pytest.mark.parametrize(
    "change",
    [
        {"clip": "1.5"},
        {"shift": None},
        {"shift": math.inf},
        {"parameters": {"alpha": 0.1}},
        {"parameters": {"alpha": 0.1, "season": math.nan, "drift": 0.0}},
    ],
    ids=str,
)
def test_parameters_that_cannot_be_used_are_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    model = fitted("Theta", window_of(120)[None, :])
    model.save_state(tmp_path)
    path = tmp_path / "smoothing.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelProblem, match="does not hold the parameters of a Theta"):
        model.load_state(tmp_path)
