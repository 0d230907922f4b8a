"""ETS and Theta: exponential smoothing whose parameters are pooled over all series."""

from __future__ import annotations

import json
import math
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Hyperparameters, Progress, bounded
from models.errors import ModelProblem
from models.forecasting.pooling import Parameters, PooledForecast, PooledLoss, search
from models.forecasting.smoothing import (
    ETSParameters,
    ThetaParameters,
    ets_weights,
    theta_weights,
)
from models.forecasting.windows import Samples, loss_scales, split_samples
from models.registry import register

_FILE = "smoothing.json"
_MOST_CHECKS = 20_000
_ALPHAS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.8)
_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class SmoothingHyperparameters(Hyperparameters):
    """There is little to choose: the smoothing parameters are what is learnt."""

    smoothing_samples: int = bounded(3000, low=1, high=1_000_000)
    """Windows that the smoothing parameters are learnt from, drawn at random."""
    smoothing_passes: int = bounded(6, low=1, high=100)
    """Most passes over the grid of parameters from each start."""


class _Smoothing(Forecaster):
    """What both have in common; a subclass says what its weights are and which it tries."""

    Hyperparameters = SmoothingHyperparameters
    starts: ClassVar[tuple[Parameters, ...]]
    """Where the search begins."""
    grid: ClassVar[Mapping[str, tuple[float, ...]]]
    """Values that the search tries, by parameter."""
    _forecast: PooledForecast | None = None
    _parameters: Parameters

    @abstractmethod
    def weights(self, parameters: Parameters) -> FloatArray:
        """Weights (window, horizon) of these parameters."""

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Choose the smoothing parameters; validation days are measured on, and decide nothing."""
        started = time.monotonic()
        self.remember(history)
        self.covariates = ()
        own = self._own()
        training, validation = split_samples(history, self.window, self.horizon, validation_days)
        scales = loss_scales(history, validation_days, self.objective)
        samples = training.draw(own.smoothing_samples, np.random.default_rng(self.seed))
        loss = self._loss(samples, scales)
        checks = self._loss(validation.spread(_MOST_CHECKS), scales) if validation else None
        curve: list[dict[str, float]] = []
        most = len(self.starts) * own.smoothing_passes
        for found in search(loss, self.weights, self.starts, self.grid, own.smoothing_passes):
            forecast = PooledForecast(self.weights(found.parameters), found.clip, found.shift)
            measured = {"loss": found.loss}
            if checks is not None:
                measured["validation_loss"] = checks(forecast)
            if not all(math.isfinite(value) for value in measured.values()):
                raise ModelProblem(
                    "training diverged: the error of the forecasts is not a finite number",
                    "Look for extreme values in the data.",
                )
            curve.append({"round": len(curve) + 1, **measured})
            progress("round", len(curve), most, **measured)
            parameters = found.parameters
        self._parameters, self._forecast = parameters, forecast
        return FitReport(
            samples=len(training),
            validation_samples=len(validation) if validation else 0,
            rounds=len(curve),
            best_round=len(curve),
            best_loss=curve[-1].get("validation_loss"),
            seconds=time.monotonic() - started,
            curve=curve,
        )

    def refit(self, history: Panel, report: FitReport, *, progress: Progress) -> FitReport:
        """Choose again, from all days."""
        return self.fit(history, validation_days=0, progress=progress)

    def answer(self, windows: Windows) -> FloatArray:
        """The next `horizon` days."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._fitted().answer(windows)

    def save_state(self, folder: Path) -> None:
        """Write the parameters as JSON; the weights follow from them."""
        forecast = self._fitted()
        state = {
            "parameters": self._parameters,
            # JSON knows no infinity.
            "clip": None if math.isinf(forecast.clip) else forecast.clip,
            "shift": forecast.shift,
        }
        (folder / _FILE).write_text(json.dumps(state, indent=2), encoding="utf-8")

    def load_state(self, folder: Path) -> None:
        """Read the parameters."""
        path = folder / _FILE
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelProblem(f"the parameters in {path} cannot be read: {error}") from error
        match state:
            case {
                "parameters": dict(parameters),
                "clip": float() | None as clip,
                "shift": float(shift),
            } if parameters.keys() == self.grid.keys() and all(
                isinstance(value, float) and math.isfinite(value)
                for value in (*parameters.values(), clip or 0.0, shift)
            ):
                weights = self.weights(parameters)
                self._parameters = parameters
                self._forecast = PooledForecast(weights, math.inf if clip is None else clip, shift)
            case _:
                raise ModelProblem(f"{path} does not hold the parameters of a {self.model_type}")

    def export_onnx(self, path: Path) -> None:
        """One product of matrices, in double precision; the weekday does not matter."""
        from models.onnx_graphs import save_graph

        save_graph(_graph(self._fitted(), self.model_type), path)

    def _loss(self, samples: Samples, scales: FloatArray) -> PooledLoss:
        return PooledLoss(samples, scales[samples.rows], self.objective, self.nonnegative)

    def _own(self) -> SmoothingHyperparameters:
        assert isinstance(self.hyperparameters, SmoothingHyperparameters)
        return self.hyperparameters

    def _fitted(self) -> PooledForecast:
        if self._forecast is None:
            raise ModelProblem(
                f"this {self.model_type} has not been fitted", "Call fit or load first."
            )
        return self._forecast


