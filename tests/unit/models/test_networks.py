"""What the network types share: covariates, the second fit, objectives, progress."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from models import registry
from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, no_progress
from models.forecasting.backtest import rolling_origin
from models.forecasting.bundle import open_bundle, write_bundle
from models.forecasting.windows import SampleIndex

NETWORKS = ("LSTM", "GRU", "BiLSTM", "Conv1D-BiLSTM")
SMALL = {"lstm_units": 8, "gru_units": 8, "conv_filters": 8, "batch_size": 64}
WINDOW, HORIZON = 14, 7


def make(name: str = "LSTM", objective: str = "median", **hparams: object) -> Forecaster:
    own = registry.get(name).Hyperparameters.names()
    chosen = {key: value for key, value in {**SMALL, **hparams}.items() if key in own}
    return registry.create(
        name,
        window=WINDOW,
        horizon=HORIZON,
        seed=1,
        threads=1,
        hparams=chosen,
        objective=objective,
    )


@cache
def promoted(days: int = 150) -> Panel:
    """Sales that a lower price doubles; nothing else than its plan says when the next one is."""
    rng = np.random.default_rng(6)
    week = np.array([1.0, 0.9, 0.8, 1.0, 1.2, 1.5, 0.6])[np.arange(days) % 7]
    promotion = (rng.random((30, days)) < 0.2).astype(float)
    level = rng.uniform(20, 200, (30, 1))
    values = level * week * (1 + promotion) * rng.normal(1, 0.05, (30, days))
    price = rng.uniform(1, 50, (30, 1)) * (1 - 0.3 * promotion)
    shelf = np.full_like(values, 9.99)
    return Panel(
        tuple(f"item_{row}" for row in range(30)),
        dt.date(2024, 1, 1),
        values,
        ("price", "shelf"),
        np.stack([price, shelf], axis=2),
    )


@cache
def trained(informed: bool) -> Forecaster:
    panel = promoted() if informed else promoted().with_covariates(())
    model = make(epochs=8, samples_per_epoch=1_000, init_lr=0.02, batch_size=32)
    model.fit(panel.until(panel.days - 28), validation_days=14, progress=no_progress)
    return model


def error(model: Forecaster, panel: Panel) -> float:
    found = rolling_origin(
        panel,
        model.predict,
        window=WINDOW,
        horizon=HORIZON,
        first_origin=panel.days - 28,
        folds=4,
        step_days=7,
    )
    mase = found.overall().mase
    assert mase is not None
    return mase


def test_a_price_that_is_known_in_advance_is_forecast() -> None:
    assert error(trained(True), promoted()) < 0.6 * error(
        trained(False), promoted().with_covariates(())
    )


def test_a_request_without_covariates_is_answered_as_well_as_by_a_model_without() -> None:
    silent = promoted().with_covariates(())
    assert error(trained(True), silent) < 1.1 * error(trained(False), silent)


def test_covariates_of_the_window_alone_are_enough_to_be_answered() -> None:
    windows = promoted().until(promoted().days - 28).last_windows(WINDOW)
    assert windows.covariates is not None
    past = Windows(windows.values, windows.weekday, windows.covariates[:, :WINDOW])
    known, unknown = trained(True).predict(windows, 20), trained(True).predict(past, 20)
    assert np.isfinite(unknown).all()
    assert (known != unknown).any()


@pytest.mark.parametrize("value", [0.0, 1e6, -1e6])
def test_a_covariate_that_never_changed_while_training_changes_nothing(value: float) -> None:
    windows = promoted().last_windows(WINDOW)
    covariates = windows.known_covariates(2, HORIZON)
    covariates[:, :, 0] = 9.0
    before = trained(True).predict(Windows(windows.values, windows.weekday, covariates))
    covariates[:, :, 1] = value
    after = trained(True).predict(Windows(windows.values, windows.weekday, covariates))
    np.testing.assert_array_equal(before, after)


def test_an_unheard_of_covariate_does_not_lead_astray() -> None:
    windows = promoted().last_windows(WINDOW)
    covariates = np.full((len(windows), WINDOW + HORIZON, 2), 1e9)
    forecast = trained(True).predict(Windows(windows.values, windows.weekday, covariates))
    assert np.abs(forecast).max() < 100 * windows.values.max()


def test_covariates_are_saved_and_served(tmp_path: Path) -> None:
    model, windows = trained(True), promoted().until(120).last_windows(WINDOW)
    model.save(tmp_path / "model")
    loaded = registry.load(tmp_path / "model")
    assert loaded.covariates == ("price", "shelf")
    np.testing.assert_array_equal(loaded.predict(windows, 20), model.predict(windows, 20))
    write_bundle(model, tmp_path / "bundle", windows.first(3))
    served = open_bundle(tmp_path / "bundle")
    bare = Windows(windows.values, windows.weekday)
    slack = 1e-5 * np.ptp(windows.values, axis=1, keepdims=True)
    for asked in (windows, bare, windows.first(1)):
        difference = np.abs(served.forecast(asked, 20) - model.predict(asked, 20))
        assert (difference <= slack[: len(asked)]).all()


def test_the_validation_days_teach_nothing_about_covariates() -> None:
    panel = promoted()
    assert panel.covariates is not None
    changed = panel.covariates.copy()
    changed[:, -21:] += 5.0
    other = Panel(panel.ids, panel.start, panel.values, panel.covariate_names, changed)
    forecasts = []
    for history in (panel, other):
        model = make(epochs=1, samples_per_epoch=200)
        model.fit(history, validation_days=21, progress=no_progress)
        forecasts.append(model.predict(panel.last_windows(WINDOW)))
    np.testing.assert_array_equal(*forecasts)


def late(days: int = 130) -> tuple[Panel, FloatArray]:
    """A panel whose last days are like nothing before."""
    rng = np.random.default_rng(9)
    values = rng.normal(100, 5, (12, days))
    values[:, -21:] += np.where(np.arange(21) % 2, 40.0, -40.0)
    return Panel(tuple(map(str, range(12))), dt.date(2024, 1, 1), values), values


def fit_and_refit(name: str) -> tuple[Forecaster, FitReport, FitReport, FloatArray]:
    panel, _ = late()
    model = make(name, epochs=6, samples_per_epoch=300, patience=2)
    report = model.fit(panel, validation_days=21, progress=no_progress)
    model.calibrate(panel, validation_days=21)
    before = model.predict(panel.last_windows(WINDOW))
    again = model.refit(panel, report, progress=no_progress)
    assert again is not None
    return model, report, again, before


@pytest.mark.parametrize("name", NETWORKS)
def test_the_second_fit_learns_from_all_days_for_as_long_as_the_first(
    name: str, tmp_path: Path
) -> None:
    panel, _ = late()
    windows = panel.last_windows(WINDOW)
    model, report, again, before = fit_and_refit(name)
    assert again.samples > report.samples
    assert again.rounds == again.best_round == len(again.curve) == report.best_round
    assert again.validation_samples == 0
    after = model.predict(windows)
    assert (after != before).any()
    model.save(tmp_path)
    np.testing.assert_array_equal(registry.load(tmp_path).predict(windows), after)


def test_the_second_fit_leaves_the_intervals_as_they_were() -> None:
    panel, _ = late()
    model = make(epochs=2, samples_per_epoch=300)
    report = model.fit(panel, validation_days=21, progress=no_progress)
    calibration = model.calibrate(panel, validation_days=21)
    model.refit(panel, report, progress=no_progress)
    assert model.calibration is calibration


def test_the_second_fit_is_the_same_by_seed() -> None:
    windows = late()[0].last_windows(WINDOW)
    first, second = (fit_and_refit("LSTM")[0].predict(windows) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_stock_objective_forecasts_the_mean_and_a_median_objective_less() -> None:
    rng = np.random.default_rng(4)
    values = rng.poisson(1.0, (20, 120)) * rng.integers(0, 2, (20, 120)) * 4.0
    panel = Panel(tuple(map(str, range(20))), dt.date(2024, 1, 1), values)
    every = SampleIndex(panel, WINDOW, HORIZON, 0, panel.days).spread(10_000)
    means = {}
    for objective in ("median", "stock"):
        model = make(
            objective=objective, epochs=5, samples_per_epoch=1_000, init_lr=0.02, batch_size=32
        )
        model.fit(panel, validation_days=0, progress=no_progress)
        means[objective] = model.predict(every.windows).mean()
    assert means["median"] < 0.8 * means["stock"]
    assert means["stock"] == pytest.approx(every.targets.mean(), rel=0.05)


def test_every_epoch_reports_its_losses() -> None:
    told: list[tuple[int, int, dict[str, float]]] = []
    panel, _ = late()
    report = make(epochs=4, samples_per_epoch=300).fit(
        panel,
        validation_days=21,
        progress=lambda kind, done, total, **values: told.append((done, total, values)),
    )
    assert [(done, total) for done, total, _ in told] == [(n, 4) for n in (1, 2, 3, 4)]
    assert [{"round": n, **values} for n, _, values in told] == report.curve
    assert all({"loss", "validation_loss"} == values.keys() for _, _, values in told)
