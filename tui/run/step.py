"""The step under the cursor: how long it waited and ran, each attempt, what it measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from engine.charts.rows import Row
from engine.charts.scales import format_duration
from engine.schema import StepInfo
from engine.timeline import Bar, Segment
from tui.language import tr
from tui.paint import Line, clip, fit
from tui.run.progress import bar, measures_text, unit_text
from tui.states import sign, style, word

_NAME = 12


def step_summary(row: Row, step: StepInfo | None, width: int) -> Line:
    """A row in one line."""
    facts = [tr("ran {time}", time=format_duration(row.bar.running_seconds))]
    if row.bar.waiting_seconds >= 0.05:
        waited = format_duration(row.bar.waiting_seconds)
        facts.insert(0, tr("waited {time}", time=waited))
    number = len(attempts(row.bar))
    if number > 1 and not row.is_group:
        facts.append(tr("{number} attempts", number=number))
    if row.bar.counts:
        facts.append(counts_text(row.bar))
    if step is not None and step.unit:
        facts += [unit_text(step), measures_text(step)]
    return [
        (f" {sign(row.bar.state)} ", style(row.bar.state)),
        (clip(row.bar.name, width // 2), "strong"),
        (clip("  " + " · ".join(fact for fact in facts if fact), width // 2 + 8), "dim"),
    ]


def step_lines(
    row: Row,
    step: StepInfo | None,
    *,
    origin: datetime,
    zone: tzinfo | None,
    width: int,
    before: timedelta | None = None,
) -> list[Line]:
    """A row in full.

    Args:
        row: The row.
        step: What the run's own process told of it.
        origin: When the run began.
        zone: Time zone of the times.
        width: Columns.
        before: When the same row ended in the run before, after that run's start.
    """
    look = row.bar
    lines: list[Line] = [
        [
            (f" {sign(look.state)} {word(look.state)}", f"{style(look.state)} strong"),
            ("  " + clip(look.name, width - 16), "strong"),
        ]
    ]
    around = " › ".join(name for name, _ in row.path[:-1])
    if around:
        lines.append(_fact(tr("in"), around, width))
    if look.segments:
        first = look.segments[0].start
        lines.append(_fact(tr("ready"), _at(first, origin, zone), width))
    if look.waiting_seconds:
        lines.append(_fact(tr("waited"), format_duration(look.waiting_seconds), width))
    if look.has_run:
        lines.append(_fact(tr("ran"), format_duration(look.running_seconds), width, "strong"))
    tries = attempts(look)
    if len(tries) > 1 and not row.is_group and look.kind == "task":
        for number, part in enumerate(tries, 1):
            said = f"{_at(part.start, origin, zone)}  {format_duration(part.seconds)}"
            lines.append(_fact(tr("attempt {number}", number=number), said, width))
    if look.counts:
        lines.append(_fact(tr("of them"), counts_text(look), width))
    if before is not None and look.segments:
        lines.append(_ghost(look.segments[-1].end - origin, before, width))
    if step is not None and step.unit:
        lines += _counted(step, width)
    if look.clock_jumped:
        lines.append(_fact(tr("note"), tr("the clock was set back meanwhile"), width, "warn"))
    if look.end_estimated:
        lines.append(_fact(tr("note"), tr("nobody recorded when it ended"), width, "warn"))
    return lines


def attempts(bar: Bar) -> list[Segment]:
    """The stretches in which it ran."""
    return [part for part in bar.segments if part.kind == "running"]


def counts_text(bar: Bar) -> str:
    """How many of those that it stands for are in which state."""
    return ", ".join(f"{number} {word(state)}" for state, number in bar.counts)


def _counted(step: StepInfo, width: int) -> list[Line]:
    lines = [_fact(step.unit, f"{step.done}/{step.total}", width)]
    if step.total and step.end is None:
        lines[0] += [("  ", ""), *bar(step.done / step.total, max(4, min(20, width - 28)))]
    for name, value in step.measures.items():
        lines.append(_fact(name, f"{value:.6g}", width))
    return lines


def _ghost(ended: timedelta, before: timedelta, width: int) -> Line:
    later = (ended - before).total_seconds()
    said = tr("ended {time} after the start", time=format_duration(before.total_seconds()))
    if abs(later) >= 0.05:
        word_ = tr("{time} later now") if later > 0 else tr("{time} sooner now")
        said += "; " + word_.format(time=format_duration(abs(later)))
    return _fact(tr("last time"), said, width, "warn" if later > 0 else "good")


def _at(time: datetime, origin: datetime, zone: tzinfo | None) -> str:
    after = (time - origin).total_seconds()
    sign_ = "-" if after < 0 else "+"
    return f"{time.astimezone(zone or UTC):%H:%M:%S}  {sign_}{format_duration(abs(after))}"


def _fact(name: str, said: str, width: int, look: str = "") -> Line:
    return [(" " + fit(name, _NAME), "dim"), (" ", ""), (clip(said, width - _NAME - 2), look)]
