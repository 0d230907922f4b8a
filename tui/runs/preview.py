"""A run in a few lines: what it is, how it goes, why it waits or how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.schema import RunInfo, StepInfo
from tui.language import tr
from tui.paint import Line, clip, shortened
from tui.states import duration, moment, sign, size, style, word

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


def preview_lines(app: ControlCenter, run: RunInfo, width: int, height: int) -> list[Line]:
    """The most telling facts first, as many as fit."""
    now = app.now()
    lines: list[Line] = [
        [
            (f" {sign(run.state)} {word(run.state)}", f"{style(run.state)} strong"),
            (f"  {run.flow}", "strong"),
            (f"  {run.name}", ""),
            (f"  {run.id[:8]}", "dim"),
        ]
    ]
    said = run.waiting or run.message
    lines += [[(f" {text}", _tone(run))] for text in shortened(said, width - 2, 3) if said]
    lines.append([(f" {text}", "") for text in [_times(app, run, now)]])
    pace = pace_text(app, run, now)
    if pace:
        lines.append([(f" {pace[0]}", pace[1])])
    detail = app.board.details.get(run.id)
    if detail is not None:
        lines += [step_line(step, now, width) for step in detail.steps[-max(0, height - 8) :]]
    given = ", ".join(f"{name}={value}" for name, value in run.parameters.items())
    if given:
        lines += [[(f" {text}", "accent")] for text in shortened(given, width - 2, 2)]
    facts = [
        tr("priority {number}", number=run.priority) if run.priority else "",
        tr("from {origin}", origin=run.origin) if run.origin else "",
        tr("done by {host}", host=run.host) if run.host else "",
        tr("again {run}", run=run.rerun_of[:8]) if run.rerun_of else "",
        " ".join(f"#{tag}" for tag in run.tags),
        f"CPU {run.cpu_seconds:.1f} s" if run.cpu_seconds else "",
        size(run.memory),
    ]
    shown = " · ".join(fact for fact in facts if fact)
    if shown:
        lines.append([(clip(f" {shown}", width), "dim")])
    return lines[:height]


def step_line(step: StepInfo, now: float, width: int) -> Line:
    """A step with its progress."""
    line: Line = [
        (f" {sign(step.state)} ", style(step.state)),
        (f"{step.name}  ", ""),
        (duration(step.start, step.end, now), "dim"),
    ]
    if step.unit:
        line.append((f"  {step.unit} {step.done}/{step.total}", "run"))
        line += [(f"  {name} {value:.4g}", "dim") for name, value in step.measures.items()]
    return line


def pace_text(app: ControlCenter, run: RunInfo, now: float) -> tuple[str, str] | None:
    """How its time compares with the last ones of its flow, where that is worth saying."""
    pace = app.board.pace(run, now)
    if pace is None:
        return None
    if pace >= 1.2:
        text = tr("{factor}x slower than the median of the last 20", factor=f"{pace:.1f}")
        return text, "warn"
    if run.state == "COMPLETED" and pace <= 0.8:
        faster = f"{1 / pace:.1f}" if pace > 0.01 else ">100"
        return tr("{factor}x faster than the median of the last 20", factor=faster), "good"
    return None


def _times(app: ControlCenter, run: RunInfo, now: float) -> str:
    began = moment(run.started or run.created, app.time_mode, now, app.zone)
    took = duration(run.started, run.ended, now)
    if run.started is None:
        return tr("accepted {when}", when=began)
    return f"{tr('began {when}', when=began)} · {took}"


def _tone(run: RunInfo) -> str:
    return "bad" if run.state in ("FAILED", "CRASHED") else "warn" if run.waiting else "dim"
