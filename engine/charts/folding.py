"""Folding a timeline to as many rows as a screen can show. Data in, data out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from engine.charts.looks import attention
from engine.timeline import Bar, Segment, Timeline, count_states

_NUMBERING = re.compile(r"(?<=.)([-_ #]\d+|-[0-9a-f]{3})$")

Stretch = tuple[datetime, datetime]


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
    return attention(bar.state)


# A screen asks for the same thousands of names at each change.
@lru_cache(maxsize=16_384)
def kind_name(name: str) -> str:
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
            and kind_name(bar.name) == kind_name(last.name)
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
            result.append(merge(group, f"{kind_name(group[0].name)} x{len(group)}"))
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
    more = merge(hidden, f"{sum(n for _, n in count_states(hidden))} more")
    return [*(bars[i] for i in kept), replace(more, depth=0, kind="task")]


def merge(bars: Sequence[Bar], name: str) -> Bar:
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


def _union(parts: Sequence[Segment]) -> tuple[Segment, ...]:
    runs = _joined((part.start, part.end) for part in parts if part.kind == "running")
    waits = _joined((part.start, part.end) for part in parts if part.kind == "waiting")
    result = [Segment("running", start, end) for start, end in runs]
    result += [Segment("waiting", start, end) for start, end in _without(waits, runs)]
    result.sort(key=lambda part: part.start)
    # Tasks that all took no time at all still ran.
    return tuple(result or parts[:1])


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return stretches in order, those that overlap or touch as one, without empty ones."""
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        elif start < end:
            joined.append((start, end))
    return joined


def _without(stretches: Sequence[Stretch], holes: Sequence[Stretch]) -> Iterator[Stretch]:
    """Cut the holes out of stretches; both as `_joined` returns them."""
    at = 0
    for start, end in stretches:
        while at < len(holes) and holes[at][1] <= start:
            at += 1
        following = at
        while following < len(holes) and holes[following][0] < end:
            if start < holes[following][0]:
                yield start, holes[following][0]
            start = holes[following][1]
            following += 1
        if start < end:
            yield start, end
