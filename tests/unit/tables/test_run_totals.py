from __future__ import annotations

import math
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from engine.tables.notifications import Outbox
from engine.tables.run_record import NewRun
from engine.tables.run_totals import RunEnds, RunTotals
from engine.tables.runs import RunTable
from tests.unit.tables.test_engine_database import ROWS, VERSION_1, write


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.db"


@pytest.fixture
def table(path: Path) -> RunTable:
    return RunTable(path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", made)
    return made


def run(
    table: RunTable, clock: Clock, run_id: str, state: str, seconds: float, *, at: float = 1000.0
) -> None:
    """A run of train_flow that took so long."""
    clock.now = at
    table.accept(NewRun(run_id, "train_flow", run_id, ""))
    assert table.claim(run_id, 0, pid=7, mark="m", prefect_id=None)
    clock.now = at + seconds
    assert table.finish(run_id, state, "")


def test_an_end_is_counted_once_in_the_bucket_of_its_duration(
    table: RunTable, clock: Clock, path: Path
) -> None:
    for number, seconds in enumerate((0.5, 1.0, 40.0, 100_000.0)):
        run(table, clock, f"a{number}", "COMPLETED", seconds)
    run(table, clock, "b", "FAILED", 3.0)
    assert not table.finish("b", "CRASHED", "too late"), "the first end stays"

    assert RunTotals(path).ends() == [
        RunEnds(
            *("train_flow", "COMPLETED", 4, {1.0: 2, 60.0: 1, math.inf: 1}),
            seconds=100_041.5,
            last=101_000.0,
        ),
        RunEnds("train_flow", "FAILED", 1, {5.0: 1}, seconds=3.0, last=1003.0),
    ]


def test_counts_of_ends_outlive_the_runs(table: RunTable, clock: Clock, path: Path) -> None:
    run(table, clock, "a", "COMPLETED", 2.0)
    before = RunTotals(path).ends()

    table.delete("a")

    assert RunTotals(path).counts() == {}
    assert RunTotals(path).ends() == before


def test_a_run_that_never_began_ended_and_took_no_time(
    table: RunTable, clock: Clock, path: Path
) -> None:
    table.accept(NewRun("a", "eval_flow", "a", ""))
    table.request_cancel("a")

    (end,) = RunTotals(path).ends()
    assert (end.flow, end.state, end.count, end.buckets) == ("eval_flow", "CANCELLED", 1, {})


def test_a_clock_that_was_set_back_makes_no_negative_time(
    table: RunTable, clock: Clock, path: Path
) -> None:
    run(table, clock, "a", "COMPLETED", -3600.0, at=9000.0)

    (end,) = RunTotals(path).ends()
    assert (end.buckets, end.seconds) == ({1.0: 1}, 0.0)


def test_what_an_older_file_knows_of_ends_is_counted(path: Path) -> None:
    write(path, VERSION_1 + ROWS)

    (end,) = RunTotals(path).ends()
    assert end == RunEnds("train_flow", "FAILED", 1, {10.0: 1}, seconds=8.0, last=1009.5)
    assert RunTotals(path).counts() == {
        ("train_flow", "FAILED"): 1,
        ("full_flow", "RUNNING"): 1,
        ("eval_flow", "PENDING"): 1,
    }


def test_who_waits_is_counted_with_the_first_of_them(
    table: RunTable, clock: Clock, path: Path
) -> None:
    totals = RunTotals(path)
    assert (totals.queue().count, totals.queue().oldest) == (0, None)
    run(table, clock, "a", "FAILED", 1.0)
    for number in range(3):
        clock.now = 2000.0 + number
        table.accept(NewRun(f"b{number}", "data_flow", "b", ""))
    assert (totals.queue().count, totals.queue().oldest) == (3, 2000.0)

    outbox = Outbox(path)
    clock.now = 3000.0
    outbox.put("a", ["webhook one", "webhook two", "webhook three"])
    first, second, _ = outbox.due(3000.0)
    outbox.failed(first, "nobody there", None)
    outbox.delivered(second)
    assert (totals.notifications().count, totals.notifications().oldest) == (1, 3000.0)
    assert totals.notifications_given_up() == 1


def test_the_counts_are_those_of_the_table_whatever_happened_to_the_runs(
    table: RunTable, clock: Clock, path: Path
) -> None:
    def really() -> dict[tuple[str, str], int]:
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute(
                "SELECT flow, state, count(*) FROM runs GROUP BY flow, state"
            ).fetchall()
        return {(flow, state): count for flow, state, count in rows}

    totals = RunTotals(path)
    for number, state in enumerate(("COMPLETED", "FAILED", "FAILED")):
        run(table, clock, f"a{number}", state, 1.0)
        table.accept(NewRun(f"b{number}", "eval_flow", "b", ""))
        assert totals.counts() == really() != {}
    table.request_cancel("b0")
    table.delete("a0")
    assert not table.finish("a1", "CRASHED", "")
    table.set_closed("a1")

    assert totals.counts() == really()
    assert table.counts() == {"FAILED": 2, "PENDING": 2, "CANCELLED": 1}
