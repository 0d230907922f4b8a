from __future__ import annotations

import time
from dataclasses import fields, replace
from itertools import count
from pathlib import Path

import pytest

from engine.errors import NotFoundError, StorageError
from engine.tables.notifications import Outbox
from engine.tables.run_record import NewRun, RunRecord
from engine.tables.runs import RunTable
from tests.unit.several_processes import at_once

NEW = NewRun(
    id="a1",
    flow="train_flow",
    name="bold-otter",
    document="flow_module: train_flow\n# 재고\n",
    parameters={"model_type": "LSTM"},
    launch_key="key of a1",
    priority=5,
    origin="a terminal",
    rerun_of="a0",
    request={"overrides": ["model.window=14"], "flags": {}},
    tags=("nightly", "v1.2:재고"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.db"


@pytest.fixture
def table(path: Path) -> RunTable:
    return RunTable(path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is a second later each time it is looked at: 1000, 1001, 1002 ..."""
    ticks = count(1000)
    monkeypatch.setattr(time, "time", lambda: float(next(ticks)))


def accept(table: RunTable, *ids: str, flow: str = "train_flow", priority: int = 0) -> None:
    for run_id in ids:
        table.accept(NewRun(run_id, flow, f"name of {run_id}", "", priority=priority))


def claim(table: RunTable, run_id: str, attempt: int = 0, pid: int = 17) -> bool:
    return table.claim(run_id, attempt, pid=pid, mark="mark", prefect_id=f"prefect {run_id}")


def ids(runs: list[RunRecord]) -> list[str]:
    return [run.id for run in runs]


def test_an_accepted_run_waits_with_all_that_was_said_of_it(table: RunTable) -> None:
    before = time.time()
    record, created = table.accept(NEW)

    assert created
    assert table.get("a1") == record
    for field in fields(NewRun):
        if field.name != "document":
            assert getattr(record, field.name) == getattr(NEW, field.name)
    assert (record.state, record.attempt, record.is_final) == ("PENDING", 0, False)
    assert (record.pid, record.pid_mark, record.prefect_id) == (None, None, None)
    assert (record.started, record.ended, record.closed) == (None, None, False)
    assert before <= record.created <= time.time()


def test_a_run_that_nothing_more_is_said_of_has_no_key_and_no_priority(table: RunTable) -> None:
    record, _ = table.accept(NewRun("a1", "data_flow", "bold-otter", ""))

    assert (record.launch_key, record.priority, record.origin, record.rerun_of) == (
        None,
        0,
        "",
        None,
    )
    assert (record.parameters, record.request, record.tags) == ({}, {}, ())


def test_a_tag_that_is_given_twice_counts_once(table: RunTable) -> None:
    record, _ = table.accept(replace(NEW, tags=("b", "a", "b")))

    assert record.tags == ("b", "a")


def test_launching_a_key_again_gives_the_run_that_has_it(table: RunTable) -> None:
    first, _ = table.accept(NEW)

    again, created = table.accept(replace(NEW, id="a2", flow="data_flow", document="other"))

    assert not created
    assert again == first
    assert ids(table.newest(10)) == ["a1"]
    assert table.document("a1") == NEW.document


def test_a_key_is_remembered_also_after_its_run_has_ended(table: RunTable) -> None:
    table.accept(NEW)
    table.finish("a1", "FAILED", "why")

    again, created = table.accept(replace(NEW, id="a2"))

    assert (again.id, again.state, created) == ("a1", "FAILED", False)


def test_runs_without_a_key_or_with_different_keys_are_all_new(table: RunTable) -> None:
    keys = [None, None, "", "key", "KEY", "key "]

    created = [table.accept(replace(NEW, id=f"a{n}", launch_key=key)) for n, key in enumerate(keys)]

    assert all(new for _, new in created)
    assert len(table.newest(10)) == len(keys)


def test_an_id_that_is_taken_is_refused_and_leaves_the_table_as_it_was(table: RunTable) -> None:
    table.accept(NEW)

    with pytest.raises(StorageError, match="UNIQUE"):
        table.accept(replace(NEW, launch_key="another", flow="data_flow", document="other"))

    assert table.get("a1").flow == "train_flow"
    assert table.document("a1") == NEW.document


def test_parameters_and_requests_may_hold_text_of_any_kind(table: RunTable) -> None:
    odd = {"file": "\udcff.csv", "재고": ["\0", 1.5, None, True]}

    table.accept(replace(NEW, parameters=odd, request=odd))

    assert (table.get("a1").parameters, table.get("a1").request) == (odd, odd)


def test_the_settings_of_a_run_are_kept_until_it_has_ended(table: RunTable) -> None:
    table.accept(NEW)
    assert table.document("a1") == NEW.document
    claim(table, "a1")
    assert table.document("a1") == NEW.document

    table.finish("a1", "COMPLETED", "")

    assert table.document("a1") is None
    assert table.document("a2") is None


def test_who_claims_a_run_is_its_process(table: RunTable) -> None:
    accept(table, "a1")

    assert table.claim("a1", 0, pid=17, mark="mark", prefect_id="p1")

    running = table.get("a1")
    assert (running.state, running.is_final) == ("RUNNING", False)
    assert (running.pid, running.pid_mark, running.prefect_id) == (17, "mark", "p1")
    assert running.started is not None


def test_a_run_is_claimed_once(table: RunTable) -> None:
    accept(table, "a1")
    claim(table, "a1", pid=17)
    first = table.get("a1")

    assert not claim(table, "a1", pid=18)
    assert table.get("a1") == first


def test_only_the_current_attempt_claims(table: RunTable) -> None:
    accept(table, "a1", "a2")
    table.new_attempt("a1")
    table.new_attempt("a1")

    assert not claim(table, "a1", attempt=0)
    assert not claim(table, "a1", attempt=1)
    assert not claim(table, "a1", attempt=3)
    assert table.get("a1").state == "PENDING"
    assert claim(table, "a1", attempt=2)
    assert claim(table, "a2", attempt=0)


def test_a_new_beginning_gives_a_new_attempt_to_every_run_without_a_process(
    table: RunTable,
) -> None:
    accept(table, "waiting", "claimed", "cancelled")
    claim(table, "claimed")
    table.request_cancel("cancelled")

    table.new_attempts()

    attempts = {run.id: run.attempt for run in table.newest(10)}
    assert attempts == {"waiting": 1, "claimed": 0, "cancelled": 0}
    assert not claim(table, "waiting", attempt=0)
    assert claim(table, "waiting", attempt=1)


def test_a_run_that_has_a_process_gets_no_new_attempt(table: RunTable) -> None:
    accept(table, "a1")
    claim(table, "a1")

    table.new_attempt("a1")
    assert table.get("a1").attempt == 0


@pytest.mark.parametrize("run_id", ["a1", "a2"])
def test_a_run_that_has_ended_or_never_was_cannot_be_claimed(table: RunTable, run_id: str) -> None:
    accept(table, "a1")
    table.finish("a1", "FAILED", "why", "ServerError")

    assert not claim(table, run_id)
    assert table.get("a1").state == "FAILED"


def test_a_run_has_one_end(table: RunTable) -> None:
    accept(table, "a1")
    claim(table, "a1")

    assert table.finish("a1", "FAILED", "row 7: no number", "DataError")

    failed = table.get("a1")
    assert (failed.state, failed.message) == ("FAILED", "row 7: no number")
    assert failed.error_kind == "DataError"
    assert failed.ended is not None
    assert failed.is_final
    assert not failed.closed


def test_the_first_end_that_is_recorded_stays(table: RunTable) -> None:
    accept(table, "a1")
    table.finish("a1", "COMPLETED", "")
    first = table.get("a1")

    assert not table.finish("a1", "CRASHED", "its process died without a word")

    assert table.get("a1") == first


def test_a_message_with_a_file_name_that_is_not_utf8_can_be_stored(table: RunTable) -> None:
    accept(table, "a1")

    table.finish("a1", "FAILED", "\udcff.csv: no such file", "NotFoundError")

    assert table.get("a1").message == r"\udcff.csv: no such file"


def test_a_run_that_waits_is_cancelled_at_once(table: RunTable) -> None:
    table.accept(NEW)

    cancelled = table.request_cancel("a1")

    assert table.get("a1") == cancelled
    assert (cancelled.state, cancelled.is_final) == ("CANCELLED", True)
    assert cancelled.message == "cancelled before it started"
    assert cancelled.cancel_requested
    assert cancelled.cancel_asked == cancelled.ended is not None
    assert not claim(table, "a1")
    assert table.document("a1") is None


def test_a_run_with_a_process_is_asked_to_end_and_ends_later(table: RunTable) -> None:
    table.accept(NEW)
    claim(table, "a1")

    asked = table.request_cancel("a1")

    assert (asked.state, asked.is_final, asked.ended) == ("CANCELLING", False, None)
    assert asked.cancel_requested
    assert asked.cancel_asked is not None
    assert table.document("a1") == NEW.document
    assert table.finish("a1", "CANCELLED", "cancelled")
    assert table.get("a1").state == "CANCELLED"


@pytest.mark.usefixtures("clock")
def test_asking_again_does_not_put_the_time_of_asking_off(table: RunTable) -> None:
    accept(table, "a1")
    claim(table, "a1")
    first = table.request_cancel("a1")

    assert table.request_cancel("a1") == first


def test_cancelling_a_run_that_has_ended_changes_nothing(table: RunTable) -> None:
    accept(table, "a1", "a2")
    claim(table, "a1")
    table.finish("a1", "COMPLETED", "")
    table.request_cancel("a2")
    before = table.get("a1"), table.get("a2")

    assert (table.request_cancel("a1"), table.request_cancel("a2")) == before
    assert (table.get("a1"), table.get("a2")) == before


def test_what_a_process_used_is_kept_with_its_run(table: RunTable) -> None:
    accept(table, "a1")
    assert (table.get("a1").cpu_seconds, table.get("a1").peak_bytes) == (None, None)

    table.set_usage("a1", 1.25, 2**40)

    assert (table.get("a1").cpu_seconds, table.get("a1").peak_bytes) == (1.25, 2**40)


@pytest.mark.usefixtures("clock")
def test_waiting_runs_start_by_priority_and_then_by_age(table: RunTable) -> None:
    accept(table, "old", "older than new")
    accept(table, "urgent", "urgent too", priority=10)
    accept(table, "new")
    accept(table, "can wait", priority=-1)

    assert ids(table.queued()) == [
        "urgent",
        "urgent too",
        "old",
        "older than new",
        "new",
        "can wait",
    ]


def test_of_runs_accepted_at_the_same_moment_the_first_one_starts_first(
    table: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    accept(table, "b", "c", "a")

    assert ids(table.queued()) == ["b", "c", "a"]


def test_runs_that_have_a_process_or_an_end_do_not_wait(table: RunTable) -> None:
    accept(table, "claimed", "cancelled", "failed", "waiting")
    claim(table, "claimed")
    table.request_cancel("cancelled")
    table.finish("failed", "FAILED", "could not be started")

    assert ids(table.queued()) == ["waiting"]


@pytest.mark.usefixtures("clock")
def test_the_newest_runs_come_first_and_can_be_chosen_by_flow_and_state(table: RunTable) -> None:
    accept(table, "a1", "a2", flow="data_flow")
    accept(table, "b1", "b2")
    table.finish("a2", "COMPLETED", "")
    table.finish("b1", "COMPLETED", "")

    assert ids(table.newest(10)) == ["b2", "b1", "a2", "a1"]
    assert ids(table.newest(2)) == ["b2", "b1"]
    assert ids(table.newest(10, flow="data_flow")) == ["a2", "a1"]
    assert ids(table.newest(10, state="COMPLETED")) == ["b1", "a2"]
    assert ids(table.newest(10, flow="train_flow", state="COMPLETED")) == ["b1"]
    assert table.newest(10, flow="eval_flow") == []
    assert table.newest(0) == []


@pytest.mark.usefixtures("clock")
def test_one_page_of_runs_follows_another(table: RunTable) -> None:
    accept(table, *(f"a{number}" for number in range(7)))
    accept(table, "b", flow="data_flow")

    pages: list[list[str]] = []
    before = None
    while page := table.newest(3, flow="train_flow", before=before):
        pages.append(ids(page))
        before = page[-1].created

    assert pages == [["a6", "a5", "a4"], ["a3", "a2", "a1"], ["a0"]]


def test_a_run_is_unclosed_until_prefect_knows_its_end(table: RunTable) -> None:
    accept(table, "a1", "a2")
    claim(table, "a1")
    assert ids(table.unclosed()) == ["a1", "a2"]
    table.finish("a1", "COMPLETED", "")
    assert ids(table.unclosed()) == ["a1", "a2"]

    table.set_closed("a1")

    assert table.get("a1").closed
    assert ids(table.unclosed()) == ["a2"]


def test_a_process_may_say_at_once_that_a_run_has_ended_and_that_prefect_knows(
    table: RunTable,
) -> None:
    accept(table, "a1")
    claim(table, "a1")

    assert table.finish("a1", "COMPLETED", "", closed=True)

    ended = table.get("a1")
    assert (ended.state, ended.closed, ended.is_final) == ("COMPLETED", True, True)
    assert table.unclosed() == []


@pytest.mark.usefixtures("clock")
def test_ended_runs_are_old_by_their_time_or_by_their_number(table: RunTable) -> None:
    names = ["a0", "a1", "a2", "a3"]
    accept(table, *names)
    for name in names:
        table.finish(name, "COMPLETED", "")
        table.set_closed(name)
    third = table.get("a2").created

    assert ids(table.ended_before(third, beyond=100)) == ["a0", "a1"]
    assert ids(table.ended_before(0.0, beyond=1)) == ["a0", "a1", "a2"]
    assert ids(table.ended_before(third, beyond=1)) == ["a0", "a1", "a2"]
    assert ids(table.ended_before(0.0, beyond=4)) == []
    assert ids(table.ended_before(time.time(), beyond=100)) == names


@pytest.mark.usefixtures("clock")
def test_a_run_that_goes_on_counts_among_the_newest_but_is_never_old(table: RunTable) -> None:
    accept(table, "waiting", "running", "not closed", "ended")
    claim(table, "running")
    for name in ("not closed", "ended"):
        table.finish(name, "COMPLETED", "")
    table.set_closed("ended")
    accept(table, "newer")

    assert ids(table.ended_before(time.time(), beyond=100)) == ["ended"]
    assert ids(table.ended_before(0.0, beyond=1)) == ["ended"]
    assert ids(table.ended_before(0.0, beyond=2)) == []


@pytest.mark.usefixtures("clock")
def test_runs_are_unannounced_from_their_end_until_somebody_decided(
    table: RunTable, path: Path
) -> None:
    accept(table, "a1", "a2", "waiting")
    claim(table, "a1")
    assert table.unannounced() == []

    table.finish("a2", "CANCELLED", "")
    table.finish("a1", "COMPLETED", "")
    assert ids(table.unannounced()) == ["a2", "a1"]

    Outbox(path).put("a2", [])
    assert ids(table.unannounced()) == ["a1"]


def test_runs_are_counted_by_state(table: RunTable) -> None:
    assert table.counts() == {}
    accept(table, "a1", "a2", "a3", "a4")
    claim(table, "a1")
    table.finish("a2", "FAILED", "")

    assert table.counts() == {"PENDING": 2, "RUNNING": 1, "FAILED": 1}


def test_the_beginning_of_an_id_is_enough_when_only_one_run_has_it(table: RunTable) -> None:
    accept(table, "3f2a-1", "3f2b-2")

    assert table.get("3f2b").id == "3f2b-2"
    with pytest.raises(NotFoundError, match="beginning of several runs: 3f2b-2, 3f2a-1"):
        table.get("3f2")


def test_a_whole_id_is_unambiguous_also_when_another_one_begins_with_it(table: RunTable) -> None:
    accept(table, "3f2", "3f2a")

    assert table.get("3f2").id == "3f2"


@pytest.mark.parametrize(
    "run_id",
    ["", "%", "_", "3f2%", "3f_a", "*", "3F2A", "3f2a-1x", "'; --", "\0", "\udcff", "재고"],
)
def test_what_is_not_the_beginning_of_an_id_finds_nothing(table: RunTable, run_id: str) -> None:
    accept(table, "3f2a-1")

    with pytest.raises(NotFoundError, match="there is no run"):
        table.get(run_id)


def test_a_run_that_is_deleted_is_forgotten_with_its_messages(table: RunTable, path: Path) -> None:
    accept(table, "a1", "a2")
    for run_id in ("a1", "a2"):
        table.finish(run_id, "COMPLETED", "")
        Outbox(path).put(run_id, ["webhook https://hooks.example"])

    table.delete("a1")
    table.delete("a1")

    assert ids(table.newest(10)) == ["a2"]
    assert [message.run_id for message in Outbox(path).newest(10)] == ["a2"]


def test_a_key_may_be_used_again_when_its_run_was_deleted(table: RunTable) -> None:
    table.accept(NEW)
    table.finish("a1", "COMPLETED", "")
    table.delete("a1")

    record, created = table.accept(replace(NEW, id="a2"))

    assert (record.id, created) == ("a2", True)


def test_a_run_that_has_not_ended_is_not_deleted(table: RunTable) -> None:
    table.accept(NEW)
    claim(table, "a1")

    table.delete("a1")

    assert table.get("a1").state == "RUNNING"
    assert table.document("a1") == NEW.document


def test_everything_is_there_when_the_table_is_opened_again(path: Path) -> None:
    record, _ = RunTable(path).accept(NEW)

    assert RunTable(path).get("a1") == record
    assert RunTable(path).document("a1") == NEW.document


def test_processes_may_write_at_once_also_when_the_table_is_new(path: Path) -> None:
    code = """
from pathlib import Path
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
wait_for_start()
table = RunTable(Path(sys.argv[1]))
for number in range(10):
    run_id = f"{sys.argv[2]}-{number}"
    table.accept(NewRun(run_id, "train_flow", "name", "document"))
    table.claim(run_id, 0, pid=17, mark="mark", prefect_id=None)
"""

    answers = at_once(code, [[str(path), name] for name in "abc"])

    assert answers == ["", "", ""]
    runs = RunTable(path).newest(100)
    assert {run.id for run in runs} == {f"{name}-{n}" for name in "abc" for n in range(10)}
    assert {run.state for run in runs} == {"RUNNING"}


def test_of_several_launches_of_one_key_at_once_one_makes_the_run(path: Path) -> None:
    code = """
from pathlib import Path
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
table = RunTable(Path(sys.argv[1]))
run = NewRun(sys.argv[2], "train_flow", "name", "document", launch_key="key")
wait_for_start()
record, created = table.accept(run)
print(record.id, created)
"""
    names = ["a1", "a2", "a3"]

    answers = at_once(code, [[str(path), name] for name in names])

    (run,) = RunTable(path).newest(10)
    expected = {name: f"{run.id} {name == run.id}\n" for name in names}
    assert dict(zip(names, answers, strict=True)) == expected


def test_of_several_claims_at_once_one_counts(table: RunTable, path: Path) -> None:
    accept(table, "a1")
    code = """
from pathlib import Path
from engine.tables.runs import RunTable
table = RunTable(Path(sys.argv[1]))
wait_for_start()
print(table.claim("a1", 0, pid=int(sys.argv[2]), mark="mark", prefect_id=None))
"""
    pids = ["1", "2", "3"]

    answers = at_once(code, [[str(path), pid] for pid in pids])

    assert sorted(answers) == ["False\n", "False\n", "True\n"]
    assert table.get("a1").pid == int(pids[answers.index("True\n")])


# Runs that are done elsewhere


def place(table: RunTable, run_id: str = "a1") -> None:
    accept(table, run_id)
    assert table.claim(run_id, 0, pid=7, mark="m", prefect_id="p", pool="factory")


def test_a_run_that_was_placed_begins_when_somebody_elsewhere_does_it(table: RunTable) -> None:
    place(table)
    table.set_waiting("a1", "no worker polls it")
    waiting = table.get("a1")
    assert (waiting.state, waiting.started, waiting.pool) == ("PENDING", None, "factory")
    assert waiting.waiting == "no worker polls it"

    table.begin_elsewhere("a1", "w1 on there")

    run = table.get("a1")
    assert (run.state, run.host, run.waiting) == ("RUNNING", "w1 on there", "")
    assert run.started is not None

    table.begin_elsewhere("a1", "w1 on there")
    assert table.get("a1").started == run.started


def test_another_process_may_go_on_with_it_and_only_that_of_now_can_let_go(
    table: RunTable,
) -> None:
    place(table)
    assert not table.release("a1", 8)
    assert table.release("a1", 7)
    assert not table.release("a1", 7)

    assert not table.claim("a1", 0, pid=9, mark="m", prefect_id="p", pool="factory")
    assert table.claim("a1", 1, pid=9, mark="m", prefect_id="p", pool="factory")
    table.finish("a1", "COMPLETED", "")
    assert not table.release("a1", 9)


def test_a_run_that_is_done_here_is_never_let_go(table: RunTable) -> None:
    accept(table, "a1")
    table.claim("a1", 0, pid=7, mark="m", prefect_id="p")

    assert not table.release("a1", 7)


def test_cancelling_between_two_processes_is_for_the_next_one_when_it_has_begun(
    table: RunTable,
) -> None:
    place(table)
    table.begin_elsewhere("a1", "w1 on there")
    table.release("a1", 7)

    assert table.request_cancel("a1").state == "CANCELLING"
    assert [run.id for run in table.queued()] == ["a1"]
    table.begin_elsewhere("a1", "w1 on there")
    assert table.get("a1").state == "CANCELLING"


def test_cancelling_one_that_nobody_has_begun_ends_it(table: RunTable) -> None:
    place(table)
    table.release("a1", 7)

    assert table.request_cancel("a1").state == "CANCELLED"
