"""The steps of a run as its progress events tell them: plain data for whoever draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NOT_MEASURES = frozenset({"at", "kind", "step", "done", "total"})


@dataclass
class Step:
    """One step: where it stands and how far it is.

    Attributes:
        id: Prefect's id of the task run.
        name: Name of the task.
        flow: Name of the flow that it belongs to.
        state: RUNNING, COMPLETED, FAILED or CRASHED.
        start: Seconds since the epoch.
        end: Likewise, None while it runs.
        unit: What it counts, such as "epoch" or "fold"; "" when it counts nothing.
        done: Units done.
        total: Units in all.
        measures: Last measured values, such as the loss.
    """

    id: str
    name: str
    flow: str
    state: str
    start: float
    end: float | None = None
    unit: str = ""
    done: int = 0
    total: int = 0
    measures: dict[str, float] = field(default_factory=dict)


class StepList:
    """Folds progress events into steps."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def apply(self, event: Mapping[str, Any]) -> Step | None:
        """Take in one event; return the step that it changed."""
        if event["kind"] == "task":
            return self._task(event)
        if "step" not in event:
            return None
        step = self._open(event["step"])
        if step is not None:
            step.unit, step.done, step.total = event["kind"], event["done"], event["total"]
            step.measures = {
                key: value
                for key, value in event.items()
                if key not in _NOT_MEASURES and value is not None
            }
        return step

    def _task(self, event: Mapping[str, Any]) -> Step | None:
        if event["state"] == "RUNNING":
            step = Step(event["id"], event["name"], event["flow"], "RUNNING", event["at"])
            self.steps.append(step)
            return step
        for step in reversed(self.steps):
            if step.id == event["id"] and step.end is None:
                step.state, step.end = event["state"], event["at"]
                return step
        return None

    def _open(self, name: str) -> Step | None:
        for step in reversed(self.steps):
            if step.name == name and step.end is None:
                return step
        return None
