"""Odd days as rows, in words, and as a chart."""

from __future__ import annotations

import datetime as dt
import math

from tui import told
from tui.data.anomalies import Anomaly, Report
from tui.data.data_sets import Values, number
from tui.language import tr
from tui.paint import Align, Line, clip, from_ansi, rule, wrap

_HISTORY_BEFORE = 45
_FEW_COMMON = 1
_KINDS = {
    "spike": ("▲", "good", "spike"),
    "drop": ("▼", "bad", "drop"),
    "stopped": ("■", "bad", "stopped"),
    "shift_up": ("▲", "good", "level up"),
    "shift_down": ("▼", "bad", "level down"),
}

COLUMNS: dict[str, tuple[str, int, Align]] = {
    "when": ("Day", 10, "left"),
    "days": ("Days", 4, "right"),
    "kind": ("Kind", 12, "left"),
    "series": ("Series", 12, "left"),
    "actual": ("Was", 8, "right"),
    "expected": ("Expected", 8, "right"),
    "interval": ("Interval", 15, "right"),
    "score": ("How far", 8, "right"),
}


def anomaly_columns(width: int) -> dict[str, tuple[str, int, Align]]:
    """Which columns there is room for; the series gets the rest."""
    columns = dict(COLUMNS)
    for name, least in (("score", 98), ("days", 90), ("interval", 74)):
        if width < least:
            del columns[name]
    title, least, align = columns["series"]
    rest = width - 2 - sum(wide for _, wide, _ in columns.values()) - len(columns)
    columns["series"] = (title, least + max(0, min(rest, 40)), align)
    return columns


def anomaly_value(one: Anomaly, name: str) -> tuple[str, str]:
    """The text of a column and its style."""
    sign, look, word = _KINDS.get(one.kind, ("·", "", one.kind))
    if name == "kind":
        return f"{sign} {tr(word)}", look
    if name == "interval":
        return f"{_figure(one.lower)}…{_figure(one.upper)}", "dim"
    return {
        "when": (one.last_day, ""),
        "days": (f"{one.days}", "dim"),
        "series": (one.series, "strong"),
        "actual": (_figure(one.actual), look),
        "expected": (_figure(one.expected), ""),
        "score": ("-" if one.score is None else f"{one.score:.2f}", "dim"),
    }[name]


def _figure(value: float | None) -> str:
    return "-" if value is None else number(value)


def summary_lines(report: Report, width: int, *, full: bool) -> list[Line]:
    """What was looked at, and how many odd days chance alone would make."""
    level = "-" if report.level is None else f"{report.level:g}"
    title = tr("Odd days from {first} to {last}", first=report.first_day, last=report.last_day)
    lines = [rule(width, title, tr("{level} % interval", level=level))]
    who = report.version or tr("seasonal naive")
    facts = [
        tr("{outside} of {checked} days outside, {chance} by chance",
           outside=f"{report.days.outside:,}", checked=f"{report.days.checked:,}",
           chance=f"{report.days.expected:,.0f}"),
        tr("expected by {name}", name=who),
    ]  # fmt: skip
    if full and report.stretches.checked:
        facts.insert(1, tr("{outside} of {checked} totals",
                           outside=f"{report.stretches.outside:,}",
                           checked=f"{report.stretches.checked:,}"))  # fmt: skip
    lines.append([(clip(" " + " · ".join(facts), width), "")])
    shown = report.common if full else report.common[:_FEW_COMMON]
    for day, count in shown:
        odd = tr("{count} series are outside on {day}: the day itself is odd", count=count, day=day)
        lines.append([(" ! ", "warn"), (clip(odd, width - 4), "")])
    if not full:
        return lines
    if report.skipped:
        said = tr("{count} series are too short or ended earlier", count=f"{report.skipped:,}")
        lines.append([(clip(f" · {said}", width), "dim")])
    for note in report.notes:
        for at, text in enumerate(wrap(note, width - 4)):
            lines.append([(" ! " if at == 0 else "   ", "warn"), (text, "")])
    return lines


def chart_of(
    one: Anomaly, values: Values, width: int, height: int, *, ascii: bool = False
) -> list[Line]:
    """The days before, what was expected then, and what was.

    Of several days the expected total is spread evenly over them.
    """
    from engine.charts.forecast import forecast_chart

    first, last = told.day(one.first_day), told.day(one.last_day)
    if first is None or last is None or last < first:
        return []
    span = range((last - first).days + 1)
    odd = [first + dt.timedelta(days=step) for step in span]
    known = {
        values.first_day + dt.timedelta(days=at): value for at, value in enumerate(values.values)
    }
    before = [first - dt.timedelta(days=back) for back in range(_HISTORY_BEFORE, 0, -1)]
    before = [day for day in before if day in known]

    def spread(total: float | None) -> list[float]:
        share = math.nan if total is None else total / len(odd)
        return [share] * len(odd)

    has_ends = one.lower is not None and one.upper is not None
    chart = forecast_chart(
        before,
        [known[day] for day in before],
        odd,
        spread(one.expected),
        title="",
        width=width - 2,
        height=max(8, height + 2),
        ascii=ascii,
        actual=[known.get(day, math.nan) for day in odd],
        lower=spread(one.lower) if has_ends else None,
        upper=spread(one.upper) if has_ends else None,
    )
    # Its heading and its legend are left to the screen, which says them in its language.
    return [[(" ", ""), *from_ansi(line)] for line in chart.split("\n")[1:-1]][:height]
