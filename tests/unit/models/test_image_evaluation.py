from __future__ import annotations

import json

import numpy as np
import pytest

from models.errors import ModelProblem
from models.imaging import metrics
from models.imaging.evaluation import evaluate
from models.imaging.temperature import softmax

CLASSES = ("a", "b", "c", "d", "e")


def answers(seed: int, count: int = 200, present: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Answers that are right more often than not, about the first classes only."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, present, count)
    logits = random.normal(size=(count, 5))
    logits[np.arange(count), labels] += random.uniform(0, 3, count)
    return softmax(logits), labels


@pytest.mark.parametrize("seed", range(4))
def test_measures_are_those_of_scikit_learn(seed: int) -> None:
    from sklearn import metrics as reference

    probabilities, labels = answers(seed)
    predicted = probabilities.argmax(axis=1)
    found = evaluate(probabilities, labels, CLASSES)
    assert found.accuracy == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found.macro_f1 == pytest.approx(reference.f1_score(labels, predicted, average="macro"))
    assert found.balanced_accuracy == pytest.approx(
        reference.balanced_accuracy_score(labels, predicted)
    )
    assert found.log_loss == pytest.approx(reference.log_loss(labels, probabilities))
    np.testing.assert_array_equal(found.confusion, reference.confusion_matrix(labels, predicted))
    assert found.confusion.dtype == np.int64
    expected = reference.precision_recall_fscore_support(labels, predicted)
    for score, *values in zip(found.scores, *expected, strict=True):
        assert [score.precision, score.recall, score.f1, score.support] == pytest.approx(values)
    for k in (1, 2, 4):
        assert metrics.top_k_accuracy(probabilities, labels, k) == pytest.approx(
            reference.top_k_accuracy_score(labels, probabilities, k=k)
        )


def test_a_class_without_pictures_has_no_score_and_counts_in_no_mean() -> None:
    from sklearn import metrics as reference

    probabilities, labels = answers(0, present=3)
    found = evaluate(probabilities, labels, CLASSES)
    assert found.confusion[:, 3].sum() > 0  # some were called so
    assert [score.support for score in found.scores[3:]] == [0, 0]
    for score in found.scores[3:]:
        assert (score.precision, score.recall, score.f1) == (None, None, None)
    expected = reference.f1_score(
        labels, probabilities.argmax(axis=1), labels=[0, 1, 2], average="macro"
    )
    assert found.macro_f1 == pytest.approx(expected)
    assert found.balanced_accuracy == pytest.approx(np.mean([s.recall for s in found.scores[:3]]))
    assert found.classes_without_pictures == 2


def test_a_class_that_is_never_told_has_no_precision_and_an_f1_of_0() -> None:
    probabilities, labels = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]), np.array([0, 0, 1])
    found = evaluate(probabilities, labels, ("a", "b"))
    missed = found.scores[1]
    assert (missed.precision, missed.recall, missed.f1, missed.support) == (None, 0, 0, 1)
    assert found.macro_f1 == pytest.approx(0.4)  # (2 * 2 / 5 + 0) / 2
    assert found.balanced_accuracy == 0.5


def test_a_probability_of_0_for_the_right_class_costs_a_lot_and_no_infinity() -> None:
    loss = metrics.log_loss(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1, 1]))
    assert loss == pytest.approx(36.04 / 2, abs=0.01)


def test_of_equally_likely_classes_the_first_is_told() -> None:
    even, labels = np.full((4, 4), 0.25), np.arange(4)
    assert metrics.accuracy(even, labels) == 0.25
    assert [metrics.top_k_accuracy(even, labels, k) for k in range(1, 5)] == [0.25, 0.5, 0.75, 1]


def test_the_calibration_error_is_the_gap_between_said_and_done() -> None:
    # Ten that are 75 % sure, of which six are right; ten that are 95 % sure and all right.
    sure = np.repeat([0.75, 0.95], 10)
    labels = np.array([0] * 6 + [1] * 4 + [0] * 10)
    probabilities = np.column_stack([sure, 1 - sure])
    table = metrics.reliability(probabilities, labels, bins=10)
    assert metrics.expected_calibration_error(table) == pytest.approx((0.15 + 0.05) / 2)
    assert [row.count for row in table] == [0, 0, 0, 0, 0, 0, 0, 10, 0, 10]
    assert (table[7].low, table[7].high) == pytest.approx((0.7, 0.8))
    assert (table[7].confidence, table[7].accuracy) == pytest.approx((0.75, 0.6))
    assert (table[0].confidence, table[0].accuracy) == (None, None)


