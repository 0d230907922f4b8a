"""The blocks of the first screen: how everything is doing, at a glance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.charts.scales import format_duration
from engine.charts.sparkline import sparkline
from engine.schema import ChildInfo, FlowFacts, RunDetail, RunInfo, ScheduleInfo
from engine.states import FINAL_STATES
from tui.language import tr
from tui.paint import Line, clean, clip, crop, fit, shortened, width_of
from tui.panels import Block, Item, Target, age, gauge, one, spread
from tui.runs.preview import pace_text
from tui.states import duration, moment, sign, size, style

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

CHILD_LOOKS = {
    "ready": ("●", "good"),
    "starting": ("◐", "run"),
    "restarting": ("◐", "warn"),
    "failed": ("✗", "bad"),
    "off": ("○", "dim"),
}
_BAD = ("FAILED", "CRASHED")
_SIGNS_FROM = 50
# From which width on a process shows its number, and since when it is there.
_PIDS_FROM, _ALL_FROM = 49, 56
# Memory is told anew only when it changed by this share: at rest nothing shall be sent.
_MEMORY_STEP = 0.1


class Steady:
    """Numbers that are shown as they were until they have changed enough to be worth it."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def of(self, name: str, value: int | None) -> int | None:
        """What to show for the present value of something."""
        if value is None:
            self._shown.pop(name, None)
            return None
        before = self._shown.get(name)
        if before is None or abs(value - before) > _MEMORY_STEP * before:
            self._shown[name] = value
        return self._shown[name]


def health_block(app: ControlCenter, steady: Steady, width: int) -> Block:
    """The engine, what it keeps running, and its queue."""
    board, now = app.board, app.now()
    status = board.status
    if status is None:
        return Block(tr("Health"), [one((f" {tr('connecting')}", "dim"))])
    target = Target("child", "engine")
    if board.lost is not None:
        down: Line = [(" ✗ ", "bad"), (fit(tr("engine"), 15), ""), (tr("does not answer"), "bad")]
        start: Line = [("   ", ""), ("U", "key"), (f" {tr('starts it')}", "dim")]
        engine = Item((down, start), target)
    else:
        memory = size(steady.of("engine", status.memory))
        uptime = age(now - status.started)
        engine = Item((_process("engine", "ready", status.pid, memory, uptime, 0, width),), target)
    items = [engine, *(_child(child, steady, now, width) for child in status.children)]
    told = (*status.problems, *status.warnings)
    items += [one((clip(f"   {problem}", width), "warn")) for problem in told]
    return Block(tr("Health"), items, note=f"mlops-tui {status.version}", least=len(items))


def _child(child: ChildInfo, steady: Steady, now: float, width: int) -> Item:
    memory = size(steady.of(child.name, child.memory))
    since = "" if child.state == "off" else age(now - child.since)
    lines = [_process(child.name, child.state, child.pid, memory, since, child.restarts, width)]
    if child.problem:
        tone = "bad" if child.state == "failed" else "warn"
        lines.append([(clip(f"   {child.problem}", width), tone)])
    return Item(tuple(lines), Target("child", child.name))


def _process(
    name: str, state: str, pid: int | None, memory: str, since: str, restarts: int, width: int
) -> Line:
    mark, look = CHILD_LOOKS.get(state, ("?", "magenta"))
    left: Line = [(f" {mark} ", look), (fit(tr(name), 15), ""), (f"{tr(state)} ", look)]
    if restarts:
        left.append((restarts_text(restarts, width), "warn"))
    right: Line = [(fit(memory, 8, "right"), ""), (" ", "")]
    if _PIDS_FROM <= width < _ALL_FROM:
        right.insert(0, (fit("" if pid is None else pid, 7, "right"), "dim"))
    elif width >= _ALL_FROM:
        number = f"pid {pid}" if pid is not None else ""
        right = [(fit(number, 12, "right"), "dim"), *right[:1], (fit(since, 6, "right"), "dim")]
        right.append((" ", ""))
    return spread(left, right, width)


def restarts_text(count: int, width: int) -> str:
    """How often something was started again, as long as there is room for."""
    return tr("{count} restarts", count=count) if width >= _SIGNS_FROM + 20 else f"×{count}"


def now_block(app: ControlCenter, width: int) -> Block:
    """What runs with its progress, then what waits; of the first one, why."""
    board = app.board
    found = board.open_runs()
    running = [run for run in found if run.started is not None]
    waiting = [run for run in found if run.started is None]
    items = [_running(app, run, width) for run in running]
    items += [_waiting(app, run, width, first=not at) for at, run in enumerate(waiting)]
    note = ""
    if board.status is not None:
        most = board.status.max_concurrent
        note = tr("{running} of {most} run", running=board.status.running, most=most)
        note += " · " + tr("{count} wait", count=board.status.queued)
    return Block(tr("Now"), items or _nothing_runs(app, width), note=note, least=1)


