"""The table of schedules: what is to be launched again and again, and when next."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import ConflictError, NotFoundError
from engine.tables.engine_database import EngineDatabase
from engine.tables.sqlite import storable


@dataclass(frozen=True)
class ScheduleRecord:
    """One schedule; times are seconds since the epoch.

    Attributes:
        name: Its name, which is also part of the key of each launch.
        flow: What is launched.
        cron: Cron expression, or None when it goes by `every_seconds`.
        every_seconds: Period, counted from `created`.
        timezone: Zone of the cron expression.
        request: Overrides and flags of each launch.
        priority: Priority of each launch.
        catch_up: What to do about times that passed while no engine ran: skip, latest or all.
        enabled: Whether it fires.
        created: When it was made.
        next_time: When it fires next, None when never.
        last_time: The time that it fired for last.
        last_run: The run that came of it.
        problem: Why the last launch did not come about, "" when it did.
    """

    name: str
    flow: str
    cron: str | None
    every_seconds: float | None
    timezone: str
    created: float
    next_time: float | None
    request: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    catch_up: str = "latest"
    enabled: bool = True
    last_time: float | None = None
    last_run: str | None = None
    problem: str = ""


class ScheduleTable:
    """Reads and writes the schedules; every call is one short transaction."""

    def __init__(self, path: Path) -> None:
        self._database = EngineDatabase(path)

    def put(self, schedule: ScheduleRecord, *, replace: bool) -> None:
        """Add a schedule.

        Raises:
            ConflictError: One of this name exists and is not to be replaced.
        """
        columns = ScheduleRecord.__dataclass_fields__
        values = [getattr(schedule, name) for name in columns]
        values[list(columns).index("request")] = json.dumps(dict(schedule.request))
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        marks = ", ".join("?" for _ in columns)
        with self._database.transaction() as database:
            if not replace and self._row(database, schedule.name) is not None:
                raise ConflictError(
                    f"there is a schedule {schedule.name!r} already",
                    fix="Give it another name, or replace the one there is",
                )
            database.execute(
                f"{verb} INTO schedules ({', '.join(columns)}) VALUES ({marks})", values
            )

    def get(self, name: str) -> ScheduleRecord:
        """One schedule.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.transaction(write=False) as database:
            row = self._row(database, name)
        if row is None:
            raise NotFoundError(
                f"there is no schedule {name!r}", fix="`engine schedule list` lists them"
            )
        return _record(row)

    def all(self) -> list[ScheduleRecord]:
        """All schedules, by name."""
        with self._database.transaction(write=False) as database:
            rows = database.execute("SELECT * FROM schedules ORDER BY name").fetchall()
        return [_record(row) for row in rows]

    def enable(self, name: str, *, next_time: float | None) -> None:
        """Let a schedule fire from a time on."""
        self._update(name, enabled=1, next_time=next_time)

    def disable(self, name: str) -> None:
        """Let a schedule rest."""
        self._update(name, enabled=0, next_time=None)

    def set_next(self, name: str, next_time: float | None) -> None:
        """Record when a schedule fires next."""
        self._update(name, next_time=next_time)

    def fired(
        self, name: str, *, time: float, run_id: str | None, problem: str, next_time: float | None
    ) -> None:
        """Record that a schedule fired for a time, and when it does next."""
        values: dict[str, object] = {
            "last_time": time,
            "problem": storable(problem),
            "next_time": next_time,
        }
        if run_id is not None:
            values["last_run"] = run_id
        self._update(name, **values)

    def remove(self, name: str) -> None:
        """Remove a schedule; the runs that came of it stay."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM schedules WHERE name = ?", (name,))

    def _update(self, name: str, **values: object) -> None:
        assignments = ", ".join(f"{column} = ?" for column in values)
        with self._database.transaction() as database:
            database.execute(
                f"UPDATE schedules SET {assignments} WHERE name = ?", [*values.values(), name]
            )

    @staticmethod
    def _row(database: sqlite3.Connection, name: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = database.execute(
            "SELECT * FROM schedules WHERE name = ?", (name,)
        ).fetchone()
        return row


def _record(row: sqlite3.Row) -> ScheduleRecord:
    values = dict(row)
    values["enabled"] = bool(values["enabled"])
    values["request"] = json.loads(values["request"])
    return ScheduleRecord(**values)
