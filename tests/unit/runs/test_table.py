from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import NotFoundError, StorageError
from engine.processes import start_mark
from engine.runs.table import RunTable
from tests.unit.several_processes import at_once


@pytest.fixture
def table(tmp_path: Path) -> RunTable:
    return RunTable(tmp_path / "engine.db")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        yield sleeper
        sleeper.kill()


def add(table: RunTable, *ids: str, flow: str = "train_flow") -> None:
    for run_id in ids:
        table.add(run_id, flow, f"name of {run_id}", {"model_type": "LSTM"})


def give_process(table: RunTable, run_id: str, process: subprocess.Popen[bytes]) -> None:
    mark = start_mark(process.pid)
    assert mark is not None
    table.set_process(run_id, process.pid, mark)
    table.set_running(run_id)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_a_run_is_pending_until_its_process_begins_and_then_has_one_end(table: RunTable) -> None:
    add(table, "a1")
    pending = table.get("a1")
    assert (pending.state, pending.started, pending.is_final) == ("PENDING", None, False)
    assert (pending.flow, pending.name) == ("train_flow", "name of a1")
    assert pending.parameters == {"model_type": "LSTM"}

    table.set_process("a1", 17, "mark")
    table.set_running("a1")
    running = table.get("a1")
    assert (running.state, running.pid, running.pid_mark) == ("RUNNING", 17, "mark")
    assert running.started is not None
    assert not running.is_final

    table.finish("a1", "FAILED", "row 7: no number", "DataError")
    failed = table.get("a1")
    assert (failed.state, failed.message) == ("FAILED", "row 7: no number")
    assert failed.error_kind == "DataError"
    assert failed.ended is not None
    assert failed.is_final


def test_the_first_end_that_is_recorded_stays(table: RunTable) -> None:
    add(table, "a1")
    table.finish("a1", "COMPLETED", "")
    first = table.get("a1")

    table.finish("a1", "CRASHED", "its process died without a word")

    assert table.get("a1") == first


def test_the_beginning_of_an_id_is_enough_when_only_one_run_has_it(table: RunTable) -> None:
    add(table, "3f2a-1", "3f2b-2")

    assert table.get("3f2b").id == "3f2b-2"
    with pytest.raises(NotFoundError, match="beginning of several runs: 3f2b-2, 3f2a-1"):
        table.get("3f2")


@pytest.mark.parametrize(
    "run_id",
    ["", "%", "_", "3f2%", "3f_a", "*", "3F2A", "3f2a-1x", "'; --", "\0", "\udcff", "재고"],
)
def test_what_is_not_the_beginning_of_an_id_finds_nothing(table: RunTable, run_id: str) -> None:
    add(table, "3f2a-1")

    with pytest.raises(NotFoundError, match="there is no run"):
        table.get(run_id)


def test_a_message_with_a_file_name_that_is_not_utf8_can_be_stored(table: RunTable) -> None:
    add(table, "a1")

    table.finish("a1", "FAILED", "\udcff.csv: no such file", "NotFoundError")

    assert table.get("a1").message == r"\udcff.csv: no such file"


def test_the_newest_runs_come_first_and_can_be_chosen_by_flow_and_state(table: RunTable) -> None:
    add(table, "a1", "a2", flow="data_flow")
    add(table, "b1", "b2")
    table.finish("a2", "COMPLETED", "")
    table.finish("b1", "COMPLETED", "")

    def ids(limit: int, **wanted: str) -> list[str]:
        return [run.id for run in table.newest(limit, **wanted)]

    assert ids(10) == ["b2", "b1", "a2", "a1"]
    assert ids(2) == ["b2", "b1"]
    assert ids(10, flow="data_flow") == ["a2", "a1"]
    assert ids(10, state="COMPLETED") == ["b1", "a2"]
    assert ids(10, flow="train_flow", state="COMPLETED") == ["b1"]
    assert ids(10, flow="eval_flow") == []


