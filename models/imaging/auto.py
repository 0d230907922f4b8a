"""auto: tries every type of classifier, then blends what the validation pictures pick."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np

from models.arrays import FloatArray
from models.errors import ModelProblem
from models.imaging.blended_graph import LEAST_PROBABILITY, write_blend
from models.imaging.classifier import Classifier
from models.imaging.judging import PictureJudge
from models.imaging.pictures import Pictures, PixelArray
from models.imaging.trials import AllPictures, PictureCourse
from models.learner import FitReport, Progress, no_progress
from models.registry import register
from models.search.blended import Blended
from models.search.blending import refit_report, searched

_PART_HELD_BACK = 0.15


@register("auto")
class Auto(Blended[Classifier], Classifier):
    """A weighted mean of the probabilities of the models that are best together.

    Trials are compared by the negative log likelihood of the validation pictures; see
    `models.search`. Without validation pictures a part of the others is held back to compare them,
    and each member learns from those too afterwards.
    """

    member_class = Classifier

    def fit(self, training: Pictures, validation: Pictures, *, progress: Progress) -> FitReport:
        """Search and blend; see the base class."""
        started = time.monotonic()
        for pictures in (training, validation):
            self.check_examples(pictures)
        learnt, compared = (
            (training, validation) if len(validation) else held_back(training, self.seed)
        )
        course = PictureCourse(learnt, compared, self.threads, self.pretrained)
        found = searched(
            Classifier,  # type: ignore[type-abstract]
            course,
            PictureJudge(course.compared().labels, seed=self.seed),
            own=self._own(),
            configured=self.configured,
            seed=self.seed,
            folder=self._folder,
            progress=progress,
        )
        self._members = found.members
        report = FitReport(
            samples=len(training),
            validation_samples=len(validation),
            rounds=found.trials,
            best_round=found.best_round,
            best_loss=found.blend.score.value,
            seconds=0.0,
            curve=found.curve,
            leaderboard=found.board,
            transferred=max(member.report.transferred for member in found.members),
        )
        if not len(validation):
            self._learn_again(AllPictures(learnt, compared, self.pretrained), no_progress)
            report = dataclasses.replace(report, best_round=report.rounds, best_loss=None)
        return dataclasses.replace(report, seconds=time.monotonic() - started)

    def refit(
        self, training: Pictures, validation: Pictures, report: FitReport, *, progress: Progress
    ) -> FitReport | None:
        """Let each member learn once more from all pictures; the weights stay."""
        started = time.monotonic()
        lessons = AllPictures(training, validation, self.pretrained)
        again = self._learn_again(lessons, progress)
        return refit_report(again, len(training) + len(validation), time.monotonic() - started)

    def answer(self, pixels: PixelArray) -> FloatArray:
        """Logarithm of the weighted mean of the members' probabilities."""
        total = np.zeros((len(pixels), len(self.classes)))
        for member in self._fitted():
            total += member.weight * member.model.predict(pixels)
        return np.log(np.maximum(total, LEAST_PROBABILITY))

    def export_onnx(self, path: Path) -> None:
        """Join the members' graphs."""
        with self._exported_members() as exported:
            write_blend(
                [(file, member.weight) for file, member in exported],
                path,
                shape=(self.height, self.width, self.channels),
                classes=len(self.classes),
                temperature=self.temperature or 1.0,
            )


def held_back(pictures: Pictures, seed: int) -> tuple[Pictures, Pictures]:
    """The pictures, and a part of each class that is held back to compare models on.

    A class of which there is one picture keeps it.

    Raises:
        ModelProblem: No class has two.
    """
    rng = np.random.default_rng(seed)
    is_held = np.zeros(len(pictures), dtype=np.bool_)
    for label in range(len(pictures.classes)):
        rows = rng.permutation(np.flatnonzero(pictures.labels == label))
        if len(rows) > 1:
            is_held[rows[: max(round(_PART_HELD_BACK * len(rows)), 1)]] = True
    if not is_held.any():
        raise ModelProblem("auto needs two pictures of a class at least, to compare models on one")
    return pictures.take(~is_held), pictures.take(is_held)
