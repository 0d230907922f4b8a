"""An evaluation of a classifier as text: how good it is, where it is weak, what it confuses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from rich.cells import cell_len

from engine.charts.bars import bar
from engine.charts.confusion import confusion_lines
from engine.charts.depth import Depth
from engine.charts.mistakes import mistake_lines, mistakes_of
from engine.charts.reliability import Bin, reliability_lines
from engine.charts.text import clip, clip_start, fit, fit_right, paint
from engine.plurals import counted
from engine.text import printable

_MOST_CLASSES = 20
_MOST_MISTAKES = 10
_LEAST_BARS, _MOST_BARS = 10, 24
# Below this the name of a picture says nothing.
_LEAST_NAME = 8


def image_evaluation_lines(
    evaluation: Mapping[str, Any],
    width: int,
    *,
    colour: Depth = Depth.NONE,
    ascii: bool = False,
) -> Iterator[str]:
    """Lay out an evaluation as lines of text, what people ask for first.

    Args:
        evaluation: `overall` (accuracy, accuracy_interval as its two ends, macro_f1,
            balanced_accuracy, log_loss, ece, count, errors), `classes` (name, precision, recall,
            f1, support), `confusion` (counts, a row for each actual class), `reliability` (low,
            high, confidence, accuracy, count) and `mistakes` (name, actual, predicted,
            confidence; the worst first). A measure that there is none of is None.
        width: Columns to fill.
        colour: Colours to use.
        ascii: Keep to ASCII.
    """
    classes = evaluation["classes"]
    names = [str(one["name"]) for one in classes]
    confusion = evaluation["confusion"]
    parts = (
        ("", headline_lines(evaluation["overall"], width, ascii=ascii)),
        (
            "classes, the worst first",
            class_lines(classes, width, colour=colour, ascii=ascii),
        ),
        (
            "what is taken for what",
            confusion_lines(confusion, names, width, colour=colour, ascii=ascii),
        ),
        (
            "most frequent mistakes",
            mistake_lines(mistakes_of(confusion), names, width, ascii=ascii),
        ),
        (
            "how far its confidence can be believed",
            reliability_lines(
                [_bin(one) for one in evaluation["reliability"]],
                width,
                colour=bool(colour),
                ascii=ascii,
            ),
        ),
        (
            "pictures that it was surest of and wrong about",
            worst_lines(evaluation["mistakes"], width, ascii=ascii),
        ),
    )
    is_first = True
    for title, lines in parts:
        body = iter(lines)
        opening = next(body, None)
        if opening is None:
            continue
        if not is_first:
            yield ""
        is_first = False
        if title:
            yield paint(clip(title, width, ascii=ascii), "bold", bool(colour))
        yield from chain([opening], body)


def headline_lines(overall: Mapping[str, Any], width: int, *, ascii: bool = False) -> Iterator[str]:
    """The numbers that sum an evaluation up, each with what it says."""
    count, errors = overall["count"], overall["errors"]
    wrong = "none of them wrong" if not errors else f"{errors:,} of them wrong"
    yield clip(counted("{count} [picture|pictures], ", count) + wrong, width, ascii=ascii)
    interval = overall.get("accuracy_interval")
    within = ""
    if interval is not None:
        low, high = interval
        within = f"95 % interval {low * 100:.2f} to {high * 100:.2f} %"
    rows = (
        ("accuracy", _share(overall["accuracy"]), within),
        ("macro F1", _number(overall["macro_f1"]), "mean over the classes"),
        ("balanced accuracy", _share(overall["balanced_accuracy"]), "every class counts the same"),
        ("log loss", _number(overall["log_loss"]), "0 is sure and always right"),
        ("ECE", _share(overall["ece"]), "gap of confidence and accuracy"),
    )
    label = max(len(name) for name, _, _ in rows)
    size = max(len(value) for _, value, _ in rows)
    for name, value, meaning in rows:
        yield clip(f"{name:<{label}}  {value:>{size}}  {meaning}", width, ascii=ascii)


def class_lines(
    classes: Sequence[Mapping[str, Any]],
    width: int,
    *,
    most: int = _MOST_CLASSES,
    colour: Depth = Depth.NONE,
    ascii: bool = False,
) -> Iterator[str]:
    """A table of the classes, the lowest F1 first, with F1 as a bar where there is room.

    A class that has no F1, since nothing of it was seen or predicted, comes last.
    """
    if not classes:
        return
    ranked = sorted(classes, key=_rank)
    shown = ranked[:most]
    headings = ("CLASS", "F1", "PRECISION", "RECALL", "PICTURES")
    rows = [
        (
            printable(str(one["name"])[:400], ascii=ascii),
            *(_number(one[measure], 3) for measure in ("f1", "precision", "recall")),
            f"{one['support']:,}",
        )
        for one in shown
    ]
    sizes = _sizes([headings, *rows])
    label = min(sizes[0], max(_LEAST_NAME, width // 3))
    room = min(_MOST_BARS, width - label - sum(sizes[1:]) - 2 * len(sizes))
    bars = room if room >= _LEAST_BARS else 0
    for row, one in zip((headings, *rows), (None, *shown), strict=True):
        cells = [fit(row[0], label, ascii=ascii)]
        cells += [fit_right(text, size) for text, size in zip(row[1:], sizes[1:], strict=True)]
        line = clip("  ".join(cells), width, ascii=ascii)
        if one is not None and bars and one["f1"] is not None and math.isfinite(one["f1"]):
            line += f"  {paint(bar(one['f1'], bars, ascii=ascii), 'cyan', bool(colour))}"
        yield line
    if others := ranked[most:]:
        least = _number(others[0]["f1"], 3)
        yield clip(f"and {len(others)} more, from an F1 of {least} up", width, ascii=ascii)


def worst_lines(
    mistakes: Sequence[Mapping[str, Any]],
    width: int,
    *,
    most: int = _MOST_MISTAKES,
    ascii: bool = False,
) -> Iterator[str]:
    """A table of single pictures that were taken for another class, in the order given."""
    if not mistakes:
        return
    rows = [("SURE", "ACTUAL", "PREDICTED", "PICTURE")]
    for one in mistakes[:most]:
        texts = (str(one[name])[:400] for name in ("actual", "predicted", "name"))
        actual, predicted, name = (printable(text, ascii=ascii) for text in texts)
        rows.append((_share(one["confidence"], 1), actual, predicted, name))
    sure, *others = _sizes(rows)
    most_of_class = max(_LEAST_NAME + 1, width // 5)
    actual_size, predicted_size = (min(size, most_of_class) for size in others[:2])
    for row in rows:
        cells = (
            fit_right(row[0], sure),
            fit(row[1], actual_size, ascii=ascii),
            fit(row[2], predicted_size, ascii=ascii),
        )
        head = "  ".join(cells)
        name = clip_start(row[3], max(_LEAST_NAME, width - cell_len(head) - 2), ascii=ascii)
        yield clip(f"{head}  {name}", width, ascii=ascii)
    if len(mistakes) > most:
        yield clip(f"and {len(mistakes) - most} more", width, ascii=ascii)


def _bin(one: Mapping[str, Any]) -> Bin:
    """A bin; one without answers has no measures."""
    confidence, accuracy = (
        one[name] if one["count"] else 0.0 for name in ("confidence", "accuracy")
    )
    return Bin(one["low"], one["high"], confidence, accuracy, one["count"])


def _rank(one: Mapping[str, Any]) -> tuple[bool, float]:
    f1 = one["f1"]
    is_unknown = f1 is None or not math.isfinite(f1)
    return is_unknown, 0.0 if is_unknown else f1


def _sizes(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _share(value: float | None, decimals: int = 2) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value * 100:.{decimals}f} %"


def _number(value: float | None, decimals: int = 4) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.{decimals}f}"
