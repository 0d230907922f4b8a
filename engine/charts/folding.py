"""Folding a timeline to as many rows as a screen can show. Data in, data out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Literal

from engine.timeline import Bar, Segment, Timeline, count_states

# Which of several states a folded bar shows, and which rows a short screen keeps.
_ATTENTION = (
    "CRASHED",
    "FAILED",
    "RUNNING",
    "CANCELLING",
    "PAUSED",
    "PENDING",
    "SCHEDULED",
    "CANCELLED",
    "COMPLETED",
)
_NUMBERING = re.compile(r"(?<=.)([-_ #]\d+|-[0-9a-f]{3})$")


def fold(timeline: Timeline, max_rows: int) -> Timeline:
    """Shorten a timeline to what a screen can show, losing as little as possible.

    Three steps, each only as far as needed: tasks of a kind that follow each other become one
    bar, the most numerous first ("train_model x12"); flows that ended well hide what they called;
    and at last the rows that ask least for attention go into one bar ("14 more"). A bar that
    stands for several says in `counts` how many of each state it holds.

    Args:
        timeline: What `build_timeline` returned.
        max_rows: Rows that may remain, at least 1.

    Raises:
        ValueError: max_rows is below 1.
    """
    if max_rows < 1:
        raise ValueError(f"max_rows must be at least 1, not {max_rows}")
    bars = list(timeline.bars)
    if len(bars) > max_rows:
        bars = _fold_alike(bars, max_rows)
    if len(bars) > max_rows:
        bars = _hide_inside_finished_flows(bars, max_rows)
    if len(bars) > max_rows:
        bars = _keep_most_telling(bars, max_rows)
    return Timeline(tuple(bars), timeline.start, timeline.end)


def _attention(bar: Bar) -> int:
    return _ATTENTION.index(bar.state) if bar.state in _ATTENTION else len(_ATTENTION)


def _kind_name(name: str) -> str:
    """Return the name without the number that a task run gets: train_model-3 -> train_model."""
    return _NUMBERING.sub("", name)


def _fold_alike(bars: list[Bar], max_rows: int) -> list[Bar]:
    groups: list[list[Bar]] = []
    for bar in bars:
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and bar.kind == last.kind == "task"
            and bar.depth == last.depth
            and _kind_name(bar.name) == _kind_name(last.name)
        ):
            groups[-1].append(bar)
        else:
            groups.append([bar])
    excess = len(bars) - max_rows
    folded: set[int] = set()
    for index in sorted(range(len(groups)), key=lambda i: -len(groups[i])):
        if excess <= 0 or len(groups[index]) == 1:
            break
        folded.add(index)
        excess -= len(groups[index]) - 1
    result: list[Bar] = []
    for index, group in enumerate(groups):
        if index in folded:
            result.append(_merge(group, f"{_kind_name(group[0].name)} x{len(group)}"))
        else:
            result.extend(group)
    return result


def _hide_inside_finished_flows(bars: list[Bar], max_rows: int) -> list[Bar]:
    by_depth = sorted(
        (bar for bar in bars if bar.kind == "flow" and bar.state == "COMPLETED"),
        key=lambda bar: -bar.depth,
    )
    for flow in by_depth:
        if len(bars) <= max_rows:
            break
        at = next((i for i, bar in enumerate(bars) if bar is flow), None)
        if at is None:
            continue
        stop = at + 1
        while stop < len(bars) and bars[stop].depth > flow.depth:
            stop += 1
        if stop > at + 1:
            inside = count_states(bars[at + 1 : stop])
            bars = [*bars[:at], replace(flow, counts=inside), *bars[stop:]]
    return bars


def _keep_most_telling(bars: list[Bar], max_rows: int) -> list[Bar]:
    # The latest of equal ones stay: what happened last is what people look for.
    ranked = sorted(range(len(bars)), key=lambda i: (_attention(bars[i]), bars[i].depth, -i))
    kept = sorted(ranked[: max_rows - 1])
    hidden = [bars[i] for i in sorted(ranked[max_rows - 1 :])]
    more = _merge(hidden, f"{sum(n for _, n in count_states(hidden))} more")
    return [*(bars[i] for i in kept), replace(more, depth=0, kind="task")]


def _merge(bars: Sequence[Bar], name: str) -> Bar:
    """Return one bar that runs where any of them ran, and waits where they only waited."""
    return replace(
        min(bars, key=_attention),
        id=bars[0].id,
        name=name,
        run_name="",
        segments=_union([part for bar in bars for part in bar.segments]),
        clock_jumped=any(bar.clock_jumped for bar in bars),
        end_estimated=any(bar.end_estimated for bar in bars),
        counts=count_states(bars),
    )


def _union(parts: list[Segment]) -> tuple[Segment, ...]:
    changes: list[tuple[datetime, str, int]] = []
    for part in parts:
        changes += [(part.start, part.kind, 1), (part.end, part.kind, -1)]
    changes.sort(key=lambda change: change[0])
    going = {"running": 0, "waiting": 0}
    result: list[Segment] = []
    for (time, kind, step), (following, _, _) in pairwise(changes):
        going[kind] += step
        now_is: Literal["running", "waiting"] | None = (
            "running" if going["running"] else "waiting" if going["waiting"] else None
        )
        if now_is is None or time == following:
            continue
        if result and result[-1].kind == now_is and result[-1].end == time:
            result[-1] = Segment(now_is, result[-1].start, following)
        else:
            result.append(Segment(now_is, time, following))
    # Tasks that all took no time at all still ran.
    return tuple(result or parts[:1])
