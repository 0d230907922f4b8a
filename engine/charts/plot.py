"""What the line charts share: a title above, a frame in the middle, a legend below."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.charts.canvas import Band, Layer, draw_layers
from engine.charts.scales import Scale
from engine.charts.text import clip, fit, paint, sentence
from engine.text import printable


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the legend.

    Attributes:
        sample: What the marker looks like.
        text: What it stands for.
        colour: Its colour.
        detail: More to say, where all entries have room for theirs.
    """

    sample: str
    text: str
    colour: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Size and manner of a chart.

    Attributes:
        width: Columns.
        height: Lines.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.
    """

    width: int
    height: int
    colour: bool
    ascii: bool

    @property
    def too_small(self) -> bool:
        """Whether a frame with labels would leave no room for a line."""
        return self.width < 24 or self.height < 5

    @property
    def framed(self) -> bool:
        """Whether there is room for a title and a legend."""
        return self.height >= 8

    @property
    def y_ticks(self) -> int:
        """How many labels the y axis has room for."""
        return max(2, (self.height - 4) // 3)

    @property
    def x_ticks(self) -> int:
        """How many labels the x axis has room for."""
        return max(2, (self.width - 8) // 10)

    def sentence(self, text: str) -> str:
        """Return a sentence in place of the chart."""
        return sentence(text, self.width, self.height, ascii=self.ascii)


def finite_range(values: Iterable[float]) -> tuple[float, float] | None:
    """Return the smallest and largest finite value, None where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else None


def compose(
    page: Page,
    title: str,
    note: str,
    layers: Sequence[Layer | Band],
    x: Scale,
    y: Scale,
    legend: Sequence[Entry],
) -> str:
    """Draw the layers, with title, note (at the right of the title) and legend if they fit."""
    height = page.height - (2 if page.framed else 0)
    lines = draw_layers(layers, x, y, page.width, height, colour=page.colour, ascii=page.ascii)
    if page.framed:
        lines = [_title(page, title, note), *lines, _legend(page, legend)]
    return "\n".join(line.rstrip() for line in lines)


def _title(page: Page, title: str, note: str) -> str:
    note = printable(note, ascii=page.ascii)
    room = page.width - cell_len(note) - 2
    if room < min(20, cell_len(title)):
        return paint(clip(title, page.width, ascii=page.ascii), "bold", page.colour)
    left = fit(title, room, ascii=page.ascii)
    return paint(left, "bold", page.colour) + "  " + paint(note, "grey", page.colour)


def _legend(page: Page, legend: Sequence[Entry]) -> str:
    # Escaped text escapes to itself, so that cutting it again is harmless.
    texts = [printable(entry.text + entry.detail, ascii=page.ascii) for entry in legend]
    needed = sum(cell_len(f"{e.sample} {t}") for e, t in zip(legend, texts, strict=True))
    if needed + 3 * (len(legend) - 1) > page.width:
        texts = [printable(entry.text, ascii=page.ascii) for entry in legend]
    shown, used = [], 0
    for entry, text in zip(legend, texts, strict=True):
        room = page.width - used - cell_len(entry.sample) - 1
        if room < 4:
            break
        text = clip(text, room, ascii=page.ascii)
        used += cell_len(f"{entry.sample} {text}") + 3
        shown.append(f"{paint(entry.sample, entry.colour, page.colour)} {text}")
    return "   ".join(shown)
