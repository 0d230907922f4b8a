"""All runs over time, one row a flow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import accumulate, groupby
from typing import Protocol

from rich.cells import cell_len

from engine.charts.canvas import Span, draw_spans
from engine.charts.looks import MARKERS, attention, look_of
from engine.charts.text import clip, fit, paint
from engine.charts.time_axis import TimeView, clock_ticks, window_text
from engine.states import FINAL_STATES
from engine.text import printable
from engine.timeline import WAITING_STATES

FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")

_ENDED_BADLY = frozenset({"FAILED", "CRASHED", "CANCELLED"})
# Seconds shown where there is no run to tell how many, and at least.
_WITHOUT_RUNS = 3600.0
_LEAST_SECONDS = 1.0
_LEAST_BARS = 4
# From which width on there are how many columns for the numbers at the right.
_COUNTS = ((80, 20), (50, 10))

Ink = tuple[str, str]


class RunTimes(Protocol):
    """What is drawn of a run; times in seconds since the epoch."""

    @property
    def flow(self) -> str:
        """Name of its flow, such as "train_flow"."""

    @property
    def state(self) -> str:
        """State type in capitals."""

    @property
    def created(self) -> float:
        """When it was ready to run."""

    @property
    def started(self) -> float | None:
        """When it first ran, None before that."""

    @property
    def ended(self) -> float | None:
        """When it ended, None before that or when nobody could tell."""


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A run as plain values; what they mean is said at `RunTimes`."""

    flow: str
    state: str
    created: float
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class FlowsView(TimeView):
    """A drawn timeline of flows.

    Attributes:
        flows: Name of the flow in each line.
    """

    flows: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    """Runs of one flow and state: how many, where they begin and end to wait and to run."""

    waiting: list[int]
    running: list[int]
    number: int = 0
    ends: set[int] = field(default_factory=set)