def _nothing_runs(app: ControlCenter, width: int) -> list[Item]:
    if app.board.recent:
        return [
            one(
                (f" {tr('nothing runs')}   ", "dim"), ("r", "key"), (f" {tr('runs a flow')}", "dim")
            )
        ]
    steps = (
        ("1", "engine data demo", tr("makes real data to try it on")),
        ("2", "r", tr("full_flow trains and deploys a model")),
        ("3", "7", tr("asks the model for forecasts")),
    )
    lines: list[Line] = [[(f" {tr('Nothing has run here yet.')}", "strong")]]
    for number, key, said in steps:
        lines.append([(f" {number} ", "dim"), (key, "key")])
        if width >= _SIGNS_FROM:
            lines[-1] = [
                (f" {number} ", "dim"),
                (fit(key, 18), "key"),
                (clip(said, width - 22), ""),
            ]
        else:
            lines.append([(clip(f"   {said}", width), "dim")])
    return [Item(tuple(lines))]


def _running(app: ControlCenter, run: RunInfo, width: int) -> Item:
    now = app.now()
    head: Line = [
        (f" {sign(run.state)} ", style(run.state)),
        (run.flow, "strong"),
        (f"  {clean(run.name)}", ""),
        (f"  {clean(run.parameters.get('model_type') or '')}", "accent"),
    ]
    lines = [spread(head, [(duration(run.started, None, now), "run"), (" ", "")], width)]
    usual = app.board.usual_seconds(run.flow)
    progress = progress_of(run, app.board.details.get(run.id), usual, now)
    if progress.said or progress.share is not None:
        lines.append(_bar(progress, width))
    pace = pace_text(app, run, now)
    if pace is not None:
        lines.append([(clip(f"   {pace[0]}", width), pace[1])])
    return Item(tuple(lines), Target("run", run.id))


