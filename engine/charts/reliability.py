"""How far a classifier may be believed: what it said of itself beside how often it was right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.charts.bars import bar
from engine.charts.text import clip, fit, fit_right, paint

_LEAST_BARS = 8


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about the same confidence.

    Attributes:
        low: Least confidence of the bin, 0 to 1.
        high: Largest confidence of the bin.
        confidence: Mean confidence of its answers; nothing is read from it where there are none.
        accuracy: Part of them that was right; likewise.
        count: How many there are.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class Words:
    """What a reliability diagram says, in the language of who looks at it."""

    confidence: str = "confidence"
    sure: str = "sure"
    right: str = "right"
    count: str = "pictures"
    less: str = "right less often than it was sure"
    more: str = "right more often than it was sure"


ENGLISH = Words()


def reliability_lines(
    bins: Sequence[Bin],
    width: int,
    *,
    words: Words = ENGLISH,
    colour: bool = True,
    ascii: bool = False,
) -> list[str]:
    """Draw one line a bin: its confidences, a bar, how sure, how often right, how many answers.

    The solid part of the bar is as long as the answers were right. What they were surer than
    that is hatched behind it, and likewise, in another hatching, what they were right beyond
    their confidence: of an honest classifier nothing is hatched.

    Args:
        bins: In the order of their confidences. Empty ones before the first and after the last
            that has answers are left out.
        width: Columns to fill; without bars where there is no room for them.
        words: What is said beside numbers.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.

    Returns:
        A heading, the bins, a legend; nothing where no bin has answers.

    Raises:
        ValueError: The width is negative.
    """
    if width < 0:
        raise ValueError(f"width must not be negative, not {width}")
    filled = [place for place, one in enumerate(bins) if one.count]
    if not filled:
        return []
    shown = bins[filled[0] : filled[-1] + 1]
    rows = [(words.confidence, words.sure, words.right, words.count), *map(_texts, shown)]
    first, *others = (max(cell_len(row[column]) for row in rows) for column in range(4))
    room = width - first - 1 - sum(size + 2 for size in others)
    bars = room if room >= _LEAST_BARS else 0
    lines = []
    for row, one in zip(rows, (None, *shown), strict=True):
        name = fit(row[0], first, ascii=ascii)
        ends = "".join(
            f"  {fit_right(text, size, ascii=ascii)}"
            for text, size in zip(row[1:], others, strict=True)
        )
        if one is None:
            heading = clip(f"{name} {' ' * bars}{ends}", width, ascii=ascii)
            lines.append(paint(heading, "grey", colour))
        elif bars:
            lines.append(f"{name} {_bar(one, bars, colour=colour, ascii=ascii)}{ends}")
        else:
            lines.append(clip(f"{name} {ends}", width, ascii=ascii))
    return [*lines, *(_legend(shown, width, words, colour, ascii) if bars else ())]


def _texts(one: Bin) -> tuple[str, str, str, str]:
    between = f"{one.low * 100:.0f} to {one.high * 100:.0f} %"
    if not one.count:
        return between, "-", "-", "0"
    return between, f"{one.confidence * 100:.1f} %", f"{one.accuracy * 100:.1f} %", f"{one.count:,}"


def _hatching(ascii: bool) -> tuple[str, str]:
    return ("-", "+") if ascii else ("░", "▒")


def _bar(one: Bin, width: int, *, colour: bool, ascii: bool) -> str:
    """The cells of one bin."""
    if not one.count:
        return " " * width
    too_sure, too_shy = _hatching(ascii)
    solid = bar(min(one.accuracy, one.confidence), width, ascii=ascii)
    longer = round(max(one.accuracy, one.confidence) * width)
    # The hatching begins at the next whole cell, so a gap below half a cell shows nothing.
    gap = max(0, longer - len(solid))
    is_too_sure = one.confidence > one.accuracy
    hatched = paint((too_sure if is_too_sure else too_shy) * gap, _hue(is_too_sure), colour)
    rest = " " * (width - len(solid) - gap)
    return f"{paint(solid, 'cyan', colour)}{hatched}{rest}"


def _hue(is_too_sure: bool) -> str:
    return "red" if is_too_sure else "green"


def _legend(
    bins: Sequence[Bin], width: int, words: Words, colour: bool, ascii: bool
) -> Sequence[str]:
    """What the hatchings mean, a line each; only of those that may be seen."""
    told = []
    for is_too_sure, marker, text in zip(
        (True, False), _hatching(ascii), (words.less, words.more), strict=True
    ):
        if any(one.count and (one.confidence > one.accuracy) is is_too_sure for one in bins):
            sample = paint(marker * 2, _hue(is_too_sure), colour)
            told.append(f"{sample} {clip(text, max(0, width - 3), ascii=ascii)}")
    return told