@register("ETS")
class ETS(_Smoothing):
    """Level, damped trend and weekday, all additive: ETS(A,Ad,A), or less where less is better.

    A search that begins without a trend and ends without one is ETS(A,N,A).
    """

    grid: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "alpha": _ALPHAS,
        "gamma_share": (0.0, 0.02, 0.05, 0.1, 0.2, 0.4),
        "initial_season": _SHARES,
        "initial_trend": (0.0, 0.25, 0.5, 1.0),
        "damping": (0.8, 0.9, 0.95, 0.98, 1.0),
        "beta_share": (0.0, 0.02, 0.05, 0.1, 0.2),
    }
    starts: ClassVar[tuple[Parameters, ...]] = (
        {
            "alpha": 0.08,
            "gamma_share": 0.0,
            "initial_season": 0.6,
            "initial_trend": 0.0,
            "damping": 0.95,
            "beta_share": 0.0,
        },
        {
            "alpha": 0.15,
            "gamma_share": 0.05,
            "initial_season": 1.0,
            "initial_trend": 0.5,
            "damping": 0.98,
            "beta_share": 0.05,
        },
    )

    def weights(self, parameters: Parameters) -> FloatArray:
        """Weights (window, horizon) of these parameters."""
        return ets_weights(self.window, self.horizon, ETSParameters(**parameters))


@register("Theta")
class Theta(_Smoothing):
    """Simple exponential smoothing with part of the drift, on seasonally adjusted values."""

    grid: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "alpha": _ALPHAS,
        "season": _SHARES,
        # theta of 1 (no drift), 1.11, 1.33, 2 (the classical one) and 4.
        "drift": (0.0, 0.1, 0.25, 0.5, 0.75),
    }
    starts: ClassVar[tuple[Parameters, ...]] = (
        {"alpha": 0.08, "season": 0.6, "drift": 0.0},
        {"alpha": 0.3, "season": 1.0, "drift": 0.5},
    )

    def weights(self, parameters: Parameters) -> FloatArray:
        """Weights (window, horizon) of these parameters."""
        return theta_weights(self.window, self.horizon, ThetaParameters(**parameters))


def _graph(forecast: PooledForecast, name: str) -> Any:
    """`PooledForecast.answer` as an ONNX graph."""
    from onnx import TensorProto, helper, numpy_helper

    from models.forecasting.onnx_files import OUTPUT

    window, horizon = forecast.weights.shape
    constants = {"weights": forecast.weights, "shift": np.array(forecast.shift)}
    nodes = [
        helper.make_node("ReduceMean", ["values"], ["level"], axes=[1]),
        helper.make_node("Sub", ["values", "level"], ["centred"]),
        helper.make_node("Abs", ["centred"], ["distance"]),
        helper.make_node("ReduceMean", ["distance"], ["spread"], axes=[1]),
    ]
    cut = "centred"
    if math.isfinite(forecast.clip):
        constants["clip"] = np.array(forecast.clip)
        nodes += [
            helper.make_node("Mul", ["spread", "clip"], ["most"]),
            helper.make_node("Neg", ["most"], ["least"]),
            helper.make_node("Min", ["centred", "most"], ["below_most"]),
            helper.make_node("Max", ["below_most", "least"], ["cut"]),
        ]
        cut = "cut"
    nodes += [
        helper.make_node("MatMul", [cut, "weights"], ["smoothed"]),
        helper.make_node("Mul", ["spread", "shift"], ["shifted"]),
        helper.make_node("Add", ["smoothed", "shifted"], ["moved"]),
        helper.make_node("Add", ["level", "moved"], [OUTPUT]),
    ]
    info = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        name,
        [
            info("values", TensorProto.DOUBLE, ["n", window]),
            info("weekday", TensorProto.INT64, ["n"]),
        ],
        [info(OUTPUT, TensorProto.DOUBLE, ["n", horizon])],
        initializer=[numpy_helper.from_array(array, key) for key, array in constants.items()],
    )
