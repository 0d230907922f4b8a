from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.runs.outcome import RESULT_FILE, Outcome, run_rows
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


@pytest.mark.parametrize("rows", [ROWS, ()])
def test_the_run_tree_is_plain_data_on_its_way_to_somebody_else(rows: tuple[RunRow, ...]) -> None:
    plain = Outcome("COMPLETED", "", rows=rows).plain_rows()

    assert run_rows(json.loads(json.dumps(plain))) == rows


def test_a_message_with_a_file_name_that_is_not_utf8_survives(tmp_path: Path) -> None:
    outcome = Outcome("FAILED", "\udcff.csv: no such file 재고", "NotFoundError")

    outcome.write(tmp_path)

    assert Outcome.read(tmp_path) == outcome


def test_a_later_outcome_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    outcome = Outcome("FAILED", "a long reason " * 100)
    outcome.write(tmp_path)

    Outcome("FAILED", "why").with_rows(ROWS).write(tmp_path)

    assert Outcome.read(tmp_path) == Outcome("FAILED", "why", rows=ROWS)


def test_an_outcome_is_read_as_it_was_written_also_where_text_is_not_utf8(tmp_path: Path) -> None:
    Outcome("FAILED", "재고.csv: no such file", "NotFoundError").write(tmp_path)
    code = """
import sys
from pathlib import Path
from engine.runs.outcome import Outcome
print(ascii(Outcome.read(Path(sys.argv[1])).message))
"""
    # The locale of an old system, without what Python does to mend it.
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | locale,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout == ascii("재고.csv: no such file") + "\n", answer.stderr
