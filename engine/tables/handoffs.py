"""What one flow left for the next: the newest value of each kind, for each kind of data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from engine.tables.engine_database import EngineDatabase
from models.data_types import TIMESERIES


@dataclass(frozen=True)
class Handoff:
    """A data set id, a candidate's run id or an evaluation's, and the run that left it."""

    kind: str
    value: str
    run_id: str
    at: float


class Handoffs:
    """Reads and writes the hand-offs."""

    def __init__(self, path: Path) -> None:
        self._database = EngineDatabase(path)

    def leave(self, kind: str, value: str, run_id: str, data_type: str = TIMESERIES) -> None:
        """Leave a value for the next flow."""
        with self._database.transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO handoffs (kind, value, run_id, at) VALUES (?, ?, ?, ?)",
                (_row(kind, data_type), value, run_id, time.time()),
            )

    def take(self, kind: str, data_type: str = TIMESERIES) -> Handoff | None:
        """Return what the flow before left, or None."""
        with self._database.transaction(write=False) as database:
            row = database.execute(
                "SELECT * FROM handoffs WHERE kind = ?", (_row(kind, data_type),)
            ).fetchone()
        return Handoff(**dict(row)) if row else None

    def run_ids(self) -> dict[str, str]:
        """The runs whose folders a next flow would look into, each with the kind it left."""
        with self._database.transaction(write=False) as database:
            rows = database.execute("SELECT kind, run_id FROM handoffs").fetchall()
        return {row["run_id"]: row["kind"] for row in rows}


def _row(kind: str, data_type: str) -> str:
    """What a kind is called in the table; those of series are older than data types."""
    return kind if data_type == TIMESERIES else f"{data_type} {kind}"
