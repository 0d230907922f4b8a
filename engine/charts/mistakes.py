"""What a classifier takes for what, told in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.charts.text import clip

Counts = Sequence[Sequence[int]]
"""A confusion matrix: a row for each actual class, a column for each predicted one."""

_SHORTEST_NAME = 4


@dataclass(frozen=True)
class Words:
    """How mistakes read, in the language of who looks at them.

    Args:
        taken: A mistake; has `{actual}`, `{predicted}`, `{times}` and `{all}`.
        once: How often, where that is once.
        times: How often, where that is more often; has `{count}`.
        more: The mistakes beyond the last sentence; has `{count}`.
        none: There are no mistakes.
    """

    taken: str = "{actual} taken for {predicted}: {times} (of {all})"
    once: str = "once"
    times: str = "{count} times"
    more: str = "and {count} more mistakes"
    none: str = "No mistakes."


ENGLISH = Words()


@dataclass(frozen=True, slots=True)
class Mistake:
    """Pictures of one class that were taken for another.

    Attributes:
        actual: Place of the class that they show.
        predicted: Place of the class that they were taken for.
        count: How many they are.
        total: How many pictures of the actual class there are.
    """

    actual: int
    predicted: int
    count: int
    total: int


def mistakes_of(confusion: Counts) -> list[Mistake]:
    """Every kind of mistake that was made: the most frequent first, then by part of the class."""
    found = [
        Mistake(actual, predicted, count, total)
        for actual, row in enumerate(confusion)
        if (total := sum(row)) > row[actual]
        for predicted, count in enumerate(row)
        if count and actual != predicted
    ]
    return sorted(found, key=lambda one: (-one.count, one.total, one.actual, one.predicted))


def mistake_lines(
    mistakes: Sequence[Mistake],
    classes: Sequence[str],
    width: int,
    *,
    most: int = 5,
    words: Words = ENGLISH,
    ascii: bool = False,
) -> list[str]:
    """Say the most frequent mistakes, one a line: "cat taken for dog: 7 times (of 40)".

    Args:
        mistakes: Of `mistakes_of`.
        classes: Names of the classes, shown escaped.
        width: Columns that a line may have.
        most: Mistakes to say; the number of all others is one more line.
        words: How they read.
        ascii: Keep to ASCII.
    """
    if not mistakes:
        return [clip(words.none, width, ascii=ascii)]
    lines = [_sentence(one, classes, width, words, ascii) for one in mistakes[:most]]
    if others := sum(one.count for one in mistakes[most:]):
        lines.append(words.more.format(count=f"{others:,}"))
    return [clip(line, width, ascii=ascii) for line in lines]


def _sentence(one: Mistake, classes: Sequence[str], width: int, words: Words, ascii: bool) -> str:
    times = words.once if one.count == 1 else words.times.format(count=f"{one.count:,}")
    told = {"times": times, "all": f"{one.total:,}"}
    # Long names are cut, so that they do not push the number out of the line.
    taken = cell_len(words.taken.format(actual="", predicted="", **told))
    room = max(_SHORTEST_NAME, (width - taken) // 2)
    actual, predicted = (
        clip(classes[place], room, ascii=ascii) for place in (one.actual, one.predicted)
    )
    return words.taken.format(actual=actual, predicted=predicted, **told)
