"""What all trials of classifiers have in common: pictures to learn from, and to compare them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models import registry
from models.arrays import FloatArray
from models.errors import ModelProblem
from models.imaging.classifier import Classifier
from models.imaging.pictures import Pictures
from models.learner import FitReport, no_progress
from models.search.trials import Course, Trial

# As many tell a small difference; choosing weights with more only takes longer.
_MOST_COMPARED = 4_000


@dataclass(frozen=True)
class PictureCourse(Course):
    """Trials of classifiers that learn from the same pictures.

    Args:
        training: What is learnt from.
        validation: What picks the epoch, the members and their weights; not empty.
        threads: Processor threads of one training.
        pretrained: Weights that training starts from, where they fit a type.
    """

    training: Pictures
    validation: Pictures
    threads: int
    pretrained: Path | None

    def compared(self) -> Pictures:
        """The pictures that members are compared on: all for validation, or evenly many."""
        count = len(self.validation)
        if count <= _MOST_COMPARED:
            return self.validation
        return self.validation.take(np.linspace(0, count - 1, _MOST_COMPARED).astype(np.int64))

    def fit(self, trial: Trial) -> tuple[Classifier, FitReport, FloatArray]:
        """Fit and calibrate a trial's model, so that each is only as sure as it may be."""
        cls = registry.get_classifier(trial.model_type)
        height, width, channels = self.training.shape
        model = cls(
            height=height,
            width=width,
            channels=channels,
            classes=self.training.classes,
            seed=trial.seed,
            threads=self.threads,
            hyperparameters=cls.Hyperparameters.parse(trial.hyperparameters),
        )
        model.pretrained = self.pretrained
        report = model.fit(self.training, self.validation, progress=no_progress)
        model.calibrate(self.validation)
        compared = self.compared()
        answers = model.predict(compared.pixels)
        if answers.shape != (len(compared), len(compared.classes)):
            raise ModelProblem(f"{trial.model_type} does not answer every validation picture")
        return model, report, answers

    def described(self) -> dict[str, Any]:
        """Options and names of the classes."""
        return {
            "threads": self.threads,
            "classes": self.training.classes,
            "pretrained": str(self.pretrained),
        }

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Pixels and labels."""
        sets = (self.training, self.validation)
        return [array for one in sets for array in (one.pixels, one.labels)]


@dataclass(frozen=True)
class AllPictures:
    """Training and validation pictures, as members learn from both once more.

    Args:
        training: What was learnt from.
        validation: What was held back.
        pretrained: As for `PictureCourse`.
    """

    training: Pictures
    validation: Pictures
    pretrained: Path | None

    def teach(self, model: Classifier, report: FitReport) -> FitReport | None:
        """Refit a member."""
        model.pretrained = self.pretrained
        return model.refit(self.training, self.validation, report, progress=no_progress)
