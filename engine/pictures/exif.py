"""Which way up a camera was held."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from models.imaging.pictures import PixelArray

UPRIGHT = 1

_ORIENTATION_TAG, _SHORT = 0x0112, 3
_MOST_ENTRIES = 1000
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}


def orientation_of(block: bytes) -> int:
    """The orientation that an EXIF block tells, 1 to 8; `UPRIGHT` where it tells none.

    What cannot be read is no fault of the picture: viewers show it as it is stored, too.

    Args:
        block: Beginning with the byte order of its TIFF header.
    """
    order = _ORDERS.get(block[:4])
    if order is None or len(block) < 8:
        return UPRIGHT
    (at,) = struct.unpack_from(f"{order}I", block, 4)
    if at + 2 > len(block):
        return UPRIGHT
    (entries,) = struct.unpack_from(f"{order}H", block, at)
    for place in range(at + 2, at + 2 + 12 * min(entries, _MOST_ENTRIES), 12):
        if place + 12 > len(block):
            break
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", block, place)
        if tag == _ORIENTATION_TAG and kind == _SHORT:
            return int(value) if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def upright(pixels: PixelArray, orientation: int) -> PixelArray:
    """Turn a picture as its orientation says.

    Args:
        pixels: uint8 (height, width, channels) as stored.
        orientation: 1 to 8.
    """
    # 5 to 8 have rows and columns exchanged; what is left is a reflection on each axis.
    turned = np.swapaxes(pixels, 0, 1) if orientation >= 5 else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return turned
