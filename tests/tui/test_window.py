from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from textual.strip import Strip

from tui.themes import THEMES, Painter
from tui.window import changed_columns

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
    assert changed_columns(strip(("same", "")), strip(("same", ""))) == []


def test_only_the_columns_that_differ_are_painted() -> None:
    old = strip(("run 1", ""), ("   ", ""), ("12.3 s", "dim"))
    new = strip(("run 2", ""), ("   ", ""), ("12.3 s", "dim"))

    assert changed_columns(old, new) == [(4, 5)]


def test_a_change_of_style_is_a_change() -> None:
    assert changed_columns(strip(("ab", "")), strip(("ab", "bad"))) == [(0, 2)]


def test_changes_far_apart_are_one_stretch() -> None:
    old, new = strip(("a" + " " * 30 + "b", "")), strip(("x" + " " * 30 + "y", ""))

    assert changed_columns(old, new) == [(0, 32)]


def test_a_line_that_came_or_went_is_painted_whole() -> None:
    line = strip(("text", ""))

    assert changed_columns(None, line) == [(0, 40)]
    assert changed_columns(line, None) == [(0, 40)]
    assert changed_columns(line, strip(("text", ""), width=20)) == [(0, 20)]


@given(LINES, LINES)
def test_what_is_not_painted_is_equal(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    old, new = strip(*before), strip(*after)
    painted = set()
    for start, end in changed_columns(old, new):
        painted.update(range(start, end))

    kept = [column for column in range(40) if column not in painted]
    for column in kept:
        one, two = old.crop(column, column + 1), new.crop(column, column + 1)
        assert one == two or (one.text == two.text == " " and ground(one) == ground(two))
