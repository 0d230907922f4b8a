from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.run_filter import parse_filter
from engine.tables.engine_database import EngineDatabase
from engine.tables.run_lists import RunLists, RunSlice
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable

FLOWS = ("data_flow", "train_flow")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.db"


@pytest.fixture
def lists(path: Path) -> RunLists:
    return RunLists(path)


def add(path: Path, run_id: str, *, tags: tuple[str, ...] = (), **values: Any) -> None:
    """Put a run into the table as it came to be by many calls."""
    flow = values.pop("flow", "train_flow")
    RunTable(path).accept(NewRun(run_id, flow, f"name of {run_id}", "", tags=tags))
    with EngineDatabase(path).transaction() as database:
        for column, value in values.items():
            database.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run_id))


def found(part: RunSlice) -> tuple[list[str], int]:
    return [run.id for run in part.runs], part.total


# One for a list that an index orders and counts, one for a list that is read as a whole.
@pytest.mark.parametrize("text", ["", "state:pending", "id:r", "!tag:no"])
def test_parts_of_a_list_make_up_the_list_also_where_runs_came_at_the_same_time(
    path: Path, lists: RunLists, text: str
) -> None:
    for number, created in enumerate([5.0, 5.0, 7.0, 5.0, 1.0, 9.0, 5.0]):
        add(path, f"r{number}", created=created)

    parts = [found(lists.slice(2, offset=offset, fits=parse_filter(text))) for offset in range(9)]

    assert parts == [
        (["r5", "r2"], 7),
        (["r2", "r0"], 7),
        (["r0", "r1"], 7),
        (["r1", "r3"], 7),
        (["r3", "r6"], 7),
        (["r6", "r4"], 7),
        (["r4"], 7),
        ([], 7),
        ([], 7),
    ]


def test_an_empty_table_has_an_empty_list(lists: RunLists) -> None:
    assert found(lists.slice(10)) == ([], 0)
    assert found(lists.slice(10, offset=5, fits=parse_filter("x"))) == ([], 0)


def test_everything_that_is_asked_for_must_fit(path: Path, lists: RunLists) -> None:
    for number in range(6):
        add(
            path,
            f"r{number}",
            created=float(number),
            flow=FLOWS[number % 2],
            state="FAILED" if number < 4 else "COMPLETED",
            tags=("x",) if number != 1 else ("y",),
        )

    assert found(lists.slice(9, flow="train_flow")) == (["r5", "r3", "r1"], 3)
    assert found(lists.slice(9, flow="train_flow", state="FAILED")) == (["r3", "r1"], 2)
    wanted = parse_filter("tag:x")
    assert found(lists.slice(9, flow="train_flow", state="FAILED", fits=wanted)) == (["r3"], 1)
    assert found(lists.slice(1, before=4.0, fits=wanted)) == (["r3"], 3)


def test_the_time_counts_for_runs_that_go_on(path: Path, lists: RunLists) -> None:
    add(path, "old", created=100.0, started=100.0, ended=105.0)
    add(path, "new", created=190.0, started=195.0)

    def fitting(text: str) -> list[str]:
        return found(lists.slice(9, fits=parse_filter(text), now=200.0))[0]

    assert fitting("age<20s") == ["new"]
    assert fitting("age=100") == ["old"]
    assert fitting("dur=5") == ["new", "old"]
    assert fitting("dur>5") == []


def test_text_that_looks_like_sql_is_only_text(path: Path, lists: RunLists) -> None:
    add(path, "r1")

    for text in ('name:"\' OR 1=1 --"', '"\'; DROP TABLE runs; --"', 'key="\');--"', "name:%"):
        assert found(lists.slice(9, fits=parse_filter(text))) == ([], 0)
    assert found(lists.slice(9)) == (["r1"], 1)


def test_a_flow_is_told_by_counts_durations_and_states(path: Path, lists: RunLists) -> None:
    add(path, "a", created=1.0, started=9.0, ended=11.0, state="COMPLETED")
    add(path, "b", created=2.0, started=3.0, ended=3.5, state="COMPLETED")
    add(path, "c", created=3.0, started=4.0, ended=6.0, state="FAILED")
    add(path, "d", created=4.0, state="PENDING")
    add(path, "e", created=5.0, ended=6.0, state="CANCELLED")
    add(path, "other", created=9.0, started=99.0, flow="data_flow", state="RUNNING")

    train, evaluate = lists.flows(["train_flow", "eval_flow"])

    assert train.counts == {"COMPLETED": 2, "FAILED": 1, "PENDING": 1, "CANCELLED": 1}
    assert train.last_started is not None
    assert train.last_started.id == "a"
    assert train.durations == (0.5, 2.0)
    assert train.states == ("CANCELLED", "PENDING", "FAILED", "COMPLETED", "COMPLETED")
    assert (evaluate.flow, evaluate.counts, evaluate.last_started) == ("eval_flow", {}, None)
    assert (evaluate.durations, evaluate.states) == ((), ())


def test_a_flow_is_told_by_its_last_runs_only(path: Path, lists: RunLists) -> None:
    add(path, "r0", started=1.0, ended=2.0, state="COMPLETED", created=1000.0)
    with EngineDatabase(path).transaction() as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 39)"
            " INSERT INTO runs (id, flow, name, state, created, started, ended)"
            " SELECT 'r' || i, flow, name, state, created - i, 1.0, 2.0 + i FROM runs, n"
        )

    (view,) = lists.flows(["train_flow"])

    assert view.counts == {"COMPLETED": 40}
    assert view.durations == tuple(1.0 + number for number in range(20))
    assert view.states == ("COMPLETED",) * 30
