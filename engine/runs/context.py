"""What a step may know of the run that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.runs.progress import ProgressWriter
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from engine.workspace import Workspace


@dataclass(frozen=True)
class RunContext:
    """The run that this process does; steps get at it by `run_context()`.

    It is not a parameter of the flows, so that their parameters stay what Prefect records: the
    configuration, and nothing that only this machine understands.
    """

    run_id: str
    flow: str
    workspace: Workspace
    table: RunTable
    handoffs: Handoffs
    progress: ProgressWriter
    outputs: dict[str, Any] = field(default_factory=dict)
    """What the run made, by name: shown at its end and kept in result.json."""

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self.workspace.run_folder(self.run_id)

    def hand_over(self, kind: str, value: str, data_type: str) -> None:
        """Leave a value for the flow after this one, of the same kind of data."""
        self.handoffs.leave(kind, value, self.run_id, data_type)


_current: ContextVar[RunContext] = ContextVar("run_context")


def run_context() -> RunContext:
    """Return the context of the run that this process does.

    Raises:
        LookupError: Outside a run.
    """
    return _current.get()


@contextmanager
def use_run_context(context: RunContext) -> Iterator[RunContext]:
    """Make `context` the current one for the duration of a `with` block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
