"""Colours of pictures: told by red, green and blue, or by the nearest number of the palette."""

from __future__ import annotations

import numpy as np

from engine.charts.depth import Depth
from models.arrays import FloatArray, IntArray

# Values of the 6 x 6 x 6 cube of the palette of 256, and of the 24 grays behind it. What the first
# sixteen look like is the user's choice, so no picture uses them.
_CUBE = np.array([0, 95, 135, 175, 215, 255])
_CUBE_FROM = 16
_GRAYS = 8 + 10 * np.arange(24)
_GRAYS_FROM = 232


def colour_codes(colours: FloatArray, depth: Depth) -> list[str]:
    """Each colour as the end of an SGR sequence: 38; before it sets the text, 48; the ground.

    Args:
        colours: Red, green and blue, 0 to 255: (n, 3).
        depth: `PALETTE` or `TRUE`.

    Raises:
        ValueError: A depth that has no colours by number.
    """
    if not depth.is_shaded:
        raise ValueError(f"{depth.name} has no colours by number")
    if depth is Depth.TRUE:
        rounded = np.rint(colours).astype(np.int64)
        return [f"2;{red};{green};{blue}" for red, green, blue in rounded.tolist()]
    return [f"5;{number}" for number in palette_numbers(colours).tolist()]


def palette_numbers(colours: FloatArray) -> IntArray:
    """The nearest colours of the palette of 256: numbers from 16 on, (n,)."""
    steps = np.abs(colours[:, :, None] - _CUBE).argmin(axis=2)
    gray = np.abs(colours.mean(axis=1)[:, None] - _GRAYS).argmin(axis=1)
    cube_error = np.square(_CUBE[steps] - colours).sum(axis=1)
    gray_error = np.square(_GRAYS[gray][:, None] - colours).sum(axis=1)
    cube = _CUBE_FROM + steps @ np.array([36, 6, 1])
    nearest: IntArray = np.where(gray_error < cube_error, _GRAYS_FROM + gray, cube)
    return nearest
