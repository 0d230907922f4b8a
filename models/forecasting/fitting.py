"""The order in which a model is trained, whoever asks: fit, calibrate, fit once more.

The intervals come from days that the model was not fitted to, so they are made before the model
learns from all days.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.arrays import Panel
from models.base import FitReport, Forecaster, Progress
from models.forecasting.intervals import Calibration


@dataclass(frozen=True)
class Fitted:
    """What a whole training did: of the first fit, and of the second where there was one."""

    fit: FitReport
    refit: FitReport | None


@dataclass(frozen=True, eq=False)
class Fitting:
    """The days that a training may see.

    Args:
        history: Everything that may be learnt from; never contains test days.
        validation_days: The last days of it, which decide when to stop and make the intervals.
    """

    history: Panel
    validation_days: int

    def fit(self, model: Forecaster, progress: Progress) -> FitReport:
        """First: learn from the days before the validation days.

        Raises:
            ModelProblem: No series is long enough, or training diverged.
        """
        return model.fit(self.history, validation_days=self.validation_days, progress=progress)

    def calibrate(self, model: Forecaster) -> Calibration:
        """Second: learn from the validation days how far the model misses.

        Raises:
            ModelProblem: No series has a whole horizon in them.
        """
        return model.calibrate(self.history, validation_days=self.validation_days)

    def refit(self, model: Forecaster, report: FitReport, progress: Progress) -> FitReport | None:
        """Third, where it is wanted: learn from all days, for as long as the first found best.

        Raises:
            ModelProblem: Training diverged.
        """
        return model.refit(self.history, report, progress=progress)

    def whole(self, model: Forecaster, *, refit: bool, progress: Progress) -> Fitted:
        """All of it, in order.

        Raises:
            ModelProblem: As the single ones do.
        """
        report = self.fit(model, progress)
        self.calibrate(model)
        return Fitted(report, self.refit(model, report, progress) if refit else None)
