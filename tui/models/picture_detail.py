"""A version that classifies pictures in full: how good it is, and where it is weak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.classifier_charts import confusion_lines, mistake_lines, reliability_lines
from tui.language import tr
from tui.models.facts import IMAGES, Model
from tui.models.pictures import ClassScores, PictureEvaluation, PictureMeasures, WrongPicture
from tui.models.table import between, number, part, percent
from tui.paint import Line, clean, clip, fit, pad, rule, width_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter
    from tui.models.book import ModelBook

_LABEL = 15
_HARDEST = 5
# A matrix that is read at a glance, and one of all the letters that may stand for classes.
_GLANCE, _MOST_CLASSES = 12, 26
_WIDEST_MATRIX = 110
_WIDEST_BAR = 30
_MEASURES = {
    "accuracy": 10,
    "interval": 16,
    "macro_f1": 10,
    "log_loss": 9,
    "ece": 9,
    "errors": 7,
}
_LEAST = {"interval": 61, "ece": 71, "errors": 78}


def picture_gain_lines(book: ModelBook, model: Model, width: int) -> list[Line]:
    """How often it is right, and how much less often wrong than the simplest and the champion."""
    found = model.pictures
    if found is None:
        return []
    line: Line = [(f" {tr('accuracy')} {part(found.own.accuracy)} ", "strong")]
    if model.gain is not None:
        line += _verdict(model.gain, tr("mean picture"), found.naive.accuracy)
    champion = book.champion(IMAGES)
    if champion is None or champion.id == model.id or champion.pictures is None:
        return [line]
    # What was measured on other pictures says nothing about these.
    old, new = champion.pictures.own.error, found.own.error
    if not old or new is None or champion.training.dataset != model.training.dataset:
        return [line]
    beside = _verdict(1.0 - new / old, tr("champion"), champion.pictures.own.accuracy)
    if width_of(line) + width_of(beside) <= width:
        return [[*line, *beside]]
    return [line, [(" " * 12, ""), *beside]]


def _verdict(gain: float, name: str, accuracy: float | None) -> Line:
    less = percent(abs(gain)).lstrip("+")
    fewer = tr("{part} fewer mistakes than {name}", part=less, name=name)
    said = fewer if gain >= 0 else tr("{part} more mistakes than {name}", part=less, name=name)
    return [(f"  {said}", "good" if gain >= 0 else "bad"), (f" {part(accuracy)}", "dim")]


def picture_sections(
    app: ControlCenter, book: ModelBook, model: Model, curves: Sequence[Line], width: int
) -> list[Line]:
    """What stands between the head of a version and its lineage.

    Args:
        app: The application.
        book: What is known of the other versions.
        model: One that classifies pictures.
        curves: How training went, in short.
        width: Columns.
    """
    found = model.pictures
    if found is None:
        return []
    note = ""
    if found.own.count:
        note = tr("{count} pictures, {classes} classes", count=f"{found.own.count:,}",
                  classes=len(found.classes))  # fmt: skip
    lines = [rule(width, tr("Accuracy in the test"), note)]
    lines += _measures_table(found, width)
    lines += picture_gain_lines(book, model, width)
    lines += curves
    lines += [[(clip(f" {one}", width), "dim")] for one in found.notes]
    hardest = _ranked(found.classes)[:_HARDEST]
    if hardest:
        lines += [[], rule(width, tr("Hardest classes"), _of_classes(found))]
        lines += class_table(hardest, width)
    lines += _matrix(app, found, width, _GLANCE)
    if found.mistakes:
        lines += [[], rule(width, tr("Surest mistakes"))]
        lines += wrong_table(found.mistakes[:_HARDEST], width)
    return [*lines, *_reliability(app, found, width)]


def class_tab(app: ControlCenter, found: PictureEvaluation, width: int) -> list[Line]:
    """All classes, the hardest first, and what is taken for what."""
    ranked = _ranked(found.classes)
    lines = [rule(width, tr("Classes, the hardest first"), _of_classes(found))]
    return [*lines, *class_table(ranked, width), *_matrix(app, found, width, _MOST_CLASSES)]


def mistake_tab(app: ControlCenter, found: PictureEvaluation, width: int) -> list[Line]:
    """What is taken for what in sentences, the pictures, and how far it can be believed."""
    inner = min(width - 1, _WIDEST_MATRIX)
    lines = [rule(width, tr("Most frequent mistakes"))]
    lines += _inset(mistake_lines(app, found, inner, 20))
    if found.mistakes:
        lines += [[], rule(width, tr("Surest mistakes"))]
        lines += wrong_table(found.mistakes, width)
    return [*lines, *_reliability(app, found, width)]


def _of_classes(found: PictureEvaluation) -> str:
    return tr("of {count} classes", count=f"{len(found.classes):,}")


def _measures_table(found: PictureEvaluation, width: int) -> list[Line]:
    sizes = {name: size for name, size in _MEASURES.items() if width >= _LEAST.get(name, 0)}
    heads = measure_titles()
    head: Line = [(" " * (_LABEL + 1), "dim")]
    head += [(fit(heads[name], size, "right"), "dim") for name, size in sizes.items()]
    rows = [(tr("this version"), found.own, "strong"), (tr("mean picture"), found.naive, "dim")]
    if found.rival is not None:
        rows.insert(1, (tr("champion then"), found.rival, ""))
    lines = [head]
    for label, measures, look in rows:
        line: Line = [(f" {fit(label, _LABEL)}", look)]
        line += [
            (fit(measure_text(measures, one), size, "right"), look) for one, size in sizes.items()
        ]
        lines.append(line)
    return lines


def measure_titles() -> dict[str, str]:
    """What measures are called above a column."""
    return {
        "accuracy": tr("accuracy"),
        "interval": tr("95 % interval"),
        "macro_f1": tr("macro F1"),
        "log_loss": tr("log loss"),
        "ece": "ECE",
        "errors": tr("wrong"),
    }


def measure_text(measures: PictureMeasures, name: str) -> str:
    """One of them as a text."""
    if name == "interval":
        return between(measures)
    if name == "errors":
        return "-" if measures.errors is None else f"{measures.errors:,}"
    value = getattr(measures, name)
    return part(value) if name in ("accuracy", "ece") else number(value)


def _ranked(classes: Sequence[ClassScores]) -> list[ClassScores]:
    """The lowest F1 first; what has none comes last."""
    return sorted(classes, key=lambda one: (one.f1 is None, one.f1 or 0.0))


def class_table(classes: Sequence[ClassScores], width: int) -> list[Line]:
    """A line a class: F1 with a bar, precision, recall, pictures."""
    names = [len(clean(one.name)) for one in classes]
    label = min(max(10, *names), max(10, width // 3))
    heads = ("F1", tr("precision"), tr("recall"), tr("pictures"))
    sizes = (8, 11, 9, 10)
    head: Line = [(f" {fit('', label)}", "dim")]
    head += [
        (fit(text, size, "right"), "dim") for text, size in zip(heads, sizes, strict=True)
    ]  # fmt: skip
    lines = [head]
    room = min(_WIDEST_BAR, width - label - sum(sizes) - 5)
    for one in classes:
        values = (number(one.f1), number(one.precision), number(one.recall), f"{one.support:,}")
        line: Line = [(f" {fit(one.name, label)}", "")]
        for text, size in zip(values, sizes, strict=True):
            line.append((fit(text, size, "right"), "strong" if text is values[0] else ""))
        if room >= 4 and one.f1 is not None:
            line += [("  ", ""), *_bar(one.f1, room)]
        lines.append(line)
    return lines


def _bar(f1: float, width: int) -> Line:
    long = round(f1 * width)
    # Full only where nothing is wrong.
    long = min(long, width - 1) if f1 < 1 else width
    look = "good" if f1 >= 0.95 else "run" if f1 >= 0.8 else "warn" if f1 >= 0.5 else "bad"
    return [("━" * long, look), ("─" * (width - long), "rule")]


def _matrix(app: ControlCenter, found: PictureEvaluation, width: int, most: int) -> list[Line]:
    inner = min(width - 1, _WIDEST_MATRIX)
    drawn = confusion_lines(app, found, inner, most)
    if not drawn:
        return []
    return [[], rule(width, tr("What is taken for what")), *_inset(drawn)]


def _reliability(app: ControlCenter, found: PictureEvaluation, width: int) -> list[Line]:
    drawn = reliability_lines(app, found, min(width - 1, _WIDEST_MATRIX))
    if not drawn:
        return []
    note = f"ECE {part(found.own.ece)}"
    return [[], rule(width, tr("How far it can be believed"), note), *_inset(drawn)]


def wrong_table(mistakes: Sequence[WrongPicture], width: int) -> list[Line]:
    """A line a picture: how sure it was, what the picture shows, what it was taken for."""
    longest = max((len(clean(n)) for m in mistakes for n in (m.actual, m.predicted)), default=0)
    label = min(max(9, longest), max(9, width // 5)) + 2
    name = max(8, width - 10 - 2 * label - 1)
    heads = ((tr("sure"), 8), (tr("actual"), label), (tr("taken for"), label))
    head: Line = [(fit(heads[0][0], 8, "right"), "dim"), ("  ", "")]
    head += [(fit(text, size), "dim") for text, size in heads[1:]]
    lines = [[*head, (clip(tr("picture"), name), "dim")]]
    for one in mistakes:
        sure = "-" if one.confidence is None else f"{one.confidence * 100:.1f} %"
        lines.append(
            [
                (fit(sure, 8, "right"), "warn"),
                ("  ", ""),
                (fit(one.actual, label), "good"),
                (fit(one.predicted, label), "bad"),
                (path_end(one.name, name), ""),
            ]
        )
    return [pad(line, width) for line in lines]


def path_end(path: str, width: int) -> str:
    """The end of a path: what it begins with is mostly the same."""
    shown = clean(path)
    if len(shown) <= width:
        return clip(shown, width)
    return clip("…" + shown[-(width - 1) :], width)


def _inset(lines: Sequence[Line]) -> list[Line]:
    return [[(" ", ""), *line] for line in lines]
