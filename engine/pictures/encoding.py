"""Pixels as PNG files."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from engine.pictures.png import MAGIC
from models.imaging.pictures import PixelArray, check_pixels

_BEFORE_ROW = 2
"""The filter Up: each byte is what it differs by from the one above it."""
_LEVEL = 6


def encode_png(pixels: PixelArray) -> bytes:
    """A picture as a PNG file, without loss.

    Args:
        pixels: uint8 (height, width, 1 or 3).

    Raises:
        ModelProblem: Another type or shape.
    """
    check_pixels(pixels[np.newaxis])
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels)
    filtered = np.empty((height, 1 + width * channels), dtype=np.uint8)
    filtered[:, 0] = _BEFORE_ROW
    filtered[:, 1:] = np.diff(rows, axis=0, prepend=np.zeros((1, rows.shape[1]), np.uint8))
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    packed = zlib.compress(filtered.tobytes(), _LEVEL)
    return MAGIC + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
