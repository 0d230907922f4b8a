from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from engine.charts.bars import bar_list

HOSTILE = "\x1b[2J[red]재고[/]\n\u202e"


def bars(line: str) -> str:
    return "".join(char for char in line if char in "▏▎▍▌▋▊▉█#")


def test_lengths_are_in_proportion_and_values_stand_in_a_column() -> None:
    lines = bar_list([("weekday", 8.0), ("lag 7", 4.0), ("promo", 0.5)], 60, colour=False)

    assert [cell_len(line) for line in lines] == [60, 60, 60]
    assert len(bars(lines[0])) == pytest.approx(2 * len(bars(lines[1])), abs=1)
    assert lines[0].startswith("weekday █")
    assert [line.split()[-1] for line in lines] == ["8", "4", "0.5"]


def test_small_differences_show_as_parts_of_a_cell() -> None:
    first, second = bar_list([("a", 100.0), ("b", 99.2)], 60, colour=False)

    assert len(bars(first)) == len(bars(second))
    assert bars(second)[-1] in "▏▎▍▌▋▊▉"


def test_negative_values_grow_to_the_left_of_zero() -> None:
    up, down = bar_list([("gain", 1.0), ("loss", -0.5)], 60, colour=False)

    assert down.rindex("█") + 1 == up.index("█")
    assert bars(down).count("█") == pytest.approx(len(bars(up)) / 2, abs=1)


def test_several_lists_can_share_a_scale_and_a_way_to_read() -> None:
    (line,) = bar_list([("a", 0.25)], 50, most=1.0, show="{:.0%}".format, colour=False)

    assert line.endswith(" 25%")
    assert len(bars(line)) == pytest.approx((50 - 1 - 3 - 2) / 4, abs=1)


def test_what_is_not_a_number_has_no_bar() -> None:
    lines = bar_list([("a", math.nan), ("b", math.inf), ("c", 0.0), ("d", 1.0)], 40, colour=False)

    assert [bool(bars(line)) for line in lines] == [False, False, False, True]
    assert [line.split()[-1] for line in lines] == ["nan", "inf", "0", "1"]
    assert bar_list([("a", math.nan)], 40, colour=False)[0].startswith("a ")
    assert bar_list([], 40) == []


@pytest.mark.parametrize("options", [{"width": -1}, {"width": 50, "most": 0.0}])
def test_sizes_that_mean_nothing_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        bar_list([("a", 1.0)], **options)  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("weekday", "재고" * 30, HOSTILE, "")), st.floats()), max_size=5
    ),
    st.integers(0, 120),
)
def test_every_line_fits_and_names_stay_literal(items: list[tuple[str, float]], width: int) -> None:
    for colour, ascii in ((True, False), (False, False), (False, True)):
        lines = bar_list(items, width, colour=colour, ascii=ascii)

        assert len(lines) == len(items)
        for line in lines:
            plain = Text.from_ansi(line).plain if colour else line
            assert cell_len(plain) <= width
            assert all(char.isprintable() for char in plain)
            assert not ascii or line.isascii()
