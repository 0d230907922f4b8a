"""auto: tries every type, then blends what the validation days pick."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Progress, no_progress
from models.forecasting.blended_graph import write_blend
from models.forecasting.judging import ForecastJudge
from models.forecasting.trials import ForecastCourse, as_known
from models.forecasting.windows import loss_scales, split_samples
from models.registry import register
from models.search.blended import Blended
from models.search.blending import Member, refit_report, searched

_HORIZONS_HELD_BACK = 4


@dataclass(frozen=True)
class _History:
    """All days, as members learn from them once more."""

    history: Panel

    def teach(self, model: Forecaster, report: FitReport) -> FitReport | None:
        return model.refit(self.history, report, progress=no_progress)


@register("auto")
class Auto(Blended[Forecaster], Forecaster):
    """A weighted mean of the models that forecast the validation days best together.

    Trials are compared on every window whose targets lie in the validation days; see
    `models.search`. Without validation days the last weeks are held back to compare them, and each
    member learns from those too afterwards.
    """

    member_class = Forecaster

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Search and blend; see the base class."""
        started = time.monotonic()
        self.remember(history)
        training, validation = split_samples(history, self.window, self.horizon, validation_days)
        compared_days = validation_days or self._held_back(history)
        course = ForecastCourse(
            history, self.window, self.horizon, compared_days, self.threads, self.objective
        )
        judge = ForecastJudge(
            course.validation(),
            loss_scales(history, compared_days, self.objective),
            objective=self.objective,
            nonnegative=self.nonnegative,
            seed=self.seed,
        )
        found = searched(
            Forecaster,  # type: ignore[type-abstract]
            course,
            judge,
            own=self._own(),
            configured=self.configured,
            seed=self.seed,
            folder=self._folder,
            progress=progress,
        )
        self._members = found.members
        report = FitReport(
            samples=len(training),
            validation_samples=len(validation) if validation else 0,
            rounds=found.trials,
            best_round=found.best_round,
            best_loss=found.blend.score.value,
            seconds=0.0,
            curve=found.curve,
            leaderboard=found.board,
            importance=_importance(self._members),
        )
        if not validation_days:
            self._learn_again(_History(history), no_progress)
            report = dataclasses.replace(report, best_round=report.rounds, best_loss=None)
        self._forget_unused_covariates()
        return dataclasses.replace(report, seconds=time.monotonic() - started)

    def refit(self, history: Panel, report: FitReport, *, progress: Progress) -> FitReport | None:
        """Let each member learn once more from all days, as it sees fit; the weights stay."""
        started = time.monotonic()
        self.remember(history)
        again = self._learn_again(_History(history), progress)
        self._forget_unused_covariates()
        samples = len(split_samples(history, self.window, self.horizon, 0)[0])
        return refit_report(again, samples, time.monotonic() - started)

    def answer(self, windows: Windows) -> FloatArray:
        """The weighted mean of what the members answer."""
        total = np.zeros((len(windows), self.horizon))
        for member in self._fitted():
            known = as_known(member.model, windows, self.covariates)
            total += member.weight * member.model.answer(known)
        return total

    def export_onnx(self, path: Path) -> None:
        """Join the members' graphs."""
        with self._exported_members() as exported:
            write_blend(
                [(file, member.weight, self._places(member.model)) for file, member in exported],
                path,
                window=self.window,
                horizon=self.horizon,
                covariates=len(self.covariates),
            )

    def _places(self, model: Forecaster) -> list[int]:
        """Where the covariates of a member stand among all."""
        return [self.covariates.index(name) for name in model.covariates]

    def _held_back(self, history: Panel) -> int:
        """Days to compare models on when the caller holds none back."""
        begins, ends = history.spans
        spare = int((ends - begins).max()) - self.window - self.horizon
        return max(min(_HORIZONS_HELD_BACK * self.horizon, spare), self.horizon)

    def _forget_unused_covariates(self) -> None:
        if not any(member.model.covariates for member in self._members):
            self.covariates = ()


def _importance(members: Sequence[Member[Forecaster]]) -> dict[str, float]:
    """What the members say that can tell, by their weights."""
    parts: defaultdict[str, float] = defaultdict(float)
    for member in members:
        for name, part in member.report.importance.items():
            parts[name] += member.weight * part
    whole = sum(parts.values())
    return {name: part / whole for name, part in parts.items()} if whole > 0 else {}
