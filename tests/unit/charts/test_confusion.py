from __future__ import annotations

import itertools
import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from engine.charts.confusion import confused_classes, confusion_lines
from engine.charts.depth import Depth
from engine.charts.mistakes import mistakes_of

KOREAN = ["고양이", "강아지", "사과나무", "배"]
HOSTILE = "\x1b[2J[red]재고[/]\n\u202e"


def square(size: int, **mistakes: int) -> list[list[int]]:
    """A matrix with 40 right answers a class, and mistakes by "_actual_predicted"."""
    confusion = [[0] * size for _ in range(size)]
    for place in range(size):
        confusion[place][place] = 40
    for name, count in mistakes.items():
        actual, predicted = map(int, name.split("_")[1:])
        confusion[actual][predicted] = count
    return confusion


def plain(lines: list[str]) -> list[str]:
    return [Text.from_ansi(line).plain for line in lines]


def test_right_answers_mistakes_and_shares_can_be_read_without_colours() -> None:
    confusion = [[90, 10, 0], [1, 99, 0], [15, 15, 30]]

    lines = confusion_lines(confusion, ["cat", "dog", "bird"], 60, colour=Depth.NONE)

    assert lines == [
        "       predicted",
        "actual  cat  dog bird  right",
        "cat     [90] ░10!   ·   90 %",
        "dog       1  [99]   ·   99 %",
        "bird    ▒15! ▒15! [30]  50 %",
        "",
        "[n] right   n! most frequent mistakes",
        "part of the row  ░░ ≥ 5 %  ▒▒ ≥ 20 %  ▓▓ ≥ 50 %",
    ]


def test_ascii_has_signs_of_its_own() -> None:
    lines = confusion_lines([[90, 10], [0, 9]], ["cat", "새"], 60, colour=Depth.NONE, ascii=True)

    assert [line.split() for line in lines[1:4]] == [
        ["actual", "cat", "?", "right"],
        ["cat", "[90].10!", "90", "%"],
        ["?", "-", "[9]", "100", "%"],
    ]


def test_a_part_that_is_nearly_all_is_not_all() -> None:
    lines = confusion_lines([[1999, 1], [0, 0]], ["a", "b"], 60, colour=Depth.NONE)

    assert lines[2].endswith(" 99 %")
    assert lines[3].endswith(" -")


def test_what_happened_once_and_ties_without_end_are_not_marked() -> None:
    once = square(4, _0_1=1, _2_3=1)
    tied = [[40 if a == b else 2 for b in range(6)] for a in range(6)]

    assert not any("!" in line for line in confusion_lines(once, KOREAN, 80, colour=Depth.NONE))
    assert not any("!" in line for line in confusion_lines(tied, list("abcdef"), 80))
    marked = confusion_lines(square(4, _0_1=1, _2_3=2), KOREAN, 80, colour=Depth.NONE)
    assert [line.split()[0] for line in marked if "2!" in line] == ["사과나무"]


def test_many_digits_are_shortened() -> None:
    lines = confusion_lines([[123_456, 9_999], [2_500_000, 0]], ["a", "b"], 60, colour=Depth.NONE)

    assert "[123k]" in lines[2]
    assert "9999!" in lines[2]
    assert "2M!" in lines[3]


def test_korean_names_keep_the_columns_in_line() -> None:
    for width in (60, 100):
        lines = confusion_lines(square(4, _0_1=9, _3_2=2), KOREAN, width, colour=Depth.NONE)

        ends = {cell_len(line) for line in lines[1:6]}
        assert len(ends) == 1
        brackets = [cell_len(line[: line.index("]")]) for line in lines[2:6]]
        steps = {after - before for before, after in itertools.pairwise(brackets)}
        assert len(steps) == 1


def test_letters_stand_for_names_that_have_no_room() -> None:
    names = [f"sku_{place:04d}_red" for place in range(10)]

    lines = confusion_lines(square(10, _0_9=3), names, 70, colour=Depth.NONE)

    assert lines[1].split() == ["actual", *"abcdefghij", "right"]
    assert [line.split()[:2] for line in lines[2:4]] == [
        ["a", "sku_0000_red"],
        ["b", "sku_0001_red"],
    ]


