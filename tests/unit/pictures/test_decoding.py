from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from engine.pictures import PictureProblem, decode, is_gray
from tests.unit.pictures.files import (
    chunk,
    colourful,
    file_of,
    header,
    png,
    png_of,
    with_chunks,
    with_segments,
)


def test_colours_come_back_as_they_were() -> None:
    pixels = colourful(20, 30)
    back = decode(png_of(pixels), where="a.png")
    assert back.dtype == np.uint8 and back.flags.c_contiguous and back.flags.writeable
    np.testing.assert_array_equal(back, pixels)


def test_gray_stays_one_channel() -> None:
    pixels = colourful(20, 30)[:, :, :1]
    np.testing.assert_array_equal(decode(png_of(pixels), where="a"), pixels)
    jpeg = file_of(Image.fromarray(pixels[:, :, 0]), "JPEG", quality=95)
    assert decode(jpeg, where="a").shape == (20, 30, 1)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_is_near_what_was_saved(options: dict[str, object]) -> None:
    pixels = np.repeat(np.repeat(colourful(4, 5), 8, axis=0), 8, axis=1)
    back = decode(file_of(Image.fromarray(pixels), "JPEG", quality=95, **options), where="a")
    expected = np.asarray(
        Image.open(BytesIO(file_of(Image.fromarray(pixels), "JPEG", quality=95, **options)))
    )
    np.testing.assert_array_equal(back, expected)


def test_the_content_decides_and_not_the_name() -> None:
    jpeg = file_of(Image.fromarray(colourful(9, 9)), "JPEG")
    assert decode(jpeg, where="really.png").shape == (9, 9, 3)


def test_transparent_parts_lie_on_white() -> None:
    clear = np.zeros((2, 3, 4), np.uint8)
    clear[0] = (200, 100, 50, 255)
    clear[1, 0] = (0, 0, 0, 128)
    back = decode(file_of(Image.fromarray(clear)), where="a")
    assert back.shape == (2, 3, 3)
    assert back[0].tolist() == [[200, 100, 50]] * 3
    assert back[1].tolist() == [[127] * 3, [255] * 3, [255] * 3]
    gray = file_of(Image.fromarray(clear[:, :, [0, 3]], "LA"))
    np.testing.assert_array_equal(
        decode(gray, where="a")[:, :, 0], [[200, 200, 200], [127, 255, 255]]
    )


def test_one_colour_may_stand_for_nothing() -> None:
    gray = np.array([[0, 7, 9]], np.uint8)
    assert decode(png_of(gray, transparency=7), where="a").ravel().tolist() == [0, 255, 9]
    pixels = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint8)
    content = png_of(pixels, transparency=(1, 2, 3))
    assert decode(content, where="a").tolist() == [[[255, 255, 255], [1, 2, 4]]]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_gray_of_few_bits_fills_the_range(depth: int) -> None:
    values = np.arange(8, dtype=np.uint8) % 2**depth
    bits = "".join(f"{value:0{depth}b}" for value in values)
    row = int(bits, 2).to_bytes(depth)
    content = png(
        header(8, 1, depth),
        chunk(b"tRNS", struct.pack(">H", 1)),
        chunk(b"IDAT", zlib.compress(b"\0" + row)),
    )
    scale = 255 // (2**depth - 1)
    expected = [255 if value == 1 else value * scale for value in values.tolist()]
    assert decode(content, where="a").ravel().tolist() == expected


def test_sixteen_bits_become_eight() -> None:
    deep = np.array([[0, 255, 256, 0x1234, 65535]], np.uint16)
    back = decode(file_of(Image.fromarray(deep)), where="a")
    assert back.ravel().tolist() == [0, 0, 1, 0x12, 255]
    row = b"\0" + struct.pack(">6H", 0x0102, 0x0304, 0x0506, 0xFF00, 0, 0x8000)
    colour = png(header(2, 1, 16, 2), chunk(b"IDAT", zlib.compress(row)))
    assert decode(colour, where="a").tolist() == [[[1, 3, 5], [255, 0, 128]]]


