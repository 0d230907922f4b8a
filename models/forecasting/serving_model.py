"""A verified bundle in memory, which forecasts without the library that trained it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, Windows, roll
from models.bundles.checks import BundleProblem
from models.bundles.session import ModelSession
from models.errors import ModelProblem
from models.forecasting.intervals import Calibration


@dataclass(frozen=True)
class Signature:
    """What a bundle takes and gives."""

    window: int
    horizon: int
    season: int = DAYS_A_WEEK
    covariates: tuple[str, ...] = ()
    """Names, in the order that windows have them."""
    nonnegative: bool = False
    """Whether it learnt from values that never were below 0; see `models.arrays.floored`."""

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> Signature:
        """The signature in a checked manifest of any format."""
        said = dict(manifest["signature"])
        return cls(**{**said, "covariates": tuple(said.get("covariates", ()))})


class ServingModel:
    """A verified bundle in memory.

    Args:
        folder: Where it came from, for messages.
        manifest: Verified manifest.
        onnx_model: Contents of model.onnx.
        calibration: What intervals are made from, None where the bundle brings none.

    Raises:
        BundleProblem: onnxruntime cannot load it, or its inputs and outputs are not a
            forecaster's.
    """

    def __init__(
        self,
        folder: Path,
        manifest: dict[str, Any],
        onnx_model: bytes,
        calibration: Calibration | None = None,
    ) -> None:
        self.manifest = manifest
        self.calibration = calibration
        self.signature = Signature.of(manifest)
        self._session = ModelSession(folder, onnx_model)
        self._check_interface(folder)

    def _check_interface(self, folder: Path) -> None:
        inputs, outputs = self._session.inputs, self._session.outputs
        # A graph that does not look at the weekday may leave it out.
        takes = {"values": ("tensor(double)", 2), "weekday": ("tensor(int64)", 1)}
        if self.signature.covariates:
            takes["covariates"] = ("tensor(double)", 3)
        if "values" not in inputs or not inputs.items() <= takes.items():
            raise BundleProblem(folder, f"the model takes {inputs}, not {takes}")
        if outputs != {"forecast": ("tensor(double)", 2)}:
            raise BundleProblem(folder, f"the model gives {outputs}, not one forecast")
        self._inputs = tuple(inputs)

    @property
    def window(self) -> int:
        """Values that the model sees."""
        return self.signature.window

    @property
    def horizon(self) -> int:
        """Days that the model answers at a time."""
        return self.signature.horizon

    def forecast(self, windows: Windows, steps: int | None = None) -> FloatArray:
        """Forecast `steps` days after each window (default: the horizon): float64 (n, steps).

        Raises:
            ModelProblem: Windows of another length, `steps` below 1, or an answer that is not
                finite.
        """
        if windows.window != self.window:
            raise ModelProblem(
                f"this model needs windows of {self.window} values, not {windows.window}"
            )
        steps = self.horizon if steps is None else steps
        return roll(self._answer, windows, steps, nonnegative=self.signature.nonnegative)

    def interval(
        self, point: FloatArray, windows: Windows, level: float
    ) -> tuple[FloatArray, FloatArray]:
        """Prediction interval around what `forecast` gave for these windows.

        Returns:
            Lower and upper ends, shaped like `point`; see `Calibration.interval`.

        Raises:
            ModelProblem: The bundle brings no calibration, or `level` is not between 0 and 1.
        """
        if self.calibration is None:
            raise ModelProblem(
                "this model has no prediction intervals",
                "Ask without a level, or train and deploy it again.",
            )
        return self.calibration.interval(point, windows, level)

    def _answer(self, windows: Windows) -> FloatArray:
        offered = {"values": windows.values, "weekday": windows.weekday}
        if self.signature.covariates:
            offered["covariates"] = windows.known_covariates(
                len(self.signature.covariates), self.horizon
            )
        asked = {name: offered[name] for name in self._inputs}
        (forecast,) = self._session.run(["forecast"], asked)
        if forecast.shape != (len(windows), self.horizon):
            raise ModelProblem(
                f"the model answered with shape {forecast.shape}, "
                f"not {(len(windows), self.horizon)}"
            )
        return np.asarray(forecast, dtype=np.float64)
