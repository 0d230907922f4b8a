"""Runs counted: how many there are, how many ended and how long they took, and who waits.

The database itself counts in the moment in which something is written down, whoever writes it. So
the counts are exact and cost nothing to read, and those of ends outlive the runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.tables.engine_database import EngineDatabase


@dataclass(frozen=True)
class RunEnds:
    """Runs of one flow that ended in one state.

    Attributes:
        flow: The flow.
        state: The state.
        count: How many.
        buckets: How many of those that had begun took at most so many seconds, and longer than
            the limit before.
        seconds: That these took together.
        last: When the last one ended, seconds since the epoch.
    """

    flow: str
    state: str
    count: int
    buckets: dict[float, int]
    seconds: float
    last: float


@dataclass(frozen=True)
class Backlog:
    """What waits.

    Attributes:
        count: How many.
        oldest: Since when the first of them does, None when there is none.
    """

    count: int
    oldest: float | None


class RunTotals:
    """Reads the counts; every call is one short transaction."""

    def __init__(self, path: Path) -> None:
        self._database = EngineDatabase(path)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many runs there are, by flow and state."""
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                "SELECT flow, state, count FROM run_counts WHERE count > 0"
            ).fetchall()
        return {(flow, state): count for flow, state, count in rows}

    def ends(self) -> list[RunEnds]:
        """Runs that ever ended, by flow and state."""
        with self._database.transaction(write=False) as database:
            rows = database.execute("SELECT * FROM run_ends ORDER BY flow, state, most").fetchall()
        found: dict[tuple[str, str], RunEnds] = {}
        for row in rows:
            key = row["flow"], row["state"]
            before = found.get(key, RunEnds(*key, 0, {}, 0.0, 0.0))
            has_begun = row["most"] >= 0
            found[key] = RunEnds(
                *key,
                count=before.count + row["count"],
                buckets=before.buckets | ({row["most"]: row["count"]} if has_begun else {}),
                seconds=before.seconds + row["seconds"],
                last=max(before.last, row["last"]),
            )
        return list(found.values())

    def queue(self) -> Backlog:
        """Runs that have no process yet."""
        return self._backlog(
            "SELECT count(*), min(created) FROM runs"
            " WHERE closed = 0 AND pid IS NULL AND ended IS NULL"
        )

    def notifications(self) -> Backlog:
        """Messages that are to be delivered."""
        return self._backlog(
            "SELECT count(*), min(created) FROM notifications WHERE next_try IS NOT NULL"
        )

    def notifications_given_up(self) -> int:
        """Messages that are not tried any more and were not delivered, of runs that are kept."""
        return self._backlog(
            "SELECT count(*), NULL FROM notifications WHERE next_try IS NULL AND delivered IS NULL"
        ).count

    def _backlog(self, query: str) -> Backlog:
        with self._database.transaction(write=False) as database:
            count, oldest = database.execute(query).fetchone()
        return Backlog(count, oldest)
