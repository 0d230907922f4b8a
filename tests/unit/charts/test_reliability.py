from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from engine.charts.reliability import Bin, Words, reliability_lines

EMPTY = Bin(0.0, 0.5, 0.0, 0.0, 0)
TOO_SURE = Bin(0.5, 0.6, 0.75, 0.25, 8)
HONEST = Bin(0.6, 0.9, 0.5, 0.5, 1200)
TOO_SHY = Bin(0.9, 1.0, 0.5, 1.0, 4)


def test_what_it_was_surer_of_than_right_is_hatched() -> None:
    lines = reliability_lines([TOO_SURE, HONEST, TOO_SHY], 60, colour=False)

    bars = [line[len("90 to 100 % ") :].split("  ")[0].strip() for line in lines[1:4]]
    solid, hatched = bars[0].count("█"), bars[0].count("░")
    assert hatched == pytest.approx(2 * solid, abs=1)
    assert set(bars[1]) <= set("█▏▎▍▌▋▊▉")
    assert bars[2].count("▒") == pytest.approx(bars[2].count("█"), abs=1)
    assert lines[4:] == [
        "░░ right less often than it was sure",
        "▒▒ right more often than it was sure",
    ]


def test_numbers_stand_in_columns_and_empty_ends_are_left_out() -> None:
    lines = reliability_lines([EMPTY, TOO_SURE, EMPTY, HONEST, EMPTY], 70, colour=False)

    assert {cell_len(line) for line in lines[:4]} == {70}
    assert [line.split()[-1] for line in lines[:4]] == ["pictures", "8", "0", "1,200"]
    assert lines[2].split() == ["0", "to", "50", "%", "-", "-", "0"]
    assert reliability_lines([EMPTY], 70) == []
    assert reliability_lines([], 70) == []


def test_korean_words_keep_the_columns_in_line() -> None:
    words = Words(confidence="확신", sure="확신", right="정답", count="사진")

    lines = reliability_lines([TOO_SURE, HONEST], 60, words=words, colour=False)

    assert {cell_len(line) for line in lines[:3]} == {60}


def test_a_negative_width_is_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        reliability_lines([HONEST], -1)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.builds(
            Bin, st.just(0.1), st.just(0.2), st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**6)
        ),
        max_size=6,
    ),
    st.integers(0, 160),
)
def test_every_line_fits(bins: list[Bin], width: int) -> None:
    for ascii in (False, True):
        plain = reliability_lines(bins, width, colour=False, ascii=ascii)
        coloured = reliability_lines(bins, width, ascii=ascii)

        assert [Text.from_ansi(line).plain for line in coloured] == plain
        assert all(cell_len(line) <= width for line in plain)
        assert not ascii or all(line.isascii() for line in plain)
