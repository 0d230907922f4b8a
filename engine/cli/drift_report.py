"""Reports about drift, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from engine.cli.output import (
    terminal_size,
    wants_ascii,
    wants_colour,
    write_table,
    write_text,
)
from engine.cli.times import clock
from engine.text import printable

if TYPE_CHECKING:
    from engine.drift.report import DriftReport, LiveError
    from engine.tables.drift_checks import DriftCheck
    from models.drift.judging import FeatureVerdict

_STYLES = {"alike": "green", "shifted": "yellow", "drifted": "red", "unknown": "bright_black"}
_CHART_HEIGHT, _CHART_WIDTH = 12, 100
_SENTENCES = {
    "alike": "It is asked what it learnt from, and does what was measured.",
    "shifted": "It has shifted: keep an eye on it.",
    "drifted": "It has drifted: find out why, and train on newer data.",
    "unknown": "Too little is known to tell.",
}


def write_reports(
    reports: Sequence[DriftReport],
    last: Mapping[str, DriftCheck | None],
    *,
    zone: tzinfo,
    html: str | None,
) -> None:
    """Print reports: a table of features, the live error, charts, reasons, what was done last."""
    for place, report in enumerate(reports):
        if place:
            write_text("")
        _write(report, last.get(report.version), zone)
    if html:
        write_text(f"report written: {printable(html)}")


def write_checks(checks: Sequence[DriftCheck], zone: tzinfo) -> None:
    """Print checks, the newest first."""
    if not checks:
        write_text(
            "no check yet: the engine checks what is served regularly (drift in engine.yaml)"
        )
        return
    shown = Table("when", "version", "verdict", "answers", "done", "why", box=None, pad_edge=False)
    for check in checks:
        why = check.why or (check.reasons[0] if check.reasons else "")
        done = check.action or "about to be decided"
        if check.run_id:
            done += f" {check.run_id[:8]}"
        shown.add_row(
            clock(check.at, zone),
            Text(printable(check.version)),
            Text(check.verdict, style=_STYLES.get(check.verdict, "")),
            f"{check.answers:,}",
            done,
            Text(printable(why)),
        )
    write_table(shown)


def _write(report: DriftReport, done: DriftCheck | None, zone: tzinfo) -> None:
    what = "windows" if report.source == "dataset" else "answers"
    head = Text(f"{printable(report.version)}: ")
    head.append(report.finding, style=_STYLES[report.finding])
    days = "day" if report.days == 1 else f"{report.days} days"
    head.append(f"  ({report.answers:,} {what} of the last {days})")
    write_table(head)
    if report.features:
        write_table(_features(report.features))
    _write_live(report.live)
    _write_charts(report)
    for reason in report.reasons:
        write_text(f"- {printable(reason)}")
    for note in report.notes:
        write_text(f"  {printable(note)}")
    write_text(_SENTENCES[report.finding])
    if done is not None:
        run = f", run {done.run_id[:8]}" if done.run_id else ""
        write_text(f"Last time something was done: {clock(done.at, zone)}, {done.action}{run}")


def _features(features: Sequence[FeatureVerdict]) -> Table:
    shown = Table(
        *("", "learnt", "now", "PSI", "bar", "KS", "p", "distance", "ordinary", ""),
        box=None,
        pad_edge=False,
    )
    for one in features:
        shown.add_row(
            one.name,
            _short(one.mean_then),
            _short(one.mean),
            f"{one.psi:.2f}",
            f"{one.bar:.2f}",
            f"{one.ks:.2f}",
            f"{one.p_value:.2g}",
            _number(one.distance),
            _number(one.ordinary_distance),
            Text(one.verdict, style=_STYLES[one.verdict]),
        )
    return shown


def _write_live(live: LiveError) -> None:
    if live.live is None:
        return
    said = Text(f"live error: {live.metric} {live.live:.3f}")
    if live.promised is not None:
        said.append(f", the test promised {live.promised:.3f}")
    if live.ratio is not None:
        said.append(f" ({live.ratio:.2f} times)")
    said.append(f", {live.matched:,} that came  ")
    said.append(live.finding, style=_STYLES[live.finding])
    write_table(said)


def _write_charts(report: DriftReport) -> None:
    from engine.charts.by_day import by_day_chart

    chart = partial(
        by_day_chart,
        width=min(terminal_size()[0], _CHART_WIDTH),
        height=_CHART_HEIGHT,
        colour=wants_colour(),
        ascii=wants_ascii(),
    )
    live = report.live
    if len(live.days) > 1:
        bars = [("promised", live.promised)] if live.promised is not None else []
        write_text(
            chart(
                [one.day for one in live.days],
                [one.error for one in live.days],
                title=f"{live.metric} by day",
                name=live.metric,
                bars=bars,
            )
        )
    known = [one for one in report.by_day if one.distance is not None]
    if len(known) > 1:
        ordinary = next(
            (one.ordinary_distance for one in report.features if one.name == report.watched), None
        )
        write_text(
            chart(
                [one.day for one in known],
                [one.distance for one in known],
                title=f"{report.watched} by day: standard deviations from what was learnt",
                name="distance",
                bars=[] if ordinary is None else [("ordinary week", ordinary)],
            )
        )


def _short(value: float) -> str:
    # What is only rounding reads as nothing.
    return "0" if abs(value) < 1e-9 else f"{value:.3g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
