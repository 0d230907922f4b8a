from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.tables.notifications import Outbox
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from tests.unit.several_processes import at_once

WEBHOOK, APPRISE = "webhook https://hooks.example/재고", "apprise mailto://a:${B}@c"


@pytest.fixture
def table(tmp_path: Path) -> RunTable:
    return RunTable(tmp_path / "engine.db")


@pytest.fixture
def outbox(table: RunTable, tmp_path: Path) -> Outbox:
    for run_id in ("a1", "a2"):
        table.accept(NewRun(run_id, "data_flow", "name", ""))
        table.finish(run_id, "COMPLETED", "")
    return Outbox(tmp_path / "engine.db")


def targets(outbox: Outbox) -> list[tuple[str, str]]:
    return [(message.run_id, message.target) for message in outbox.due(time.time())]


def test_a_message_is_due_at_once_for_each_target(outbox: Outbox) -> None:
    before = time.time()
    outbox.put("a1", [WEBHOOK, APPRISE])
    after = time.time()

    messages = outbox.due(after)

    assert [(message.run_id, message.target) for message in messages] == [
        ("a1", WEBHOOK),
        ("a1", APPRISE),
    ]
    for message in messages:
        assert before <= message.created <= after
        assert message.next_try == message.created
        assert (message.attempts, message.delivered, message.problem) == (0, None, "")


def test_a_run_is_decided_about_once(outbox: Outbox, table: RunTable) -> None:
    assert [run.id for run in table.unannounced()] == ["a1", "a2"]

    outbox.put("a1", [WEBHOOK])
    outbox.put("a1", [APPRISE])

    assert targets(outbox) == [("a1", WEBHOOK)]
    assert [run.id for run in table.unannounced()] == ["a2"]


def test_that_nobody_is_to_be_told_is_a_decision_too(outbox: Outbox, table: RunTable) -> None:
    outbox.put("a1", [])
    outbox.put("a1", [WEBHOOK])

    assert targets(outbox) == []
    assert [run.id for run in table.unannounced()] == ["a2"]


def test_about_a_run_that_does_not_exist_there_is_nothing_to_tell(outbox: Outbox) -> None:
    outbox.put("a3", [WEBHOOK])

    assert outbox.newest(10) == []


def test_an_empty_outbox_has_no_next_time(outbox: Outbox) -> None:
    assert outbox.next_try() is None
    assert outbox.due(time.time()) == []


def test_a_delivered_message_is_kept_and_not_due_any_more(outbox: Outbox) -> None:
    outbox.put("a1", [WEBHOOK])
    (message,) = outbox.due(time.time())
    outbox.failed(message, "no route to host", time.time())

    outbox.delivered(message)

    assert outbox.due(time.time()) == []
    assert outbox.next_try() is None
    (kept,) = outbox.newest(10)
    assert kept.delivered is not None
    assert (kept.attempts, kept.problem, kept.next_try) == (2, "", None)


def test_a_message_that_failed_is_due_again_at_its_time_and_not_before(outbox: Outbox) -> None:
    outbox.put("a1", [WEBHOOK])
    (message,) = outbox.due(time.time())
    later = time.time() + 3600

    outbox.failed(message, "no route to host", later)

    assert outbox.due(later - 0.5) == []
    assert outbox.next_try() == later
    (due,) = outbox.due(later)
    assert (due.id, due.attempts, due.problem) == (message.id, 1, "no route to host")


def test_a_message_that_is_given_up_on_is_kept_with_the_reason(outbox: Outbox) -> None:
    outbox.put("a1", [WEBHOOK])
    (message,) = outbox.due(time.time())

    outbox.failed(message, "404", None)

    assert outbox.due(time.time() + 10**6) == []
    (kept,) = outbox.newest(10)
    assert (kept.attempts, kept.problem, kept.delivered) == (1, "404", None)


def test_a_reason_that_is_not_utf8_can_be_stored(outbox: Outbox) -> None:
    outbox.put("a1", [WEBHOOK])
    (message,) = outbox.due(time.time())

    outbox.failed(message, "\udcff.pem: no such file", None)

    assert outbox.newest(1)[0].problem == r"\udcff.pem: no such file"


def test_what_is_due_longest_comes_first(outbox: Outbox) -> None:
    outbox.put("a1", [WEBHOOK, APPRISE])
    first, second = outbox.due(time.time())
    outbox.failed(first, "", 300.0)
    outbox.failed(second, "", 200.0)
    outbox.put("a2", [WEBHOOK])

    assert [message.id for message in outbox.due(time.time())][:2] == [second.id, first.id]
    assert outbox.next_try() == 200.0


def test_the_newest_messages_come_first(outbox: Outbox) -> None:
    outbox.put("a1", [WEBHOOK, APPRISE])
    outbox.put("a2", [WEBHOOK])

    found = [(message.run_id, message.target) for message in outbox.newest(2)]

    assert found == [("a2", WEBHOOK), ("a1", APPRISE)]


def test_of_several_that_decide_at_once_one_does(
    outbox: Outbox, table: RunTable, tmp_path: Path
) -> None:
    code = """
from pathlib import Path
from engine.tables.notifications import Outbox
outbox = Outbox(Path(sys.argv[1]))
wait_for_start()
outbox.put("a1", [sys.argv[2]])
"""

    answers = at_once(code, [[str(tmp_path / "engine.db"), name] for name in "abc"])

    assert answers == ["", "", ""]
    assert len(outbox.newest(10)) == 1
    assert table.get("a1").notified
