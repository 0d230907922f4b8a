"""How likely models find the right classes of validation pictures."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from models.arrays import FloatArray, IntArray
from models.errors import ModelProblem
from models.search.judging import Judge, Residuals

# One picture that a model is sure of and wrong about must not decide alone.
_LEAST = np.float32(1e-6)


class PictureJudge(Judge):
    """Scores probabilities by the negative log likelihood of the right classes.

    What is left of an answer is the probability of the right class: that of a blend is the blend
    of its members'.

    Args:
        labels: int64 (n,), the right classes.
        seed: Of the resampling.
    """

    # A few validation pictures more or less surely recognised move the score by as much.
    nearly: ClassVar[float] = 0.25

    def __init__(self, labels: IntArray, *, seed: int) -> None:
        super().__init__(len(labels), seed=seed)
        self._labels = labels

    def residuals(self, answers: FloatArray) -> Residuals:
        """Probabilities of the right classes: float32 (n,).

        Args:
            answers: Probabilities of all classes, (n, classes).

        Raises:
            ModelProblem: They are not probabilities.
        """
        right = answers[np.arange(self.units), self._labels]
        if not ((right >= 0) & (right <= 1 + 1e-6)).all():
            raise ModelProblem("what the model answers to validation pictures is no probability")
        return right.astype(np.float32)

    def losses(self, residuals: Residuals) -> FloatArray:
        """Negative log likelihood of each picture: float64 (candidates, n)."""
        return -np.log(np.maximum(residuals, _LEAST)).astype(np.float64)
