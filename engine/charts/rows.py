"""The rows of a timeline that people open and close, and what decided when a run ended.

Pure functions: what is open is an argument, and the screen that keeps it is elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.charts.folding import kind_name, merge
from engine.timeline import Bar, Timeline, count_states

# The names from the outermost flow to a bar, each with its number among those of its name.
Path = tuple[tuple[str, int], ...]

# A row without `continues`.
_Unbranched = tuple[str, Bar, int, Path, tuple[str, ...], bool, bool, bool]


class Row(NamedTuple):
    """One row of a timeline on a screen. A tuple, since thousands are made at each change.

    Attributes:
        id: What to put into `opened` (a group) or `closed` (a flow) to change the row.
        bar: What to draw: a run, a task, or what a group or a closed flow stands for.
        depth: How far it is indented.
        path: Names from the outermost flow down, the same in every run of a flow; of a group,
            the path of its first task.
        members: Ids of the bars that it stands for: its own, or those of a group.
        can_open: Whether it is a group of tasks or a flow that called something.
        is_open: Whether what is in it follows as rows.
        is_group: Whether it stands for tasks of a kind.
        continues: Bit `n` is set where a later row at depth `n` belongs to the same flow: how
            to draw the branches of the tree.
    """

    id: str
    bar: Bar
    depth: int
    path: Path
    members: tuple[str, ...]
    can_open: bool
    is_open: bool
    is_group: bool
    continues: int


def timeline_rows(
    timeline: Timeline,
    opened: frozenset[str] = frozenset(),
    closed: frozenset[str] = frozenset(),
    group_from: int = 4,
) -> list[Row]:
    """Return the rows of a timeline: everything but what is in closed flows and groups.

    Tasks of a kind that follow each other inside one flow are a group ("train_model x12") when
    there are at least `group_from` of them. A group shows its tasks, one level deeper, when its
    id is in `opened`; a flow hides what it called when its id is in `closed`, and then its bar
    counts the states of what is hidden. Ids that no row has are ignored, so that what is open
    can be kept while a run goes on.

    Args:
        timeline: What `build_timeline` returned.
        opened: Ids of the groups whose tasks to show.
        closed: Ids of the flows whose insides to hide.
        group_from: Least number of tasks that make a group, at least 2.

    Raises:
        ValueError: group_from is below 2.
    """
    if group_from < 2:
        raise ValueError(f"group_from must be at least 2, not {group_from}")
    bars = timeline.bars
    kinds = _kinds(bars)
    paths = _paths(bars, kinds)
    rows: list[_Unbranched] = []
    at = 0
    while at < len(bars):
        bar = bars[at]
        if bar.kind == "flow":
            row, at = _flow_row(bars, paths, at, closed)
            rows.append(row)
            continue
        stop = at + 1
        while stop < len(bars) and _alike(bars, kinds, at, stop):
            stop += 1
        if stop - at >= group_from:
            rows.extend(_group_rows(bars[at:stop], paths[at:stop], kinds[at], opened))
        else:
            rows.extend(_task_row(bars[i], bars[i].depth, paths[i]) for i in range(at, stop))
        at = stop
    return _with_branches(rows)


def group_id(first: Bar) -> str:
    """Return the id of the group that begins with a task."""
    return f"group:{first.id}"


def _alike(bars: Sequence[Bar], kinds: Sequence[str], first: int, other: int) -> bool:
    return (
        bars[other].kind == "task"
        and bars[other].depth == bars[first].depth
        and kinds[other] == kinds[first]
    )


def _task_row(bar: Bar, depth: int, path: Path) -> _Unbranched:
    return bar.id, bar, depth, path, (bar.id,), False, False, False


def _flow_row(
    bars: Sequence[Bar], paths: Sequence[Path], at: int, closed: frozenset[str]
) -> tuple[_Unbranched, int]:
    """Return the row of a flow, and where the next row begins."""
    flow = bars[at]
    stop = at + 1
    is_open = flow.id not in closed
    has_inside = stop < len(bars) and bars[stop].depth > flow.depth
    if has_inside and not is_open:
        while stop < len(bars) and bars[stop].depth > flow.depth:
            stop += 1
        flow = replace(flow, counts=count_states(bars[at + 1 : stop]))
    return (flow.id, flow, flow.depth, paths[at], (flow.id,), has_inside, is_open, False), stop


def _group_rows(
    bars: Sequence[Bar], paths: Sequence[Path], kind: str, opened: frozenset[str]
) -> Iterator[_Unbranched]:
    first = bars[0]
    name = group_id(first)
    group = merge(bars, f"{kind} x{len(bars)}")
    members = tuple(bar.id for bar in bars)
    yield name, group, first.depth, paths[0], members, True, name in opened, True
    if name in opened:
        for bar, path in zip(bars, paths, strict=True):
            yield _task_row(bar, bar.depth + 1, path)


def _kinds(bars: Sequence[Bar]) -> list[str]:
    return [kind_name(bar.name) if bar.kind == "task" else bar.name for bar in bars]


def _paths(bars: Sequence[Bar], kinds: Sequence[str]) -> list[Path]:
    """Return the path of each bar: number 3 of a name here is number 3 in every other run."""
    paths: list[Path] = []
    # The path of each flow around the present bar, and how many of each name it has called.
    outer: list[tuple[Path, dict[str, int]]] = [((), {})]
    for bar, kind in zip(bars, kinds, strict=True):
        del outer[bar.depth + 1 :]
        around, numbers = outer[-1]
        number = numbers.get(kind, 0)
        numbers[kind] = number + 1
        path = (*around, (kind, number))
        paths.append(path)
        if bar.kind == "flow":
            outer.append((path, {}))
    return paths


def _with_branches(rows: Sequence[_Unbranched]) -> list[Row]:
    """Add `continues`, from the last row up."""
    below = 0
    result: list[Row] = []
    for row in reversed(rows):
        depth = row[2]
        # Rows that lie deeper than this one belong to it, not to what is above it.
        below &= (2 << depth) - 1
        result.append(Row(*row, below))
        below |= 1 << depth
    result.reverse()
    return result


@dataclass(frozen=True, slots=True)
class Ghost:
    """When each row of an earlier run ended, counted from the start of that run.

    Attributes:
        ends: The path of a flow, and a name inside it -> the ends of what had this name, in
            order; None for what never ran.
    """

    ends: Mapping[tuple[Path, str], Sequence[timedelta | None]]

    def end_of(self, row: Row) -> timedelta | None:
        """Return when the same row ended last time, after the start of the run; None if unknown.

        A group ended when the last of as many tasks as it has now did.
        """
        name, first = row.path[-1]
        ends = self.ends.get((row.path[:-1], name), ())[first : first + len(row.members)]
        return max((end for end in ends if end is not None), default=None)


def ghost_of(timeline: Timeline) -> Ghost:
    """Return what to compare a run with: the timeline of an earlier run of the same flow.

    Rows are found again by their names from the outermost flow down, and by their number where
    one flow has several of a name. Rows that never ran are left out. The result can be kept: it
    depends on nothing but the earlier run.
    """
    start = run_start(timeline.bars[0]) if timeline.bars else None
    if start is None:
        return Ghost({})
    bars = timeline.bars
    ends: dict[tuple[Path, str], list[timedelta | None]] = defaultdict(list)
    for bar, path in zip(bars, _paths(bars, _kinds(bars)), strict=True):
        ends[path[:-1], path[-1][0]].append(bar.segments[-1].end - start if bar.has_run else None)
    return Ghost(dict(ends))


def run_start(bar: Bar) -> datetime | None:
    """Return when a bar first ran, or else began to wait; None where neither is known."""
    starts = [part.start for part in bar.segments if part.kind == "running"]
    return starts[0] if starts else bar.segments[0].start if bar.segments else None


def critical_path(timeline: Timeline) -> frozenset[str]:
    """Return the ids of the bars that determined when the run ended.

    Of the outermost runs, the one that ended last is on the path. Inside a flow on the path, so
    is the child that ended last; then, going back in time, the child that ended last of those
    that had ended when the one after it began to run; and so on to the first. Of children that
    end at the same time the one that began later counts as the later one. Children that never
    ran held nothing up.
    """
    bars = timeline.bars
    children: dict[int, list[int]] = defaultdict(list)
    roots: list[int] = []
    outer: list[int] = []
    for index, bar in enumerate(bars):
        del outer[bar.depth :]
        if bar.has_run:
            (children[outer[-1]] if outer else roots).append(index)
        if bar.kind == "flow":
            outer.append(index)
    path: list[int] = _chain(bars, roots)[:1]
    for index in path:
        # The list grows while it is walked: what is found here is looked into as well.
        path.extend(_chain(bars, children[index]))
    return frozenset(bars[index].id for index in path)


def _chain(bars: Sequence[Bar], indices: Sequence[int]) -> list[int]:
    """Return the bars that waited for each other, the last one first."""
    runs = [(bars[i].segments[-1].end, run_start(bars[i]), i) for i in indices]
    known = [(end, start, index) for end, start, index in runs if start is not None]
    chain: list[int] = []
    began: datetime | None = None
    for end, start, index in sorted(known, reverse=True):
        if began is None or end <= began:
            chain.append(index)
            began = start
    return chain
