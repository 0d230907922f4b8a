"""A run laid out as rows that are opened and closed, filtered, and found again as it goes on.

Pure functions: for a run of thousands of tasks they take tenths of a second, and may be called in
another thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.charts.rows import Path, Row, critical_path, run_start, timeline_rows
from engine.charts.screen_gantt import longest_label
from engine.schema import RunDetail, StepInfo
from engine.timeline import Timeline, build_timeline

# A row keeps its key when the run ends and is told anew with other ids.
RowKey = tuple[Path, bool]

_BAD = ("FAILED", "CRASHED")


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows of a run as of some moment.

    Attributes:
        detail: What was laid out.
        timeline: Its bars.
        rows: The rows to show; none for a run that has not begun.
        critical: Ids of the bars that decided when it ended.
        at: The present then, in seconds since the epoch.
        folds: Rows that are not as they are at first.
        filter: What rows had to fit.
        opened: Ids of the groups that are open.
        closed: Ids of the flows that are closed.
        longest: Columns of the longest name.
    """

    detail: RunDetail
    timeline: Timeline
    rows: tuple[Row, ...]
    critical: frozenset[str]
    at: float
    folds: frozenset[RowKey]
    filter: str
    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    longest: int = 0

    @property
    def began(self) -> datetime:
        """When the run began, or else when it began to wait."""
        start = run_start(self.timeline.bars[0]) if self.timeline.bars else None
        return start or self.timeline.start

    def index_of(self, key: RowKey | None) -> int | None:
        """At which place a row is."""
        return next((at for at, row in enumerate(self.rows) if key_of(row) == key), None)

    def parent_of(self, index: int) -> int | None:
        """The row that one lies in."""
        depth = self.rows[index].depth
        return next((at for at in range(index, -1, -1) if self.rows[at].depth < depth), None)


def key_of(row: Row) -> RowKey:
    """What a row is called in every layout of the run."""
    return row.path, row.is_group


def lay_out(
    detail: RunDetail, at: float, folds: frozenset[RowKey] = frozenset(), filter: str = ""
) -> Layout:
    """Lay a run out.

    Args:
        detail: The run.
        at: The present, in seconds since the epoch.
        folds: Rows that are not as they are at first: groups that are open, flows that are closed.
        filter: Words of which each must fit a row; see `fits`.
    """
    # The client takes a tenth of a second to import; whoever has a run has it already.
    from engine.client.timeline import rows_of

    timeline = build_timeline(rows_of(detail), datetime.fromtimestamp(at, UTC))
    bare = Layout(detail, timeline, (), critical_path(timeline), at, folds, filter)
    return arranged(bare, folds, filter)


def arranged(layout: Layout, folds: frozenset[RowKey], filter: str) -> Layout:
    """A layout with other folds and another filter."""
    timeline = layout.timeline
    opened = closed = frozenset[str]()
    rows = timeline_rows(timeline)
    if filter.strip():
        # What fits is shown also where it lies in a group that is not open.
        opened = frozenset(row.id for row in rows if row.is_group)
        rows = _fitting(timeline_rows(timeline, opened), filter)
    elif folds:
        changed = [row for row in rows if key_of(row) in folds]
        opened = frozenset(row.id for row in changed if row.is_group)
        closed = frozenset(row.id for row in changed if not row.is_group)
        rows = timeline_rows(timeline, opened, closed)
    return replace(
        layout,
        rows=tuple(rows),
        folds=folds,
        filter=filter,
        opened=opened,
        closed=closed,
        longest=longest_label(rows),
    )


def toggled(layout: Layout, row: Row, folds: frozenset[RowKey]) -> Layout:
    """The layout with a row opened or closed, which `folds` say too; the quick way there."""
    change = frozenset({row.id})
    opened = layout.opened ^ change if row.is_group else layout.opened
    closed = layout.closed if row.is_group else layout.closed ^ change
    rows = tuple(timeline_rows(layout.timeline, opened, closed))
    longest = longest_label(rows)
    return replace(layout, rows=rows, folds=folds, opened=opened, closed=closed, longest=longest)


def _fitting(rows: Sequence[Row], filter: str) -> list[Row]:
    """The rows that fit and those that they lie in."""
    wanted: list[Row] = []
    below = -1
    for row in reversed(rows):
        # Backwards, the first row that lies less deep is the one around.
        if row.depth < below or (not row.is_group and fits(row, filter)):
            wanted.append(row)
            below = row.depth
    return wanted[::-1]


def fits(row: Row, filter: str) -> bool:
    """Whether all words of a filter fit a row: parts of its name or state; `!word` must not."""
    text = f"{row.bar.name} {row.bar.run_name} {row.bar.state}".casefold()
    for word in filter.casefold().split():
        wanted = word.removeprefix("!").removeprefix("state:")
        if wanted and (wanted in text) == word.startswith("!"):
            return False
    return True


def step_of(detail: RunDetail, row: Row) -> StepInfo | None:
    """What the run's own process told of a task, such as how far it is."""
    if row.is_group or row.bar.kind == "flow":
        return None
    return next((step for step in reversed(detail.steps) if step.id == row.bar.id), None)


def bad_steps(layout: Layout | None) -> list[str]:
    """Names of the tasks that ended badly."""
    bars = layout.timeline.bars if layout else ()
    return [bar.name for bar in bars if bar.kind == "task" and bar.state in _BAD]


def is_bad(row: Row) -> bool:
    """Whether it ended badly, or something in it did."""
    return row.bar.state in _BAD
