"""What a step may know of the run that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engine.config.flow_settings import FlowSettings
from engine.ids import is_id
from engine.runs.progress import ProgressWriter
from engine.tables.handoffs import Handoff
from engine.tables.runs import RunTable
from engine.workspace import Workspace


class HandoffBox(Protocol):
    """Where one flow leaves what the next one takes up."""

    def leave(self, kind: str, value: str, run_id: str, data_type: str) -> None:
        """Leave a value for the next flow."""

    def take(self, kind: str, data_type: str) -> Handoff | None:
        """Return what the flow before left, or None."""


class SharedFolders(Protocol):
    """Where machines hand folders to each other."""

    def put(self, kind: str, name: str, folder: Path, *, home: str = "") -> None:
        """Copy a folder there, unless it is there."""

    def fetch(self, kind: str, name: str, final: Path) -> bool:
        """Copy it here, unless a folder is here; False when it is not there either."""


class PlaceFlow(Protocol):
    """Has a flow done by the workers of a work pool."""

    def __call__(self, flow: str, settings: FlowSettings, given: str | None = None) -> str:
        """Have it done on what was given; return what it hands on."""


@dataclass(frozen=True)
class FromHome:
    """What a run that is done on another machine was told by the one that it belongs to.

    Attributes:
        home: That workspace.
        champion: The version that serves there, None when none does.
    """

    home: str
    champion: str | None


@dataclass(frozen=True)
class RunContext:
    """The run that this process does; steps get at it by `run_context()`.

    It is not a parameter of the flows, so that their parameters stay what Prefect records: the
    configuration, and nothing that only this machine understands.
    """

    run_id: str
    flow: str
    workspace: Workspace
    table: RunTable | None
    """The table of runs, where the run belongs to this machine."""

    handoffs: HandoffBox
    progress: ProgressWriter
    depot: SharedFolders | None = None
    """Where machines hand folders to each other, if runs are done on several."""

    from_home: FromHome | None = None
    """Set where the run belongs to another machine."""

    place: PlaceFlow | None = None
    """How the parts of a full_flow are done elsewhere; None when they are done here."""

    outputs: dict[str, Any] = field(default_factory=dict)
    """What the run made, by name: shown at its end and kept in result.json."""

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self.workspace.run_folder(self.run_id)

    @property
    def run_table(self) -> RunTable:
        """The table of runs, for what only the machine of a run does."""
        assert self.table is not None, "the run is done where it belongs"
        return self.table

    def publish(self, kind: str, name: str, folder: Path) -> None:
        """Let the machine that the run belongs to have a folder; at home it has it already."""
        if self.from_home is not None and self.depot is not None:
            self.depot.put(f"{kind}s", name, folder, home=self.from_home.home)

    def fetch(self, kind: str, name: str, folder: Path) -> None:
        """Have a folder that another machine made, if it is not here and machines share some."""
        if self.depot is not None and is_id(name) and not folder.is_dir():
            self.depot.fetch(f"{kind}s", name, folder)

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
