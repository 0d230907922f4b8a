"""auto: tries every type, then blends what the validation days pick."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Progress, no_progress
from models.errors import ModelProblem
from models.forecasting.blended_graph import write_blend
from models.forecasting.judging import ForecastJudge
from models.forecasting.trials import ForecastCourse, as_known
from models.forecasting.windows import loss_scales, split_samples
from models.registry import register
from models.search.blending import (
    BlendHyperparameters,
    Member,
    described_members,
    load_members,
    refit_report,
    save_members,
    searched,
    workers_for,
)
from models.search.refits import refit_all

_HORIZONS_HELD_BACK = 4


@dataclass(frozen=True)
class _History:
    """All days, as members learn from them once more."""

    history: Panel

    def teach(self, model: Forecaster, report: FitReport) -> FitReport | None:
        return model.refit(self.history, report, progress=no_progress)


@register("auto")
class Auto(Forecaster):
    """A weighted mean of the models that forecast the validation days best together.

    Trials are compared on every window whose targets lie in the validation days; see
    `models.search`. Without validation days the last weeks are held back to compare them, and each
    member learns from those too afterwards.
    """

    Hyperparameters = BlendHyperparameters
    hands_on = True
    _members: tuple[Member[Forecaster], ...] = ()
    _folder: Path | None = None

    def keep_trials_in(self, folder: Path) -> None:
        """Let `fit` write finished trials into a folder, and take up those that are there."""
        self._folder = folder

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
            self._learn_again(history, no_progress)
            report = dataclasses.replace(report, best_round=report.rounds, best_loss=None)
        self._forget_unused_covariates()
        return dataclasses.replace(report, seconds=time.monotonic() - started)

    def refit(self, history: Panel, report: FitReport, *, progress: Progress) -> FitReport | None:
        """Let each member learn once more from all days, as it sees fit; the weights stay."""
        started = time.monotonic()
        self.remember(history)
        again = self._learn_again(history, progress)
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

    def describe(self) -> dict[str, Any]:
        """What the base class says, and of which members it is made."""
        return {**super().describe(), "members": described_members(self._members)}

    def save_state(self, folder: Path) -> None:
        """Write each member into a folder of its own, and the weights."""
        save_members(self._fitted(), folder)

    def load_state(self, folder: Path) -> None:
        """Read the members and their weights."""
        self._members = load_members(Forecaster, folder)  # type: ignore[type-abstract]

    def export_onnx(self, path: Path) -> None:
        """Join the members' graphs."""
        with tempfile.TemporaryDirectory() as scratch:
            parts = []
            for number, member in enumerate(self._fitted()):
                file = Path(scratch) / f"{number}.onnx"
                member.model.export_onnx(file)
                places = [self.covariates.index(name) for name in member.model.covariates]
                parts.append((file, member.weight, places))
            write_blend(
                parts,
                path,
                window=self.window,
                horizon=self.horizon,
                covariates=len(self.covariates),
            )

    def _own(self) -> BlendHyperparameters:
        assert isinstance(self.hyperparameters, BlendHyperparameters)
        return self.hyperparameters

    def _fitted(self) -> tuple[Member[Forecaster], ...]:
        if not self._members:
            raise ModelProblem("this auto has not been fitted", "Call fit or load first.")
        return self._members

    def _held_back(self, history: Panel) -> int:
        """Days to compare models on when the caller holds none back."""
        begins, ends = history.spans
        spare = int((ends - begins).max()) - self.window - self.horizon
        return max(min(_HORIZONS_HELD_BACK * self.horizon, spare), self.horizon)

    def _learn_again(self, history: Panel, progress: Progress) -> list[FitReport]:
        """Refit the members from all of the history; the reports of those that did."""
        members = self._fitted()
        refitted = refit_all(
            [(member.model, member.report) for member in members],
            _History(history),
            workers=workers_for(self._own(), len(members)),
            progress=progress,
        )
        self._members = tuple(
            dataclasses.replace(member, model=model)
            for member, (model, _) in zip(members, refitted, strict=True)
        )
        return [report for _, report in refitted if report is not None]

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
