"""What a blend of searched models is made of, whichever kind these are of."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from models import registry
from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters, bounded
from models.learner import FitReport, Learner, Progress
from models.search.crew import crew_of
from models.search.ensemble import Blend, select
from models.search.judging import Judge
from models.search.leaderboard import Row, curve_of, leaderboard_of
from models.search.proposals import Judged, Proposals
from models.search.search import Limits, Search
from models.search.trials import Course, TrialStore, held_alone, key_of

_BLEND_FILE = "blend.json"
_MEMBERS_FOLDER = "members"
_CHOSEN_WORKERS = 2
# As many as keep two processes busy; more of them wait for less.
_SHORTEST_LAG = 3

Model = TypeVar("Model", bound=Learner)


@dataclass(frozen=True)
class BlendHyperparameters(Hyperparameters):
    """Those of the types that it tries may be set beside these; what is set is not searched."""

    trials: int = bounded(16, low=1, high=1000)
    """Most models that are tried: the defaults of every type, then variants of what helps."""
    time_budget: int = bounded(170, low=1, high=604_800)
    """Seconds after which no further model is tried; the first one always is.

    Learning once more from all data comes after it, and takes about half as long.
    """
    members: int = bounded(6, low=1, high=32)
    """Most models in the blend."""
    workers: int = bounded(0, low=0, high=64)
    """Processes that try models at the same time; 0 chooses, two at most."""


@dataclass(frozen=True, eq=False)
class Member(Generic[Model]):
    """A model of the blend.

    Args:
        model: Fitted.
        weight: Above 0; those of all members add up to 1.
        report: Of the fit that the weight was picked for.
    """

    model: Model
    weight: float
    report: FitReport


@dataclass(frozen=True, eq=False)
class Found(Generic[Model]):
    """What a search found.

    Args:
        members: Of the blend.
        blend: Their weights, and what they make.
        trials: How many were made.
        board: A row for each trial and for the blend.
        curve: An entry for each trial.
    """

    members: tuple[Member[Model], ...]
    blend: Blend
    trials: int
    board: list[Row]
    curve: list[dict[str, float]]

    @property
    def best_round(self) -> int:
        """Which trial was the best, from 1."""
        return 1 + int(next(row["member"] for row in self.board if row["member"] is not None))


def searched(
    kind: type[Model],
    course: Course,
    judge: Judge,
    *,
    own: BlendHyperparameters,
    configured: Mapping[str, object],
    seed: int,
    folder: Path | None,
    progress: Progress,
) -> Found[Model]:
    """Try models, and choose what makes the best blend.

    Args:
        kind: Base class of the models.
        course: What they learn from.
        judge: Of what they answer.
        own: Limits of the search.
        configured: Hyperparameters of any types.
        seed: Of everything random.
        folder: Where trials are kept and taken up; None keeps none.
        progress: Told after each trial.

    Raises:
        ModelProblem: No model could be fitted.
    """
    name = "auto"
    proposals = Proposals(
        configured,
        judge,
        data_type=kind.data_type,
        members=own.members,
        seed=seed,
        without=(name,),
    )
    limits = Limits(own.trials, own.time_budget, max(own.workers + 1, _SHORTEST_LAG))
    with _store(folder, course) as store:
        with crew_of(workers_for(own, own.trials), course) as crew:
            told = Search(proposals, judge, store, crew, limits, progress).run()
        done = [one for one in told if one.residuals is not None]
        residuals = np.stack([one.residuals for one in done if one.residuals is not None])
        blend = select(judge, residuals, members=own.members)
        weights = dict(zip((one.number for one in done), blend.weights.tolist(), strict=True))
        members = tuple(
            Member(_loaded(kind, one, store), weights[one.number], report)
            for one in done
            if weights[one.number] and (report := one.outcome.report) is not None
        )
    board = leaderboard_of(
        told, weights, blend, model_type=name, data_type=kind.data_type, seed=seed
    )
    return Found(members, blend, len(told), board, curve_of(told))


def workers_for(own: BlendHyperparameters, jobs: int) -> int:
    """How many processes do so many jobs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    chosen = own.workers or min(_CHOSEN_WORKERS, cores or 1)
    return min(chosen, jobs)


def save_members(members: Sequence[Member[Any]], folder: Path) -> None:
    """Write each member into a folder of its own, and the weights."""
    blend = []
    for number, member in enumerate(members):
        place = f"{_MEMBERS_FOLDER}/{number}"
        member.model.save(folder / place)
        blend.append({"folder": place, "weight": member.weight, "report": member.report.as_dict()})
    (folder / _BLEND_FILE).write_text(json.dumps(blend), encoding="utf-8")


def load_members(kind: type[Model], folder: Path) -> tuple[Member[Model], ...]:
    """Read the members and their weights.

    Raises:
        ModelProblem: A file that is missing or damaged.
    """
    path = folder / _BLEND_FILE
    try:
        blend = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Member(
                _load(kind, folder / part["folder"]),
                float(part["weight"]),
                FitReport(**part["report"]),
            )
            for part in blend
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, ModelProblem):
            raise
        raise ModelProblem(f"the blend in {path} cannot be read: {error}") from error


def described_members(members: Sequence[Member[Any]]) -> list[dict[str, Any]]:
    """Weight and description of each."""
    return [{"weight": member.weight, **member.model.describe()} for member in members]


def refit_report(again: Sequence[FitReport], samples: int, seconds: float) -> FitReport | None:
    """What learning once more did; None where no member learnt anything."""
    if not again:
        return None
    return FitReport(
        samples=samples,
        validation_samples=0,
        rounds=len(again),
        best_round=len(again),
        best_loss=None,
        seconds=seconds,
        curve=[{"round": number, "seconds": one.seconds} for number, one in enumerate(again, 1)],
    )


def _loaded(kind: type[Model], one: Judged, store: TrialStore) -> Model:
    return _load(kind, store.model_folder(one.number))


def _load(kind: type[Model], folder: Path) -> Model:
    model = registry.load_model(folder, kind.data_type)
    assert isinstance(model, kind), "models of a data type are of its base class"
    return model


@contextmanager
def _store(folder: Path | None, course: Course) -> Iterator[TrialStore]:
    """Where the trials go: the caller's folder, unless another process searches in it now."""
    if folder is not None:
        with held_alone(folder) as is_mine:
            if is_mine:
                yield TrialStore(folder, key_of(course))
                return
    with tempfile.TemporaryDirectory() as scratch:
        yield TrialStore(Path(scratch), "")
