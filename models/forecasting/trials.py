"""What all trials of forecasters have in common: the history, and windows that compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models import registry
from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, no_progress
from models.errors import ModelProblem
from models.forecasting.windows import Samples, split_samples
from models.search.trials import Course, Trial

_MOST_WINDOWS = 6_000


@dataclass(frozen=True)
class ForecastCourse(Course):
    """Trials of forecasters that learn from one history.

    Args:
        history: What is learnt from.
        window: Values that the models see.
        horizon: Days that they answer at a time.
        validation_days: Last days of the history that pick members and weights.
        threads: Processor threads of one training.
        objective: One of `models.base.OBJECTIVES`.
    """

    history: Panel
    window: int
    horizon: int
    validation_days: int
    threads: int
    objective: str

    def validation(self) -> Samples:
        """The windows that members are compared on: all of the validation days, or evenly many."""
        _, validation = split_samples(self.history, self.window, self.horizon, self.validation_days)
        assert validation is not None, "a search always has validation days"
        return validation.spread(_MOST_WINDOWS)

    def fit(self, trial: Trial) -> tuple[Forecaster, FitReport, FloatArray]:
        """Fit a trial's model, and let it forecast the validation windows."""
        cls = registry.get(trial.model_type)
        model = cls(
            window=self.window,
            horizon=self.horizon,
            seed=trial.seed,
            threads=self.threads,
            objective=self.objective,
            hyperparameters=cls.Hyperparameters.parse(trial.hyperparameters),
        )
        report = model.fit(self.history, validation_days=self.validation_days, progress=no_progress)
        windows = self.validation().windows
        answers = model.answer(as_known(model, windows, self.history.covariate_names))
        if answers.shape != (len(windows), self.horizon) or not np.isfinite(answers).all():
            raise ModelProblem(f"{trial.model_type} does not answer every validation window")
        return model, report, answers

    def described(self) -> dict[str, Any]:
        """Options, names and the first day."""
        return {
            "window": self.window,
            "horizon": self.horizon,
            "validation_days": self.validation_days,
            "threads": self.threads,
            "objective": self.objective,
            "ids": self.history.ids,
            "start": self.history.start.isoformat(),
            "covariates": self.history.covariate_names,
        }

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Values and covariates."""
        given = (self.history.values, self.history.covariates)
        return [array for array in given if array is not None]


def as_known(model: Forecaster, windows: Windows, names: tuple[str, ...]) -> Windows:
    """Windows with those covariates, of these names, that a model learnt from."""
    if windows.covariates is None or model.covariates == names:
        return windows
    if not model.covariates:
        return replace(windows, covariates=None)
    places = [names.index(name) for name in model.covariates]
    return replace(windows, covariates=windows.covariates[:, :, places])