def _bar(progress: Progress, width: int) -> Line:
    said = progress.count if width < _SIGNS_FROM and progress.count else progress.said
    share, left = progress.share, progress.left
    if share is None:
        return [(clip(f"   {said}", width), "dim")]
    wait = tr("~{time} left", time=_rough(left)) if left is not None else ""
    right: Line = [(f" {share:4.0%} ", ""), (fit(wait, 12, "right"), "dim"), (" ", "")]
    room = width - 3 - 19
    label: Line = [(clip(said, room - 6), "dim"), ("  ", "")] if said else []
    bar = gauge(share, max(4, room - width_of(label)), "run")
    return [("   ", ""), *label, *bar, *right]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        name: The step that goes on, "" where none is known.
        count: What it counts, such as "epoch 3/40"; "" where it does not count.
        share: 0 to 1; None where nobody knows.
        left: Seconds until its end; None where nobody knows.
    """

    name: str = ""
    count: str = ""
    share: float | None = None
    left: float | None = None

    @property
    def said(self) -> str:
        """Name and count."""
        return "  ".join(text for text in (self.name, self.count) if text)


def progress_of(
    run: RunInfo, detail: RunDetail | None, usual: float | None, now: float
) -> Progress:
    """How far a run is: by the count of the step that goes on, where it counts.

    Else by how many seconds the flow usually takes.
    """
    steps = [step for step in (detail.steps if detail else ()) if step.state == "RUNNING"]
    counting = [step for step in steps if step.total > 0]
    if counting:
        step = counting[-1]
        share = min(1.0, max(0, step.done) / step.total)
        spent = max(0.0, now - step.start)
        left = spent * (1 - share) / share if share else None
        return Progress(step.name, f"{step.unit} {step.done}/{step.total}".strip(), share, left)
    name = steps[-1].name if steps else ""
    if usual is None or usual <= 0 or run.started is None:
        return Progress(name)
    spent = max(0.0, now - run.started)
    if spent >= usual:
        # Longer than usual: how much longer, nobody knows.
        return Progress(name, share=0.99)
    return Progress(name, share=spent / usual, left=usual - spent)


def _rough(seconds: float) -> str:
    """A guess as roughly as it is one."""
    if seconds < 60:
        return f"{max(5, math.ceil(seconds / 5) * 5)} s"
    return f"{math.ceil(seconds / 60)} m" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _waiting(app: ControlCenter, run: RunInfo, width: int, *, first: bool) -> Item:
    head: Line = [
        (f" {sign(run.state)} ", style(run.state)),
        (run.flow, ""),
        (f"  {clean(run.name)}", "dim"),
    ]
    since = moment(run.created, app.time_mode, app.now(), app.zone)
    lines = [spread(head, [(since, "dim"), (" ", "")], width)]
    if first and run.waiting:
        lines += [[(f"   {text}", "warn")] for text in shortened(run.waiting, width - 4, 2)]
    return Item(tuple(lines), Target("run", run.id))


def failures_block(app: ControlCenter, width: int, most: int, *, brief: bool) -> Block:
    """The runs that failed last, and why."""
    failed = [run for run in app.board.newest() if run.state in _BAD][:most]
    items = [_failure(app, run, width, brief=brief) for run in failed]
    if not items:
        items = [one((f" {tr('none')}", "dim"))]
    return Block(tr("Last failures"), items, rank=1)


def _failure(app: ControlCenter, run: RunInfo, width: int, *, brief: bool) -> Item:
    ended = run.ended or run.started or run.created
    when: Line = [(moment(ended, app.time_mode, app.now(), app.zone), "dim"), (" ", "")]
    head: Line = [(f" {sign(run.state)} ", "bad"), (run.flow, "strong")]
    said = clean(run.message) or run.error_kind
    if brief:
        return Item((spread([*head, (f"  {said}", "dim")], when, width),), Target("run", run.id))
    lines = [spread([*head, (f"  {clean(run.name)}", "")], when, width)]
    lines += [[(f"   {text}", "red")] for text in shortened(said, width - 4, 2) if said]
    return Item(tuple(lines), Target("run", run.id))


def latest_block(app: ControlCenter, width: int, most: int) -> Block:
    """What ended last, however it did."""
    ended = [run for run in app.board.newest() if run.state in FINAL_STATES][:most]
    items = []
    for run in ended:
        when = moment(run.ended or run.created, app.time_mode, app.now(), app.zone)
        took = duration(run.started, run.ended, app.now())
        left: Line = [
            (f" {sign(run.state)} ", style(run.state)),
            (fit(run.flow, 12), ""),
            (clean(run.name), "dim"),
        ]
        right: Line = [(took, ""), (fit(when, 11, "right"), "dim"), (" ", "")]
        items.append(Item((spread(left, right, width),), Target("run", run.id)))
    return Block(tr("Latest"), items or [one((" ", ""))], rank=5)


def flows_block(app: ControlCenter, width: int, *, brief: bool) -> Block:
    """Each flow: how long its last runs took, and how they ended."""
    items = []
    for facts in app.board.flows.values():
        signs = 5 if width < _SIGNS_FROM else min(20, (width - 34) // 2)
        lines = [_flow(facts, width, signs if brief else 0)]
        if not brief and facts.states:
            lines.append(_flow_states(facts, width))
        items.append(Item(tuple(lines), Target("flow", facts.flow)))
    note = tr("last durations, median, states") if width >= _SIGNS_FROM else ""
    return Block(tr("Flows"), items or [one((" ", ""))], note=note, rank=2, least=len(items) or 1)


def _flow(facts: FlowFacts, width: int, signs: int) -> Line:
    ordered = sorted(facts.durations)
    median = ordered[len(ordered) // 2] if ordered else None
    spark = min(20, width - 15 - 11 - signs)
    drawn = sparkline(tuple(reversed(facts.durations)), max(0, spark))
    line: Line = [
        (f" {fit(facts.flow, 12)} ", ""),
        (fit(drawn, spark, "right"), "accent"),
        (fit("" if median is None else format_duration(median), 10, "right"), ""),
        (" ", ""),
    ]
    if not facts.states:
        return [(f" {fit(facts.flow, 12)} ", ""), (fit(tr("never ran"), spark), "dim")]
    return [*line, *_signs(facts, signs)] if signs else line


def _signs(facts: FlowFacts, most: int) -> Line:
    """The states of the last runs, the newest at the right."""
    states = list(reversed(facts.states[:most]))
    return [(" " * (most - len(states)), ""), *((sign(one), style(one)) for one in states)]


def _flow_states(facts: FlowFacts, width: int) -> Line:
    line: Line = [(" " * 14, ""), *_signs(facts, min(20, width - 15))]
    for state, count in sorted(facts.counts.items()):
        line.append((f"   {sign(state)} ", style(state)))
        line.append((f"{count:,}", "dim"))
    return crop(line, 0, width)


def schedules_block(app: ControlCenter, width: int) -> Block:
    """What is launched next, and when."""
    order = sorted(app.board.schedules, key=_next_time)
    items = [
        Item((schedule_line(app, schedule, width),), Target("schedule", schedule.name))
        for schedule in order
    ]
    none = one((clip(f" {tr('none')}", width), "dim"), ("   engine schedule add", "accent"))
    return Block(tr("Next"), items or [none], rank=3)


def schedule_line(app: ControlCenter, schedule: ScheduleInfo, width: int) -> Line:
    """A schedule: its name, its flow, and when it fires next."""
    at = _next_time(schedule)
    if not schedule.enabled:
        when, mark, look = tr("paused"), "‖", "warn"
    elif at == math.inf:
        when, mark, look = tr("never"), "○", "dim"
    else:
        when, mark, look = moment(at, app.time_mode, app.now(), app.zone), "○", "accent"
    left: Line = [(f" {mark} ", look), (clean(schedule.name), ""), (f"  {schedule.flow}", "dim")]
    if schedule.problem:
        left.append((f"  {clean(schedule.problem)}", "bad"))
    return spread(left, [(when, look if look == "warn" else ""), (" ", "")], width)


def _next_time(schedule: ScheduleInfo) -> float:
    return schedule.next_times[0] if schedule.enabled and schedule.next_times else math.inf
