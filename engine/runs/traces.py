"""What the progress file tells of each task run: enough to record it anew when a server lost it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.runs.progress import ProgressReader


@dataclass(frozen=True)
class TaskTrace:
    """One task run as its own process saw it; times are seconds since the epoch.

    Attributes:
        id: Prefect's id of the task run.
        flow_run_id: Prefect's id of the flow run that it belongs to.
        name: Name of the task run.
        task_key: Prefect's key of the task.
        dynamic_key: What tells two runs of one task in one flow run apart.
        start: When its body began.
        end: When its body ended, None when it did not.
        state: RUNNING, COMPLETED, FAILED, or what the end of its run made of it.
        message: Why it failed.
    """

    id: str
    flow_run_id: str
    name: str
    task_key: str
    dynamic_key: str
    start: float
    end: float | None = None
    state: str = "RUNNING"
    message: str = ""

    def ended_as(self, state: str, at: float, message: str) -> TaskTrace:
        """The same task run with an end."""
        return replace(self, state=state, end=at, message=message)


def read_traces(run_folder: Path) -> list[TaskTrace]:
    """Read the task runs of a run from its progress file, in the order of their start."""
    return traces_of(ProgressReader(run_folder).new_events())


def traces_of(events: Iterable[Mapping[str, Any]]) -> list[TaskTrace]:
    """Fold progress events into task runs."""
    found: dict[str, TaskTrace] = {}
    for event in events:
        if event["kind"] != "task":
            continue
        key = event["id"]
        if event["state"] == "RUNNING":
            found[key] = TaskTrace(
                id=key,
                flow_run_id=event["flow_run"],
                name=event["name"],
                task_key=event["task_key"],
                dynamic_key=event["dynamic_key"],
                start=event["at"],
            )
        elif key in found:
            message = event.get("message", "")
            found[key] = found[key].ended_as(event["state"], event["at"], message)
    return list(found.values())
