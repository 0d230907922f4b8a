"""Pictures of any size brought to one."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from PIL import Image

from models.imaging.pictures import PixelArray

Fit = Literal["stretch", "crop", "pad"]
FITS: tuple[Fit, ...] = get_args(Fit)


def fitted(
    pixels: PixelArray, height: int, width: int, channels: int, *, fit: Fit = "crop"
) -> PixelArray:
    """Bring a picture to a size.

    Each new pixel is a weighted mean of all that it covers (a triangle filter, widened when the
    picture shrinks), so that nothing flickers in or out by where it falls. A picture that has the
    size already keeps its every pixel.

    Args:
        pixels: uint8 (rows, columns, 1 or 3).
        height: Rows wanted.
        width: Columns wanted.
        channels: 1 turns colours into their brightness (ITU-R 601); 3 repeats gray.
        fit: What becomes of another aspect ratio. stretch: the whole picture, distorted. crop: the
            largest part around its centre that has the ratio. pad: the whole picture, undistorted,
            its border pixels repeated outwards; black bands would be edges that no picture has.

    Returns:
        uint8 (height, width, channels), C-contiguous.
    """
    image = _image(pixels)
    if channels == 1 and image.mode == "RGB":
        image = image.convert("L")
    rows, columns = pixels.shape[:2]
    size, box = (width, height), (0.0, 0.0, float(columns), float(rows))
    if fit == "crop":
        box = _crop_box(rows, columns, height, width)
    elif fit == "pad":
        scale = min(height / rows, width / columns)
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    if size != image.size or box != (0.0, 0.0, float(columns), float(rows)):
        image = image.resize(size, Image.Resampling.BILINEAR, box=box)
    made = np.array(image, dtype=np.uint8)
    if made.ndim == 2:
        made = made[:, :, np.newaxis]
    if fit == "pad":
        made = _padded(made, height, width)
    if made.shape[2] < channels:
        made = np.repeat(made, channels, axis=2)
    return np.ascontiguousarray(made)


def _image(pixels: PixelArray) -> Image.Image:
    plain = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    return Image.fromarray(np.ascontiguousarray(plain))


def _crop_box(
    rows: int, columns: int, height: int, width: int
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the largest part with the aspect ratio wanted."""
    scale = min(rows / height, columns / width)
    tall, wide = min(rows, height * scale), min(columns, width * scale)
    left, top = (columns - wide) / 2, (rows - tall) / 2
    return left, top, left + wide, top + tall


def _padded(pixels: PixelArray, height: int, width: int) -> PixelArray:
    rows, columns = height - pixels.shape[0], width - pixels.shape[1]
    above, left = rows // 2, columns // 2
    around = ((above, rows - above), (left, columns - left), (0, 0))
    return np.pad(pixels, around, mode="edge")
