"""How good a classifier is: pure functions of probabilities and labels.

Written n = pictures, k = classes, p[i, c] = probability of class c for picture i, y = right class,
f = class with the highest probability (the first of equal ones). A ratio whose denominator is
zero has no value: it is None (or leaves its class out of a mean), never zero.

Sources: expected calibration error, Guo, Pleiss, Sun and Weinberger (2017), "On calibration of
modern neural networks"; interval of a share, Wilson (1927), "Probable inference, the law of
succession, and statistical inference"; balanced accuracy, Brodersen et al. (2010), "The balanced
accuracy and its posterior distribution".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from models.arrays import FloatArray, IntArray
from models.errors import ModelProblem

RELIABILITY_BINS = 15
_SMALLEST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class ClassScore:
    """How well one class is recognised.

    Attributes:
        precision: tp / (tp + fp), how many of those called so are; None where none is called so.
        recall: tp / (tp + fn), how many of those that are, are called so.
        f1: 2 tp / (2 tp + fp + fn).
        support: Pictures of the class. Without any, the three others are None.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class ReliabilityBin:
    """Pictures about which a model is similarly sure, and how often it is right about them.

    Attributes:
        low: Lower end, not inside.
        high: Upper end, inside.
        confidence: Mean of the highest probability; None without pictures.
        accuracy: Share that is right; None without pictures.
        count: Pictures.
    """

    low: float
    high: float
    confidence: float | None
    accuracy: float | None
    count: int


def check_answers(probabilities: FloatArray, labels: IntArray) -> None:
    """Raise unless these are probabilities of pictures, and a label for each.

    Raises:
        ModelProblem: No pictures, shapes that do not fit, a label without a class, or rows that
            are no probabilities.
    """
    if probabilities.ndim != 2 or probabilities.shape[1] < 2 or not len(probabilities):
        raise ModelProblem(
            "probabilities are of shape (pictures, classes), with a picture and two classes at "
            f"least, not {probabilities.shape}"
        )
    if labels.shape != probabilities.shape[:1]:
        raise ModelProblem(f"{len(probabilities)} pictures need as many labels, not {labels.shape}")
    if not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise ModelProblem(f"a label is from 0 to {probabilities.shape[1] - 1}, one a class")
    # NaN fails the comparisons.
    if not (probabilities >= 0).all() or not (np.abs(probabilities.sum(axis=1) - 1) < 1e-3).all():
        raise ModelProblem("probabilities are at least 0 and sum to 1 for each picture")


def accuracy(probabilities: FloatArray, labels: IntArray) -> float:
    """Share of pictures whose class is told right: mean of [f == y]."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def accuracy_interval(right: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Where the accuracy lies that was measured with a number of pictures (Wilson score).

    With z the quantile of the normal distribution at (1 + level) / 2 and a = right / count:
    (a + z^2 / 2n +- z sqrt(a (1 - a) / n + z^2 / 4n^2)) / (1 + z^2 / n).

    Args:
        right: Pictures that were told right.
        count: Pictures, at least 1.
        level: How likely the interval holds the accuracy.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = right / count
    middle = share + z**2 / (2 * count)
    half = z * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    scale = 1 + z**2 / count
    # Rounding must not leave out what was measured at either end.
    return min(share, max(0.0, (middle - half) / scale)), max(share, (middle + half) / scale)


def confusion_matrix(predicted: IntArray, labels: IntArray, classes: int) -> IntArray:
    """Pictures by what they are (rows) and what they are called (columns): int64 (k, k)."""
    counts = np.bincount(labels * classes + predicted, minlength=classes**2)
    return counts.reshape(classes, classes).astype(np.int64)


def class_scores(confusion: IntArray) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of each class, from a confusion matrix."""
    scores = []
    rows = zip(
        np.diag(confusion).tolist(),
        confusion.sum(axis=0).tolist(),
        confusion.sum(axis=1).tolist(),
        strict=True,
    )
    for right, called, support in rows:
        if not support:
            scores.append(ClassScore(None, None, None, 0))
            continue
        precision = right / called if called else None
        f1 = 2 * right / (called + support)
        scores.append(ClassScore(precision, right / support, f1, support))
    return tuple(scores)


def macro_f1(scores: tuple[ClassScore, ...]) -> float:
    """Mean F1 over the classes that have pictures, each counting the same."""
    return float(np.mean([score.f1 for score in scores if score.f1 is not None]))


def balanced_accuracy(scores: tuple[ClassScore, ...]) -> float:
    """Mean recall over the classes that have pictures, each counting the same."""
    return float(np.mean([score.recall for score in scores if score.recall is not None]))


def log_loss(probabilities: FloatArray, labels: IntArray) -> float:
    """Mean of -log p[i, y[i]].

    A probability of 0 counts as the smallest step of double precision from 1 (2e-16): a single
    one would make the mean infinite, and say nothing about the other pictures.
    """
    of_right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(of_right, _SMALLEST)).mean())


def top_k_accuracy(probabilities: FloatArray, labels: IntArray, k: int) -> float:
    """Share of pictures whose class is among the k most likely ones.

    Of equally likely classes, the first ones are taken, as `accuracy` does.
    """
    rows = np.arange(len(labels))
    of_right = probabilities[rows, labels][:, None]
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    ahead = (probabilities > of_right) | ((probabilities == of_right) & earlier)
    return float(np.mean(ahead.sum(axis=1) < k))


def reliability(
    probabilities: FloatArray, labels: IntArray, bins: int = RELIABILITY_BINS
) -> tuple[ReliabilityBin, ...]:
    """How often a model is right, by how sure it is, in bins of equal width over (0, 1]."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0.0, 1.0, bins + 1)
    # Rounding may leave a confidence a little above 1.
    places = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    table = []
    for place in range(bins):
        inside = places == place
        count = int(inside.sum())
        table.append(
            ReliabilityBin(
                low=float(edges[place]),
                high=float(edges[place + 1]),
                confidence=float(confidence[inside].mean()) if count else None,
                accuracy=float(right[inside].mean()) if count else None,
                count=count,
            )
        )
    return tuple(table)


def expected_calibration_error(table: tuple[ReliabilityBin, ...]) -> float:
    """Sum over bins of count / n * |accuracy - confidence|: 0 when a model is as good as it says.

    Args:
        table: What `reliability` gave, with a picture at least.
    """
    total = sum(row.count for row in table)
    gaps = [
        row.count * abs(row.accuracy - row.confidence)
        for row in table
        if row.accuracy is not None and row.confidence is not None
    ]
    return float(sum(gaps) / total)


def chance_of_more_errors(only_one: int, only_other: int) -> float:
    """How likely it is that chance alone lets one model err so much more often than another.

    The sign test on the pictures that only one of the two tells wrong (the exact test of McNemar,
    1947, "Note on the sampling error of the difference between correlated proportions", one-sided):
    P(X >= only_one) of X binomial with n = only_one + only_other and p = 1/2.

    Args:
        only_one: Pictures that the one tells wrong and the other right.
        only_other: Pictures that the other tells wrong and the one right.
    """
    count = only_one + only_other
    ways = sum(math.comb(count, wrong) for wrong in range(only_one, count + 1))
    return float(Fraction(ways, 2**count))


def worst_mistakes(probabilities: FloatArray, labels: IntArray, count: int) -> IntArray:
    """Rows of the mistakes that a model is most sure of, the surest first.

    Equally sure ones stay in the order of the pictures.

    Returns:
        int64 (count or fewer,).
    """
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-confidence[wrong], kind="stable")
    return wrong[order][:count].astype(np.int64)
