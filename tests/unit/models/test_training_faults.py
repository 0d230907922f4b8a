"""Models that cannot be trained or read say so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import torch

from models import registry
from models.arrays import Panel
from models.base import MEDIAN, OBJECTIVES, STOCK, Forecaster, no_progress
from models.errors import ModelProblem
from models.networks.weights import load_weights

QUICK = {"epochs": 2, "rounds": 5, "lstm_units": 4, "min_data_in_leaf": 5}


def noise(days: int = 90) -> Panel:
    values = np.random.default_rng(0).normal(10, 3, (3, days))
    return Panel(("a", "b", "c"), dt.date(2024, 1, 1), values)


def make(name: str, objective: str = MEDIAN, **hparams: object) -> Forecaster:
    return registry.create(
        name,
        window=14,
        horizon=7,
        seed=1,
        threads=1,
        objective=objective,
        hparams={**QUICK, **hparams},
    )


def fitted(name: str) -> Forecaster:
    model = make(name)
    model.fit(noise(), validation_days=14, progress=no_progress)
    return model


@pytest.mark.parametrize("name", ["LSTM", "LightGBM"])
def test_59_a_training_that_diverges_stops_and_says_so(name: str) -> None:
    values = noise().values.copy()
    values[0, -1] = 1e200  # its square is beyond the largest number
    model = make(name, STOCK)
    with pytest.raises(ModelProblem, match="extreme values"):
        model.fit(
            Panel(("a", "b", "c"), dt.date(2024, 1, 1), values),
            validation_days=14,
            progress=no_progress,
        )
    with pytest.raises(ModelProblem, match="has not been fitted"):
        model.predict(noise().last_windows(14))


def test_early_stopping_keeps_the_best_epoch() -> None:
    model = make("LSTM", epochs=40, patience=2, init_lr=0.05, ema_decay=0.0)
    report = model.fit(noise(), validation_days=14, progress=no_progress)
    losses = [entry["validation_loss"] for entry in report.curve]
    assert report.best_loss == min(losses) == losses[report.best_round - 1]
    assert report.rounds == report.best_round + 2 < 40


def test_early_stopping_keeps_the_best_tree() -> None:
    model = make("LightGBM", rounds=300, stopping_rounds=4, learning_rate=0.5)
    report = model.fit(noise(), validation_days=14, progress=no_progress)
    losses = [entry["validation_loss"] for entry in report.curve]
    assert report.best_loss == min(losses) == losses[report.best_round - 1]
    assert report.rounds == report.best_round + 4 < 300


@pytest.mark.parametrize("name", ["LSTM", "LightGBM"])
def test_training_leaves_the_random_numbers_and_threads_of_others_alone(name: str) -> None:
    torch.manual_seed(0)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fitted(name)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_the_stock_objective_forecasts_more_than_the_median_on_intermittent_demand() -> None:
    rng = np.random.default_rng(4)
    values = rng.poisson(1.0, (20, 150)) * rng.integers(0, 2, (20, 150)) * 4.0
    panel = Panel(tuple(map(str, range(20))), dt.date(2024, 1, 1), values)
    means = {}
    for objective in OBJECTIVES:
        model = make("LightGBM", objective, rounds=40)
        model.fit(panel, validation_days=0, progress=no_progress)
        means[objective] = model.predict(panel.last_windows(14)).mean()
    assert means[MEDIAN] < means[STOCK]
    assert means[STOCK] == pytest.approx(values.mean(), rel=0.25)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:300] + bytes([content[300] ^ 1]) + content[301:],
    ],
    ids=["empty", "half", "one byte less", "one bit flipped"],
)
@pytest.mark.parametrize(("name", "file"), [("LSTM", "weights.npz"), ("LightGBM", "booster.txt")])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, file: str, damage) -> None:
    fitted(name).save(tmp_path)
    (tmp_path / file).write_bytes(damage((tmp_path / file).read_bytes()))
    with pytest.raises(ModelProblem, match=f"{file} is not the file that was saved"):
        registry.load(tmp_path)


@pytest.mark.parametrize(("name", "file"), [("LSTM", "weights.npz"), ("LightGBM", "booster.txt")])
def test_a_missing_file_is_named(tmp_path: Path, name: str, file: str) -> None:
    fitted(name).save(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ModelProblem, match=f"{file} cannot be read"):
        registry.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": np.zeros(1)}, "of another network"),
        ({"bias": np.zeros(3)}, "of another network"),
        ({"bias": np.full(2, np.nan)}, "not finite: bias"),
        ({"bias": np.array([None, None])}, "cannot be read: Object arrays"),
    ],
    ids=["more", "other shape", "NaN", "pickled"],
)
def test_weights_that_are_not_the_network_s_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], message: str
) -> None:
    arrays = {"weight": np.zeros((2, 2)), "bias": np.zeros(2), **changes}
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(ModelProblem, match=message):
        load_weights(torch.nn.Linear(2, 2), tmp_path / "weights.npz")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "not hold a saved model"), ("[]", "not the description"), ("{}", "not the description")],
)
def test_a_damaged_description_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(ModelProblem, match=message):
        registry.load(tmp_path)


def test_a_model_is_not_read_as_another_type(tmp_path: Path) -> None:
    fitted("LSTM").save(tmp_path)
    with pytest.raises(ModelProblem, match="holds a LSTM, not a LightGBM"):
        registry.get("LightGBM").load(tmp_path)


@pytest.mark.parametrize("window", [2, 5, 8])
@pytest.mark.parametrize("name", ["LSTM", "LightGBM"])
def test_windows_shorter_than_a_week_work(name: str, window: int) -> None:
    model = registry.create(name, window=window, horizon=9, seed=1, threads=1, hparams=QUICK)
    model.fit(noise(), validation_days=14, progress=no_progress)
    assert np.isfinite(model.predict(noise().last_windows(window), 20)).all()


def test_the_seasonal_naive_needs_a_week() -> None:
    model = registry.create("SeasonalNaive", window=6, horizon=7, seed=1, threads=1, hparams={})
    with pytest.raises(ModelProblem, match="Set window to at least 7"):
        model.fit(noise(), validation_days=14, progress=no_progress)
