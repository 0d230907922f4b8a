from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color
from rich.text import Text

from engine.charts.colours import colour_codes, palette_numbers
from engine.charts.depth import Depth
from engine.charts.thumbnail import thumbnail


def gray(*rows: list[int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.array(rows, dtype=np.uint8)[:, :, None]


def test_a_cell_is_two_pixels_above_each_other() -> None:
    pixels = np.array([[[255, 0, 0], [0, 0, 9]], [[0, 255, 0], [1, 2, 3]]], dtype=np.uint8)

    assert thumbnail(pixels, 2, 1, colour=Depth.TRUE) == [
        "\x1b[38;2;255;0;0;48;2;0;255;0m▀\x1b[38;2;0;0;9;48;2;1;2;3m▀\x1b[0m"
    ]


def test_neighbours_of_one_colour_share_a_code_and_half_a_cell_may_be_empty() -> None:
    lines = thumbnail(gray([255] * 3, [255] * 3, [0] * 3), 3, 2, colour=Depth.PALETTE)

    assert lines == ["\x1b[38;5;231;48;5;231m▀▀▀\x1b[0m", "\x1b[38;5;16;49m▀▀▀\x1b[0m"]


@pytest.mark.parametrize(
    ("shape", "room", "cells"),
    [
        ((8, 8), (40, 12), (24, 12)),  # three times as large
        ((28, 28), (40, 20), (28, 14)),  # twice would be too high
        ((100, 400), (40, 20), (40, 5)),
        ((400, 100), (40, 20), (10, 20)),
        ((1, 3000), (40, 20), (40, 1)),
    ],
)
def test_sides_stay_in_proportion(
    shape: tuple[int, int], room: tuple[int, int], cells: tuple[int, int]
) -> None:
    lines = thumbnail(np.zeros((*shape, 3), dtype=np.uint8), *room)

    assert len(lines) == cells[1]
    assert {Text.from_ansi(line).cell_len for line in lines} == {cells[0]}


def test_shrinking_averages_and_enlarging_repeats() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    (line,) = thumbnail(checks.astype(np.uint8)[:, :, None], 2, 1, colour=Depth.TRUE)
    assert line == "\x1b[38;2;128;128;128;48;2;128;128;128m▀▀\x1b[0m"

    large = thumbnail(gray([0, 255], [255, 0]), 4, 2, colour=Depth.NONE, ascii=True)
    assert large == ["  @@", "@@  "]


def test_brightness_is_a_character_without_colours() -> None:
    ramp = gray([0, 60, 120, 170, 220, 255], [0, 60, 120, 170, 220, 255])

    for ascii in (False, True):
        (line,) = thumbnail(ramp, 6, 1, colour=Depth.NONE, ascii=ascii)
        signs = " .:-=+*#%@" if ascii else " ·░▒▓█"
        places = [signs.index(char) for char in line]
        assert places == sorted(places)
        assert (places[0], places[-1]) == (0, len(signs) - 1)


def test_heat_is_colour_over_a_gray_picture() -> None:
    pixels = np.full((8, 8, 3), (40, 90, 200), dtype=np.uint8)
    heat = np.zeros((2, 2))
    heat[0, 0] = 1.0

    lines = thumbnail(pixels, 8, 4, heat=heat, colour=Depth.TRUE)

    first, last = (
        re.findall(r"38;2;(\d+);(\d+);(\d+)", lines[row])[column]
        for row, column in ((0, 0), (3, -1))
    )
    red, _, blue = map(int, first)
    assert red > blue + 100
    assert len(set(last)) == 1


def test_heat_without_shades_leaves_the_hot_part_lit() -> None:
    bright = gray(*[[255] * 8] * 8)
    heat = np.zeros((8, 8))
    heat[:, :4] = 1.0

    (row, *_) = thumbnail(bright, 8, 4, heat=heat, colour=Depth.NONE)
    assert row == "████····"
    (row, *_) = thumbnail(bright, 8, 4, heat=heat, colour=Depth.SIXTEEN)
    assert row == "\x1b[33m████\x1b[0m····"
    heat[:] = np.nan
    assert thumbnail(bright, 8, 1, heat=heat, colour=Depth.NONE) == ["··"]


def test_the_palette_is_used_as_near_as_it_comes() -> None:
    colours = np.array([[0, 0, 0], [255, 0, 0], [128, 128, 128], [94, 136, 176.0]])

    assert palette_numbers(colours).tolist() == [16, 196, 244, 67]
    for number in range(16, 256):
        exact = np.array([Color.from_ansi(number).get_truecolor()], dtype=np.float64)
        found = Color.from_ansi(int(palette_numbers(exact)[0])).get_truecolor()
        assert tuple(found) == tuple(exact[0])
    assert colour_codes(colours[:1], Depth.TRUE) == ["2;0;0;0"]
    with pytest.raises(ValueError, match="SIXTEEN"):
        colour_codes(colours, Depth.SIXTEEN)


@pytest.mark.parametrize(
    ("pixels", "options"),
    [
        (np.zeros((4, 4, 3)), {}),
        (np.zeros((4, 4), dtype=np.uint8), {}),
        (np.zeros((4, 4, 4), dtype=np.uint8), {}),
        (np.zeros((0, 4, 1), dtype=np.uint8), {}),
        (np.zeros((4, 4, 1), dtype=np.uint8), {"heat": np.zeros(4)}),
        (np.zeros((4, 4, 1), dtype=np.uint8), {"heat": np.zeros((0, 4))}),
        (np.zeros((4, 4, 1), dtype=np.uint8), {"width": -1}),
    ],
)
def test_what_is_no_picture_is_refused(pixels: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"picture|heat|width"):
        thumbnail(pixels, **{"width": 8, "height": 4, **options})


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90), st.sampled_from((1, 3))),
    st.integers(0, 40),
    st.integers(0, 20),
    st.none() | st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_every_line_fits(
    shape: tuple[int, int, int], width: int, height: int, coarse: tuple[int, int] | None
) -> None:
    random = np.random.default_rng(sum(shape))
    pixels = random.integers(0, 256, shape, dtype=np.uint8)
    heat = None if coarse is None else random.random(coarse)
    for depth in Depth:
        for ascii in (False, True):
            lines = thumbnail(pixels, width, height, heat=heat, colour=depth, ascii=ascii)

            assert bool(lines) is (width > 0 and height > 0)
            assert len(lines) <= height
            shown = [Text.from_ansi(line).plain for line in lines] if depth else lines
            assert len({cell_len(line) for line in shown}) <= 1
            assert all(cell_len(line) <= width for line in shown)
            assert not ascii or all(line.isascii() for line in lines)
