from __future__ import annotations

import pickle
import struct
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from engine.errors import DataError
from engine.pictures import Limits, PictureProblem, decode
from tests.unit.pictures.files import (
    PNG_MAGIC,
    chunk,
    colourful,
    file_of,
    header,
    png,
    png_of,
    with_chunks,
    with_segments,
)

PICTURE = colourful(12, 10)
JPEG = file_of(Image.fromarray(PICTURE), "JPEG")
PROGRESSIVE = file_of(Image.fromarray(PICTURE), "JPEG", progressive=True)
PNG = png_of(PICTURE)
PALETTE = file_of(Image.fromarray(PICTURE).quantize(16))


def refused(content: bytes, *, limits: Limits | None = None) -> PictureProblem:
    """The problem that decoding ends with."""
    with pytest.raises(PictureProblem) as caught:
        decode(content, where="cat.png", limits=limits or Limits())
    problem = caught.value
    assert problem.where == "cat.png" and problem.fix
    return problem


def decode_or_refuse(content: bytes) -> str:
    """`decode` must do one of the two, whatever it is given."""
    try:
        pixels = decode(content, where="a")
    except PictureProblem as problem:
        return problem.reason
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] in (1, 3)
    return "decoded"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (file_of(Image.fromarray(PICTURE), "GIF"), "GIF"),
        (file_of(Image.fromarray(PICTURE), "BMP"), "BMP"),
        (file_of(Image.fromarray(PICTURE), "WEBP"), "WebP"),
        (file_of(Image.fromarray(PICTURE), "TIFF"), "TIFF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- a comment -->\n<SVG/>", "SVG"),
        (b"\n<!DOCTYPE html><html><img src=x></html>", "HTML"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\0\x1cftypheic", "HEIC"),
        (b"PK\x03\x04", "ZIP"),
        (b"nothing known", "no PNG or JPEG"),
        (b"\0", "no PNG or JPEG"),
    ],
)
def test_other_formats_are_named(content: bytes, named: str) -> None:
    problem = refused(content)
    assert problem.reason == "format" and named in problem.what


def test_an_empty_file_is_told_as_such() -> None:
    assert refused(b"").reason == "empty"


def test_the_error_is_one_of_data_and_crosses_processes() -> None:
    problem = refused(b"")
    again = pickle.loads(pickle.dumps(problem))
    assert isinstance(again, DataError) and again.kind == "DataError" and again.reason == "empty"


@pytest.mark.parametrize("colour", [0, 2, 3, 6])
def test_a_bomb_is_refused_from_its_header(colour: int) -> None:
    bomb = png(header(60_000, 60_000, 8, colour), chunk(b"IDAT", zlib.compress(b"\0" * 1000)))
    tracemalloc.start()
    assert refused(bomb).reason == "pixels"
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_limits_hold_for_each_side_and_for_bytes() -> None:
    assert refused(PNG, limits=Limits(max_pixels=119)).reason == "pixels"
    assert refused(PNG, limits=Limits(max_side=11)).reason == "pixels"
    assert refused(PNG, limits=Limits(max_bytes=len(PNG) - 1)).reason == "size"
    exact = Limits(max_bytes=len(PNG), max_pixels=120, max_side=12)
    assert decode(PNG, where="a", limits=exact).shape == (12, 10, 3)
    wide = png(header(1_000_000, 1, 1), chunk(b"IDAT", zlib.compress(b"\0" * 125_001)))
    assert refused(wide).reason == "pixels"
    tall = JPEG.replace(struct.pack(">HH", 12, 10), struct.pack(">HH", 65_535, 65_535))
    assert refused(tall).reason == "pixels"


def test_pixels_that_are_missing_are_found_before_memory_is_taken() -> None:
    claims = png(header(7000, 7000, 8, 2), chunk(b"IDAT", zlib.compress(b"\0" * 1000)))
    tracemalloc.start()
    assert refused(claims).reason == "broken"
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    half = png(header(10, 10), chunk(b"IDAT", zlib.compress(b"\0" * 55)))
    assert "fewer pixels" in refused(half).what


def test_more_pixels_than_needed_are_not_unpacked() -> None:
    packed = zlib.compress(b"\0" * (100 << 20), 9)
    surplus = png(header(10, 10), chunk(b"IDAT", packed))
    tracemalloc.start()
    assert decode_or_refuse(surplus) == "decoded"
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "remark",
    [
        chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * (64 << 20), 9)),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"x" * (64 << 20), 9)),
        chunk(b"iCCP", b"a\0\0" + zlib.compress(b"x" * (64 << 20), 9)),
        chunk(b"tEXt", b"a\0" + b"x" * (4 << 20)),
        chunk(b"eXIf", b"II*\0" + b"\xff" * (1 << 20)),
        chunk(b"acTL", struct.pack(">II", 1, 0)),
        chunk(b"acTL", b""),
        chunk(b"fcTL", b"1"),
    ],
)
def test_remarks_are_not_unpacked(remark: bytes) -> None:
    content = with_chunks(PNG, remark)
    tracemalloc.start()
    np.testing.assert_array_equal(decode(content, where="a"), PICTURE)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_moving_pictures_are_refused() -> None:
    frames = [Image.fromarray(colourful(8, 8, seed)) for seed in range(3)]
    content = file_of(frames[0], "PNG", save_all=True, append_images=frames[1:])
    problem = refused(content)
    assert problem.reason == "format" and "animated" in problem.what


