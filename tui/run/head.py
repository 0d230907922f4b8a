"""The head of the screen of a run: what it is, how long it takes, why it waits, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.schema import RunDetail, RunInfo
from engine.states import FINAL_STATES
from tui.language import tr
from tui.models.table import part
from tui.paint import Line, Span, clip, pad, width_of
from tui.run.progress import bar, left_text, measures_text, progress_of, unit_text
from tui.runs.preview import pace_text
from tui.states import duration, moment, sign, size, style, word

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_BAR_FROM, _BAR = 100, 24
_SHORT_BAR = 14


def head_lines(
    app: ControlCenter, run: RunInfo, detail: RunDetail | None, width: int
) -> list[Line]:
    """Three lines: name and time; when and how fast; how far, why it waits, or what became of it.

    Args:
        app: For the present, the time zone and what is usual.
        run: The run.
        detail: Everything about it, where it is known.
        width: Columns.
    """
    now = app.now()
    return [_name(run, now, width), _times(app, run, now, width), _state(app, run, detail, width)]


def _name(run: RunInfo, now: float, width: int) -> Line:
    took = duration(run.started, run.ended, now)
    line: Line = [
        (f" {sign(run.state)} {word(run.state)}", f"{style(run.state)} strong"),
        (f"  {run.flow}", "strong"),
        (f"  {run.name}", ""),
        (f"  {run.id[:8]}", "dim"),
        *((f" #{tag}", "accent") for tag in run.tags),
    ]
    return [*pad(line, width - len(took) - 2), (f" {took} ", "strong")]


def _times(app: ControlCenter, run: RunInfo, now: float, width: int) -> Line:
    pace = pace_text(app, run, now)
    facts: list[Span] = [(_began(app, run, now), "dim")]
    if run.ended is not None and run.started is not None and app.time_mode != "ago":
        ended = moment(run.ended, app.time_mode, now, app.zone)
        facts.append((tr("ended {when}", when=ended), "dim"))
    if pace:
        facts.append(pace)
    waited = (run.started or now) - run.created
    if run.started is not None and waited >= 1:
        facts.append((tr("waited {time}", time=duration(0, waited, now)), "dim"))
    if run.cpu_seconds:
        facts.append((f"CPU {run.cpu_seconds:.1f} s", "dim"))
    if run.memory:
        facts.append((size(run.memory), "dim"))
    if run.priority:
        facts.append((tr("priority {number}", number=run.priority), "dim"))
    if run.origin:
        facts.append((tr("from {origin}", origin=run.origin), "dim"))
    return _join(facts, width)


def _join(facts: list[Span], width: int) -> Line:
    """Facts in a row with dots between them, as many as there is room for."""
    line: Line = [(" ", "")]
    for text, look in facts:
        dot: Line = [(" · ", "rule")] if len(line) > 1 else []
        if width_of([*line, *dot, (text, "")]) > width and len(line) > 1:
            break
        line += [*dot, (clip(text, width - 2), look)]
    return line


def _began(app: ControlCenter, run: RunInfo, now: float) -> str:
    when = moment(run.started or run.created, app.time_mode, now, app.zone)
    return tr("began {when}", when=when) if run.started else tr("accepted {when}", when=when)


def _state(app: ControlCenter, run: RunInfo, detail: RunDetail | None, width: int) -> Line:
    if run.state in ("FAILED", "CRASHED", "CANCELLED"):
        look = "warn" if run.state == "CANCELLED" else "bad"
        return [(clip(f" {run.message or word(run.state)}", width), look)]
    if run.started is None and run.state not in FINAL_STATES:
        return [(clip(f" {run.waiting or tr('waits to be started')}", width), "warn")]
    if run.state not in FINAL_STATES:
        return _progress(app, run, detail, width)
    return [(clip(" " + outcome_text(detail.outputs if detail else {}), width), "good")]


def _progress(app: ControlCenter, run: RunInfo, detail: RunDetail | None, width: int) -> Line:
    steps = detail.steps if detail else ()
    found = progress_of(run, steps, app.board.usual_seconds(run.flow), app.now())
    if found is None:
        return []
    line: Line = [(" ", "")]
    if found.share is not None:
        line += bar(found.share, _BAR if width >= _BAR_FROM else _SHORT_BAR)
        line.append((f" {found.share:4.0%} ", "strong"))
    if found.step is not None:
        line.append((f" {found.step.name} ", "strong"))
        line.append((f" {unit_text(found.step)}", "run"))
    if found.left is not None:
        line.append((f"  {left_text(found.left)}", "accent"))
    elif run.state == "CANCELLING":
        line.append((f"  {tr('is asked to stop')}", "warn"))
    if found.step is not None:
        room = width - width_of(line) - 3
        line.append((f"  {measures_text(found.step, room)}", "dim"))
    return line


def in_order(scores: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Scores by contender, the candidate first."""
    return sorted(scores.items(), key=lambda one: one[0] != "candidate")


def outcome_text(outputs: dict[str, Any]) -> str:
    """What a run made, in one line."""
    facts: list[str] = []
    if isinstance(outputs.get("version"), str):
        facts.append(tr("deployed {version}", version=outputs["version"]))
    evaluation = outputs.get("evaluation")
    measured = evaluation if isinstance(evaluation, dict) else {}
    for name, scores in in_order(measured.get("scores") or {}):
        label = measured.get("model_type") if name == "candidate" else name
        if isinstance(scores.get("mase"), float):
            facts.append(f"MASE {scores['mase']:.3f} {label}")
        elif isinstance(scores.get("accuracy"), float):
            facts.append(f"{tr('accuracy {part}', part=part(scores['accuracy']))} {label}")
    if not facts and "candidate" in outputs:
        facts.append(tr("left a candidate"))
    if not facts and "dataset" in outputs:
        facts.append(tr("left data set {name}", name=outputs["dataset"]))
    return " · ".join(str(fact) for fact in facts)
