"""Learning once more from all days, several members of a blend at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models import registry
from models.arrays import Panel
from models.base import FitReport, Forecaster, Progress, no_progress
from models.errors import ModelProblem
from models.forecasting.crew import LostJob, all_done, crew_of


@dataclass(frozen=True)
class _Refit:
    """The job of one member, which lies in a folder and is written into another.

    Returns its report, None for a model that learns nothing more, or what went wrong.
    """

    saved: Path
    again: Path
    report: FitReport

    def __call__(self, history: Panel) -> FitReport | ModelProblem | None:
        model = registry.load(self.saved)
        try:
            report = model.refit(history, self.report, progress=no_progress)
        except ModelProblem as problem:
            return problem
        if report is not None:
            model.save(self.again)
        return report


def refit_all(
    members: Sequence[tuple[Forecaster, FitReport]],
    history: Panel,
    *,
    workers: int,
    progress: Progress,
) -> list[tuple[Forecaster, FitReport | None]]:
    """Refit models, each with the report of its own fit.

    Args:
        members: Fitted models and their reports.
        history: What they learn from.
        workers: Processes that do it.
        progress: Told after each.

    Returns:
        The models in the same order, and what each did; None and the model as it was, where it
        learns nothing more.

    Raises:
        ModelProblem: One of the trainings diverged, or its process died.
    """
    done: dict[int, tuple[Forecaster, FitReport | None]] = {}
    with tempfile.TemporaryDirectory() as scratch, crew_of(workers, history) as crew:
        jobs = []
        for number, (model, report) in enumerate(members):
            saved, again = (Path(scratch) / f"{number}-{name}" for name in ("saved", "again"))
            model.save(saved)
            jobs.append(_Refit(saved, again, report))
        try:
            for number, found in all_done(crew, jobs):
                if isinstance(found, ModelProblem):
                    raise found
                model = members[number][0] if found is None else registry.load(jobs[number].again)
                done[number] = (model, found)
                progress("member", len(done), len(members))
        except LostJob as lost:
            kind = members[lost.number][0].model_type
            raise ModelProblem(f"{kind} could not learn from all days: {lost}") from lost
    return [done[number] for number in range(len(members))]
