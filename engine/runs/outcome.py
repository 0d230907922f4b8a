"""How a run ended, as its process writes it and others read it (runs/<id>/result.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.atomic import write_json
from engine.timeline import RunRow, TaskRow

RESULT_FILE = "result.json"


@dataclass(frozen=True)
class Outcome:
    """The end of a run.

    Attributes:
        state: COMPLETED, FAILED, CRASHED or CANCELLED.
        message: One sentence; the error text when it failed.
        error_kind: Class name of an error that was written for people, else "".
        outputs: What the run made, by name.
        rows: The run tree as Prefect recorded it.
    """

    state: str
    message: str
    error_kind: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    rows: tuple[RunRow, ...] = ()

    def with_rows(self, rows: Sequence[RunRow]) -> Outcome:
        """The same end with the run tree."""
        return replace(self, rows=tuple(rows))

    def plain_rows(self) -> tuple[dict[str, Any], ...]:
        """The run tree as JSON-able data; `run_rows` reads it back."""
        return tuple(_plain(asdict(row)) for row in self.rows)

    def write(self, run_folder: Path) -> None:
        """Write it atomically into the run's folder."""
        write_json(run_folder / RESULT_FILE, _plain(asdict(self)))

    @classmethod
    def read(cls, run_folder: Path) -> Outcome | None:
        """Read it back; None while the run goes on or when its process died before the end.

        A file that is damaged says nothing, and counts as none.
        """
        try:
            values = json.loads((run_folder / RESULT_FILE).read_text(encoding="utf-8"))
            return cls(**{**values, "rows": run_rows(values["rows"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def run_rows(plain: Iterable[Mapping[str, Any]]) -> tuple[RunRow, ...]:
    """The run tree of `plain_rows`, with its times."""
    return tuple(_run_row(row) for row in plain)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


_TIMES = ("created", "start", "end")


def _run_row(row: Mapping[str, Any]) -> RunRow:
    tasks = tuple(TaskRow(**_with_times(task)) for task in row["tasks"])
    return RunRow(**{**_with_times(row), "tasks": tasks})


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {key: datetime.fromisoformat(row[key]) if row[key] else None for key in _TIMES}
    attempts = tuple(
        tuple(datetime.fromisoformat(time) if time else None for time in attempt)
        for attempt in row.get("attempts", ())
    )
    return {**row, **times} | ({"attempts": attempts} if "attempts" in row else {})
