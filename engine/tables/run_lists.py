"""Runs as screens show them: any part of a long list, searched and counted; a view of each flow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.run_filter import RunFilter
from engine.tables.engine_database import EngineDatabase
from engine.tables.run_record import RunRecord, record_of

_MOST_DURATIONS = 20
_MOST_STATES = 30


@dataclass(frozen=True)
class RunSlice:
    """A part of a list of runs.

    Attributes:
        runs: The part, the newest first.
        total: How many runs the whole list has.
    """

    runs: list[RunRecord]
    total: int


@dataclass(frozen=True)
class FlowView:
    """What became of a flow lately.

    Attributes:
        flow: Its name.
        counts: How many runs it has in each state.
        last_started: The run that began last.
        durations: Seconds that its last completed runs took, the newest run first.
        states: States of its last runs, the newest first.
    """

    flow: str
    counts: dict[str, int]
    last_started: RunRecord | None
    durations: tuple[float, ...]
    states: tuple[str, ...]


class RunLists:
    """Reads the table of runs; every call is one short transaction."""

    def __init__(self, path: Path) -> None:
        self._database = EngineDatabase(path)

    def slice(
        self,
        limit: int,
        *,
        offset: int = 0,
        fits: RunFilter | None = None,
        now: float = 0.0,
        flow: str | None = None,
        state: str | None = None,
        before: float | None = None,
    ) -> RunSlice:
        """Return a part of the list of runs that fit, and how many there are.

        Args:
            limit: How many at most.
            offset: How many newer ones to leave out.
            fits: Only runs that fit this filter.
            now: Seconds since the epoch, for the filter.
            flow: Only runs of this flow.
            state: Only runs in this state.
            before: Only runs created before this time.
        """
        wanted = {"flow = ?": flow, "state = ?": state, "created < ?": before}
        chosen = {text: value for text, value in wanted.items() if value is not None}
        searched, values = (fits or RunFilter()).where(now)
        condition = " AND ".join((*chosen, searched))
        values = [*chosen.values(), *values]
        read = _read_by_index if fits is None or fits.is_of_states else _read_all
        with self._database.transaction(write=False) as database:
            rows, total = read(database, condition, values, limit, offset)
        return RunSlice([record_of(row) for row in rows], total)

    def flows(self, names: Iterable[str]) -> list[FlowView]:
        """What became of each of some flows lately, in their order."""
        with self._database.transaction(write=False) as database:
            counts: dict[str, dict[str, int]] = {}
            for row in database.execute(
                "SELECT flow, state, count FROM run_counts WHERE count > 0"
            ):
                counts.setdefault(row["flow"], {})[row["state"]] = row["count"]
            return [_view(database, name, counts.get(name, {})) for name in names]


def _read_by_index(
    database: sqlite3.Connection, condition: str, values: list[Any], limit: int, offset: int
) -> tuple[list[sqlite3.Row], int]:
    """A part of a list whose order and size indexes know: only the part itself is read."""
    rows = database.execute(
        f"SELECT * FROM runs WHERE {condition} ORDER BY created DESC, rowid LIMIT ? OFFSET ?",
        [*values, limit, offset],
    ).fetchall()
    (total,) = database.execute(f"SELECT count(*) FROM runs WHERE {condition}", values).fetchone()
    return rows, total


def _read_all(
    database: sqlite3.Connection, condition: str, values: list[Any], limit: int, offset: int
) -> tuple[list[sqlite3.Row], int]:
    """A part of a list that takes reading every run: once, and in the order of the file.

    Going through them by their time instead, as the plain order makes SQLite do, takes twice as
    long; the plus says not to.
    """
    found = database.execute(
        f"SELECT rowid FROM runs WHERE {condition} ORDER BY +created DESC, rowid", values
    ).fetchall()
    chosen = [number for (number,) in found[offset : offset + limit]]
    rows = database.execute(
        f"SELECT * FROM runs WHERE rowid IN ({', '.join('?' * len(chosen))})"
        " ORDER BY created DESC, rowid",
        chosen,
    ).fetchall()
    return rows, len(found)


def _view(database: sqlite3.Connection, flow: str, counts: dict[str, int]) -> FlowView:
    last = database.execute(
        "SELECT * FROM runs WHERE flow = ? AND started IS NOT NULL ORDER BY started DESC LIMIT 1",
        (flow,),
    ).fetchone()
    durations = database.execute(
        "SELECT ended - started FROM runs WHERE flow = ? AND state = 'COMPLETED'"
        " AND started IS NOT NULL ORDER BY created DESC LIMIT ?",
        (flow, _MOST_DURATIONS),
    ).fetchall()
    states = database.execute(
        "SELECT state FROM runs WHERE flow = ? ORDER BY created DESC LIMIT ?", (flow, _MOST_STATES)
    ).fetchall()
    return FlowView(
        flow=flow,
        counts=counts,
        last_started=None if last is None else record_of(last),
        durations=tuple(seconds for (seconds,) in durations),
        states=tuple(state for (state,) in states),
    )
