"""Every registered model keeps the contract, and so does one that a user adds as a file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from forecaster_checks import CHECKS, WINDOW, Subject

from models import registry
from models.arrays import Windows

subject_of = cache(Subject)


def run(check: Callable[..., None], subject: Subject, folder: Path) -> None:
    needs_folder = "folder" in inspect.signature(check).parameters
    check(subject, folder) if needs_folder else check(subject)


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    run(check, subject_of(name), tmp_path)


@pytest.mark.parametrize("name", registry.names())
def test_a_window_that_does_not_move_is_forecast_to_stay(name: str) -> None:
    values = np.array([0.0, 0.1, -7.0, 1e9])[:, None].repeat(WINDOW, axis=1)
    forecast = subject_of(name).fitted.predict(Windows(values, np.full(4, 7)), 20)
    np.testing.assert_allclose(forecast, values[:, :20], rtol=1e-14)


@pytest.mark.parametrize("name", registry.names())
def test_forecasts_follow_the_unit_and_the_level_of_the_values(name: str) -> None:
    model, windows = subject_of(name).fitted, subject_of(name).windows
    forecast = model.predict(windows, 20)
    moved = model.predict(Windows(windows.values * 1000 - 5e6, windows.weekday), 20)
    spread = 1000 * np.ptp(windows.values, axis=1, keepdims=True)
    assert (np.abs(moved - (forecast * 1000 - 5e6)) <= 1e-4 * spread + 1e-8).all()


@pytest.mark.parametrize("name", registry.names())
def test_a_stock_of_a_billion_keeps_single_pieces(name: str) -> None:
    model = subject_of(name).fitted
    pieces = np.random.default_rng(0).integers(0, 10, (3, WINDOW)).astype(float)
    small = model.predict(Windows(pieces, np.zeros(3, dtype=np.int64)))
    large = model.predict(Windows(pieces + 1e9, np.zeros(3, dtype=np.int64)))
    np.testing.assert_allclose(large - 1e9, small, atol=1e-3)


PLUGIN = '''
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.base import FitReport, Forecaster, Hyperparameters, bounded
from models.forecasting.windows import split_samples
from models.registry import register


@dataclass(frozen=True)
class DriftHyperparameters(Hyperparameters):
    damping: float = bounded(0.5, low=0.0, high=1.0)
    """How much of the mean step is carried on."""


@register("Drift")
class Drift(Forecaster):
    Hyperparameters = DriftHyperparameters

    def _weights(self):
        steps = np.arange(1.0, self.horizon + 1) * self.hyperparameters.damping / (self.window - 1)
        weights = np.zeros((self.window, self.horizon))
        weights[-1] = 1 + steps
        weights[0] = -steps
        return weights

    def fit(self, history, *, validation_days, progress):
        training, checks = split_samples(history, self.window, self.horizon, validation_days)
        progress("epoch", 1, 1)
        return FitReport(len(training), len(checks) if checks else 0, 0, 0, None, 0.0)

    def answer(self, windows):
        with np.errstate(over="ignore", invalid="ignore"):
            return windows.values @ self._weights()

    def save_state(self, folder):
        pass

    def load_state(self, folder):
        pass

    def export_onnx(self, path):
        from onnx import TensorProto, helper, numpy_helper

        from models.forecasting.onnx_files import save_graph

        info = helper.make_tensor_value_info
        save_graph(
            helper.make_graph(
                [helper.make_node("MatMul", ["values", "weights"], ["forecast"])],
                "Drift",
                [
                    info("values", TensorProto.DOUBLE, ["n", self.window]),
                    info("weekday", TensorProto.INT64, ["n"]),
                ],
                [info("forecast", TensorProto.DOUBLE, ["n", self.horizon])],
                initializer=[numpy_helper.from_array(self._weights(), "weights")],
            ),
            path,
        )
'''


def test_a_model_that_a_user_adds_as_one_file_keeps_the_contract(
    tmp_path: Path, restored_registry: None
) -> None:
    (tmp_path / "drift.py").write_text(PLUGIN)
    assert registry.load_file(tmp_path / "drift.py") == ("Drift",)
    assert "Drift" in registry.hyperparameter_names()["damping"]
    subject = Subject("Drift")
    for number, check in enumerate(CHECKS):
        run(check, subject, tmp_path / str(number))
