"""A small model that knows covariates, and data in which they matter."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Hyperparameters, Progress, no_progress
from models.forecasting.bundle import write_bundle
from models.forecasting.windows import split_samples

WINDOW, HORIZON = 14, 7
PROMO, PRICE = 20.0, -3.0
"""What one unit of each covariate does to a value."""


@dataclass(frozen=True)
class PromoHyperparameters(Hyperparameters):
    """There is nothing to choose."""


class Promo(Forecaster):
    """The mean of what the window is without its covariates, and what those of each day add.

    Not registered: only what is handed it knows it.
    """

    model_type: ClassVar[str] = "Promo"
    Hyperparameters = PromoHyperparameters
    effects: FloatArray

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Least squares of what differs from the mean of the window."""
        self.remember(history)
        training, _ = split_samples(history, self.window, self.horizon, validation_days)
        samples = training.spread(1000)
        known = self._known(samples.windows)
        values = np.concatenate([samples.windows.values, samples.targets], axis=1)
        moved = (known - known.mean(axis=1, keepdims=True)).reshape(-1, known.shape[2])
        differs = (values - values.mean(axis=1, keepdims=True)).reshape(-1)
        self.effects = np.linalg.lstsq(moved, differs, rcond=None)[0]
        progress("epoch", 1, 1)
        return FitReport(len(training), 0, 0, 0, None, 0.0)

    def _known(self, windows: Windows) -> FloatArray:
        return np.nan_to_num(windows.known_covariates(len(self.covariates), self.horizon))

    def answer(self, windows: Windows) -> FloatArray:
        """The next `horizon` days."""
        adds = self._known(windows) @ self.effects
        level = (windows.values - adds[:, : self.window]).mean(axis=1, keepdims=True)
        return np.asarray(level + adds[:, self.window :])

    def save_state(self, folder: Path) -> None:
        """What each covariate adds."""
        (folder / "effects.json").write_text(json.dumps(self.effects.tolist()))

    def load_state(self, folder: Path) -> None:
        """Read it."""
        self.effects = np.array(json.loads((folder / "effects.json").read_text()))

    def export_onnx(self, path: Path) -> None:
        """The same as a graph; what is unknown adds nothing."""
        from onnx import TensorProto, helper, numpy_helper

        from models.onnx_graphs import save_graph

        def constant(name: str, value: Any) -> Any:
            return numpy_helper.from_array(np.array(value), name)

        info, node = helper.make_tensor_value_info, helper.make_node
        days, size = self.window + self.horizon, len(self.covariates)
        graph = helper.make_graph(
            [
                node("IsNaN", ["covariates"], ["unknown"]),
                node("Where", ["unknown", "zero", "covariates"], ["known"]),
                node("MatMul", ["known", "effects"], ["adds_column"]),
                node("Squeeze", ["adds_column", "last_axis"], ["adds"]),
                node("Split", ["adds", "parts"], ["added", "adds_ahead"], axis=1),
                node("Sub", ["values", "added"], ["without"]),
                node("ReduceMean", ["without"], ["level"], axes=[1], keepdims=1),
                node("Add", ["level", "adds_ahead"], ["forecast"]),
            ],
            "Promo",
            [
                info("values", TensorProto.DOUBLE, ["n", self.window]),
                info("covariates", TensorProto.DOUBLE, ["n", days, size]),
            ],
            [info("forecast", TensorProto.DOUBLE, ["n", self.horizon])],
            initializer=[
                constant("zero", 0.0),
                constant("effects", self.effects[:, None]),
                constant("last_axis", [2]),
                constant("parts", [self.window, self.horizon]),
            ],
        )
        save_graph(graph, path)


def promo_panel(*, days: int = 120, known: int = 127, series: int = 2) -> Panel:
    """Values that a promotion raises and a price lowers, which are known for longer."""
    rng = np.random.default_rng(5)
    promo = (rng.random((series, known)) < 0.2).astype(np.float64)
    price = rng.integers(1, 5, (series, known)).astype(np.float64)
    level = 100.0 * np.arange(1, series + 1)[:, None]
    values = level + PROMO * promo[:, :days] + PRICE * price[:, :days]
    values += rng.normal(0, 1, values.shape)
    ids = tuple("abcdefgh"[:series])
    covariates = np.stack([promo, price], axis=2)
    return Panel(ids, dt.date(2026, 1, 1), values, ("promo", "price"), covariates)


def fitted(panel: Panel) -> Promo:
    """The model, fitted and calibrated."""
    model = Promo(
        window=WINDOW,
        horizon=HORIZON,
        seed=7,
        threads=1,
        hyperparameters=PromoHyperparameters(),
    )
    model.fit(panel, validation_days=0, progress=no_progress)
    model.calibrate(panel, validation_days=28)
    return model


def make_covariate_bundle(folder: Path) -> Path:
    """Write the bundle of a model that knows promo and price; of some windows one is unknown."""
    panel = promo_panel()
    windows = panel.last_windows(WINDOW)
    assert windows.covariates is not None
    windows.covariates[0, 3:, 1] = np.nan
    write_bundle(fitted(panel), folder, windows)
    return folder
