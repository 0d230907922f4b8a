"""What a picture shows, as a hash: the same whatever file it is in."""

from __future__ import annotations

import hashlib

import numpy as np

from engine.pictures import is_gray
from models.imaging.pictures import PixelArray


def content_sha256(pixels: PixelArray) -> str:
    """Hash of the pixels of a decoded picture in its full size.

    Another name, another lossless format or encoder, or gray stored as three equal channels leave
    it the same; one pixel that differs does not.

    Args:
        pixels: uint8 (height, width, channels) as `engine.pictures.decode` gives them.
    """
    shown = pixels[:, :, :1] if is_gray(pixels) else pixels
    digest = hashlib.sha256(repr(shown.shape).encode())
    digest.update(np.ascontiguousarray(shown).data)
    return digest.hexdigest()
