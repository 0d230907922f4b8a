"""How sure a classifier may be, learnt from pictures that it did not learn from."""

from __future__ import annotations

import numpy as np
import pytest

from models.imaging.temperature import fitted_temperature, negative_log_likelihood, softmax


def drawn(count: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `scale` times what they should be, and labels drawn from what they should."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 4))
    sure = softmax(logits).cumsum(axis=1)
    labels = (rng.random((count, 1)) > sure[:, :-1]).sum(axis=1)
    return logits * scale, labels


@pytest.mark.parametrize("scale", [0.2, 1.0, 6.0])
def test_what_logits_were_multiplied_by_is_found(scale: float) -> None:
    logits, labels = drawn(20_000, scale)

    assert fitted_temperature(logits, labels) == pytest.approx(scale, rel=0.05)


def test_it_makes_labels_that_it_saw_more_likely() -> None:
    logits, labels = drawn(300, 5.0)
    found = fitted_temperature(logits, labels)

    before, after = (negative_log_likelihood(logits / by, labels) for by in (1.0, found))
    assert after < before


@pytest.mark.parametrize("count", [10, 100, 1000])
@pytest.mark.parametrize("margin", [3.0, 12.0])
def test_without_a_mistake_it_is_as_sure_as_so_many_pictures_allow(
    count: int, margin: float
) -> None:
    labels = np.arange(count) % 4
    logits = margin * np.eye(4)[labels]
    found = fitted_temperature(logits, labels)

    wrong = 1 - softmax(logits / found)[np.arange(count), labels]
    np.testing.assert_allclose(wrong, 1 / (count + 2), rtol=1e-3)


def test_logits_that_say_nothing_keep_their_temperature() -> None:
    assert fitted_temperature(np.zeros((5, 3)), np.array([0, 1, 2, 0, 1])) == 1.0


def test_a_model_that_is_always_wrong_may_be_sure_of_nothing() -> None:
    labels = np.arange(40) % 4
    logits = 5.0 * np.eye(4)[(labels + 1) % 4]

    assert fitted_temperature(logits, labels) == pytest.approx(20.0, rel=1e-3)
