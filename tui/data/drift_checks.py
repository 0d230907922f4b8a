"""Whether what serves has drifted: what the regular checks found, and a look right now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui import told
from tui.data.picture_drift import word_of
from tui.language import tr
from tui.paint import Line, clip, fit, from_ansi, rule, wrap
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

LOOKS = {
    "alike": ("✓", "good"),
    "shifted": ("!", "warn"),
    "drifted": ("✗", "bad"),
    "unknown": ("○", "dim"),
}
_NUMBER, _CHART_LINES, _REASONS_SHOWN = 9, 11, 2


@dataclass(frozen=True, slots=True)
class Check:
    """What a regular check found, and what was done.

    Attributes:
        at: When, in seconds since the epoch.
        data_type: Kind of data.
        version: What serves.
        verdict: "alike", "shifted", "drifted" or "unknown".
        answers: How many answers it looked at.
        reasons: Why, the worst first.
        action: "none", "notify", "retrain"; "" as long as nothing was decided.
        why: Why that.
        run_id: The training that was launched, "" when there is none.
    """

    at: float
    data_type: str
    version: str
    verdict: str
    answers: int
    reasons: tuple[str, ...]
    action: str
    why: str
    run_id: str


def read_checks(document: Any) -> tuple[Check, ...]:
    """What `engine drift --checks` printed, the newest first."""
    return tuple(
        Check(
            at=told.number(one.get("at")) or 0.0,
            data_type=told.text(one.get("data_type")),
            version=told.text(one.get("version")),
            verdict=told.text(one.get("verdict")),
            answers=told.whole(one.get("answers")) or 0,
            reasons=tuple(map(told.text, told.entries(one.get("reasons")))),
            action=told.text(one.get("action")),
            why=told.text(one.get("why")),
            run_id=told.text(one.get("run_id")),
        )
        for one in told.mappings(document)
    )


def newest_of(checks: tuple[Check, ...], version: str) -> Check | None:
    """The newest check of a version."""
    return next((check for check in checks if check.version == version), None)


def newest_of_each(checks: tuple[Check, ...]) -> list[Check]:
    """The newest check of each kind of data."""
    found: dict[str, Check] = {}
    for check in checks:
        found.setdefault(check.data_type, check)
    return list(found.values())


def verdict_spans(verdict: str) -> Line:
    """A verdict as a sign and a word."""
    sign, look = LOOKS.get(verdict, ("?", "warn"))
    return [(f"{sign} {word_of(verdict)}", look)]


def check_lines(app: ControlCenter, check: Check, width: int) -> list[Line]:
    """A check in a few lines: verdict, when, why, what was done."""
    when = moment(check.at, app.time_mode, app.now(), app.zone)
    count = tr("{count} answers", count=f"{check.answers:,}")
    lines: list[Line] = [[(" ", ""), *verdict_spans(check.verdict), (f"  {when}  {count}", "dim")]]
    lines[0] = _clipped(lines[0], width)
    for reason in check.reasons[:_REASONS_SHOWN]:
        lines += [[(f"   {text}", "")] for text in wrap(reason, max(8, width - 4))]
    if check.action in ("notify", "retrain"):
        done = {"notify": tr("people were told"), "retrain": tr("a training was launched")}
        run = f" {check.run_id[:8]}" if check.run_id else ""
        lines.append([(f"   {clip(done[check.action] + run, max(8, width - 4))}", "accent")])
    elif check.verdict == "drifted" and check.why:
        lines += [[(f"   {text}", "dim")] for text in wrap(check.why, max(8, width - 4))]
    return lines


def report_lines(document: Any, width: int) -> list[Line]:
    """What `engine drift` found right now: of each version verdict, features, error, reasons."""
    lines: list[Line] = []
    for report in told.mappings(document):
        if lines:
            lines.append([])
        lines += _report(report, width)
    return lines


def _report(report: dict[str, Any], width: int) -> list[Line]:
    answers = f"{told.whole(report.get('answers')) or 0:,}"
    days = told.whole(report.get("days")) or 0
    said = tr("{count} answers of the last {days} days", count=answers, days=days)
    verdict = verdict_spans(told.text(report.get("verdict")))
    lines = [rule(width, told.text(report.get("version")))]
    lines.append(_clipped([(" ", ""), *verdict, (f"  {said}", "dim")], width))
    for reason in map(told.text, told.entries(report.get("reasons"))):
        lines += [[(f"   {text}", "")] for text in wrap(reason, max(8, width - 4))]
    for note in map(told.text, told.entries(report.get("notes"))):
        lines += [[(f"   {text}", "dim")] for text in wrap(note, max(8, width - 4))]
    lines += _features(told.mappings(report.get("features")), width)
    lines += _live(told.mapping(report.get("live")), width)
    return lines


def _features(features: list[dict[str, Any]], width: int) -> list[Line]:
    if not features:
        return []
    heads = [
        (tr("learnt"), "mean_then", ".3g"),
        (tr("now"), "mean", ".3g"),
        ("PSI", "psi", ".2f"),
        (tr("bar"), "bar", ".2f"),
    ]
    if width >= 84:
        heads += [("KS", "ks", ".2f"), (tr("distance"), "distance", ".2f")]
        heads += [(tr("ordinary"), "ordinary_distance", ".2f")]
    label = max(12, *(len(tr(told.text(one.get("name")))) for one in features))
    lines: list[Line] = [[], rule(width, tr("What it is asked and answers"))]
    head: Line = [(f" {fit('', label)}", "dim")]
    lines.append([*head, *((fit(name, _NUMBER + 1, "right"), "dim") for name, _, _ in heads)])
    for one in features:
        row: Line = [(f" {fit(tr(told.text(one.get('name'))), label)}", "")]
        for _, key, form in heads:
            value = told.number(one.get(key))
            text = "–" if value is None else format(0.0 if abs(value) < 1e-9 else value, form)
            row.append((fit(text, _NUMBER + 1, "right"), ""))
        lines.append([*row, ("  ", ""), *verdict_spans(told.text(one.get("verdict")))])
    return lines


def _live(live: dict[str, Any], width: int) -> list[Line]:
    error, promised = told.number(live.get("live")), told.number(live.get("promised"))
    if error is None:
        return []
    metric = told.text(live.get("metric"))
    said = f"{metric} {error:.3f}"
    if promised is not None:
        said += "  " + tr("the test promised {error}", error=f"{promised:.3f}")
    verdict = verdict_spans(told.text(live.get("finding")))
    lines: list[Line] = [[], rule(width, tr("Error on the days that came"))]
    lines.append(_clipped([(" ", ""), *verdict, (f"  {said}", "")], width))
    points = [
        (day, told.number(one.get("error")))
        for one in told.mappings(live.get("days"))
        if (day := told.day(one.get("day"))) is not None
    ]
    return [*lines, *_chart(points, promised, metric, width)]


def _chart(
    points: list[tuple[dt.date, float | None]], promised: float | None, name: str, width: int
) -> list[Line]:
    if len(points) < 2:
        return []
    from engine.charts.by_day import by_day_chart

    chart = by_day_chart(
        [day for day, _ in points],
        [value for _, value in points],
        title="",
        name=name,
        width=width - 2,
        height=_CHART_LINES,
        bars=[] if promised is None else [(tr("promised"), promised)],
    )
    return [[(" ", ""), *from_ansi(line)] for line in chart.split("\n")]


def _clipped(line: Line, width: int) -> Line:
    """The line within the width: its last part gives way."""
    *first, (text, style) = line
    used = sum(len(part) for part, _ in first)
    return [*first, (clip(text, max(0, width - used)), style)]
