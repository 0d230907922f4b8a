"""What a classifier of pictures answers and confuses, drawn in the chosen language.

The charts are those of `engine.charts`, which are only loaded where one is drawn. What is drawn
of a version stays as it is, so the last few drawings are kept: a key may not take as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from tui.language import tr
from tui.paint import Line, from_ansi

if TYPE_CHECKING:
    from engine.charts import confusion, mistakes
    from engine.charts.depth import Depth
    from tui.control_center import ControlCenter
    from tui.models.pictures import PictureEvaluation

_FEW_COLOURS = ("standard", "windows")


def depth_of(app: ControlCenter) -> Depth:
    """How many colours a drawing may use.

    What has more than the terminal shows is brought down to its palette as it is written; only of
    sixteen colours nothing but mud would be left.
    """
    from engine.charts.depth import Depth

    if app.no_color:
        return Depth.NONE
    # What nobody looks at at once is a picture, which has all colours.
    is_poor = not app.is_headless and app.console.color_system in _FEW_COLOURS
    return Depth.SIXTEEN if is_poor else Depth.TRUE


def confusion_lines(
    app: ControlCenter, found: PictureEvaluation, width: int, most: int
) -> list[Line]:
    """What is taken for what, as a matrix of at most so many classes."""
    from engine.charts.confusion import Words

    if len(found.confusion) < 2:
        return []
    words = Words(
        actual=tr("actual"),
        predicted=tr("predicted"),
        recall=tr("right"),
        others=tr("else"),
        right=tr("right"),
        frequent=tr("most frequent mistakes"),
        part=tr("part of the row"),
        left_out=tr("{count} of {all} classes, of fewer mistakes, are left out."),
        too_narrow=tr("Too narrow for a matrix."),
    )
    drawn = _confusion(found.confusion, tuple(found.names), width, most, words, *_look(app))
    return list(drawn)


@lru_cache(8)
def _confusion(
    counts: tuple[tuple[int, ...], ...],
    names: tuple[str, ...],
    width: int,
    most: int,
    words: confusion.Words,
    depth: Depth,
    ascii: bool,
) -> tuple[Line, ...]:
    from engine.charts.confusion import confusion_lines as draw

    lines = draw(
        counts, names, width, most_classes=most, words=words, colour=depth, ascii=ascii
    )  # fmt: skip
    return tuple(map(from_ansi, lines))


def mistake_lines(
    app: ControlCenter, found: PictureEvaluation, width: int, most: int
) -> list[Line]:
    """The most frequent mistakes, a sentence each."""
    from engine.charts.mistakes import Words

    words = Words(
        taken=tr("{actual} taken for {predicted}: {times} (of {all})"),
        once=tr("once"),
        times=tr("{count} times"),
        more=tr("and {count} more mistakes"),
        none=tr("No mistakes."),
    )
    ascii = app.painter.ascii
    return list(_mistakes(found.confusion, tuple(found.names), width, most, words, ascii))


@lru_cache(8)
def _mistakes(
    counts: tuple[tuple[int, ...], ...],
    names: tuple[str, ...],
    width: int,
    most: int,
    words: mistakes.Words,
    ascii: bool,
) -> tuple[Line, ...]:
    from engine.charts.mistakes import mistake_lines as say
    from engine.charts.mistakes import mistakes_of

    lines = say(mistakes_of(counts), names, width, most=most, words=words, ascii=ascii)
    return tuple([(line, "")] for line in lines)


def reliability_lines(app: ControlCenter, found: PictureEvaluation, width: int) -> list[Line]:
    """How sure it was beside how often it was right."""
    from engine.charts.reliability import Bin, Words
    from engine.charts.reliability import reliability_lines as draw

    words = Words(
        confidence=tr("confidence"),
        sure=tr("sure"),
        right=tr("right"),
        count=tr("pictures"),
        less=tr("right less often than it was sure"),
        more=tr("right more often than it was sure"),
    )
    bins = [
        Bin(one.low, one.high, one.confidence, one.accuracy, one.count) for one in found.reliability
    ]
    depth, ascii = _look(app)
    return list(map(from_ansi, draw(bins, width, words=words, colour=bool(depth), ascii=ascii)))


def probability_lines(
    app: ControlCenter, shares: Sequence[float], names: Sequence[str], width: int, most: int
) -> list[Line]:
    """How likely each class is, the likeliest first."""
    from engine.charts.probabilities import probability_bars

    depth, ascii = _look(app)
    rest = tr("{count} others")
    lines = probability_bars(
        shares, names, width, most=most, rest=rest, colour=bool(depth), ascii=ascii
    )
    return list(map(from_ansi, lines))


def _look(app: ControlCenter) -> tuple[Depth, bool]:
    return depth_of(app), app.painter.ascii
