"""A run as the table of runs has it, and as it is accepted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.states import FINAL_STATES


@dataclass(frozen=True)
class RunRecord:
    """One run as the table has it; times are seconds since the epoch."""

    id: str
    flow: str
    name: str
    state: str
    message: str
    created: float
    started: float | None
    ended: float | None
    pid: int | None
    pid_mark: str | None
    cancel_requested: bool
    error_kind: str
    closed: bool
    parameters: dict[str, Any]
    prefect_id: str | None
    attempt: int
    launch_key: str | None
    priority: int
    origin: str
    rerun_of: str | None
    request: dict[str, Any]
    cancel_asked: float | None
    cpu_seconds: float | None
    peak_bytes: int | None
    notified: bool
    tags: tuple[str, ...] = ()
    pool: str = ""
    """The work pool whose workers do it, "" when it is done on this machine."""
    host: str = ""
    """Who of the pool does it, "" before anyone does."""
    waiting: str = ""
    """Why nobody of the pool does it yet."""

    @property
    def key(self) -> str | None:
        """The launch key, by the name that messages have for it."""
        return self.launch_key

    @property
    def memory(self) -> int | None:
        """The most memory that its process had, by the name that messages have for it."""
        return self.peak_bytes

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class NewRun:
    """A run to be accepted.

    Attributes:
        id: Its id, of the caller's making.
        flow: One of the five flows.
        name: Two words for people.
        document: The effective settings as YAML text.
        parameters: What a list of runs shows beside the flow.
        launch_key: Launching the same key again gives the same run; None for no such promise.
        priority: Higher ones start first.
        origin: Who asked for it.
        rerun_of: Id of the run that it repeats.
        request: What was asked for, for a rerun.
        tags: Words that it can be found by; each counts once.
    """

    id: str
    flow: str
    name: str
    document: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    launch_key: str | None = None
    priority: int = 0
    origin: str = ""
    rerun_of: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


def record_of(row: sqlite3.Row) -> RunRecord:
    """A run as its row has it."""
    values = dict(row)
    del values["model"]  # the table's own view of the parameters
    values["tags"] = tuple(values["tags"].split())
    for column in ("cancel_requested", "closed", "notified"):
        values[column] = bool(values[column])
    for column in ("parameters", "request"):
        values[column] = json.loads(values[column])
    return RunRecord(**values)
