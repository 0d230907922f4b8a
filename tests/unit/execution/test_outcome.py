from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.execution.outcome import RESULT_FILE, Outcome
from engine.timeline import RunRow, TaskRow


def at(second: int) -> datetime:
    return datetime(2026, 1, 31, 14, 5, second, 250_000, tzinfo=UTC)


TASK = TaskRow("t1", "train_model", "COMPLETED", at(1), at(2), at(3))
RETRIED = TaskRow(
    "t2",
    "load",
    "FAILED",
    at(1),
    at(2),
    None,
    attempts=((at(2), at(3)), (at(4), None)),
)
PENDING = TaskRow("t3", "후처리", "PENDING", at(1), None, None)
ROWS = (
    RunRow("r1", "bold-otter", "full_flow", "FAILED", at(0), at(1), None),
    RunRow(
        "r2",
        "shy-lynx",
        "train_flow",
        "COMPLETED",
        at(0),
        at(1),
        at(9),
        tasks=(TASK, RETRIED, PENDING),
        parent_id="r1",
    ),
)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("COMPLETED", ""),
        Outcome("CANCELLED", "cancelled"),
        Outcome("FAILED", "row 7: no number", "DataError", {"data_report": ["3 days filled"]}),
        Outcome("COMPLETED", "", "", {"gate": [{"value": None, "passed": True}]}, ROWS),
    ],
)
def test_an_outcome_is_read_as_it_was_written(tmp_path: Path, outcome: Outcome) -> None:
    outcome.write(tmp_path)

    assert Outcome.read(tmp_path) == outcome


def test_the_rows_of_the_run_tree_are_added_at_the_end() -> None:
    outcome = Outcome("FAILED", "why", "DataError", {"dataset": "0123"})

    complete = outcome.with_rows([*ROWS])

    assert complete == Outcome("FAILED", "why", "DataError", {"dataset": "0123"}, ROWS)
    assert outcome.rows == ()


def test_a_run_without_a_result_has_no_outcome(tmp_path: Path) -> None:
    assert Outcome.read(tmp_path) is None
    assert Outcome.read(tmp_path / "missing") is None


def test_the_file_is_json_with_times_that_say_their_zone(tmp_path: Path) -> None:
    Outcome("COMPLETED", "", rows=ROWS).write(tmp_path)

    stored = json.loads((tmp_path / RESULT_FILE).read_text())
    assert stored["state"] == "COMPLETED"
    assert stored["rows"][1]["tasks"][0]["start"] == "2026-01-31T14:05:02.250000+00:00"
    assert stored["rows"][1]["tasks"][2]["start"] is None
