"""How likely models find the right classes of validation pictures."""

from __future__ import annotations

import numpy as np

from models.arrays import BoolArray, FloatArray, IntArray
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

    def near(self, losses: FloatArray, weights: FloatArray) -> BoolArray:
        """Those that are worse by no more than chance has it: by one standard error at most.

        A single picture may make half of the loss of a good model, so that a fixed part of it says
        nothing (Breiman et al., 1984, "Classification and regression trees").
        """
        best = self.scores(losses, weights).argmin()
        worse = losses - losses[best]
        mean = worse @ weights
        variance = np.square(worse - mean[:, None]) @ weights
        return np.asarray(mean <= np.sqrt(variance * np.square(weights).sum()))
