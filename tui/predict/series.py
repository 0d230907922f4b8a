"""The list of series: filtered by name, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from tui.language import tr
from tui.paint import Line, fit, pad
from tui.predict.drawing import number, percent
from tui.predict.forecasts import Series

_MEAN_FROM, _ZEROS_FROM = 26, 36
_MEAN_WIDTH, _ZEROS_WIDTH = 9, 6


def fitting(series: Sequence[Series], text: str) -> list[Series]:
    """Those whose names fit all words of a filter, the best first.

    A word fits a name that has it inside, or its letters in order; with "!" before it, a name
    that does not have it inside.
    """
    words = text.casefold().split()
    if not words:
        return list(series)
    ranked = []
    for one in series:
        rank = _rank(one.name.casefold(), words)
        if rank is not None:
            ranked.append((rank, one))
    ranked.sort(key=lambda pair: pair[0])
    return [one for _, one in ranked]


def _rank(name: str, words: Sequence[str]) -> int | None:
    rank = 0
    for word in words:
        if word.startswith("!"):
            if len(word) > 1 and word[1:] in name:
                return None
        elif name.startswith(word):
            continue
        elif word in name:
            rank += 1
        else:
            letters = iter(name)
            if not all(letter in letters for letter in word):
                return None
            rank += 2
    return rank


def list_heading(width: int) -> Line:
    """The names of the columns."""
    line: Line = [(fit(f" {tr('Series')}", _name_width(width)), "column")]
    if width >= _MEAN_FROM:
        line.append((fit(tr("Mean"), _MEAN_WIDTH, "right"), "column"))
    if width >= _ZEROS_FROM:
        line.append((fit(tr("Zeros"), _ZEROS_WIDTH, "right"), "column"))
    return pad(line, width, "column")


def list_row(one: Series, width: int, under: str) -> Line:
    """A series."""
    line: Line = [(fit(f" {one.name}", _name_width(width)), under)]
    if width >= _MEAN_FROM:
        line.append((fit(number(one.mean), _MEAN_WIDTH, "right"), f"dim {under}".strip()))
    if width >= _ZEROS_FROM:
        share = fit(percent(one.zero_share), _ZEROS_WIDTH, "right")
        line.append((share, f"dim {under}".strip()))
    return pad(line, width, under)


def _name_width(width: int) -> int:
    mean = _MEAN_WIDTH if width >= _MEAN_FROM else 0
    zeros = _ZEROS_WIDTH if width >= _ZEROS_FROM else 0
    return width - mean - zeros - 1
