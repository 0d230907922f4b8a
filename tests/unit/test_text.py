from __future__ import annotations

import unicodedata

import pytest

from engine.text import MAX_MARKS, printable


@pytest.mark.parametrize(
    "text", ["", "plain text, 100 %", "재고 모델", "größe", "×–…✓", "日本 かな", "👍", "C:\\new"]
)
def test_text_that_a_terminal_only_shows_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\0\x07\x08\x7f", r"\x00\x07\x08\x7f"),
        ("\x85\x9b31m", r"\x85\x9b31m"),
        ("\u202eevil\u2069", r"\u202eevil\u2069"),
        ("\u200b\u200d\ufeff\xad", r"\u200b\u200d\ufeff\xad"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\udcff.csv", r"\udcff.csv"),
        ("\ue000", r"\ue000"),
        ("\u0378\U0010ffff", r"\u0378\U0010ffff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_act_on_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_decomposed_letters_are_composed() -> None:
    assert printable("u\u0308ber") == "über"
    assert printable(unicodedata.normalize("NFD", "재고")) == "재고"


@pytest.mark.parametrize("selector", ["\ufe00", "\ufe0e", "\ufe0f", "\U000e0100", "\U000e01ef"])
def test_variation_selectors_are_dropped(selector: str) -> None:
    assert printable(f"✓{selector} done") == "✓ done"


def test_piles_of_combining_marks_are_dropped_and_the_next_letter_starts_anew() -> None:
    mark = "\u0332"

    assert printable("a" + mark * MAX_MARKS) == "a" + mark * MAX_MARKS
    assert printable("a" + mark * 1000 + "b" + mark) == "a" + mark * MAX_MARKS + "b" + mark


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("재고 größe", "?? gr??e"),
        ("\x1b[31m\u202e", r"\x1b[31m\u202e"),
        ("u\u0308", "?"),
    ],
)
def test_on_a_terminal_of_ascii_the_rest_are_question_marks(text: str, shown: str) -> None:
    assert printable(text, ascii=True) == shown


@pytest.mark.parametrize("ascii", [False, True])
def test_no_character_at_all_reaches_the_terminal_to_act_on_it(ascii: bool) -> None:
    # Planes with characters in them; the others hold nothing that Unicode has assigned.
    for block in [*range(0, 0x20000, 0x1000), 0xE0000, 0x10F000]:
        text = printable("".join(map(chr, range(block, block + 0x1000))), ascii=ascii)
        assert all(char.isprintable() or char.isspace() for char in text)
        assert not set(text) & set("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
        text.encode("ascii" if ascii else "utf-8")


@pytest.mark.parametrize("text", ["\x1b[2J", "재고\n", "u\u0308", "a" + "\u0332" * 10])
def test_what_was_made_safe_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)
