from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from tui.paint import (
    beside,
    box,
    clip,
    crop,
    fit,
    from_ansi,
    overlay,
    pad,
    rule,
    text_of,
    width_of,
    wrap,
)
from tui.themes import THEMES, Painter, to_ascii

TEXTS = st.text(alphabet=string.ascii_letters + " 한국어테스트數é…│", max_size=40)
LINES = st.lists(st.tuples(TEXTS, st.sampled_from(["", "bad", "dim"])), max_size=5)


@given(TEXTS, st.integers(0, 30), st.sampled_from(["left", "right", "center"]))
def test_a_fitted_text_has_exactly_its_width(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, align)) == width  # type: ignore[arg-type]


def test_a_cut_shows_that_it_is_one() -> None:
    assert fit("abcdef", 4) == "abc…"
    assert clip("abcdef", 6) == "abcdef"
    assert fit("한국어", 5) == "한국…"


@given(LINES, st.integers(0, 60), st.integers(0, 60))
def test_a_crop_has_the_columns_that_it_was_asked_for(
    line: list[tuple[str, str]], start: int, length: int
) -> None:
    cropped = crop(line, start, start + length)

    assert width_of(cropped) == max(0, min(width_of(line), start + length) - start)


def test_half_of_a_wide_character_becomes_a_blank() -> None:
    assert text_of(crop([("한국", "")], 1, 4)) == " 국"
    assert text_of(crop([("한국", "")], 0, 3)) == "한 "


@given(LINES, LINES, st.integers(0, 30))
def test_an_overlay_leaves_the_width_as_it_is(
    base: list[tuple[str, str]], over: list[tuple[str, str]], at: int
) -> None:
    assert width_of(overlay(base, 50, at, over)) == 50


def test_an_overlay_covers_what_is_under_it_and_nothing_else() -> None:
    assert text_of(overlay([("abcdefgh", "")], 8, 2, [("XY", "")])) == "abXYefgh"


@given(TEXTS, st.integers(1, 20))
def test_a_wrapped_text_stays_within_its_width_and_loses_no_letter(text: str, width: int) -> None:
    lines = wrap(text, max(2, width))

    assert all(cell_len(line) <= max(2, width) for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_boxes_rules_and_columns_have_their_width() -> None:
    lines = box([[("한국어 텍스트", "")], [("x" * 99, "")]], 20, "a title that is long", "end")

    assert {width_of(line) for line in lines} == {20}
    assert width_of(rule(30, "한국어", "a note")) == 30
    both = beside([[("left", "")]], [[("right", "")]], 6, 8, 2)
    assert [width_of(line) for line in both] == [15, 15]


def test_colour_codes_of_our_charts_become_names_of_styles() -> None:
    line = from_ansi("a \x1b[31mred\x1b[0m \x1b[1;36mstrong\x1b[0m")

    assert line == [("a ", ""), ("red", "red"), (" ", ""), ("strong", "strong cyan")]


def test_colours_without_a_name_are_kept_by_number() -> None:
    line = from_ansi(
        "\x1b[38;5;1mred\x1b[0m\x1b[1;38;5;16;48;5;202mhot\x1b[38;2;1;2;255;49mink\x1b[0m"
    )

    assert line == [("red", "red"), ("hot", "strong ink:16 ground:202"), ("ink", "ink:#0102ff")]
    painter = Painter(THEMES["dark"])
    assert painter.style("ink:16 ground:#0102ff") == painter.base + Style.parse(
        "color(16) on #0102ff"
    )
    with pytest.raises(KeyError):
        painter.style("ground:")


def test_nothing_in_a_text_acts_on_the_terminal_or_is_markup() -> None:
    painter = Painter(THEMES["dark"])
    line = [("[red]\x1b]52;c;eA==\x07\u202eevil[/]", "bad")]

    strip = painter.strip(line, 80)

    assert "[red]\\x1b]52;c;eA==\\x07\\u202eevil[/]" in strip.text
    assert strip.cell_length == 80


def test_every_theme_knows_every_style() -> None:
    names = set(THEMES["dark"].looks)

    for theme in THEMES.values():
        assert set(theme.looks) == names
        for name in names:
            Painter(theme).style(f"{name} cursor")


@given(st.text(max_size=30))
def test_ascii_keeps_the_width(text: str) -> None:
    from engine.text import printable

    shown = printable(text)
    assert to_ascii(shown).isascii()
    assert cell_len(to_ascii(shown)) == cell_len(shown)


def test_padding_cuts_what_is_too_long() -> None:
    assert text_of(pad([("abc", ""), ("def", "bad")], 4)) == "abcd"
    assert text_of(pad([("ab", "")], 4)) == "ab  "
