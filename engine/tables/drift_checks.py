"""What the checks of drift found, and what was done about it: decided once, whatever happens.

A check is written without an action. The engine decides about it in one transaction, together with
the messages that go out; a training that was decided on is launched under a key of the check, so
that launching it again after a crash gives the same run.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.tables.engine_database import EngineDatabase
from engine.tables.sqlite import storable

Action = Literal["none", "notify", "retrain"]
ALIKE, SHIFTED, DRIFTED, UNKNOWN = "alike", "shifted", "drifted", "unknown"

_MOST_KEPT = 2000


@dataclass(frozen=True)
class DriftCheck:
    """One check of one version.

    Attributes:
        id: Its number; 0 before it is in the table.
        at: When it was made, seconds since the epoch.
        data_type: timeseries or image.
        version: What served.
        verdict: alike, shifted, drifted, or unknown where too little is known.
        answers: Forecasts or classes that it looked at.
        reasons: Why, as sentences.
        numbers: All that was found, as JSON-able data.
        action: none, notify or retrain; "" as long as nothing was decided.
        why: Why that, as a sentence; also why a training could not be launched.
        run_id: The training that was launched.
    """

    at: float
    data_type: str
    version: str
    verdict: str
    answers: int
    reasons: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    action: str = ""
    why: str = ""
    run_id: str | None = None

    def summary(self) -> dict[str, Any]:
        """All of it but the numbers, as JSON-able data."""
        return {
            "check": self.id,
            "at": self.at,
            "data_type": self.data_type,
            "version": self.version,
            "verdict": self.verdict,
            "answers": self.answers,
            "reasons": list(self.reasons),
            "action": self.action,
            "why": self.why,
            "run_id": self.run_id,
        }

    @property
    def launch_key(self) -> str:
        """Launching under this key again gives the same run."""
        return f"drift {self.data_type} {self.id} {self.at:.3f}"


class DriftChecks:
    """Reads and writes the checks; every call is one short transaction.

    Args:
        path: File of the engine's database.
    """

    def __init__(self, path: Path) -> None:
        self._database = EngineDatabase(path)

    def add(self, check: DriftCheck) -> int:
        """Write a check about which nothing was decided; return its number."""
        with self._database.transaction() as database:
            cursor = database.execute(
                "INSERT INTO drift_checks (at, data_type, version, verdict, answers, reasons,"
                " numbers) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    check.at,
                    check.data_type,
                    check.version,
                    check.verdict,
                    check.answers,
                    json.dumps(check.reasons),
                    json.dumps(dict(check.numbers)),
                ),
            )
            number = int(cursor.lastrowid or 0)
            # What is still to be told or launched stays whatever its age.
            database.execute(
                "DELETE FROM drift_checks WHERE id <= ? AND action <> ''"
                " AND id NOT IN (SELECT check_id FROM notifications WHERE check_id IS NOT NULL)",
                (number - _MOST_KEPT,),
            )
        return number

    def get(self, number: int) -> DriftCheck | None:
        """One check, None when it is gone."""
        found = self._select("WHERE id = ?", number)
        return found[0] if found else None

    def newest(self, limit: int, data_type: str | None = None) -> list[DriftCheck]:
        """The newest checks first, of one kind of data or of all."""
        if data_type is None:
            return self._select("ORDER BY id DESC LIMIT ?", limit)
        return self._select("WHERE data_type = ? ORDER BY id DESC LIMIT ?", data_type, limit)

    def of_version(self, data_type: str, version: str, limit: int) -> list[DriftCheck]:
        """The newest checks of one version first."""
        return self._select(
            "WHERE data_type = ? AND version = ? ORDER BY id DESC LIMIT ?",
            data_type,
            version,
            limit,
        )

    def undecided(self) -> list[DriftCheck]:
        """Checks about which nothing was decided, the oldest first."""
        return self._select("WHERE action = '' ORDER BY id")

    def unlaunched(self) -> list[DriftCheck]:
        """Trainings that were decided on and neither launched nor given up on."""
        return self._select("WHERE action = 'retrain' AND run_id IS NULL ORDER BY id")

    def last_acted(self, data_type: str) -> DriftCheck | None:
        """The last check about which somebody was told or something was launched."""
        found = self._select(
            "WHERE data_type = ? AND action IN ('notify', 'retrain') ORDER BY id DESC LIMIT 1",
            data_type,
        )
        return found[0] if found else None

    def decide(self, number: int, action: Action, why: str, targets: Sequence[str] = ()) -> bool:
        """Decide about a check, once, and put the messages about it into the outbox.

        Returns:
            False when it was decided about before; nothing is changed then.
        """
        now = time.time()
        with self._database.transaction() as database:
            decided = database.execute(
                "UPDATE drift_checks SET action = ?, why = ? WHERE id = ? AND action = ''",
                (action, storable(why), number),
            )
            if decided.rowcount:
                database.executemany(
                    "INSERT INTO notifications (run_id, check_id, target, created, next_try)"
                    " VALUES ('', ?, ?, ?, ?)",
                    [(number, target, now, now) for target in targets],
                )
        return bool(decided.rowcount)

    def launched(self, number: int, run_id: str) -> None:
        """Record the training that was launched."""
        with self._database.transaction() as database:
            database.execute("UPDATE drift_checks SET run_id = ? WHERE id = ?", (run_id, number))

    def could_not_launch(self, number: int, why: str) -> None:
        """Record that the training could not be launched; those who are told are told that."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE drift_checks SET action = 'notify', why = ? WHERE id = ?",
                (storable(why), number),
            )

    def _select(self, clause: str, *values: object) -> list[DriftCheck]:
        with self._database.transaction(write=False) as database:
            rows = database.execute(f"SELECT * FROM drift_checks {clause}", values).fetchall()
        return [_check(row) for row in rows]


def _check(row: sqlite3.Row) -> DriftCheck:
    values = dict(row)
    values["reasons"] = tuple(json.loads(values["reasons"]))
    values["numbers"] = json.loads(values["numbers"])
    return DriftCheck(**values)
