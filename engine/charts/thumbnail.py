"""A small picture in the terminal, with the heat map of a classifier over it if there is one.

A cell is one pixel wide and two high: the upper half of a block in the colour of one pixel, on the
colour of the one below it. Without shades of colours a character as dense as the pixels are bright
stands for both.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np
import numpy.typing as npt

from engine.charts.colours import colour_codes
from engine.charts.depth import Depth
from engine.charts.text import paint
from models.arrays import FloatArray

_RAMP = (" ·░▒▓█", " .:-=+*#%@")
_UPPER_HALF = "▀"
# Rows and columns of a picture that each of the new pixels is averaged from, at least.
_SAMPLES = 8
# How bright red, green and blue look, ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114])
# What lies under a heat map: gray and dimmed, so that all colour is heat.
_DIMMED = 0.75
# Colours of a heat from 0 to 1; they get lighter all the way, so that they can be told apart by
# people who see no hues, too.
_HEAT_AT = (0.0, 0.33, 0.66, 1.0)
_HEAT = np.array([[70, 0, 110], [200, 40, 80], [250, 140, 10], [255, 240, 120]], dtype=np.float64)
_HEAT_COVERS = 0.75
# From here on a cell is told to be hot where there are no shades.
_HOT = 0.5
_UNHEATED = 0.2


def thumbnail(
    pixels: npt.NDArray[np.uint8],
    width: int,
    height: int,
    *,
    heat: npt.NDArray[np.floating] | None = None,
    colour: Depth = Depth.PALETTE,
    ascii: bool = False,
) -> list[str]:
    """Draw a picture as large as it fits, its sides in proportion.

    A small picture is enlarged by a whole number, so that its pixels stay squares of one size; a
    large one is shrunk by averaging.

    Heat lies over the picture in colours, and then the picture itself is gray. Where there are no
    shades, the picture is dimmed where it is cold instead, and with sixteen colours it is yellow
    where it is hot.

    Args:
        pixels: uint8 (height, width, 1 or 3): gray, or red, green and blue.
        width: Most columns.
        height: Most lines.
        heat: Any (rows, columns) that lie over the whole picture, 0 to 1; not finite is cold.
        colour: Colours there are. Half blocks need `Depth.PALETTE` and a terminal that is not
            limited to ASCII.
        ascii: Keep to ASCII.

    Returns:
        Lines of equal width; none where there is no room.

    Raises:
        ValueError: Pixels or heat of another type or shape, without any, or a negative size.
    """
    _check(pixels, heat, width, height)
    if not width or not height:
        return []
    rows, columns = _size(pixels.shape[0], pixels.shape[1], 2 * height, width)
    picture = _averaged(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), rows, columns)
    warmth = None
    if heat is not None:
        cleaned = np.nan_to_num(np.asarray(heat, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        warmth = _blurred(np.clip(cleaned, 0.0, 1.0), rows, columns)
    if colour.is_shaded and not ascii:
        return _blocks(picture if warmth is None else _heated(picture, warmth), colour)
    return _shades(picture @ _LUMA / 255, warmth, colour, ascii)


def _check(
    pixels: npt.NDArray[np.uint8],
    heat: npt.NDArray[np.floating] | None,
    width: int,
    height: int,
) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise ValueError(
            f"a picture is uint8 (height, width, 1 or 3), not {pixels.dtype} {pixels.shape}"
        )
    if heat is not None and heat.ndim != 2:
        raise ValueError(f"heat is (rows, columns), not {heat.shape}")
    if not pixels.size or (heat is not None and not heat.size):
        raise ValueError("a picture, and its heat, need a pixel at least")
    if width < 0 or height < 0:
        raise ValueError(f"width and height must not be negative, not {width} and {height}")


def _size(rows: int, columns: int, most_rows: int, most_columns: int) -> tuple[int, int]:
    """Rows and columns of pixels to draw."""
    scale = min(most_rows / rows, most_columns / columns)
    if scale >= 1:
        return rows * int(scale), columns * int(scale)
    return max(1, int(rows * scale + 1e-9)), max(1, int(columns * scale + 1e-9))


def _averaged(values: npt.NDArray[np.uint8], rows: int, columns: int) -> FloatArray:
    """Each new pixel as the mean of what it covers; enlarged by a whole number, as copies."""
    down, across = (
        max(1, old // (_SAMPLES * new))
        for old, new in zip(values.shape[:2], (rows, columns), strict=True)
    )
    if down > 1 or across > 1:
        # Of a huge picture no copy in floats is made; what is left over at its end is nothing
        # that could be seen.
        high, wide = values.shape[0] // down, values.shape[1] // across
        blocks = values[: high * down, : wide * across].reshape(high, down, wide, across, 3)
        means = blocks.mean(axis=(1, 3), dtype=np.float64)
    else:
        means = values.astype(np.float64)
    mixed = np.tensordot(_shares(means.shape[0], rows), means, axes=1)
    averaged: FloatArray = _shares(means.shape[1], columns) @ mixed
    return averaged


def _shares(old: int, new: int) -> FloatArray:
    """Which part of each new pixel each old one covers: (new, old), rows sum to 1."""
    edges = np.arange(new + 1)[:, None] * (old / new)
    starts = np.arange(old)[None, :]
    covered = np.minimum(edges[1:], starts + 1) - np.maximum(edges[:-1], starts)
    covered = np.maximum(covered, 0.0)
    shares: FloatArray = covered / covered.sum(axis=1, keepdims=True)
    return shares


def _blurred(values: FloatArray, rows: int, columns: int) -> FloatArray:
    """A map that is coarser than the picture, in between its points in a straight line."""
    down, across = (
        _slopes(old, new) for old, new in zip(values.shape, (rows, columns), strict=True)
    )
    smooth: FloatArray = down @ values @ across.T
    return smooth


def _slopes(old: int, new: int) -> FloatArray:
    """Weights of the old points in each new one, which fall with the distance: (new, old)."""
    centres = (np.arange(new)[:, None] + 0.5) * (old / new) - 0.5
    reach = max(1.0, old / new)
    distance = np.abs(np.clip(centres, 0, old - 1) - np.arange(old)[None, :])
    weights = np.maximum(0.0, 1 - distance / reach)
    shares: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _heated(picture: FloatArray, warmth: FloatArray) -> FloatArray:
    """The picture in gray, covered by the colours of heat where it is hot."""
    gray = np.repeat((picture @ _LUMA)[:, :, None], 3, axis=2) * _DIMMED
    colours = np.stack([np.interp(warmth, _HEAT_AT, _HEAT[:, part]) for part in range(3)], axis=2)
    covers = _HEAT_COVERS * warmth[:, :, None]
    blended: FloatArray = (1 - covers) * gray + covers * colours
    return blended


def _blocks(picture: FloatArray, depth: Depth) -> list[str]:
    """Two rows of pixels a line; the last lower half stays empty where there is none."""
    rows, columns = picture.shape[:2]
    codes = colour_codes(picture.reshape(-1, 3), depth)
    lines = []
    for top in range(0, rows, 2):
        upper = codes[top * columns : (top + 1) * columns]
        lower = codes[(top + 1) * columns : (top + 2) * columns] or [""] * columns
        line = ""
        for (above, below), cells in groupby(zip(upper, lower, strict=True)):
            ground = f"48;{below}" if below else "49"
            line += f"\x1b[38;{above};{ground}m{_UPPER_HALF * len(list(cells))}"
        lines.append(f"{line}\x1b[0m")
    return lines


def _shades(light: FloatArray, warmth: FloatArray | None, colour: Depth, ascii: bool) -> list[str]:
    """A character for each two pixels above each other."""
    light = _paired(light)
    hot = np.zeros(light.shape, dtype=bool)
    if warmth is not None:
        warmth = _paired(warmth)
        hot = warmth >= _HOT
        light = light * (_UNHEATED + (1 - _UNHEATED) * warmth)
    ramp = _RAMP[ascii]
    levels = np.clip((light * len(ramp)).astype(int), 0, len(ramp) - 1)
    lines = []
    for row, is_hot in zip(levels.tolist(), hot.tolist(), strict=True):
        line = ""
        for warm, cells in groupby(zip(row, is_hot, strict=True), key=lambda cell: cell[1]):
            text = "".join(ramp[level] for level, _ in cells)
            line += paint(text, "yellow", bool(colour)) if warm else text
        lines.append(line)
    return lines


def _paired(values: FloatArray) -> FloatArray:
    """The mean of each two rows; the last one alone where their number is odd."""
    if len(values) % 2:
        values = np.concatenate([values, values[-1:]])
    means: FloatArray = (values[::2] + values[1::2]) / 2
    return means