def test_the_upper_end_of_a_bin_is_inside_and_no_picture_is_lost() -> None:
    probabilities = np.array([[0.5, 0.5], [1.0, 0.0], [1.0 + 1e-9, 0.0]])
    table = metrics.reliability(probabilities, np.zeros(3, dtype=np.int64), bins=2)
    assert [row.count for row in table] == [1, 2]


def test_a_model_that_is_as_good_as_it_says_has_a_small_calibration_error() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 20_000)
    labels = (random.uniform(size=20_000) > sure).astype(np.int64)
    honest = np.column_stack([sure, 1 - sure])
    assert evaluate(honest, labels, ("a", "b")).ece < 0.015
    bragging = np.column_stack([np.full(20_000, 0.99), np.full(20_000, 0.01)])
    assert evaluate(bragging, labels, ("a", "b")).ece == pytest.approx(0.24, abs=0.01)


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (190, 200), (200, 200), (0, 360)])
def test_the_interval_of_the_accuracy_is_that_of_wilson(right: int, count: int) -> None:
    from statsmodels.stats.proportion import proportion_confint

    expected = proportion_confint(right, count, alpha=0.05, method="wilson")
    low, high = metrics.accuracy_interval(right, count)
    assert (low, high) == pytest.approx(expected, abs=1e-12)
    assert 0 <= low <= right / count <= high <= 1


def test_the_worst_mistakes_are_those_it_is_most_sure_of() -> None:
    probabilities = np.array(
        [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9], [0.4, 0.6], [1.0, 0.0]]
    )
    labels = np.array([1, 1, 0, 0, 0, 0])
    assert metrics.worst_mistakes(probabilities, labels, 10).tolist() == [0, 3, 2, 1, 4]
    assert metrics.worst_mistakes(probabilities, labels, 2).tolist() == [0, 3]
    assert metrics.worst_mistakes(probabilities, labels, 0).tolist() == []
    assert metrics.worst_mistakes(probabilities, probabilities.argmax(axis=1), 5).size == 0


def test_an_evaluation_can_be_written_as_json() -> None:
    probabilities, labels = answers(1, present=4)
    found = evaluate(probabilities, labels, CLASSES, bins=10)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    overall = summary["overall"]
    assert overall["count"] == 200
    assert overall["accuracy"] == 1 - overall["errors"] / 200
    low, high = overall["accuracy_interval"]
    assert low < overall["accuracy"] < high
    assert overall["classes_without_pictures"] == 1
    assert [row["name"] for row in summary["classes"]] == list(CLASSES)
    assert summary["classes"][4] == {
        "name": "e",
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
    }
    assert np.array(summary["confusion"]).sum() == 200
    assert sum(row["count"] for row in summary["reliability"]) == 200
    assert len(summary["reliability"]) == 10


@pytest.mark.parametrize(
    ("probabilities", "labels", "classes", "message"),
    [
        (np.empty((0, 2)), [], ("a", "b"), "a picture and two classes"),
        (np.ones((3, 1)), [0, 0, 0], ("a",), "a picture and two classes"),
        (np.full((3, 2), 0.5), [0, 1], ("a", "b"), "as many labels"),
        (np.full((2, 2), 0.5), [0, 2], ("a", "b"), "from 0 to 1"),
        (np.full((2, 2), 0.5), [-1, 0], ("a", "b"), "from 0 to 1"),
        (np.full((2, 2), 0.5), [0, 1], ("a", "b", "c"), "2 classes, and 3 names"),
        (np.array([[np.nan, 0.5]]), [0], ("a", "b"), "sum to 1"),
        (np.array([[-0.1, 1.1]]), [0], ("a", "b"), "sum to 1"),
        (np.array([[2.0, 3.0]]), [0], ("a", "b"), "sum to 1"),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    probabilities: np.ndarray, labels: list[int], classes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ModelProblem, match=message):
        evaluate(probabilities, np.array(labels, dtype=np.int64), classes)


@pytest.mark.parametrize(("only_one", "only_other"), [(0, 0), (1, 0), (5, 0), (3, 9), (700, 650)])
def test_the_sign_test_is_the_exact_binomial_one(only_one: int, only_other: int) -> None:
    from scipy.stats import binom

    expected = binom.sf(only_one - 1, only_one + only_other, 0.5)

    assert metrics.chance_of_more_errors(only_one, only_other) == pytest.approx(expected)
