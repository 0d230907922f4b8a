"""The timeline of runs as a Gantt chart: labels on the left, bars, durations on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal

from rich.cells import cell_len

from engine.charts.canvas import Span, draw_spans
from engine.charts.folding import fold
from engine.charts.looks import DEEPEST_GUIDE, MARKERS, branches, colour_of, look_of, marker_of
from engine.charts.scales import elapsed_ticks, format_duration
from engine.charts.text import clip, fit, paint, sentence
from engine.charts.time_axis import window_text
from engine.states import FINAL_STATES
from engine.text import printable
from engine.timeline import Bar, Timeline, count_states

# Kind of segment, first and last cell that it fills.
Cells = tuple[Literal["waiting", "running"], int, int]


@dataclass(frozen=True, slots=True)
class _Columns:
    label: int
    bars: int
    duration: int


def timeline_chart(
    timeline: Timeline,
    width: int,
    height: int,
    *,
    colour: bool = True,
    ascii: bool = False,
    tz: tzinfo = UTC,
) -> str:
    """Draw a timeline, folded to as many rows as there is room for.

    Every row has the sign of its state, its name, its bar (waiting light, running solid) and the
    time that it ran. From 10 lines on there is a heading with the wall-clock time in `tz`, and a
    legend that counts the states.

    Args:
        timeline: What to draw.
        width: Columns to fill.
        height: Lines to stay within.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.
        tz: Timezone of the heading.

    Returns:
        The chart, or a sentence when there is nothing to draw or no room to draw it.
    """
    if not timeline.bars:
        return sentence("No runs yet.", width, height, ascii=ascii)
    if width < 24 or height < 3:
        return sentence("Too small for a timeline.", width, height, ascii=ascii)

    framed = height >= 10
    folded = fold(timeline, height - (4 if framed else 2))
    bars = folded.bars
    labels = _labels(bars, ascii)
    lengths = [length_text(bar) for bar in bars]
    columns = _columns(labels, lengths, width)
    spans = [
        Span(row, first, last, marker_of(bar, kind, ascii), colour_of(bar, kind))
        for row, bar in enumerate(bars)
        for kind, first, last in bar_cells(bar, timeline, columns.bars)
    ]
    ticks = [
        (_column(seconds, timeline.seconds, columns.bars), label)
        for seconds, label in elapsed_ticks(timeline.seconds, max(2, columns.bars // 8))
    ]
    drawn = draw_spans(spans, len(bars), columns.bars, ticks, colour=colour, ascii=ascii)

    lines = []
    if framed:
        lines.append(_heading(timeline, width, tz, colour, ascii))
    for bar, label, cells, length in zip(bars, labels, drawn, lengths, strict=False):
        lines.append(_row(bar, label, cells, length, columns, colour, ascii))
    margin = " " * (columns.label + 3)
    lines.extend(margin + line for line in drawn[len(bars) :])
    if framed:
        lines.append(_legend(timeline, width, colour, ascii))
    return "\n".join(lines)


def bar_cells(bar: Bar, timeline: Timeline, width: int) -> list[Cells]:
    """Return which cells of a row of `width` columns a bar fills, as (kind, first, last).

    Where running follows waiting it starts in the very next cell. Whatever ran fills at least
    one cell, however short it was.
    """
    cells: list[Cells] = []
    for part in bar.segments:
        first = _edge(part.start, timeline, width)
        last = _edge(part.end, timeline, width) - 1
        if part.kind == "running":
            first = min(first, width - 1)
            last = max(first, last)
        if last >= first:
            cells.append((part.kind, first, last))
    return cells


def length_text(bar: Bar) -> str:
    """Return how long a bar ran, in words where there is no number to give."""
    if bar.clock_jumped:
        return "?"
    if not bar.has_run:
        return "never ran" if bar.state in FINAL_STATES else "waiting"
    about = "~" if bar.end_estimated else ""
    return about + format_duration(bar.running_seconds)


def _edge(time: datetime, timeline: Timeline, width: int) -> int:
    if not timeline.seconds:
        return 0
    return round((time - timeline.start).total_seconds() / timeline.seconds * width)


def _column(seconds: float, total: float, width: int) -> int:
    return min(width - 1, round(seconds / total * width)) if total else 0


def _columns(labels: Sequence[str], lengths: Sequence[str], width: int) -> _Columns:
    duration = max(len(text) for text in lengths) if width >= 50 else 0
    label = min(max(cell_len(text) for text in labels), max(8, width * 2 // 5 - 4))
    return _Columns(label, width - label - 3 - (duration + 1 if duration else 0), duration)


def _labels(bars: Sequence[Bar], ascii: bool) -> list[str]:
    labels = []
    for index, bar in enumerate(bars):
        name = printable(bar.name[:400], ascii=ascii)
        if bar.kind == "flow" and bar.depth == 0 and bar.run_name:
            name += f" {printable(bar.run_name[:400], ascii=ascii)}"
        if bar.kind == "flow" and bar.counts:
            name += f" ({sum(number for _, number in bar.counts)})"
        labels.append(_guide(bars, index, ascii) + name)
    return labels


def _guide(bars: Sequence[Bar], index: int, ascii: bool) -> str:
    """Return the branches of the tree to the left of a name."""
    bar = bars[index]
    levels = range(1, min(bar.depth, DEEPEST_GUIDE) + 1)
    return branches([_level_goes_on(bars, index, level) for level in levels], ascii)


def _level_goes_on(bars: Sequence[Bar], index: int, level: int) -> bool:
    for later in bars[index + 1 :]:
        if later.depth <= level:
            return later.depth == level
    return False


def _row(
    bar: Bar,
    label: str,
    cells: str,
    length: str,
    columns: _Columns,
    colour: bool,
    ascii: bool,
) -> str:
    look = look_of(bar.state)
    sign = paint(look.ascii_sign if ascii else look.sign, look.colour, colour)
    name = fit(label, columns.label, ascii=ascii)
    if bar.kind == "flow":
        name = paint(name, "bold", colour)
    right = f" {length:>{columns.duration}}" if columns.duration else ""
    return f"{sign} {name} {cells}{right}"


def _heading(timeline: Timeline, width: int, tz: tzinfo, colour: bool, ascii: bool) -> str:
    text = window_text(timeline.start, timeline.end, tz, ascii=ascii)
    roots = sum(bar.depth == 0 for bar in timeline.bars)
    if roots > 1:
        text += f", {roots} runs"
    return paint(clip(text, width, ascii=ascii), "grey", colour)


def _legend(timeline: Timeline, width: int, colour: bool, ascii: bool) -> str:
    waiting, running = MARKERS["task"][2 * ascii : 2 * ascii + 2]
    entries = [(waiting, "waits", "grey"), (running, "runs", "bold")]
    tasks = [bar for bar in timeline.bars if bar.kind == "task"]
    for state, number in count_states(tasks or timeline.bars):
        look = look_of(state)
        word = printable(state.lower(), ascii=ascii)
        entries.append((look.ascii_sign if ascii else look.sign, f"{number} {word}", look.colour))
    shown, used = [], 0
    for sign, word, hue in entries:
        used += cell_len(f"{sign} {word}") + 3
        if used - 3 > width:
            break
        shown.append(f"{paint(sign, hue, colour)} {word}")
    return "   ".join(shown)
