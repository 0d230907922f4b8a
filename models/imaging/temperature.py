"""Probabilities that mean what they say: one number that logits are divided by.

Source: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks".
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

    Args:
        logits: float64 (n, classes), n >= 1.
        labels: int64 (n,).
    """

    # One minimum along the logarithm of the temperature: it is halved by the golden section.
    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits / np.exp(log_temperature), labels)

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
    return float(np.exp((low + high) / 2))
