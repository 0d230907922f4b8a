"""What boosted trees learn from known covariates, and what they say about it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import torch

from models import registry
from models.arrays import UNKNOWN_WEEKDAY, Panel, Windows
from models.base import Forecaster, no_progress
from models.forecasting.bundle import open_bundle, write_bundle
from models.forecasting.covariate_features import CovariateFeatures
from models.forecasting.scaling import WindowScaler
from models.forecasting.windows import partly_unknown

WINDOW, HORIZON, DAYS = 28, 7, 150


def promoted() -> Panel:
    """Promotions lift every series by 30; the second covariate is noise."""
    rng = np.random.default_rng(1)
    promotion = (rng.random((8, DAYS + HORIZON)) < 0.25).astype(float)
    noise = rng.normal(0, 1, (8, DAYS + HORIZON))
    values = 100 + 30 * promotion[:, :DAYS] + rng.normal(0, 2, (8, DAYS))
    return Panel(
        tuple("abcdefgh"),
        dt.date(2024, 1, 1),
        values,
        ("promotion", "noise"),
        np.stack([promotion, noise], axis=2),
    )


def new(**hparams: object) -> Forecaster:
    hparams = {"rounds": 60, "min_data_in_leaf": 10, "learning_rate": 0.1, **hparams}
    return registry.create(
        "LightGBM", window=WINDOW, horizon=HORIZON, seed=1, threads=1, hparams=hparams
    )


@pytest.fixture(scope="module")
def learnt() -> Forecaster:
    model = new()
    model.fit(promoted(), validation_days=0, progress=no_progress)
    return model


def test_a_promotion_lifts_the_forecast_of_its_day(learnt: Forecaster) -> None:
    windows = promoted().last_windows(WINDOW)
    assert windows.covariates is not None

    forecast = learnt.predict(windows)

    promotion = windows.covariates[:, WINDOW:, 0]
    assert np.abs(forecast - (100 + 30 * promotion)).mean() < 5


def test_a_request_that_knows_no_covariate_gets_a_middle(learnt: Forecaster) -> None:
    known = promoted().last_windows(WINDOW)
    forecast = learnt.predict(Windows(known.values, known.weekday))
    assert 97 < forecast.mean() < 115
    assert np.ptp(forecast) < 20


def test_days_past_the_last_known_one_are_forecast_without(learnt: Forecaster) -> None:
    windows = promoted().last_windows(WINDOW)
    forecast = learnt.predict(windows, 3 * HORIZON)
    assert np.ptp(forecast[:, :HORIZON]) > 20
    assert np.ptp(forecast[:, 2 * HORIZON :]) < 20


def test_importance_names_the_features_and_adds_up_to_one(learnt: Forecaster) -> None:
    report = new().fit(promoted(), validation_days=0, progress=no_progress)

    assert sum(report.importance.values()) == pytest.approx(1)
    assert list(report.importance.values()) == sorted(report.importance.values(), reverse=True)
    assert next(iter(report.importance)).startswith("promotion")
    of_promotion, of_noise = (
        sum(part for name, part in report.importance.items() if name.startswith(covariate))
        for covariate in ("promotion", "noise")
    )
    assert of_promotion > 0.4
    assert of_noise < of_promotion / 2


def test_without_a_split_nothing_is_important() -> None:
    still = Panel(("a",), dt.date(2024, 1, 1), np.full((1, DAYS), 5.0))
    assert new().fit(still, validation_days=0, progress=no_progress).importance == {}


def test_a_second_fit_has_as_many_trees_as_the_first_found_best() -> None:
    model = new(stopping_rounds=3)
    history = promoted()
    report = model.fit(history, validation_days=21, progress=no_progress)
    again = model.refit(history, report, progress=no_progress)
    assert again is not None
    assert again.rounds == again.best_round == report.best_round < report.rounds
    assert again.best_loss is None
    assert again.samples == report.samples + 8 * 21


def test_what_is_unknown_here_and_there_is_served_as_it_is_answered(
    learnt: Forecaster, tmp_path: Path
) -> None:
    known = promoted().last_windows(WINDOW)
    assert known.covariates is not None
    rng = np.random.default_rng(6)
    gaps = np.where(rng.random(known.covariates.shape) < 0.4, np.nan, known.covariates)
    windows = Windows(known.values, known.weekday, gaps)
    write_bundle(learnt, tmp_path / "bundle", windows)

    served = open_bundle(tmp_path / "bundle").forecast(windows, 10)

    np.testing.assert_allclose(served, learnt.predict(windows, 10), rtol=0, atol=1e-4)


def test_covariates_as_numbers() -> None:
    relative = torch.zeros(1, 14, dtype=torch.float64)
    covariates = torch.zeros(1, 15, 1, dtype=torch.float64)
    # The target has the weekday of days 0 and 7; on day 7 the covariate and the value were high.
    covariates[0, 7] = covariates[0, 14] = 4.0
    relative[0, 7] = 2.0
    module = CovariateFeatures(WindowScaler(14, 1).weekday_mean, ("price",))
    named = dict(zip(module.names, module(relative, covariates)[0, 0].tolist(), strict=True))
    assert named == pytest.approx(
        {
            "price": 4.0,
            "price_known": 1.0,
            "price_mean": 4 / 14,
            "price_change": 2.0,
            "price_response": 1.0,
        }
    )

    covariates[0, 14] = torch.nan
    unknown = module(relative, covariates)[0, 0].tolist()
    assert unknown == pytest.approx([0.0, 0.0, 4 / 14, 0.0, 0.0])

    assert not module(relative, torch.full_like(covariates, torch.nan)).any()


def test_windows_lose_what_they_may_lack_in_use() -> None:
    count = 4000
    windows = Windows(np.zeros((count, 3)), np.zeros(count, dtype=np.int64), np.ones((count, 5, 1)))
    some = partly_unknown(
        windows,
        weekday_rate=0.2,
        covariates_rate=0.1,
        days_rate=0.0,
        rng=np.random.default_rng(0),
    )
    assert some.covariates is not None
    assert windows.covariates is not None
    assert (some.weekday == UNKNOWN_WEEKDAY).mean() == pytest.approx(0.2, abs=0.03)
    unknown = np.isnan(some.covariates[:, :, 0])
    assert unknown.all(axis=1).mean() == pytest.approx(0.1, abs=0.02)
    assert (unknown[:, 3:].all(axis=1) & ~unknown[:, :3].any(axis=1)).mean() == pytest.approx(
        0.1, abs=0.02
    )
    assert not np.isnan(windows.covariates).any()
