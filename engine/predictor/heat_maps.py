"""Where in a picture a class is seen, drawn: warm where the evidence is, dark where it is not."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from engine.pictures import Fit, encode_png
from models.arrays import FloatArray, IntArray
from models.imaging.heat import heat_map
from models.imaging.pictures import PixelArray

LONGEST_SIDE = 512

# From black over purple and orange to pale yellow, evenly brighter all the way: after "inferno" of
# Nathaniel Smith and Stefan van der Walt (CC0), of which these are nine colours.
_ANCHORS = (
    (0, 0, 4),
    (31, 12, 72),
    (85, 15, 109),
    (136, 34, 106),
    (186, 54, 85),
    (227, 89, 51),
    (249, 140, 10),
    (249, 201, 50),
    (252, 255, 164),
)
_DENSEST = 0.7
"""How much of the picture the strongest evidence covers; where there is none, none of it."""


def _colours() -> npt.NDArray[np.uint8]:
    places = np.linspace(0, 255, len(_ANCHORS))
    channels = [
        np.interp(np.arange(256), places, channel) for channel in zip(*_ANCHORS, strict=True)
    ]
    return np.stack(channels, axis=1).round().astype(np.uint8)


COLOURS = _colours()
"""uint8 (256, 3)."""


def drawn_size(height: int, width: int) -> tuple[int, int]:
    """The size in which a picture of this size is drawn: its own, or smaller in its shape."""
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def heat_over(
    evidence: FloatArray, drawn: tuple[int, int], seen: tuple[int, int], fit: Fit
) -> FloatArray:
    """The heat map of a picture as it is drawn, from that of what the model saw of it.

    Args:
        evidence: (rows, columns) over what the model saw.
        drawn: Height and width of the picture as it is drawn.
        seen: Height and width of what the model saw.
        fit: How the one became the other.

    Returns:
        From 0 to 1, shaped as drawn; 0 where the model saw nothing of the picture.
    """
    if fit == "stretch":
        return heat_map(evidence, *drawn)
    ratios = [mine / own for mine, own in zip(drawn, seen, strict=True)]
    scale = min(ratios) if fit == "crop" else max(ratios)
    # What the model saw, in pixels of what is drawn: around the centre, smaller or larger than it.
    height, width = (max(1, round(side * scale)) for side in seen)
    heat = heat_map(evidence, height, width)
    if fit == "crop":
        around = np.zeros(drawn, dtype=heat.dtype)
        top, left = (drawn[0] - height) // 2, (drawn[1] - width) // 2
        around[top : top + height, left : left + width] = heat
        return around
    top, left = (height - drawn[0]) // 2, (width - drawn[1]) // 2
    return heat[top : top + drawn[0], left : left + drawn[1]]


def coloured(heat: FloatArray) -> PixelArray:
    """A heat map, from 0 to 1 in each place, in colours: uint8 (height, width, 3)."""
    return COLOURS[(np.clip(heat, 0.0, 1.0) * 255.0).round().astype(np.uint8)]


def heat_of(colours: PixelArray) -> FloatArray:
    """What `coloured` drew, from 0 to 1: float64 (height, width).

    Args:
        colours: uint8 (height, width, 3), all of them colours of a heat map.
    """
    steps = _as_numbers(COLOURS)
    order = np.argsort(steps)
    places = np.searchsorted(steps[order], _as_numbers(colours))
    return np.asarray(order[np.minimum(places, len(order) - 1)] / 255.0)


def _as_numbers(colours: PixelArray) -> IntArray:
    """Each colour as one number."""
    return np.asarray(colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1]))


def overlaid(picture: PixelArray, heat: FloatArray) -> PixelArray:
    """A heat map over its picture.

    Args:
        picture: uint8 (height, width, 1 or 3).
        heat: From 0 to 1, of the same height and width.

    Returns:
        uint8 (height, width, 3).
    """
    cover = (np.clip(heat, 0.0, 1.0) * _DENSEST).astype(np.float32)[:, :, np.newaxis]
    mixed = picture * (1.0 - cover) + coloured(heat) * cover
    return np.asarray(mixed.round(), dtype=np.uint8)


def as_text(pixels: PixelArray) -> str:
    """A picture as a PNG in base64."""
    return base64.b64encode(encode_png(pixels)).decode("ascii")
