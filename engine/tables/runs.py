"""The table of runs: what was accepted, which process does it, and how it ended.

Prefect is the truth for the states of flows and tasks. This table is what answers without a server,
what a restarted engine adopts living runs by, and what makes an accepted launch survive.

A run begins as a row without a process. Whoever wants to do it must claim it, and only the first
claim of the current attempt counts: however often a launch is repeated, one process does the run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

from engine.errors import NotFoundError
from engine.tables.engine_database import EngineDatabase
from engine.tables.run_record import NewRun, RunRecord, record_of
from engine.tables.sqlite import storable


class RunTable:
    """Reads and writes the table; every call is one short transaction, safe across processes."""

    def __init__(self, path: Path) -> None:
        self._database = EngineDatabase(path)

    def accept(self, run: NewRun) -> tuple[RunRecord, bool]:
        """Record a run that will be done; a known launch key gives the run that has it.

        Returns:
            The run, and whether it is a new one.
        """
        with self._database.transaction() as database:
            if run.launch_key is not None:
                known = database.execute(
                    "SELECT * FROM runs WHERE launch_key = ?", (run.launch_key,)
                ).fetchone()
                if known is not None:
                    return record_of(known), False
            database.execute(
                "INSERT INTO runs (id, flow, name, state, created, parameters, launch_key,"
                " priority, origin, rerun_of, request, tags)"
                " VALUES (?, ?, ?, 'PENDING', ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run.id,
                    run.flow,
                    run.name,
                    time.time(),
                    json.dumps(dict(run.parameters)),
                    run.launch_key,
                    run.priority,
                    run.origin,
                    run.rerun_of,
                    json.dumps(dict(run.request)),
                    _tags_text(run.tags),
                ),
            )
            database.execute("INSERT INTO settings VALUES (?, ?)", (run.id, run.document))
            row = database.execute("SELECT * FROM runs WHERE id = ?", (run.id,)).fetchone()
        return record_of(row), True

    def document(self, run_id: str) -> str | None:
        """The effective settings of a run as YAML text; None when it has ended or never was."""
        with self._database.transaction(write=False) as database:
            row = database.execute(
                "SELECT document FROM settings WHERE run_id = ?", (run_id,)
            ).fetchone()
        return None if row is None else str(row["document"])

    def new_attempts(self) -> None:
        """Begin a new attempt for every run without a process.

        What an earlier engine may have started for them, and not lived to hear of, then claims in
        vain.
        """
        with self._database.transaction() as database:
            database.execute(
                "UPDATE runs SET attempt = attempt + 1 WHERE pid IS NULL AND ended IS NULL"
            )

    def new_attempt(self, run_id: str) -> None:
        """Begin a new attempt for one run, if it has no process yet."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE runs SET attempt = attempt + 1 WHERE id = ? AND pid IS NULL", (run_id,)
            )

    def claim(
        self,
        run_id: str,
        attempt: int,
        *,
        pid: int,
        mark: str,
        prefect_id: str | None,
        pool: str = "",
    ) -> bool:
        """Become the process of a run; False when it has one, has ended or was tried anew.

        A run that is placed in a work pool has not begun by that.
        """
        begins = "" if pool else " state = 'RUNNING', started = :now,"
        with self._database.transaction() as database:
            done = database.execute(
                f"UPDATE runs SET{begins} pid = :pid, pid_mark = :mark, prefect_id = :prefect,"
                " pool = :pool"
                " WHERE id = :id AND attempt = :attempt AND pid IS NULL AND ended IS NULL",
                {
                    "now": time.time(),
                    "pid": pid,
                    "mark": mark,
                    "prefect": prefect_id,
                    "pool": pool,
                    "id": run_id,
                    "attempt": attempt,
                },
            )
        return done.rowcount == 1

    def begin_elsewhere(self, run_id: str, host: str) -> None:
        """Record that somebody of the work pool does the run now."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE runs SET host = ?, waiting = '', started = coalesce(started, ?),"
                " state = CASE state WHEN 'PENDING' THEN 'RUNNING' ELSE state END"
                " WHERE id = ? AND ended IS NULL",
                (host, time.time(), run_id),
            )

    def set_waiting(self, run_id: str, why: str) -> None:
        """Record why nobody of the work pool does the run yet."""
        self._update(run_id, waiting=storable(why))

    def release(self, run_id: str, pid: int) -> bool:
        """Let a run that is done elsewhere have another process here; this one is dead.

        Returns:
            Whether it may have one: it has not ended, and this was its process.
        """
        with self._database.transaction() as database:
            done = database.execute(
                "UPDATE runs SET pid = NULL, pid_mark = NULL, attempt = attempt + 1"
                " WHERE id = ? AND pid = ? AND pool != '' AND ended IS NULL",
                (run_id, pid),
            )
        return done.rowcount == 1

    def finish(
        self, run_id: str, state: str, message: str, error_kind: str = "", *, closed: bool = False
    ) -> bool:
        """Record the end of a run; the first end that is recorded stays.

        Args:
            run_id: The run.
            state: How it ended.
            message: Why.
            error_kind: Family of the error, when it was one that is written for people.
            closed: Prefect knows already.

        Returns:
            Whether this was the first.
        """
        with self._database.transaction() as database:
            done = database.execute(
                "UPDATE runs SET state = ?, message = ?, error_kind = ?, ended = ?"
                " WHERE id = ? AND ended IS NULL",
                (state, storable(message), error_kind, time.time(), run_id),
            )
            database.execute("DELETE FROM settings WHERE run_id = ?", (run_id,))
            if closed:
                database.execute("UPDATE runs SET closed = 1 WHERE id = ?", (run_id,))
        return done.rowcount == 1

    def request_cancel(self, run_id: str) -> RunRecord:
        """Record that somebody wants the run to end; one that has no process ends at once."""
        now = time.time()
        with self._database.transaction() as database:
            waiting = database.execute(
                "UPDATE runs SET cancel_requested = 1, cancel_asked = ?, state = 'CANCELLED',"
                " message = 'cancelled before it started', ended = ?"
                " WHERE id = ? AND pid IS NULL AND ended IS NULL AND started IS NULL",
                (now, now, run_id),
            )
            if waiting.rowcount:
                database.execute("DELETE FROM settings WHERE run_id = ?", (run_id,))
            else:
                database.execute(
                    "UPDATE runs SET cancel_requested = 1, state = 'CANCELLING',"
                    " cancel_asked = coalesce(cancel_asked, ?) WHERE id = ? AND ended IS NULL",
                    (now, run_id),
                )
            row = database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no run {run_id!r}", fix="`engine runs` lists them")
        return record_of(row)

    def set_closed(self, run_id: str) -> None:
        """Record that Prefect knows the end of this run and of every task in it."""
        self._update(run_id, closed=1)

    def set_usage(self, run_id: str, cpu_seconds: float, peak_bytes: int) -> None:
        """Record what the process of a run used."""
        self._update(run_id, cpu_seconds=cpu_seconds, peak_bytes=peak_bytes)

    def delete(self, run_id: str) -> None:
        """Forget a run that has ended."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM notifications WHERE run_id = ?", (run_id,))
            # What MLflow has of it stays there.
            database.execute("DELETE FROM mirrored WHERE kind = 'run' AND id = ?", (run_id,))
            database.execute("DELETE FROM runs WHERE id = ? AND ended IS NOT NULL", (run_id,))

    def get(self, run_id: str) -> RunRecord:
        """Return one run by its id or by the unambiguous beginning of it.

        Raises:
            NotFoundError: When no run, or more than one, fits.
        """
        # LIKE would take % and _ in the id for wildcards; a range over the prefix does not.
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                "SELECT * FROM runs WHERE id >= ? AND id < ? ORDER BY created DESC LIMIT 6",
                (storable(run_id), storable(run_id) + "\U0010ffff"),
            ).fetchall()
        if not rows or not run_id:
            raise NotFoundError(f"there is no run {run_id!r}", fix="`engine runs` lists them")
        rows = [row for row in rows if row["id"] == run_id] or rows
        if len(rows) > 1:
            names = ", ".join(row["id"][:13] for row in rows[:5])
            raise NotFoundError(f"{run_id!r} is the beginning of several runs: {names}")
        return record_of(rows[0])

    def newest(
        self,
        limit: int,
        *,
        flow: str | None = None,
        state: str | None = None,
        before: float | None = None,
        since: float | None = None,
    ) -> list[RunRecord]:
        """Return the newest runs first.

        Args:
            limit: How many at most.
            flow: Only runs of this flow.
            state: Only runs in this state.
            before: Only runs created before this time: the next page.
            since: Only runs created at this time or later.
        """
        wanted = {
            "flow = ?": flow,
            "state = ?": state,
            "created < ?": before,
            "created >= ?": since,
        }
        chosen = {text: value for text, value in wanted.items() if value is not None}
        return self._select(
            f"{' AND '.join(chosen) or 'TRUE'} ORDER BY created DESC LIMIT ?",
            [*chosen.values(), limit],
        )

    def queued(self) -> list[RunRecord]:
        """Runs without a process, in the order in which they are to start."""
        return self._select(
            "closed = 0 AND pid IS NULL AND ended IS NULL ORDER BY priority DESC, created, rowid"
        )

    def unclosed(self) -> list[RunRecord]:
        """Every run that goes on, or whose end Prefect does not know yet; oldest first."""
        return self._select("closed = 0 ORDER BY created")

    def ended_before(self, time_: float, *, beyond: int) -> list[RunRecord]:
        """Ended runs that are older than a time or not among the newest `beyond` of all."""
        return self._select(
            "closed = 1 AND (created < ? OR rowid NOT IN"
            " (SELECT rowid FROM runs ORDER BY created DESC LIMIT ?)) ORDER BY created",
            [time_, beyond],
        )

    def unannounced(self) -> list[RunRecord]:
        """Ended runs about which nobody has decided yet whether to notify; oldest first."""
        return self._select("notified = 0 AND ended IS NOT NULL ORDER BY ended")

    def counts(self) -> dict[str, int]:
        """How many runs there are in each state."""
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                "SELECT state, sum(count) AS count FROM run_counts WHERE count > 0 GROUP BY state"
            ).fetchall()
        return {row["state"]: row["count"] for row in rows}

    def _select(self, condition: str, values: Iterable[object] = ()) -> list[RunRecord]:
        with self._database.transaction(write=False) as database:
            rows = database.execute(
                f"SELECT * FROM runs WHERE {condition}", list(values)
            ).fetchall()
        return [record_of(row) for row in rows]

    def _update(self, run_id: str, **values: object) -> None:
        assignments = ", ".join(f"{column} = ?" for column in values)
        with self._database.transaction() as database:
            database.execute(
                f"UPDATE runs SET {assignments} WHERE id = ?", [*values.values(), run_id]
            )


def _tags_text(tags: tuple[str, ...]) -> str:
    return f" {' '.join(dict.fromkeys(tags))} " if tags else ""
