"""The contract that every forecaster keeps, and the types it is written in.

A forecaster is global: one model for all series of a panel. It sees the last `window` values of a
series and answers the next `horizon` days; more by rolling. A stock may be negative; where no
value ever was, forecasts are not either.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from models.arrays import UNKNOWN_WEEKDAY, FloatArray, IntArray, Panel, Windows, roll
from models.data_types import TIMESERIES
from models.errors import ModelProblem
from models.forecasting.calibration import calibrate
from models.forecasting.intervals import Calibration
from models.hyperparameters import Hyperparameters, bounded, choice
from models.learner import (
    FitReport,
    Learner,
    Progress,
    Resumable,
    no_progress,
    read_description,
)
from models.metrics import MEDIAN, OBJECTIVES, STOCK

# Inside the class that name means the model's own set.
_AnyHyperparameters = Hyperparameters

__all__ = [
    "MEDIAN",
    "OBJECTIVES",
    "STOCK",
    "UNKNOWN_WEEKDAY",
    "FitReport",
    "FloatArray",
    "Forecaster",
    "Hyperparameters",
    "IntArray",
    "ModelProblem",
    "Panel",
    "Progress",
    "Resumable",
    "Windows",
    "bounded",
    "choice",
    "no_progress",
    "read_description",
    "roll",
]

INTERVALS_FILE = "intervals.json"


class Forecaster(Learner):
    """Base class of all forecasters.

    A model is one file: a subclass with `Hyperparameters`, decorated with
    `models.registry.register(name)`, that implements `fit`, `answer`, `save_state`, `load_state`
    and `export_onnx`. The constructor may be called with no data in sight; `fit` does the work.

    Args:
        window: Values that the model sees.
        horizon: Days that it answers at a time.
        seed: The same seed and data give the same model on one machine.
        threads: CPU threads for training; 0 leaves the choice to the model.
        objective: One of `OBJECTIVES`.
        hyperparameters: An instance of the class' `Hyperparameters`.
    """

    data_type: ClassVar[str] = TIMESERIES

    def __init__(
        self,
        *,
        window: int,
        horizon: int,
        seed: int,
        threads: int,
        hyperparameters: _AnyHyperparameters,
        objective: str = MEDIAN,
    ) -> None:
        for name, value, low in (("window", window, 2), ("horizon", horizon, 1)):
            if value < low:
                raise ModelProblem(f"{name} must be at least {low}, not {value}")
        # One thread where the choice is the model's: more than one collapses as soon as another
        # process wants the cores, and on small models gains little when none does.
        super().__init__(seed=seed, threads=threads, hyperparameters=hyperparameters)
        self.window = window
        self.horizon = horizon
        if objective not in OBJECTIVES:
            raise ModelProblem(f"objective must be {' or '.join(OBJECTIVES)}, not {objective!r}")
        self.objective = objective
        self.covariates: tuple[str, ...] = ()
        """Names of the covariates that it learnt from, in the order that windows have them."""
        self.nonnegative = False
        """Whether no value that it learnt from was below 0; its forecasts are not either then."""
        self.calibration: Calibration | None = None
        """What prediction intervals are made from; None until `calibrate` was called."""

    @abstractmethod
    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Learn from a panel.

        Args:
            history: Everything that may be learnt from; never contains test days.
            validation_days: Windows whose targets all lie in the last so many days of `history`
                decide when to stop, and nothing else. 0 trains for the whole budget.
            progress: Told after every epoch or so.

        Raises:
            ModelProblem: No series is long enough, or training diverged.
        """

    def remember(self, history: Panel) -> None:
        """Keep what every later answer depends on; `fit` and `refit` begin with it.

        A model that has nothing to do with covariates sets `covariates` to () afterwards.
        """
        self.covariates = history.covariate_names
        known = history.values[~np.isnan(history.values)]
        self.nonnegative = bool(known.size) and float(known.min()) >= 0

    def refit(self, history: Panel, report: FitReport, *, progress: Progress) -> FitReport | None:
        """Learn once more from all days, for as long as `fit` found to be best.

        The newest days, which only decided when to stop, are learnt from too. `calibration` stays
        what it was: it has to come from days that were not learnt from.

        Args:
            history: What `fit` was given.
            report: What `fit` returned.
            progress: Told after every epoch or so.

        Returns:
            What it did; None for a model that learns nothing more from further days.
        """
        return None

    @abstractmethod
    def answer(self, windows: Windows) -> FloatArray:
        """The next `horizon` days after each of n >= 1 windows: float64 (n, horizon)."""

    @abstractmethod
    def export_onnx(self, path: Path) -> None:
        """Write the fitted model as one self-contained ONNX file.

        Inputs `values` float64 (n, window) and `weekday` int64 (n,), for a model with covariates
        also `covariates` float64 (n, window + horizon, covariates), NaN where unknown; output
        `forecast` float64 (n, horizon), for any n. All scaling is inside the graph.
        """

    def predict(self, windows: Windows, steps: int | None = None) -> FloatArray:
        """Forecast `steps` days after each window (default: the horizon): float64 (n, steps).

        Raises:
            ModelProblem: Windows of another length, `steps` below 1, a model that was not fitted.
        """
        if windows.window != self.window:
            raise ModelProblem(
                f"this model needs windows of {self.window} values, not {windows.window}"
            )
        steps = self.horizon if steps is None else steps
        return roll(self.answer, windows, steps, nonnegative=self.nonnegative)

    def calibrate(self, history: Panel, *, validation_days: int) -> Calibration:
        """Learn how far the fitted model misses; from then on `calibration` makes intervals.

        Args:
            history: What it was fitted on.
            validation_days: As many as `fit` was told, so that no day it learnt from counts.

        Raises:
            ModelProblem: No series has a whole horizon in these days.
        """
        self.calibration = calibrate(
            self.predict,
            history,
            window=self.window,
            horizon=self.horizon,
            validation_days=validation_days,
        )
        return self.calibration

    def shape(self) -> dict[str, Any]:
        """Window, horizon and objective."""
        return {"window": self.window, "horizon": self.horizon, "objective": self.objective}

    def describe(self) -> dict[str, Any]:
        """What this model is, as JSON-able data."""
        return {
            "model_type": self.model_type,
            # In this order: the ids of versions are made from the text of their manifests.
            "window": self.window,
            "horizon": self.horizon,
            "seed": self.seed,
            "objective": self.objective,
            "covariates": list(self.covariates),
            "nonnegative": self.nonnegative,
            "hyperparameters": asdict(self.hyperparameters),
        }

    @classmethod
    def of_description(cls, saved: Mapping[str, Any]) -> Self:
        """An unfitted model as `describe` told it."""
        model = cls(
            window=saved["window"],
            horizon=saved["horizon"],
            seed=saved["seed"],
            threads=saved["threads"],
            objective=saved["objective"],
            hyperparameters=cls.Hyperparameters.parse(saved["hyperparameters"]),
        )
        model.covariates = tuple(saved["covariates"])
        model.nonnegative = bool(saved["nonnegative"])
        return model

    def save_calibration(self, folder: Path) -> None:
        """Write what intervals are made from."""
        if self.calibration is not None:
            text = json.dumps(self.calibration.as_dict())
            (folder / INTERVALS_FILE).write_text(text, encoding="utf-8")

    def load_calibration(self, folder: Path, files: Mapping[str, str]) -> None:
        """Read it back, where there is any."""
        if INTERVALS_FILE in files:
            self.calibration = read_calibration(folder / INTERVALS_FILE)


def read_calibration(path: Path) -> Calibration:
    """The calibration in a JSON file.

    Raises:
        ModelProblem: It cannot be read, or is something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelProblem(f"{path} cannot be read: {error}") from error
    return Calibration.of_dict(data)
