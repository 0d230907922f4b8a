"""Learning once more from everything, several members of a blend at a time."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from models import registry
from models.errors import ModelProblem
from models.learner import FitReport, Learner, Progress
from models.search.crew import all_done, crew_of
from models.search.jobs import LostJob

_Model = TypeVar("_Model", bound=Learner)


class Lessons(Protocol):
    """What members learn from, in whichever way their kind does; it can be pickled."""

    def teach(self, model: Any, report: FitReport) -> FitReport | None:
        """Refit a model; None where it learns nothing more.

        Raises:
            ModelProblem: Training diverged.
        """


@dataclass(frozen=True)
class _Refit:
    """The job of one member, which lies in a folder and is written into another.

    Returns its report, None for a model that learns nothing more, or what went wrong.
    """

    model_type: str
    data_type: str
    reads: Path
    writes: Path
    report: FitReport

    def moved(self, reads: Path | None, writes: Path) -> _Refit:
        """The same member, in other folders."""
        assert reads is not None, "it has to be somewhere"
        return dataclasses.replace(self, reads=reads, writes=writes)

    def __call__(self, lessons: Lessons) -> FitReport | ModelProblem | None:
        model = registry.model_class(self.model_type, self.data_type).load(self.reads)
        try:
            report = lessons.teach(model, self.report)
        except ModelProblem as problem:
            return problem
        if report is not None:
            model.save(self.writes)
        return report


def refit_all(
    members: Sequence[tuple[_Model, FitReport]],
    lessons: Lessons,
    *,
    workers: int,
    progress: Progress,
) -> list[tuple[_Model, FitReport | None]]:
    """Refit models, each with the report of its own fit.

    Args:
        members: Fitted models and their reports.
        lessons: What they learn from.
        workers: Processes that do it.
        progress: Told after each.

    Returns:
        The models in the same order, and what each did; None and the model as it was, where it
        learns nothing more.

    Raises:
        ModelProblem: One of the trainings diverged, or its process died.
    """
    done: dict[int, tuple[_Model, FitReport | None]] = {}
    with tempfile.TemporaryDirectory() as scratch, crew_of(workers, lessons) as crew:
        jobs = []
        for number, (model, report) in enumerate(members):
            saved, again = (Path(scratch) / f"{number}-{name}" for name in ("saved", "again"))
            model.save(saved)
            jobs.append(_Refit(model.model_type, model.data_type, saved, again, report))
        try:
            for number, found in all_done(crew, jobs):
                if isinstance(found, ModelProblem):
                    raise found
                model = members[number][0]
                if found is not None:
                    model = type(model).load(jobs[number].writes)
                done[number] = (model, found)
                progress("member", len(done), len(members))
        except LostJob as lost:
            kind = members[lost.number][0].model_type
            raise ModelProblem(f"{kind} could not learn from everything: {lost}") from lost
    return [done[number] for number in range(len(members))]
