"""Probabilities that mean what they say: one number that logits are divided by.

Sources: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks"; Platt
(1999), "Probabilistic outputs for support vector machines", for the labels that are not quite sure.
"""

from __future__ import annotations

import numpy as np

from models.arrays import FloatArray, IntArray

_LOWEST, _HIGHEST = 0.05, 20.0
_STEPS = 80
_GOLDEN = (5**0.5 - 1) / 2


def softmax(logits: FloatArray) -> FloatArray:
    """Logits as probabilities: each row is positive and sums to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def negative_log_likelihood(logits: FloatArray, labels: IntArray) -> float:
    """Mean of -log p of the right class; at least 0."""
    top = logits.max(axis=1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return float(np.mean(total - logits[np.arange(len(labels)), labels]))


def fitted_temperature(logits: FloatArray, labels: IntArray) -> float:
    """The temperature under which labels are most likely, from 0.05 to 20.

    Where a model makes no mistake on n pictures, it would be most likely to be right if it were
    always sure. But n pictures cannot tell whether it is wrong once in 2 n. So, as with Platt,
    each label is taken to be wrong with a probability of 1 / (n + 2).

    Args:
        logits: float64 (n, classes), n >= 1.
        labels: int64 (n,).

    Returns:
        1 where no other temperature is better.
    """
    count, classes = logits.shape
    doubt: float = 1 / (count + 2)
    right = logits[np.arange(count), labels]
    wrong = (logits.sum(axis=1) - right) / (classes - 1)
    gap = doubt * float(np.mean(right - wrong))

    # One minimum along the logarithm of the temperature: it is halved by the golden section.
    def loss(log_temperature: float) -> float:
        scale = float(np.exp(-log_temperature))
        return negative_log_likelihood(logits * scale, labels) + gap * scale

    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = loss(inner), loss(outer)
    for _ in range(_STEPS):
        if at_inner <= at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = loss(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = loss(outer)
    found = (low + high) / 2
    return float(np.exp(found)) if loss(found) < loss(0.0) else 1.0
