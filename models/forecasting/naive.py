"""The seasonal naive forecast: every day is what the same weekday was last week."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Hyperparameters, Progress
from models.errors import ModelProblem
from models.forecasting.windows import split_samples
from models.registry import register


@dataclass(frozen=True)
class SeasonalNaiveHyperparameters(Hyperparameters):
    """There is nothing to choose."""


@register("SeasonalNaive")
class SeasonalNaive(Forecaster):
    """The yardstick: a model that cannot beat it is not worth deploying.

    f[t + h] = y[t + h - 7k], k the smallest number of weeks that reaches back into the window.
    """

    Hyperparameters = SeasonalNaiveHyperparameters

    def _positions(self) -> list[int]:
        if self.window < DAYS_A_WEEK:
            raise ModelProblem(
                f"SeasonalNaive looks {DAYS_A_WEEK} days back; a window of {self.window} is too "
                "short",
                f"Set window to at least {DAYS_A_WEEK}.",
            )
        return [self.window - DAYS_A_WEEK + step % DAYS_A_WEEK for step in range(self.horizon)]

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Learn nothing; check that the model can answer and that there is something to ask."""
        started = time.monotonic()
        self.remember(history)
        self.covariates = ()
        self._positions()
        training, validation = split_samples(history, self.window, self.horizon, validation_days)
        progress("epoch", 1, 1)
        return FitReport(
            samples=len(training),
            validation_samples=len(validation) if validation else 0,
            rounds=0,
            best_round=0,
            best_loss=None,
            seconds=time.monotonic() - started,
        )

    def answer(self, windows: Windows) -> FloatArray:
        """The values one week back, repeated beyond a week."""
        return windows.values[:, self._positions()]

    def save_state(self, folder: Path) -> None:
        """Nothing was learnt, so there is nothing to write."""

    def load_state(self, folder: Path) -> None:
        """Nothing was learnt, so there is nothing to read."""

    def export_onnx(self, path: Path) -> None:
        """One Gather of the positions; the weekday is an input that does not matter."""
        from onnx import TensorProto, helper, numpy_helper

        from models.onnx_graphs import save_graph

        positions = numpy_helper.from_array(
            np.array(self._positions(), dtype=np.int64), "positions"
        )
        gather = helper.make_node("Gather", ["values", "positions"], ["forecast"], axis=1)
        graph = helper.make_graph(
            [gather],
            "SeasonalNaive",
            [
                helper.make_tensor_value_info("values", TensorProto.DOUBLE, ["n", self.window]),
                helper.make_tensor_value_info("weekday", TensorProto.INT64, ["n"]),
            ],
            [helper.make_tensor_value_info("forecast", TensorProto.DOUBLE, ["n", self.horizon])],
            initializer=[positions],
        )
        save_graph(graph, path)
