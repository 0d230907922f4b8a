from __future__ import annotations

import pytest
from rich.cells import cell_len

from engine.charts.mistakes import Mistake, mistake_lines, mistakes_of

CONFUSION = [[8, 2, 0], [5, 90, 5], [0, 1, 4]]
CLASSES = ["cat", "dog", "bird"]


def test_the_most_frequent_come_first_then_those_of_the_smaller_class() -> None:
    assert mistakes_of(CONFUSION) == [
        Mistake(1, 0, 5, 100),
        Mistake(1, 2, 5, 100),
        Mistake(0, 1, 2, 10),
        Mistake(2, 1, 1, 5),
    ]
    assert mistakes_of([[8, 0], [0, 0]]) == []
    assert [one.actual for one in mistakes_of([[9, 1], [1, 1]])] == [1, 0]


def test_sentences_count_and_say_how_many_more_there_are() -> None:
    mistakes = mistakes_of(CONFUSION)

    assert mistake_lines(mistakes, CLASSES, 60, most=2) == [
        "dog taken for cat: 5 times (of 100)",
        "dog taken for bird: 5 times (of 100)",
        "and 3 more mistakes",
    ]
    assert mistake_lines(mistakes, CLASSES, 60)[-1] == "bird taken for dog: once (of 5)"
    assert mistake_lines([], CLASSES, 60) == ["No mistakes."]


@pytest.mark.parametrize("ascii", [False, True])
def test_long_names_are_cut_before_the_number_is(ascii: bool) -> None:
    names = ["고양이" * 30, "[red]\x1b[31m" + "dog" * 90]

    (line,) = mistake_lines(mistakes_of([[1, 7], [0, 1]]), names, 60, ascii=ascii)

    assert line.endswith(": 7 times (of 8)")
    assert cell_len(line) <= 60
    assert line.isprintable()
    assert line.isascii() or not ascii