def test_a_jpeg_of_endless_passes_is_refused() -> None:
    scan = PROGRESSIVE[PROGRESSIVE.rfind(b"\xff\xda") : -2]
    assert refused(PROGRESSIVE[:-2] + scan * 100 + b"\xff\xd9").reason == "format"


def test_a_png_of_endless_chunks_is_refused() -> None:
    began = time.perf_counter()
    assert refused(with_chunks(PNG, chunk(b"teXt", b"") * 500_000)).reason == "broken"
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "content",
    [
        png(),
        PNG_MAGIC,
        png(header(10, 0), chunk(b"IDAT", zlib.compress(b"\0"))),
        png(header(10, 10, 3), chunk(b"IDAT", zlib.compress(b"\0" * 110))),
        png(header(10, 10, 8, 5), chunk(b"IDAT", zlib.compress(b"\0" * 110))),
        png(header(10, 10), header(9, 9), chunk(b"IDAT", zlib.compress(b"\0" * 110))),
        png(header(10, 10), chunk(b"IDAT", b"")),
        png(header(10, 10), chunk(b"IDAT", b"no zlib here")),
        png(header(10, 10), chunk(b"WHAT", b""), chunk(b"IDAT", zlib.compress(b"\0" * 110))),
        png(header(10, 10), chunk(b"IDAT", zlib.compress(b"\7" * 110))),
        png(chunk(b"IDAT", zlib.compress(b"\0" * 110)), header(10, 10)),
        with_chunks(PNG, b"\xff\xff\xff\xffIDAT"),
        JPEG[:2] + b"\xff\xd9",
        JPEG[:-2] + JPEG,
        with_segments(JPEG, (0xC0, b"\x08\0\x01\0\x01\x03")),
        with_segments(JPEG, (0xC0, b"\x08")),
        JPEG[:3] + b"\xe0\0\0" + JPEG[3:],
        JPEG.replace(struct.pack(">HH", 12, 10), struct.pack(">HH", 0, 10)),
    ],
)
def test_damaged_structures_are_told_as_broken(content: bytes) -> None:
    assert refused(content).reason == "broken"


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xCF])
def test_kinds_of_jpeg_that_nothing_writes_are_refused(marker: int) -> None:
    assert refused(JPEG.replace(b"\xff\xc0", bytes((0xFF, marker)))).reason == "format"


@pytest.mark.parametrize("content", [PNG, JPEG, PROGRESSIVE, PALETTE])
def test_a_file_cut_off_anywhere_is_refused(content: bytes) -> None:
    reasons = {decode_or_refuse(content[:end]) for end in range(1, len(content) - 1, 7)}
    assert reasons <= {"broken", "format"}


@pytest.mark.parametrize("content", [PNG, JPEG, PROGRESSIVE, PALETTE])
def test_flipped_bytes_never_raise_anything_else(content: bytes) -> None:
    random = np.random.default_rng(5)
    began = time.perf_counter()
    for _ in range(400):
        damaged = bytearray(content)
        for _ in range(random.integers(1, 5)):
            damaged[random.integers(len(damaged))] = random.integers(256)
        decode_or_refuse(bytes(damaged))
    assert time.perf_counter() - began < 10


def test_damage_behind_the_checksums_never_raises_anything_else() -> None:
    """A PNG's checksums stop most damage: here they are right again."""
    random = np.random.default_rng(6)
    reasons = set()
    for _ in range(300):
        colour = int(random.choice([0, 2, 3, 4, 6]))
        depth = int(random.choice([1, 2, 4, 8, 16]))
        body = bytearray(zlib.compress(random.integers(0, 5, 700, np.uint8).tobytes()))
        body[random.integers(len(body))] ^= int(random.integers(256))
        reasons.add(
            decode_or_refuse(
                png(
                    header(9, 9, depth, colour, int(random.integers(2))),
                    chunk(b"PLTE", random.bytes(int(random.integers(0, 30)))),
                    chunk(b"tRNS", random.bytes(int(random.integers(0, 8)))),
                    chunk(b"IDAT", bytes(body)),
                )
            )
        )
    assert reasons == {"broken", "decoded"}


def test_noise_behind_a_true_beginning_never_raises_anything_else() -> None:
    random = np.random.default_rng(7)
    for beginning in (b"", PNG[:8], PNG[:33], JPEG[:3], JPEG[:100], JPEG[:-40]):
        for _ in range(40):
            decode_or_refuse(beginning + random.bytes(200))


def test_threads_do_not_disturb_each_other() -> None:
    files = [png_of(colourful(30, 30, seed)) for seed in range(8)] + [PNG[:50]] * 4
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(decode_or_refuse, files * 5))
    assert told == (["decoded"] * 8 + ["broken"] * 4) * 5