def test_a_palette_becomes_its_colours() -> None:
    pixels = np.repeat([[[250, 0, 0], [0, 120, 0]]], 3, axis=0).astype(np.uint8)
    palette = Image.fromarray(pixels).quantize(4)
    np.testing.assert_array_equal(decode(file_of(palette), where="a"), pixels)
    gray = np.repeat(np.array([[[9], [200]]], np.uint8), 3, axis=2)
    assert decode(file_of(Image.fromarray(gray).quantize(4)), where="a").ravel().tolist() == [
        9,
        200,
    ]
    clear = decode(file_of(palette, transparency=palette.getpixel((1, 0))), where="a")
    assert clear[0].tolist() == [[250, 0, 0], [255, 255, 255]]


def test_printing_colours_become_red_green_and_blue() -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    back = decode(file_of(cmyk, "JPEG", quality=95), where="a")
    red, green, blue = back.reshape(-1, 3).mean(axis=0)
    assert red > 250 and green < 5 and blue < 5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_a_picture_taken_on_its_side_is_turned(orientation: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a maker of cameras"
    exif[0x0112] = orientation
    content = file_of(Image.fromarray(colourful(16, 40)), format, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(content))))
    np.testing.assert_array_equal(decode(content, where="a"), expected)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",
        b"nonsense" * 100,
    ],
)
def test_what_a_camera_says_may_be_nonsense(exif: bytes) -> None:
    pixels = colourful(5, 9)
    content = with_chunks(png_of(pixels), chunk(b"eXIf", exif))
    np.testing.assert_array_equal(decode(content, where="a"), pixels)
    jpeg = file_of(Image.fromarray(pixels), "JPEG")
    marked = with_segments(jpeg, (0xE1, b"Exif\0\0" + exif))
    np.testing.assert_array_equal(decode(marked, where="a"), decode(jpeg, where="a"))


def test_interlaced_rows_come_in_their_places() -> None:
    """Pillow does not write them: the seven passes are laid out by hand."""
    pixels = colourful(11, 13)[:, :, 0]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    raw = b""
    for left, top, across, down in [*passes, (0, 1, 1, 2)]:
        for row in pixels[top::down, left::across]:
            raw += b"\0" + row.tobytes() if row.size else b""
    content = png(header(13, 11, interlace=1), chunk(b"IDAT", zlib.compress(raw)))
    np.testing.assert_array_equal(decode(content, where="a")[:, :, 0], pixels)
    short = png(header(13, 11, interlace=1), chunk(b"IDAT", zlib.compress(raw[:-1])))
    with pytest.raises(PictureProblem, match="fewer pixels"):
        decode(short, where="a")


def test_pixels_may_lie_in_many_chunks() -> None:
    pixels = np.zeros((3000, 1200, 1), np.uint8)
    packed = zlib.compress(b"\0" * (3000 * 1201), 9)
    parts = [chunk(b"IDAT", packed[at : at + 5]) for at in range(0, len(packed), 5)]
    np.testing.assert_array_equal(decode(png(header(1200, 3000), *parts), where="a"), pixels)


def test_gray_is_told_from_colour_by_what_is_seen() -> None:
    gray = np.repeat(colourful(4, 4)[:, :, :1], 3, axis=2)
    assert is_gray(gray) and is_gray(gray[:, :, :1])
    gray[3, 3, 2] ^= 1
    assert not is_gray(gray)


def test_pictures_behind_the_first_are_left_out() -> None:
    first, second = (Image.fromarray(colourful(16, 16, seed)) for seed in (1, 2))
    content = file_of(first, "MPO", save_all=True, append_images=[second])
    plain = decode(file_of(first, "JPEG"), where="a")
    np.testing.assert_array_equal(decode(content, where="a"), plain)


def test_remarks_do_not_change_the_picture() -> None:
    pixels = colourful(8, 8)
    jpeg = file_of(Image.fromarray(pixels), "JPEG")
    remarked = with_segments(
        jpeg, (0xE2, b"ICC_PROFILE\0\x01\x01" + b"x" * 60_000), (0xFE, b"\xff\xd9\xff\xda" * 9)
    )
    np.testing.assert_array_equal(decode(remarked, where="a"), decode(jpeg, where="a"))
    trailed = jpeg + b"\xff\xd8\xff\xe0" + b"a film" * 1000
    np.testing.assert_array_equal(decode(trailed, where="a"), decode(jpeg, where="a"))
