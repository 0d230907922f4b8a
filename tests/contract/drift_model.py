"""A model as a user would add it: one file. Tests copy it to a place of their own."""

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
        self.remember(history)
        self.covariates = ()
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

        from models.onnx_graphs import save_graph

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
