"""A model under the contract, fitted on small panels so that a suite fits once."""

from __future__ import annotations

import dataclasses
import datetime as dt
from functools import cached_property
from typing import Any

import numpy as np

from models import registry
from models.arrays import Panel, Windows
from models.base import Forecaster, no_progress
from models.forecasting.windows import windows_before

WINDOW = 30
HORIZON = 7
VALIDATION_DAYS = 21
DAYS = 130

# A small budget for every name that a model may know a budget by.
QUICK = {
    "epochs": 2,
    "samples_per_epoch": 200,
    "lstm_units": 8,
    "gru_units": 8,
    "conv_filters": 8,
    "rounds": 15,
    "min_data_in_leaf": 5,
    "smoothing_samples": 300,
    "smoothing_passes": 2,
    "trials": 3,
    "time_budget": 600,
    "workers": 1,
}
ONE_ROUND = {**QUICK, "epochs": 1, "rounds": 1, "trials": 1}


def small_panel() -> Panel:
    """Demand, negative stock, a constant, zeros, a late start, an early end, large values."""
    rng = np.random.default_rng(3)
    days = np.arange(DAYS)
    week = np.array([3.0, 1.0, 0.0, 1.0, 4.0, 9.0, 7.0])[days % 7]
    rows = [
        20 + 5 * week + rng.normal(0, 2, DAYS),
        -1000 + 10 * week + rng.normal(0, 20, DAYS),
        np.full(DAYS, 42.0),
        rng.poisson(0.3, DAYS).astype(float),
        50 + 3 * week + rng.normal(0, 1, DAYS),
        8 * week + rng.normal(0, 1, DAYS),
        1e6 + 1e4 * week + rng.normal(0, 1e3, DAYS),
    ]
    values = np.stack(rows)
    values[4, :60] = np.nan
    values[5, 100:] = np.nan
    return Panel(tuple(f"item_{row}" for row in range(len(rows))), dt.date(2024, 1, 3), values)


def steady_panel() -> Panel:
    """Many series that go on as they were, calm ones and wild ones."""
    rng = np.random.default_rng(8)
    week = np.array([3.0, 1.0, 0.0, 1.0, 4.0, 9.0, 7.0])[np.arange(DAYS) % 7]
    spread = rng.uniform(0.5, 20.0, (24, 1))
    values = 100 + spread * (week + rng.normal(0, 1, (24, DAYS)))
    return Panel(tuple(f"item_{row}" for row in range(24)), dt.date(2024, 1, 3), values)


def demand_panel() -> Panel:
    """Items that are wanted every third day or so, and never less than not at all."""
    rng = np.random.default_rng(12)
    wanted = rng.random((25, DAYS)) < rng.uniform(0.1, 0.5, (25, 1))
    values = wanted * rng.poisson(rng.uniform(1, 6, (25, 1)), (25, DAYS)).astype(float)
    return Panel(tuple(f"item_{row}" for row in range(25)), dt.date(2024, 1, 3), values)


def covariate_panel() -> Panel:
    """Demand with a promotion known for two weeks ahead, and a price known until now."""
    rng = np.random.default_rng(9)
    promotion = (rng.random((12, DAYS + 14)) < 0.2).astype(float)
    price = np.where(np.arange(DAYS + 14) < DAYS, 5 + rng.normal(0, 1, (12, DAYS + 14)), np.nan)
    values = 20 + 15 * promotion[:, :DAYS] + rng.normal(0, 1, (12, DAYS))
    return Panel(
        tuple(f"item_{row}" for row in range(12)),
        dt.date(2024, 1, 3),
        values,
        ("promotion", "price"),
        np.stack([promotion, price], axis=2),
    )


@dataclasses.dataclass(frozen=True)
class Subject:
    """A registered model under test."""

    name: str

    def unfitted(self, budget: dict[str, int] = QUICK, **changes: Any) -> Forecaster:
        own = registry.get(self.name).Hyperparameters.names()
        shape = {"window": WINDOW, "horizon": HORIZON, "seed": 5, "threads": 1, **changes}
        hparams = {key: value for key, value in budget.items() if key in own}
        return registry.create(self.name, **shape, hparams=hparams)

    def fit(self, panel: Panel, budget: dict[str, int] = QUICK, **changes: Any) -> Forecaster:
        model = self.unfitted(budget, **changes)
        model.fit(panel, validation_days=VALIDATION_DAYS, progress=no_progress)
        return model

    @cached_property
    def fitted(self) -> Forecaster:
        return self.fit(small_panel())

    @cached_property
    def calibrated(self) -> Forecaster:
        """As `fitted`, with intervals."""
        model = self.fit(small_panel())
        model.calibrate(small_panel(), validation_days=VALIDATION_DAYS)
        return model

    @cached_property
    def windows(self) -> Windows:
        return windows_before(small_panel(), DAYS, WINDOW)[0]


def assert_close(answer: np.ndarray, expected: np.ndarray, windows: Windows) -> None:
    """Equal to 1e-5 of how much each window moves (single precision inside the models)."""
    assert answer.shape == expected.shape
    moved = np.ptp(windows.values, axis=1, keepdims=True) if len(windows) else np.zeros((0, 1))
    rounding = 1e-12 * np.abs(windows.values).max(axis=1, keepdims=True, initial=0)
    assert (np.abs(answer - expected) <= 1e-5 * moved + rounding).all()
