"""The timeline of a run from what the engine tells, also while the run goes on."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.runs.outcome import run_rows
from engine.schema import RunDetail, RunInfo, StepInfo
from engine.timeline import RunRow, TaskRow


def rows_of(detail: RunDetail) -> list[RunRow]:
    """The run tree: as Prefect recorded it, or else as the run's own steps tell.

    Returns:
        Rows for `build_timeline`; none for a run that has not begun.
    """
    if detail.rows:
        return list(run_rows(detail.rows))
    run, steps = detail.run, detail.steps
    if run.started is None:
        return []
    flows = dict.fromkeys(step.flow for step in steps if step.flow != run.flow)
    own = [step for step in steps if step.flow == run.flow]
    return [
        _root(run, own),
        *(_subflow(run, flow, [step for step in steps if step.flow == flow]) for flow in flows),
    ]


def _root(run: RunInfo, steps: list[StepInfo]) -> RunRow:
    return RunRow(
        id=run.id,
        name=run.name,
        flow_name=run.flow,
        state=run.state,
        created=_time(run.created),
        start=_time_or_none(run.started),
        end=_time_or_none(run.ended),
        tasks=tuple(map(_task, steps)),
    )


def _subflow(run: RunInfo, flow: str, steps: list[StepInfo]) -> RunRow:
    """A flow that a run called, of which only the steps are known."""
    start = min(step.start for step in steps)
    ends = [step.end for step in steps]
    states = {step.state for step in steps}
    bad = next((state for state in ("CRASHED", "FAILED", "RUNNING") if state in states), None)
    return RunRow(
        id=f"{run.id}-{flow}",
        name="",
        flow_name=flow,
        state=bad or "COMPLETED",
        created=_time(start),
        start=_time(start),
        end=None if None in ends else _time_or_none(max(end for end in ends if end is not None)),
        parent_id=run.id,
        tasks=tuple(map(_task, steps)),
    )


def _task(step: StepInfo) -> TaskRow:
    return TaskRow(
        id=step.id,
        name=step.name,
        state=step.state,
        created=_time(step.start),
        start=_time(step.start),
        end=_time_or_none(step.end),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _time_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else _time(seconds)