def test_of_many_classes_those_that_are_confused_are_shown_with_what_they_are_taken_for() -> None:
    confusion = square(30, _7_21=9, _21_3=5, _11_12=1)
    mistakes = mistakes_of(confusion)

    assert confused_classes(mistakes, 30, 3) == [3, 7, 21]
    assert confused_classes(mistakes, 30, 2) == [7, 21]
    # The pair of 11 and 12 has no room, so the first class of all takes what is left.
    assert confused_classes(mistakes, 30, 4) == [0, 3, 7, 21]
    assert confused_classes(mistakes, 3, 20) == [0, 1, 2]

    names = [str(place) for place in range(30)]
    lines = confusion_lines(confusion, names, 60, most_classes=3, colour=Depth.NONE)
    assert [line.split()[0] for line in lines[2:5]] == ["3", "7", "21"]
    assert "else" in lines[1]
    assert lines[-1] == "27 of 30 classes, of fewer mistakes, are left out."
    outside = confusion_lines(square(30, _3_29=6), names, 60, most_classes=2, colour=Depth.NONE)
    assert "else" in outside[1]


def test_what_was_taken_for_a_class_that_is_not_shown_is_counted() -> None:
    confusion = square(9, _0_1=9, _0_5=2, _0_6=2)

    lines = confusion_lines(
        confusion, list("abcdefghi"), 60, most_classes=2, most_marked=1, colour=Depth.NONE
    )

    assert re.search(r"^a .*\[40\].*9!.*4 +75 %$", lines[2])


def test_shades_of_colour_say_what_characters_say() -> None:
    confusion = square(4, _0_1=9, _3_2=2)
    shaded = confusion_lines(confusion, KOREAN, 80)

    assert plain(shaded)[2].split() == ["고양이", "40", "9!", "·", "·", "82", "%"]
    grounds = re.findall(r"48;5;(\d+)m *(\d+)", "\n".join(shaded[2:6]))
    right = {ground for ground, count in grounds if count == "40"}
    assert len(right) == 1
    assert right.isdisjoint(ground for ground, count in grounds if count != "40")
    assert "\x1b" not in "".join(confusion_lines(confusion, KOREAN, 80, colour=Depth.NONE))
    sixteen = confusion_lines(confusion, KOREAN, 80, colour=Depth.SIXTEEN)
    assert plain(sixteen) == confusion_lines(confusion, KOREAN, 80, colour=Depth.NONE)
    assert ";" not in "".join(re.findall(r"\x1b\[[0-9;]*m", "".join(sixteen)))


@pytest.mark.parametrize(
    ("confusion", "classes", "options", "message"),
    [
        ([[1, 2]], ["a"], {}, "1 classes are no matrix"),
        ([[1]], ["a", "b"], {}, "2 classes are no matrix"),
        ([], [], {}, "0 classes are no matrix"),
        ([[1]], ["a"], {"width": -1}, "-1 columns"),
        ([[1]], ["a"], {"most_classes": 27}, "27 classes"),
    ],
)
def test_what_is_no_matrix_is_refused(
    confusion: list[list[int]], classes: list[str], options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_lines(confusion, classes, **{"width": 80, **options})


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 30), st.integers(0, 200), st.randoms(use_true_random=False))
def test_every_line_fits_and_names_stay_literal(size: int, width: int, random: Random) -> None:
    counts = [0, 0, 0, 1, 2, 17, 40_000]
    confusion = [random.choices(counts, k=size) for _ in range(size)]
    classes = random.choices(["cat", "고양이" * 9, HOSTILE, ""], k=size)
    for colour in Depth:
        for ascii in (False, True):
            for line in confusion_lines(confusion, classes, width, colour=colour, ascii=ascii):
                shown = Text.from_ansi(line).plain if colour else line
                assert cell_len(shown) <= width
                assert all(char.isprintable() for char in shown)
                assert not ascii or line.isascii()
