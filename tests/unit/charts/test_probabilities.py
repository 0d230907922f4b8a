from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from engine.charts.probabilities import percent_of, probability_bars

HOSTILE = "\x1b[2J[red]재고[/]\n\u202e"


def test_the_likeliest_come_first_and_the_rest_is_one_line() -> None:
    lines = probability_bars([0.05, 0.8, 0.1, 0.03, 0.02], list("abcde"), 40, most=3, colour=False)

    assert [line.split()[0] for line in lines] == ["b", "c", "a", "2"]
    assert [line.rsplit(maxsplit=2)[-2] for line in lines] == ["80.0", "10.0", "5.0", "5.0"]
    assert [cell_len(line) for line in lines] == [40] * 4
    room = 40 - len("2 others") - len("> 99.9 %") - 2
    assert lines[0].count("█") == int(0.8 * room)
    assert lines[3].startswith("2 others ")


def test_the_first_is_told_apart() -> None:
    first, second = probability_bars([0.9, 0.1], ["고양이", "dog"], 40)

    assert first.startswith("\x1b[1m고양이\x1b[0m \x1b[32m█")
    assert second.startswith("dog    \x1b[36m█")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.0 %"), (0.0004, "< 0.1 %"), (0.123, "12.3 %"), (0.9996, "> 99.9 %"), (1, "100.0 %")],
)
def test_only_none_is_none_and_only_all_is_all(share: float, text: str) -> None:
    assert percent_of(share) == text


@pytest.mark.parametrize("arguments", [([0.5], ["a", "b"], 40), ([], [], 40), ([1.0], ["a"], -1)])
def test_what_are_no_probabilities_of_classes_is_refused(
    arguments: tuple[list[float], list[str], int],
) -> None:
    with pytest.raises(ValueError, match=r"need|must"):
        probability_bars(*arguments)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(("cat", "고양이" * 30, HOSTILE, "")), st.floats(0, 1)),
        min_size=1,
        max_size=9,
    ),
    st.integers(0, 120),
)
def test_every_line_fits_and_names_stay_literal(items: list[tuple[str, float]], width: int) -> None:
    names, shares = [name for name, _ in items], [share for _, share in items]
    for colour, ascii in ((True, False), (False, False), (False, True)):
        for line in probability_bars(shares, names, width, colour=colour, ascii=ascii):
            plain = Text.from_ansi(line).plain if colour else line
            assert cell_len(plain) <= width
            assert all(char.isprintable() for char in plain)
            assert not ascii or line.isascii()
