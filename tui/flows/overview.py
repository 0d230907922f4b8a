"""The five flows and the schedules, as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.charts.scales import format_duration
from engine.charts.sparkline import sparkline
from engine.schema import FlowFacts, ScheduleInfo
from tui.language import tr
from tui.paint import Line, clip, fit, pad, width_of
from tui.states import moment, sign, style

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

SUMMARIES = {
    "data_flow": "loads, checks, splits the data",
    "train_flow": "trains a model on that data",
    "eval_flow": "measures the trained model",
    "deploy_flow": "through the gate into service",
    "full_flow": "all four in order",
}
_SIGNS = 12
_SPARKS, _FEW_SPARKS = 14, 9


def flow_lines(app: ControlCenter, flow: str, width: int, tall: int, under: str) -> list[Line]:
    """A flow in one to three lines: name and usual time; what it does; how its runs went."""
    facts = app.board.flows.get(flow)
    usual = app.board.usual_seconds(flow)
    time = format_duration(usual) if usual is not None else ""
    name = (fit(f" {flow}", 13), f"strong {under}".strip())
    went = _went(facts, under, _SPARKS if tall > 1 else _FEW_SPARKS)
    if tall == 1:
        rest = [name, *went, (" ", under), (fit(time, 8, "right"), f"dim {under}".strip())]
        room = width - width_of(rest) - 3
        said = (f"  {clip(tr(SUMMARIES[flow]), room)}", f"dim {under}".strip())
        return [pad([*rest, said], width, under)]
    first = [name, (fit(time, width - 14, "right"), f"dim {under}".strip()), (" ", under)]
    said = (f"   {clip(tr(SUMMARIES[flow]), width - 4)}", f"dim {under}".strip())
    lines = [pad(first, width, under), pad([said], width, under)]
    if tall > 2:
        lines.append(pad([("   ", under), *went], width, under))
    return lines


def _went(facts: FlowFacts | None, under: str, columns: int) -> Line:
    """The states of the last runs as signs and their durations as a sparkline, newest last."""
    if facts is None or not facts.states:
        said = "" if facts is None else tr("never ran")
        return [(fit(said, _SIGNS + columns + 2), f"dim {under}".strip())]
    states = facts.states[:_SIGNS][::-1]
    line: Line = [(" " * (_SIGNS - len(states)), under)]
    line += [(sign(state), f"{style(state)} {under}".strip()) for state in states]
    sparks = sparkline(facts.durations[:columns][::-1], columns)
    return [*line, ("  ", under), (fit(sparks, columns), f"run {under}".strip())]


def schedule_line(app: ControlCenter, one: ScheduleInfo, width: int, under: str) -> Line:
    """A schedule: name, flow, when it fires next."""
    if one.problem:
        mark, tone = "!", "bad"
    elif not one.enabled:
        mark, tone = "‖", "warn"
    else:
        mark, tone = "●", "good"
    following = next_time(app, one)
    line: Line = [
        (f" {mark} ", f"{tone} {under}".strip()),
        (clip(one.name, max(8, width // 3)), under),
        (f"  {one.flow if one.flow != one.name else ''}  ", f"dim {under}".strip()),
    ]
    room = width - width_of(line) - 1
    tone = "dim" if one.enabled else "warn"
    line.append((fit(following, room, "right"), f"{tone} {under}".strip()))
    return pad(line, width, under)


def next_time(app: ControlCenter, one: ScheduleInfo) -> str:
    """When a schedule fires next, in the chosen way of telling times."""
    if not one.enabled:
        return tr("paused")
    if not one.next_times:
        return tr("never again")
    return moment(one.next_times[0], app.time_mode, app.now(), app.zone)


def rhythm(one: ScheduleInfo) -> str:
    """How often a schedule fires: its cron expression, or its period."""
    if one.cron is not None:
        return f"{one.cron}  ({one.timezone})"
    return tr("every {time}", time=format_duration(one.every_seconds or 0.0))


def schedule_details(app: ControlCenter, one: ScheduleInfo, width: int) -> list[Line]:
    """All of a schedule: for a page."""
    flags = (f"--{name.replace('_', '-')} {value}" for name, value in one.flags.items())
    given = [*flags, *one.overrides]
    facts = [
        (tr("flow"), one.flow),
        (tr("when"), rhythm(one)),
        (tr("missed times"), one.catch_up),
        (tr("settings"), "  ".join(given) or tr("the defaults")),
        (tr("tags"), " ".join(one.tags)),
        (tr("last run"), (one.last_run or "")[:8]),
        (tr("trouble"), one.problem),
    ]
    lines: list[Line] = [
        [(fit(name, 14), "dim"), (clip(text, width - 14), "")] for name, text in facts if text
    ]
    lines += [[], [(tr("Next launches"), "title")]]
    for at in one.next_times:
        exact = moment(at, "date", app.now(), app.zone)
        lines.append([(f"  {exact}  ", ""), (moment(at, "ago", app.now(), app.zone), "dim")])
    if not one.next_times:
        lines.append([(f"  {next_time(app, one)}", "dim")])
    return lines
