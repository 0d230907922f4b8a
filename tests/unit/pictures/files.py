"""Picture files as other programs write them, and as attackers do."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from models.imaging.pictures import PixelArray

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def colourful(height: int, width: int, seed: int = 0) -> PixelArray:
    """A smooth picture in colour with some noise on it."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width]
    plane = np.stack([down * 5, across * 7, down + across], axis=2) + random.integers(0, 9)
    return (plane % 256).astype(np.uint8)


def file_of(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """A picture as Pillow writes it."""
    buffer = BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def png_of(pixels: PixelArray, **options: Any) -> bytes:
    """An array as a PNG file."""
    plain = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return file_of(Image.fromarray(plain), "PNG", **options)


def chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """The header chunk of a PNG file."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(*chunks: bytes) -> bytes:
    """A PNG file of these chunks."""
    return PNG_MAGIC + b"".join(chunks) + chunk(b"IEND", b"")


def with_chunks(content: bytes, *chunks: bytes) -> bytes:
    """A PNG file with further chunks behind its header."""
    behind = len(PNG_MAGIC) + 25
    return content[:behind] + b"".join(chunks) + content[behind:]


def with_segments(content: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG file with further segments at its beginning."""
    added = [
        bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    ]
    return content[:2] + b"".join(added) + content[2:]
