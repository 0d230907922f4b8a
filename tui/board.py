"""What the terminal knows of the engine: plain state, without I/O and without drawing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from msgspec.structs import replace

from engine.schema import (
    DeletedEvent,
    EngineStatus,
    Event,
    FlowFacts,
    HealthEvent,
    RunDetail,
    RunEvent,
    RunInfo,
    ScheduleInfo,
    StepEvent,
)
from engine.states import FINAL_STATES
from tui.runs.book import RunBook

_DETAILS_KEPT = 4
_RECENT_KEPT = 400


@dataclass
class Board:
    """Everything that the screens show of the engine.

    Attributes:
        status: The engine and its children, None before it was reached.
        answered: When the engine last answered, in seconds since the epoch; None: never.
        lost: Since when it does not answer, None while it does.
        trouble: What the last failed attempt to reach it said.
        book: The list of runs, as filtered.
        recent: The newest runs whatever the filter, by id, for overviews; newest last.
        details: Runs that were opened, by id.
        flows: Counts and durations by flow.
        schedules: What is launched again and again.
    """

    status: EngineStatus | None = None
    answered: float | None = None
    lost: float | None = None
    trouble: str = ""
    book: RunBook = field(default_factory=RunBook)
    recent: OrderedDict[str, RunInfo] = field(default_factory=OrderedDict)
    details: OrderedDict[str, RunDetail] = field(default_factory=OrderedDict)
    flows: dict[str, FlowFacts] = field(default_factory=dict)
    schedules: tuple[ScheduleInfo, ...] = ()
    revision: int = 0

    def apply(self, event: Event) -> None:
        """Take in an event of the live feed."""
        self.revision += 1
        if isinstance(event, RunEvent):
            self.take_run(event.run)
        elif isinstance(event, StepEvent):
            self._take_step(event)
        elif isinstance(event, DeletedEvent):
            self.book.remove(event.run_id)
            self.recent.pop(event.run_id, None)
            self.details.pop(event.run_id, None)
        elif isinstance(event, HealthEvent) and self.status is not None:
            others = [c for c in self.status.children if c.name != event.child.name]
            order = [child.name for child in self.status.children]
            children = sorted(
                [*others, event.child],
                key=lambda c: order.index(c.name) if c.name in order else len(order),
            )
            self.status = replace(self.status, children=tuple(children))

    def take_run(self, run: RunInfo) -> None:
        """A run was accepted or changed, or was told anew."""
        self.revision += 1
        self.book.change(run)
        self.recent[run.id] = run
        if len(self.recent) > _RECENT_KEPT:
            oldest = min(self.recent.values(), key=lambda one: one.created)
            del self.recent[oldest.id]
        known = self.details.get(run.id)
        if known is not None:
            self.details[run.id] = replace(known, run=run)

    def take_recent(self, runs: tuple[RunInfo, ...]) -> None:
        """The newest runs, as they were told together."""
        self.revision += 1
        self.recent = OrderedDict((run.id, run) for run in reversed(runs))

    def take_detail(self, detail: RunDetail) -> None:
        """Everything about a run."""
        self.revision += 1
        self.details[detail.run.id] = detail
        self.details.move_to_end(detail.run.id)
        while len(self.details) > _DETAILS_KEPT:
            self.details.popitem(last=False)

    def run(self, run_id: str) -> RunInfo | None:
        """A run that is in memory, wherever."""
        detail = self.details.get(run_id)
        return self.recent.get(run_id) or (detail.run if detail else self.book.get(run_id))

    def newest(self) -> list[RunInfo]:
        """The newest runs whatever the filter, newest first."""
        return sorted(self.recent.values(), key=lambda run: run.created, reverse=True)

    def open_runs(self) -> list[RunInfo]:
        """What runs or waits, oldest first."""
        found = [run for run in self.recent.values() if run.state not in FINAL_STATES]
        return sorted(found, key=lambda run: run.created)

    def pace(self, run: RunInfo, now: float) -> float | None:
        """How long a run took so far beside the median of its flow's last completed ones.

        Returns:
            Its time over theirs, such as 2.3; None where fewer than three are known.
        """
        usual = self.usual_seconds(run.flow)
        if run.started is None or usual is None or usual <= 0:
            return None
        return ((run.ended or now) - run.started) / usual

    def usual_seconds(self, flow: str) -> float | None:
        """The median duration of a flow's last completed runs; None where too few are known."""
        facts = self.flows.get(flow)
        if facts is None or len(facts.durations) < 3:
            return None
        ordered = sorted(facts.durations)
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else sum(ordered[middle - 1 : middle + 1]) / 2

    def _take_step(self, event: StepEvent) -> None:
        detail = self.details.get(event.run_id)
        if detail is None:
            return
        steps = list(detail.steps)
        # The newest step is the one that changes.
        for index in range(len(steps) - 1, -1, -1):
            if steps[index].id == event.step.id:
                steps[index] = event.step
                break
        else:
            steps.append(event.step)
        self.details[event.run_id] = replace(detail, steps=tuple(steps))