@pytest.mark.parametrize(
    ("asked", "state", "message"),
    [(False, "CRASHED", "its process died without a word"), (True, "CANCELLED", "cancelled")],
)
def test_a_run_whose_process_was_killed_is_crashed_or_cancelled_when_somebody_asked(
    table: RunTable, process: subprocess.Popen[bytes], asked: bool, state: str, message: str
) -> None:
    add(table, "a1")
    give_process(table, "a1", process)
    if asked:
        table.request_cancel("a1")
    assert table.bury_dead() == []

    kill(process)
    (buried,) = table.bury_dead()

    assert (buried.id, buried.state, buried.message) == ("a1", state, message)
    assert table.get("a1") == buried


def test_a_later_process_of_the_same_number_does_not_keep_a_run_alive(
    table: RunTable, process: subprocess.Popen[bytes]
) -> None:
    add(table, "a1")
    table.set_process("a1", process.pid, "mark of an earlier process")
    table.set_running("a1")

    (buried,) = table.bury_dead()

    assert buried.state == "CRASHED"


def test_prefect_hears_of_an_ended_run_until_it_is_closed(
    table: RunTable, process: subprocess.Popen[bytes]
) -> None:
    add(table, "a1")
    give_process(table, "a1", process)
    table.finish("a1", "COMPLETED", "")
    assert table.bury_dead() == []  # its process is still telling Prefect

    kill(process)
    assert [(run.id, run.state) for run in table.bury_dead()] == [("a1", "COMPLETED")]
    assert len(table.bury_dead()) == 1

    table.set_closed("a1")
    assert table.bury_dead() == []


def test_a_run_that_is_just_being_launched_is_left_alone_for_half_a_minute(
    table: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(table, "a1")
    assert table.bury_dead() == []

    later = time.time() + 31
    monkeypatch.setattr(time, "time", lambda: later)

    assert [run.state for run in table.bury_dead()] == ["CRASHED"]


def test_what_one_flow_leaves_the_next_takes_up(table: RunTable) -> None:
    assert table.take_up("dataset") is None

    table.hand_over("dataset", "0123", "a1")
    table.hand_over("dataset", "4567", "a2")
    table.hand_over("candidate", "a3", "a3")

    taken = table.take_up("dataset")
    assert taken is not None
    assert (taken.kind, taken.value, taken.run_id) == ("dataset", "4567", "a2")


def test_everything_is_there_when_the_table_is_opened_again(tmp_path: Path) -> None:
    add(RunTable(tmp_path / "engine.db"), "a1")

    assert RunTable(tmp_path / "engine.db").get("a1").id == "a1"


def test_processes_may_write_at_once_also_when_the_table_is_new(tmp_path: Path) -> None:
    code = """
from pathlib import Path
from engine.runs.table import RunTable
wait_for_start()
table = RunTable(Path(sys.argv[1]))
for number in range(10):
    run_id = f"{sys.argv[2]}-{number}"
    table.add(run_id, "train_flow", "name", {})
    table.set_running(run_id)
"""
    path = tmp_path / "engine.db"

    answers = at_once(code, [[str(path), name] for name in "abc"])

    assert answers == ["", "", ""]
    runs = RunTable(path).newest(100)
    assert {run.id for run in runs} == {f"{name}-{n}" for name in "abc" for n in range(10)}
    assert {run.state for run in runs} == {"RUNNING"}


def test_a_table_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs (id TEXT, of_tomorrow TEXT)")
        database.execute("PRAGMA user_version = 99")

    with pytest.raises(StorageError, match=r"engine\.db: .*schema 99.*Upgrade mlops-tui"):
        RunTable(path)

    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)
        assert [row[1] for row in database.execute("PRAGMA table_info(runs)")] == [
            "id",
            "of_tomorrow",
        ]


def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    path.write_bytes(b"not a database at all" * 100)

    with pytest.raises(StorageError, match=r"engine\.db: the table of runs cannot be used"):
        RunTable(path)


def test_a_refused_write_leaves_the_table_as_it_was(table: RunTable) -> None:
    add(table, "a1")

    with pytest.raises(StorageError, match="UNIQUE"):
        table.add("a1", "data_flow", "again", {})

    assert table.get("a1").flow == "train_flow"
