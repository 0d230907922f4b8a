"""auto: tries every type, then blends what the validation days pick."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import registry
from models.arrays import FloatArray, Panel, Windows
from models.base import (
    FitReport,
    Forecaster,
    Hyperparameters,
    Progress,
    bounded,
    no_progress,
)
from models.errors import ModelProblem
from models.forecasting.blended_graph import write_blend
from models.forecasting.crew import crew_of
from models.forecasting.ensemble import select
from models.forecasting.judging import Judge
from models.forecasting.leaderboard import curve_of, leaderboard_of
from models.forecasting.proposals import Judged, Proposals
from models.forecasting.refits import refit_all
from models.forecasting.search import Limits, Search
from models.forecasting.trials import Course, TrialStore, as_known, held_alone, key_of
from models.forecasting.windows import loss_scales, split_samples
from models.registry import register

_NAME = "auto"
_BLEND_FILE = "blend.json"
_MEMBERS_FOLDER = "members"
_CHOSEN_WORKERS = 2
# As many as keep two processes busy; more of them wait for less.
_SHORTEST_LAG = 3
_HORIZONS_HELD_BACK = 4


@dataclass(frozen=True)
class AutoHyperparameters(Hyperparameters):
    """Those of the types that it tries may be set beside these; what is set is not searched."""

    trials: int = bounded(16, low=1, high=1000)
    """Most models that are tried: the defaults of every type, then variants of what helps."""
    time_budget: int = bounded(170, low=1, high=604_800)
    """Seconds after which no further model is tried; the first one always is.

    Learning once more from all days comes after it, and takes about half as long.
    """
    members: int = bounded(6, low=1, high=32)
    """Most models in the blend."""
    workers: int = bounded(0, low=0, high=64)
    """Processes that try models at the same time; 0 chooses, two at most."""


@dataclass(frozen=True, eq=False)
class _Member:
    """A model of the blend.

    Args:
        model: Fitted.
        weight: Above 0; those of all members add up to 1.
        report: Of the fit that the weight was picked for.
    """

    model: Forecaster
    weight: float
    report: FitReport


@register(_NAME)
class Auto(Forecaster):
    """A weighted mean of the models that forecast the validation days best together.

    Trials are compared on every window whose targets lie in the validation days; see `search`,
    `proposals` and `ensemble`. Without validation days the last weeks are held back to compare
    them, and each member learns from those too afterwards.
    """

    Hyperparameters = AutoHyperparameters
    hands_on = True
    _members: tuple[_Member, ...] = ()
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
        course = Course(
            history, self.window, self.horizon, compared_days, self.threads, self.objective
        )
        judge = Judge(
            course.validation(),
            loss_scales(history, compared_days, self.objective),
            objective=self.objective,
            nonnegative=self.nonnegative,
            seed=self.seed,
        )
        with self._store(course) as store:
            told = self._search(course, judge, store, progress)
            done = [one for one in told if one.residuals is not None]
            residuals = np.stack([one.residuals for one in done if one.residuals is not None])
            blend = select(judge, residuals, members=self._own().members)
            weights = dict(zip((one.number for one in done), blend.weights.tolist(), strict=True))
            self._members = tuple(
                _Member(registry.load(store.model_folder(one.number)), weights[one.number], report)
                for one in done
                if weights[one.number] and (report := one.outcome.report) is not None
            )
        board = leaderboard_of(told, weights, blend, model_type=_NAME, seed=self.seed)
        report = FitReport(
            samples=len(training),
            validation_samples=len(validation) if validation else 0,
            rounds=len(told),
            best_round=1 + next(row["member"] for row in board if row["member"] is not None),
            best_loss=blend.score.value,
            seconds=0.0,
            curve=curve_of(told),
            leaderboard=board,
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
        if not again:
            return None
        return FitReport(
            samples=len(split_samples(history, self.window, self.horizon, 0)[0]),
            validation_samples=0,
            rounds=len(again),
            best_round=len(again),
            best_loss=None,
            seconds=time.monotonic() - started,
            curve=[
                {"round": number, "seconds": one.seconds} for number, one in enumerate(again, 1)
            ],
        )

    def answer(self, windows: Windows) -> FloatArray:
        """The weighted mean of what the members answer."""
        total = np.zeros((len(windows), self.horizon))
        for member in self._fitted():
            known = as_known(member.model, windows, self.covariates)
            total += member.weight * member.model.answer(known)
        return total

    def describe(self) -> dict[str, Any]:
        """What the base class says, and of which members it is made."""
        members = [{"weight": member.weight, **member.model.describe()} for member in self._members]
        return {**super().describe(), "members": members}

    def save_state(self, folder: Path) -> None:
        """Write each member into a folder of its own, and the weights."""
        blend = []
        for number, member in enumerate(self._fitted()):
            place = f"{_MEMBERS_FOLDER}/{number}"
            member.model.save(folder / place)
            blend.append(
                {"folder": place, "weight": member.weight, "report": member.report.as_dict()}
            )
        (folder / _BLEND_FILE).write_text(json.dumps(blend), encoding="utf-8")

    def load_state(self, folder: Path) -> None:
        """Read the members and their weights."""
        path = folder / _BLEND_FILE
        try:
            blend = json.loads(path.read_text(encoding="utf-8"))
            self._members = tuple(
                _Member(
                    registry.load(folder / part["folder"]),
                    float(part["weight"]),
                    FitReport(**part["report"]),
                )
                for part in blend
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, ModelProblem):
                raise
            raise ModelProblem(f"the blend in {path} cannot be read: {error}") from error

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

    def _own(self) -> AutoHyperparameters:
        assert isinstance(self.hyperparameters, AutoHyperparameters)
        return self.hyperparameters

    def _fitted(self) -> tuple[_Member, ...]:
        if not self._members:
            raise ModelProblem("this auto has not been fitted", "Call fit or load first.")
        return self._members

    def _workers(self, jobs: int) -> int:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        chosen = self._own().workers or min(_CHOSEN_WORKERS, cores or 1)
        return min(chosen, jobs)

    def _held_back(self, history: Panel) -> int:
        """Days to compare models on when the caller holds none back."""
        begins, ends = history.spans
        spare = int((ends - begins).max()) - self.window - self.horizon
        return max(min(_HORIZONS_HELD_BACK * self.horizon, spare), self.horizon)

    @contextmanager
    def _store(self, course: Course) -> Iterator[TrialStore]:
        """Where the trials go: the caller's folder, unless another process searches in it now."""
        if self._folder is not None:
            with held_alone(self._folder) as is_mine:
                if is_mine:
                    yield TrialStore(self._folder, key_of(course))
                    return
        with tempfile.TemporaryDirectory() as scratch:
            yield TrialStore(Path(scratch), "")

    def _search(
        self, course: Course, judge: Judge, store: TrialStore, progress: Progress
    ) -> Sequence[Judged]:

        own = self._own()
        proposals = Proposals(
            self.configured, judge, members=own.members, seed=self.seed, without=(_NAME,)
        )
        workers = self._workers(own.trials)
        limits = Limits(own.trials, own.time_budget, max(own.workers + 1, _SHORTEST_LAG))
        with crew_of(workers, course) as crew:
            return Search(proposals, judge, store, crew, limits, progress).run()

    def _learn_again(self, history: Panel, progress: Progress) -> list[FitReport]:
        """Refit the members from all of the history; the reports of those that did."""
        members = self._fitted()
        refitted = refit_all(
            [(member.model, member.report) for member in members],
            history,
            workers=self._workers(len(members)),
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


def _importance(members: Sequence[_Member]) -> dict[str, float]:
    """What the members say that can tell, by their weights."""
    parts: defaultdict[str, float] = defaultdict(float)
    for member in members:
        for name, part in member.report.importance.items():
            parts[name] += member.weight * part
    whole = sum(parts.values())
    return {name: part / whole for name, part in parts.items()} if whole > 0 else {}
