"""Models that learn nothing and forecast too much, too little or not at all, for tests of `auto`.

A file as a user would add it, so that processes beside the test can load it too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.base import FitReport, Forecaster, Hyperparameters, bounded
from models.errors import ModelProblem
from models.forecasting.windows import split_samples
from models.registry import register


@dataclass(frozen=True)
class LeaningHyperparameters(Hyperparameters):
    lean: float = bounded(2.0, low=0.0, high=9.0)
    """How far off each forecast is."""


class _Leaning(Forecaster):
    """The mean of each weekday, and so much more or less; the seed adds a little."""

    Hyperparameters = LeaningHyperparameters
    sign = 1.0
    takes_covariates = 0
    _constant = 0.0
    refits = 0

    def fit(self, history, *, validation_days, progress):
        self.remember(history)
        self.covariates = self.covariates[: self.takes_covariates]
        training, checks = split_samples(history, self.window, self.horizon, validation_days)
        noise = np.random.default_rng(self.seed).uniform(0.0, 0.1)
        self._constant = self.sign * (self.hyperparameters.lean + noise)
        return FitReport(len(training), len(checks) if checks else 0, 1, 1, None, 0.0)

    def refit(self, history, report, *, progress):
        self.remember(history)
        self.covariates = self.covariates[: self.takes_covariates]
        self.refits += 1
        return FitReport(report.samples + 1, 0, 1, 1, None, 0.0)

    def _weights(self):
        same = (np.arange(self.window)[:, None] - self.window - np.arange(self.horizon)) % 7 == 0
        return same / same.sum(axis=0)

    def answer(self, windows):
        forecast = windows.values @ self._weights() + self._constant
        if self.covariates:
            known = windows.known_covariates(len(self.covariates), self.horizon)
            forecast = forecast + np.nan_to_num(known[:, self.window :, 0])
        return forecast

    def save_state(self, folder):
        np.savez(folder / "leaning.npz", constant=self._constant, refits=self.refits)

    def load_state(self, folder):
        with np.load(folder / "leaning.npz") as saved:
            self._constant, self.refits = float(saved["constant"]), int(saved["refits"])

    def export_onnx(self, path):
        from onnx import TensorProto, helper, numpy_helper

        from models.onnx_graphs import save_graph

        info, node = helper.make_tensor_value_info, helper.make_node
        shapes = {"values": ["n", self.window]}
        nodes = [
            node("MatMul", ["values", "weights"], ["mean"]),
            node("Add", ["mean", "constant"], ["moved"]),
        ]
        arrays = {"weights": self._weights(), "constant": np.array(self._constant)}
        if self.covariates:
            shapes["covariates"] = ["n", self.window + self.horizon, len(self.covariates)]
            arrays |= {
                "zero": np.array(0.0),
                "first": np.array(0),
                "days": np.arange(self.window, self.window + self.horizon),
            }
            nodes += [
                node("Gather", ["covariates", "first"], ["one"], axis=2),
                node("Gather", ["one", "days"], ["ahead"], axis=1),
                node("IsNaN", ["ahead"], ["unknown"]),
                node("Where", ["unknown", "zero", "ahead"], ["known"]),
                node("Add", ["moved", "known"], ["forecast"]),
            ]
        else:
            nodes[-1].output[0] = "forecast"
        graph = helper.make_graph(
            nodes,
            "leaning",
            [info(name, TensorProto.DOUBLE, shape) for name, shape in shapes.items()],
            [info("forecast", TensorProto.DOUBLE, ["n", self.horizon])],
            initializer=[numpy_helper.from_array(array, name) for name, array in arrays.items()],
        )
        save_graph(graph, path)


@register("Above")
class Above(_Leaning):
    takes_covariates = 1


@register("Below")
class Below(_Leaning):
    sign = -1.0


@dataclass(frozen=True)
class Nothing(Hyperparameters):
    pass


@register("Broken")
class Broken(_Leaning):
    Hyperparameters = Nothing

    def fit(self, history, *, validation_days, progress):
        raise ModelProblem("this one never learns", "Leave it.")
