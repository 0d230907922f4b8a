"""A data set of pictures: what its rules did, how many a class has, what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from tui import told
from tui.language import tr
from tui.paint import Align, Line, clean, clip, fit, pad, wrap

if TYPE_CHECKING:
    from tui.data.data_sets import DataSet

PARTS = ("training", "validation", "test")
_LOW, _MIDDLE, _HIGH = 5, 50, 95
_NUMBER = 9
_LEAST_BAR, _WIDEST_BAR = 6, 60


@dataclass(frozen=True, slots=True)
class Class:
    """A class, and how many pictures of it each part has, in the order of `PARTS`."""

    name: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Pictures of it."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Look:
    """A feature of the training pictures: brightness, contrast, sharpness, colours."""

    name: str
    mean: float | None
    spread: float | None
    low: float | None
    middle: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class PictureReport:
    """What is in a data set of pictures.

    Attributes:
        id: Which.
        shape: Height, width and channels of the pictures as they are kept.
        fit: How they were brought to that: "pad", "crop" or "stretch".
        parts: Pictures in each of `PARTS`.
        classes: Those with the most pictures first.
        looks: What the training pictures look like.
        sentences: What was found and done, without what the classes tell.
        changes: What each rule had to do, as mappings.
        notes: What is worth knowing.
    """

    id: str
    shape: tuple[int, int, int]
    fit: str
    parts: tuple[int, ...]
    classes: tuple[Class, ...]
    looks: tuple[Look, ...]
    sentences: tuple[str, ...]
    changes: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


def read_picture_report(document: Any) -> PictureReport:
    """What `engine data show` says of pictures."""
    found = told.mapping(document)
    report, reference = told.mapping(found.get("report")), told.mapping(found.get("reference"))
    parts, counts = told.mapping(found.get("parts")), told.mapping(found.get("counts"))
    classes = [
        Class(str(name), tuple(told.whole(told.mapping(one).get(part)) or 0 for part in PARTS))
        for name, one in counts.items()
    ]
    of_classes = told.entries(report.get("class_sentences"))
    sentences = [told.text(one) for one in told.entries(report.get("sentences"))]
    height, width, channels = (
        told.whole(found.get(name)) or 0 for name in ("height", "width", "channels")
    )
    return PictureReport(
        id=told.text(found.get("id")),
        shape=(height, width, channels),
        fit=told.text(found.get("fit")),
        parts=tuple(told.whole(parts.get(part)) or 0 for part in PARTS),
        classes=tuple(sorted(classes, key=lambda one: -one.total)),
        looks=tuple(_look(*one) for one in told.mapping(reference.get("features")).items()),
        sentences=tuple(one for one in sentences if one not in of_classes),
        changes=tuple(told.mappings(report.get("changes"))),
        notes=tuple(told.text(one) for one in told.entries(report.get("notes"))),
    )


def _look(name: str, kept: Any) -> Look:
    found = told.mapping(kept)
    quantiles = told.numbers(found.get("quantiles"))

    def at(place: int) -> float | None:
        return quantiles[place] if place < len(quantiles) else None

    mean, spread = told.number(found.get("mean")), told.number(found.get("std"))
    return Look(name, mean, spread, at(_LOW), at(_MIDDLE), at(_HIGH))


def picture_facts(one: DataSet, report: PictureReport, width: int) -> list[Line]:
    """What it is, in short: name, counts, size, parts."""
    height, wide, channels = report.shape
    fits = {"pad": tr("padded"), "crop": tr("cropped"), "stretch": tr("stretched")}
    colours = tr("gray") if channels == 1 else tr("colours")
    shape = f"{wide} × {height} {colours}, {fits.get(report.fit, report.fit)}"
    names = (tr("training"), tr("validation"), tr("test"))
    parts = " · ".join(f"{count:,} {name}" for name, count in zip(names, report.parts, strict=True))
    return [
        [(f" {clip(one.name or one.id, width // 2)}", "strong"), (f"  {one.id}", "dim")],
        [
            (f" {one.pictures:,}", "accent"),
            (f" {tr('pictures')} · ", ""),
            (f"{one.classes:,}", "accent"),
            (f" {tr('classes')}", ""),
        ],
        [(clip(f" {shape}", width), "")],
        [(clip(f" {parts}", width), "")],
    ]


def picture_sources(one: DataSet, report: PictureReport, width: int) -> list[Line]:
    """Where it comes from, and what is worth knowing of it."""
    said = tr("read from {source}", source=one.source)
    lines = [("· ", "dim", said), *(("· ", "warn", note) for note in report.notes)]
    return [line for sign, look, text in lines for line in _paragraph(sign, look, text, width)]


def _paragraph(sign: str, look: str, text: str, width: int) -> list[Line]:
    parts = wrap(text, max(8, width - 4))
    return [[(f" {sign if at == 0 else '  '}", look), (part, "")] for at, part in enumerate(parts)]


# Classes

CLASS_COLUMNS: dict[str, tuple[str, int, Align]] = {
    "name": ("Class", 10, "left"),
    "bar": ("", 0, "left"),
    "training": ("Training", 9, "right"),
    "validation": ("Validation", 11, "right"),
    "test": ("Test", 7, "right"),
    "all": ("All", 8, "right"),
}


def class_columns(classes: Sequence[Class], width: int) -> dict[str, tuple[str, int, Align]]:
    """Which columns of the list of classes there is room for; what names leave is for bars."""
    columns = dict(CLASS_COLUMNS)
    if width < 56:
        del columns["validation"]
    if width < 44:
        del columns["test"]
    title, least, align = columns["name"]
    rest = width - 1 - sum(wide for _, wide, _ in columns.values()) - len(columns)
    longest = max((cell_len(clean(one.name)) for one in classes), default=0)
    name = min(max(least, longest + 1), least + max(0, rest - _LEAST_BAR))
    bar = min(_WIDEST_BAR, rest - (name - least))
    columns["bar"] = ("", bar, "left")
    if bar < _LEAST_BAR:
        del columns["bar"]
        name = least + max(0, rest + 1)
    columns["name"] = (title, name, align)
    return columns


def class_value(one: Class, name: str, most: int, wide: int) -> tuple[str, str]:
    """The text of a column and its style; `most` pictures fill a bar."""
    if name == "name":
        return one.name, ""
    if name == "bar":
        long = max(1, round(one.total / most * wide)) if most and one.total else 0
        return "━" * long, "run"
    if name == "all":
        return f"{one.total:,}", "strong"
    return f"{one.counts[PARTS.index(name)]:,}", "dim"


def class_heading(columns: dict[str, tuple[str, int, Align]], width: int) -> Line:
    """The names of the columns."""
    heads = [fit(tr(title) if title else "", wide, at) for title, wide, at in columns.values()]
    return pad([(" " + " ".join(heads), "column")], width, "column")


def class_row(
    one: Class, columns: dict[str, tuple[str, int, Align]], most: int, width: int, under: str
) -> Line:
    """A class; `most` pictures fill a bar."""
    line: Line = [(" ", under)]
    for name, (_, wide, align) in columns.items():
        text, look = class_value(one, name, most, wide)
        line.append((fit(text, wide, align) + " ", f"{look} {under}".strip()))
    return pad(line, width, under)


# What they look like


def look_lines(looks: Sequence[Look], width: int) -> list[Line]:
    """The features of the training pictures in numbers."""
    if not looks:
        return [[(f" {tr('not known')}", "dim")]]
    heads = (tr("mean"), tr("spread"), "5 %", tr("middle"), "95 %")
    label = min(max(12, *(len(one.name) for one in looks)), max(8, width - _NUMBER * len(heads)))
    count = max(1, min(len(heads), (width - label - 1) // _NUMBER))
    head: Line = [(f" {fit('', label)}", "dim")]
    head += [(fit(text, _NUMBER, "right"), "dim") for text in heads[:count]]
    lines = [head]
    for one in looks:
        values = (one.mean, one.spread, one.low, one.middle, one.high)
        line: Line = [(f" {fit(tr(one.name), label)}", "")]
        for value in values[:count]:
            text = "–" if value is None else f"{value:.1f}"
            line.append((fit(text, _NUMBER, "right"), "strong" if value is one.mean else ""))
        lines.append(line)
    lines.append([])
    said = tr("0 is black, 255 white; drift is measured against these")
    return [*lines, *([(f" {text}", "dim")] for text in wrap(said, width - 2))]
