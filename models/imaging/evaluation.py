"""Everything that is said about how good a classifier is on a set of pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.arrays import FloatArray, IntArray
from models.errors import ModelProblem
from models.imaging import metrics
from models.imaging.metrics import ClassScore, ReliabilityBin


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a classifier is on a set of pictures; the measures are those of `metrics`.

    Attributes:
        classes: Names of the classes.
        count: Pictures.
        errors: Pictures whose class was told wrong.
        accuracy: Share that was told right.
        accuracy_interval: Where it lies at 95 %: a few hundred pictures tell it only roughly.
        macro_f1: Mean F1 of the classes that have pictures.
        balanced_accuracy: Mean recall of the classes that have pictures.
        log_loss: Mean of -log of the probability of the right class.
        ece: Expected calibration error.
        scores: Precision, recall and F1 of each class.
        confusion: int64 (classes, classes), rows are what the pictures are.
        reliability: How often it is right, by how sure it is.
    """

    classes: tuple[str, ...]
    count: int
    errors: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    balanced_accuracy: float
    log_loss: float
    ece: float
    scores: tuple[ClassScore, ...]
    confusion: IntArray
    reliability: tuple[ReliabilityBin, ...]

    @property
    def classes_without_pictures(self) -> int:
        """Classes that nothing can be said about; no mean over classes counts them."""
        return sum(not score.support for score in self.scores)

    def summary(self) -> dict[str, Any]:
        """The evaluation as JSON-able data."""
        return {
            "overall": {
                "accuracy": self.accuracy,
                "accuracy_interval": list(self.accuracy_interval),
                "macro_f1": self.macro_f1,
                "balanced_accuracy": self.balanced_accuracy,
                "log_loss": self.log_loss,
                "ece": self.ece,
                "count": self.count,
                "errors": self.errors,
                "classes_without_pictures": self.classes_without_pictures,
            },
            "classes": [
                {"name": name, **asdict(score)}
                for name, score in zip(self.classes, self.scores, strict=True)
            ],
            "confusion": self.confusion.tolist(),
            "reliability": [asdict(row) for row in self.reliability],
        }


def evaluate(
    probabilities: FloatArray,
    labels: IntArray,
    classes: tuple[str, ...],
    *,
    bins: int = metrics.RELIABILITY_BINS,
) -> Evaluation:
    """Measure answers against what the pictures are.

    Args:
        probabilities: float64 (n, classes), n >= 1, rows sum to 1.
        labels: int64 (n,), place of each picture's class in `classes`.
        classes: Their names; one may have no picture here.
        bins: Bins of the reliability table.

    Raises:
        ModelProblem: No pictures, or shapes and numbers that do not fit each other.
    """
    metrics.check_answers(probabilities, labels)
    if len(classes) != probabilities.shape[1]:
        raise ModelProblem(
            f"there are probabilities of {probabilities.shape[1]} classes, and {len(classes)} names"
        )
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    errors = int(np.count_nonzero(predicted != labels))
    confusion = metrics.confusion_matrix(predicted, labels, len(classes))
    scores = metrics.class_scores(confusion)
    table = metrics.reliability(probabilities, labels, bins)
    return Evaluation(
        classes=tuple(classes),
        count=len(labels),
        errors=errors,
        accuracy=metrics.accuracy(probabilities, labels),
        accuracy_interval=metrics.accuracy_interval(len(labels) - errors, len(labels)),
        macro_f1=metrics.macro_f1(scores),
        balanced_accuracy=metrics.balanced_accuracy(scores),
        log_loss=metrics.log_loss(probabilities, labels),
        ece=metrics.expected_calibration_error(table),
        scores=scores,
        confusion=confusion,
        reliability=table,
    )
