"""Evidence of a class as a heat map over its picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import FloatArray, IntArray
from models.errors import ModelProblem


def heat_map(evidence: npt.NDArray[np.floating], height: int, width: int) -> FloatArray:
    """Where in a picture a class is seen: float64 (height, width) from 0 (nowhere) to 1.

    What speaks against the class is cut off. The rest is enlarged bilinearly, then stretched so
    that the least is 0 and the most is 1; where it is the same everywhere, all of it is 0.

    Args:
        evidence: (rows, columns) of one class, both at least 1.
        height: Rows of the picture.
        width: Columns of the picture.

    Raises:
        ModelProblem: A map of another form, or with values that are not finite.
    """
    if evidence.ndim != 2 or not evidence.size or not np.isfinite(evidence).all():
        raise ModelProblem(
            f"a map of evidence is finite numbers in rows and columns, not {evidence.shape}"
        )
    heat = np.maximum(evidence.astype(np.float64), 0.0)
    heat = _enlarged(_enlarged(heat, height).T, width).T
    low, high = heat.min(), heat.max()
    if not high > low:
        return np.zeros((height, width))
    return np.asarray((heat - low) / (high - low))


def _enlarged(values: FloatArray, length: int) -> FloatArray:
    """Rows interpolated to `length` rows, whose centres are spread over the same space."""
    before, after, part = _neighbours(len(values), length)
    first = values[before]
    # In this form equal neighbours give exactly their value.
    return np.asarray(first + (values[after] - first) * part[:, None])


def _neighbours(count: int, length: int) -> tuple[IntArray, IntArray, FloatArray]:
    """For each new row, the two old rows around its centre and how far it is past the first."""
    centres = np.clip((np.arange(length) + 0.5) * count / length - 0.5, 0, count - 1)
    before = np.floor(centres).astype(np.int64)
    return before, np.minimum(before + 1, count - 1), centres - before