def flow_timeline(
    runs: Iterable[RunTimes],
    now: float,
    *,
    width: int,
    seconds: float | None = None,
    flows: Sequence[str] = FLOWS,
    colour: bool = True,
    ascii: bool = False,
    tz: tzinfo = UTC,
) -> FlowsView:
    """Draw when the runs of each flow waited and ran, with one row a flow.

    Where several runs of a flow share a cell, the state that asks most for attention shows.
    Waiting is drawn light and running solid; whatever ran fills at least one cell. Where a run
    ended badly the sign of its state stands. At the right each row counts the runs in the window
    by state. Times that run backwards are clamped, and what lies in the future is drawn at `now`.

    Args:
        runs: In any order; one that is over without a recorded end ends where it began.
        now: The present, in seconds since the epoch: the right end.
        width: Columns to fill.
        seconds: Length of the window; None for all that there is.
        flows: Rows to show in this order, also without runs; other flows follow by name.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.
        tz: Timezone of the axis and the heading.

    Raises:
        ValueError: `seconds` is not above 0 or the width is negative.
    """
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds must be above 0, not {seconds}")
    if width < 0:
        raise ValueError(f"width must not be negative, not {width}")
    runs = list(runs)
    low = now - (_span(runs, now) if seconds is None else seconds)
    others = sorted({run.flow for run in runs}.difference(flows))
    names = (*flows, *others)
    label = min(
        max((cell_len(printable(name[:400])) for name in names), default=0), max(8, width // 4)
    )
    # Always the same, so that bars keep their place while numbers change.
    right = next((columns for least, columns in _COUNTS if width >= least), 0)
    bars = width - label - 1 - (right + 1 if right else 0)
    start, end = datetime.fromtimestamp(low, UTC), datetime.fromtimestamp(now, UTC)
    heading = clip(window_text(start, end, tz, ascii=ascii), width, ascii=ascii)
    if bars < _LEAST_BARS or not names:
        lines = tuple(clip(name, width, ascii=ascii) for name in names)
        return FlowsView(lines, ("", ""), heading, 0, 0, start, end, names)

    tallies = _tally(runs, low, now, bars)
    ticks = [
        (min(bars - 1, round(after / (now - low) * bars)), text)
        for after, text in clock_ticks(start, end, bars, tz)
    ]
    spans = list(_spans(names, tallies, bars, ascii))
    drawn = draw_spans(spans, len(names), bars, ticks, colour=colour, ascii=ascii)
    lines = tuple(
        f"{fit(name, label, ascii=ascii)} {cells}"
        + (f" {_numbers(tallies.get(name, {}), right, colour, ascii)}" if right else "")
        for name, cells in zip(names, drawn, strict=False)
    )
    axis, below = (" " * (label + 1) + line for line in drawn[len(names) :])
    return FlowsView(lines, (axis, below), heading, label + 1, bars, start, end, names)


def _span(runs: Sequence[RunTimes], now: float) -> float:
    if not runs:
        return _WITHOUT_RUNS
    first = min(run.created for run in runs)
    started = min((run.started for run in runs if run.started is not None), default=first)
    return max(now - min(first, started), _LEAST_SECONDS)


def _tally(
    runs: Sequence[RunTimes], low: float, now: float, bars: int
) -> dict[str, dict[str, _Tally]]:
    """Return flow, state -> how many runs wait and run in which cells.

    One pass that only notes where something begins and ends: runs may be many and long.
    """
    tallies: dict[str, dict[str, _Tally]] = defaultdict(dict)
    scale = bars / (now - low)
    # Added to a place to round it.
    half = 0.5 - low * scale
    for run in runs:
        created, started, ended, state = run.created, run.started, run.ended, run.state
        if ended is None:
            known = created if started is None else started
            ended = known if state in FINAL_STATES else now
        # A result taken from a cache has an end but never started.
        ever_ran = started is not None or state == "COMPLETED"
        # Times run backwards where a clock was set.
        if started is None:
            started = ended = created if ended < created else ended
        elif ended < started:
            ended = started
        if ended < low:
            continue
        tally = tallies[run.flow].get(state)
        if tally is None:
            tally = tallies[run.flow][state] = _Tally([0] * (bars + 1), [0] * (bars + 1))
        tally.number += 1
        waits = 0 if created <= low else bars - 1 if created >= now else int(created * scale + half)
        begins = 0 if started <= low else bars if started >= now else int(started * scale + half)
        last = bars - 1 if ended >= now else int(ended * scale + half) - 1
        if ever_ran:
            first = begins if begins < bars else bars - 1
            if last < first:
                last = first
            tally.running[first] += 1
            tally.running[last + 1] -= 1
        elif begins <= waits:
            # Whatever waits for its first start must show, however short it has.
            waits = min(waits, bars - 1)
            begins = waits + 1
        if waits < begins:
            tally.waiting[waits] += 1
            tally.waiting[begins] -= 1
        if state in _ENDED_BADLY:
            tally.ends.add(last if ever_ran else begins - 1)
    return tallies


def _spans(
    names: Sequence[str],
    tallies: Mapping[str, Mapping[str, _Tally]],
    bars: int,
    ascii: bool,
) -> Iterator[Span]:
    for row, name in enumerate(names):
        at = 0
        for ink, cells in groupby(_ink(tallies.get(name, {}), bars, ascii)):
            number = len(list(cells))
            if ink is not None:
                yield Span(row, at, at + number - 1, *ink)
            at += number


def _ink(states: Mapping[str, _Tally], bars: int, ascii: bool) -> list[Ink | None]:
    """Return what fills each cell of a row: what asks most for attention is painted last."""
    waiting, running = MARKERS["task"][2 * ascii : 2 * ascii + 2]
    ink: list[Ink | None] = [None] * bars
    for state, tally in states.items():
        if state not in WAITING_STATES:
            _fill(ink, tally.waiting, (waiting, "grey"))
    for state in sorted(states, key=attention, reverse=True):
        tally, look = states[state], look_of(state)
        if state in WAITING_STATES:
            _fill(ink, tally.waiting, (waiting, look.colour))
        _fill(ink, tally.running, (running, look.colour))
        for cell in tally.ends:
            ink[cell] = look.sign_in(ascii), look.colour
    return ink


def _fill(ink: list[Ink | None], changes: Sequence[int], pen: Ink) -> None:
    for cell, number in enumerate(accumulate(changes[:-1])):
        if number:
            ink[cell] = pen


def _numbers(states: Mapping[str, _Tally], width: int, colour: bool, ascii: bool) -> str:
    """Return how many runs each state has, most asking for attention first, as far as they fit."""
    shown: list[str] = []
    used = 0
    for state in sorted(states, key=attention):
        look = look_of(state)
        sign, number = look.sign_in(ascii), str(states[state].number)
        length = cell_len(sign) + 1 + len(number)
        if used + length > width:
            break
        shown.append(f"{paint(sign, look.colour, colour)} {number}")
        used += length + 2
    return "  ".join(shown)
