from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from engine.pictures import FITS, decode, encode_png, fitted
from models.errors import ModelProblem
from tests.unit.pictures.files import colourful


@pytest.mark.parametrize("fit", FITS)
def test_a_picture_of_the_right_size_keeps_every_pixel(fit: str) -> None:
    pixels = colourful(9, 14)
    np.testing.assert_array_equal(fitted(pixels, 9, 14, 3, fit=fit), pixels)  # type: ignore[arg-type]


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (7, 3), (64, 64), (33, 90)])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_becomes_the_one_wanted(fit: str, size: tuple[int, int], channels: int) -> None:
    pixels = colourful(*size)
    for source in (pixels, pixels[:, :, :1], pixels[::-1, ::-1]):
        made = fitted(source, 16, 24, channels, fit=fit)  # type: ignore[arg-type]
        assert made.shape == (16, 24, channels) and made.dtype == np.uint8
        assert made.flags.c_contiguous


def test_shrinking_averages_instead_of_picking() -> None:
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 255
    made = fitted(stripes, 8, 8, 1).astype(int)
    assert abs(made - 127).max() <= 6


def marked() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Black on the left, gray in the middle square, white on the right."""
    wide = np.full((20, 60, 1), 128, np.uint8)
    wide[:, :20], wide[:, 40:] = 0, 255
    return wide


def test_crop_shows_the_centre_undistorted() -> None:
    np.testing.assert_array_equal(fitted(marked(), 10, 10, 1, fit="crop")[:, 1:-1], 128)
    tall = marked().swapaxes(0, 1)
    np.testing.assert_array_equal(fitted(tall, 40, 40, 1, fit="crop")[5:-5], 128)


def test_stretch_shows_all_of_it() -> None:
    row = fitted(marked(), 12, 12, 1, fit="stretch")[6, :, 0]
    assert row[1] == 0 and row[6] == 128 and row[10] == 255


def test_pad_shows_all_of_it_undistorted_between_repeated_borders() -> None:
    made = fitted(marked(), 30, 30, 1, fit="pad")[:, :, 0]
    np.testing.assert_array_equal(made, np.broadcast_to(made[15], (30, 30)))
    assert made[0, 2] == 0 and made[0, 15] == 128 and made[0, 27] == 255
    tall = marked().swapaxes(0, 1)
    np.testing.assert_array_equal(fitted(tall, 30, 30, 1, fit="pad")[:, :, 0], made.T)


def test_colours_become_brightness_and_gray_is_repeated() -> None:
    primary = np.zeros((1, 3, 3), np.uint8)
    primary[0, [0, 1, 2], [0, 1, 2]] = 255
    assert fitted(primary, 1, 3, 1).ravel().tolist() == [76, 150, 29]
    gray = colourful(5, 5)[:, :, :1]
    np.testing.assert_array_equal(fitted(gray, 5, 5, 3), np.repeat(gray, 3, axis=2))
    np.testing.assert_array_equal(fitted(np.repeat(gray, 3, axis=2), 5, 5, 1), gray)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (64, 65)])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_encoded_is_what_others_decode(size: tuple[int, int], channels: int) -> None:
    pixels = colourful(*size)[:, :, :channels]
    content = encode_png(pixels)
    image = Image.open(BytesIO(content))
    assert image.format == "PNG" and image.mode == ("L" if channels == 1 else "RGB")
    np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)
    np.testing.assert_array_equal(decode(content, where="a"), pixels)


def test_only_pictures_are_encoded() -> None:
    with pytest.raises(ModelProblem):
        encode_png(np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(ModelProblem):
        encode_png(np.zeros((4, 4, 3), np.float64))  # type: ignore[arg-type]
