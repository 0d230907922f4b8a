from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.strip import Strip

from tui.themes import THEMES, Painter
from tui.window import _NARROW, changed_until

PAINTER = Painter(THEMES["dark"])
LINES = st.lists(
    st.tuples(st.text("ab 한글é", max_size=8), st.sampled_from(["", "bad", "cursor"])), max_size=6
)


def strip(*spans: tuple[str, str], width: int = 40):  # type: ignore[no-untyped-def]
    return PAINTER.strip(list(spans), width)


def ground(strip: Strip) -> object:
    style = next(iter(strip)).style
    assert style is not None
    return style.bgcolor


def test_equal_lines_need_no_byte() -> None:
    assert changed_until(strip(("same", "")), strip(("same", ""))) == 0


def test_a_line_is_painted_up_to_what_differs() -> None:
    old = strip(("run 1", ""), ("   ", ""), ("12.3 s", "dim"))
    new = strip(("run 2", ""), ("   ", ""), ("12.3 s", "dim"))

    assert changed_until(old, new) == 5


def test_a_change_of_style_is_a_change() -> None:
    assert changed_until(strip(("ab", "")), strip(("ab", "bad"))) == 2


def test_wide_characters_take_two_columns() -> None:
    assert changed_until(strip(("한국", "")), strip(("한글", ""))) == 4
    assert changed_until(strip(("▇ 1", "")), strip(("▇ 2", ""))) == 3


def test_a_line_that_came_or_went_is_painted_whole() -> None:
    line = strip(("text", ""))

    assert changed_until(None, line) == 40
    assert changed_until(line, None) == 40
    assert changed_until(line, strip(("text", ""), width=20)) == 20


def test_what_is_taken_for_narrow_is() -> None:
    for number in range(0x20, 0x2900):
        if _NARROW.fullmatch(chr(number)):
            assert cell_len(chr(number)) == 1, hex(number)


@given(LINES, LINES)
def test_what_is_not_painted_is_equal(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    old, new = strip(*before), strip(*after)

    for column in range(changed_until(old, new), 40):
        one, two = old.crop(column, column + 1), new.crop(column, column + 1)
        assert one == two or (one.text == two.text == " " and ground(one) == ground(two))
