"""A data set in words and as a chart."""

from __future__ import annotations

import math
from typing import Any

from tui.data.data_sets import DataSet, Report, Values, number
from tui.data.picture_sets import PictureReport, picture_facts, picture_sources
from tui.language import tr
from tui.paint import Line, clip, from_ansi, wrap


def report_lines(one: DataSet, report: Report | PictureReport, width: int) -> list[Line]:
    """What the rules found and did, the most telling facts first."""
    if isinstance(report, PictureReport):
        changes = _changes({"changes": list(report.changes)}, width)
        return [
            *picture_facts(one, report, width),
            *changes,
            *picture_sources(one, report, width),
        ]
    facts = report.facts
    lines: list[Line] = [
        [
            (f" {clip(one.name or one.id, width // 2)}", "strong"),
            (f"  {one.id}", "dim"),
        ],
        [
            (f" {one.series:,}", "accent"),
            (f" {tr('series')} · ", ""),
            (f"{one.rows:,}", "accent"),
            (f" {tr('rows')} · ", ""),
            (f"{_count(facts, 'days'):,}", "accent"),
            (f" {tr('days')}", ""),
        ],
        [(f" {one.first_day} – {one.last_day}", "")],
        _zeros(facts),
    ]
    lines += _changes(facts, width)
    ends = {"day": report.train_end, "end": report.validation_end}
    split = tr("training to {day}, validation to {end}, then test", **ends)
    rows = f"{_count(facts, 'rows_read'):,}"
    read = tr("{count} rows read from {source}", count=rows, source=one.source)
    lines += _paragraph("· ", "dim", split, width)
    lines += _paragraph("· ", "dim", f"{read} ({facts.get('source_format', '')})", width)
    for note in _texts(facts, "notes"):
        lines += _paragraph("· ", "warn", note, width)
    return lines


def _zeros(facts: dict[str, Any]) -> Line:
    share = facts.get("zero_share")
    zeros = f"{share:.1%}" if isinstance(share, float | int) else "–"
    negatives, constant = _count(facts, "negatives"), len(_texts(facts, "constant_series"))
    line: Line = [(f" {zeros}", "accent"), (f" {tr('zeros')}", "")]
    if negatives:
        line += [(" · ", ""), (f"{negatives:,}", "warn"), (f" {tr('negative')}", "")]
    if constant:
        line += [(" · ", ""), (f"{constant:,}", "warn"), (f" {tr('constant series')}", "")]
    return line


def _changes(facts: dict[str, Any], width: int) -> list[Line]:
    found = facts.get("changes")
    changes = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    if not changes:
        return _paragraph("✓ ", "good", tr("no rule had to change anything"), width)
    lines: list[Line] = []
    for one in changes:
        said = f"{one.get('rule')}: {one.get('action')} ×{_count(one, 'count'):,}"
        lines += _paragraph("! ", "warn", said, width)
        spots = _texts(one, "spots")
        lines += _paragraph("  ", "dim", ", ".join(spots[:4]), width, "dim") if spots else []
    return lines


def _paragraph(sign: str, look: str, text: str, width: int, style: str = "") -> list[Line]:
    parts = wrap(text, max(8, width - 4))
    return [
        [(f" {sign if at == 0 else '  '}", look), (part, style)] for at, part in enumerate(parts)
    ]


def _count(facts: dict[str, Any], name: str) -> int:
    found = facts.get(name)
    return found if isinstance(found, int) else 0


def _texts(facts: dict[str, Any], name: str) -> list[str]:
    found = facts.get(name)
    return [str(one) for one in found] if isinstance(found, list) else []


def chart_lines(values: Values, name: str, width: int, height: int) -> list[Line]:
    """Values over time."""
    from engine.charts.forecast import forecast_chart

    days, means, size = values.folded(width - 2)
    legend = name if size == 1 else f"{name}, {tr('means of {days} days', days=size)}"
    chart = forecast_chart(
        days, means, [], [], title="", width=width - 2, height=height, history_name=legend
    )
    return [[(" ", ""), *from_ansi(line)] for line in chart.split("\n")]


def week_lines(values: Values, width: int) -> list[Line]:
    """The mean of each day of the week as a bar."""
    from engine.charts.bars import bar_list

    first = values.first_day.weekday()
    names = tr("Mon Tue Wed Thu Fri Sat Sun").split()
    means: list[tuple[str, float]] = []
    for day, name in enumerate(names):
        part = values.values[(day - first) % 7 :: 7]
        means.append((f" {name}", sum(part) / len(part) if part else math.nan))
    return [from_ansi(line) for line in bar_list(means, width - 1, show=number)]
