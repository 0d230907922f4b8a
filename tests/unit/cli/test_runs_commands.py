from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.execution.order import LOG_FILE
from engine.execution.outcome import Outcome
from engine.runs.table import RunTable
from engine.timeline import RunRow, TaskRow
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand

RUN_ID = "3f2a77c1-0000-4000-8000-000000000001"


@pytest.fixture
def table(workspace: Workspace) -> RunTable:
    return RunTable(workspace.database)


@pytest.fixture
def failed_run(table: RunTable, workspace: Workspace) -> Path:
    """A run that failed, with its log and its result."""
    table.add(RUN_ID, "data_flow", "bold-otter", {"model_type": "LSTM"})
    table.set_running(RUN_ID)
    table.finish(RUN_ID, "FAILED", "ledger.csv:7: no date", "DataError")
    table.set_closed(RUN_ID)
    folder = workspace.run_folder(RUN_ID)
    folder.mkdir()
    (folder / LOG_FILE).write_text("one\ntwo \x1b]0;title\x07\n셋\n", encoding="utf-8")
    start, end = (datetime(2026, 1, 31, 14, 5, second, tzinfo=UTC) for second in (0, 9))
    task = TaskRow("t", "load_time_series_csv", "FAILED", start, start, end)
    row = RunRow(RUN_ID, "bold-otter", "data_flow", "FAILED", start, start, end, tasks=(task,))
    outputs = {"data_report": ["3 days filled"]}
    Outcome("FAILED", "ledger.csv:7: no date", "DataError", outputs, (row,)).write(folder)
    return folder


def test_an_empty_workspace_has_no_runs_and_says_how_to_start_one(command: EngineCommand) -> None:
    answer = command("runs")

    assert answer.code == 0
    assert "engine run full_flow" in answer.out
    assert command("runs", "--json").json == []


@pytest.mark.parametrize("line", [["logs"], ["run", "show"]])
@pytest.mark.parametrize("run_id", ["nope", "%", "../x", ""])
def test_a_run_that_does_not_exist_is_not_found(
    command: EngineCommand, line: list[str], run_id: str
) -> None:
    answer = command(*line, run_id)

    assert answer.code == 5
    assert answer.err == f"error: there is no run {run_id!r}. `engine runs` lists them\n"


def test_the_list_has_a_line_for_each_run(command: EngineCommand, failed_run: Path) -> None:
    heading, line = command("runs").out.splitlines()

    assert heading.split() == ["id", "flow", "name", "model", "state", "started", "took"]
    assert line.split()[:5] == ["3f2a77c1", "data_flow", "bold-otter", "LSTM", "FAILED"]


def test_the_list_can_be_narrowed(
    command: EngineCommand, table: RunTable, failed_run: Path
) -> None:
    table.add("b1", "train_flow", "shy-lynx", {})
    table.finish("b1", "COMPLETED", "")

    def ids(*options: str) -> list[str]:
        return [run["id"] for run in command("runs", "--json", *options).json]

    assert ids() == ["b1", RUN_ID]
    assert ids("--flow", "data_flow") == [RUN_ID]
    assert ids("--state", "completed") == ["b1"]
    assert ids("--limit", "1") == ["b1"]
    assert ids("--flow", "eval_flow") == []


def test_markup_in_a_name_is_shown_as_it_is(command: EngineCommand, table: RunTable) -> None:
    table.add("b1", "train_flow", "[red]x[/red]", {"model_type": "[b]"})

    assert "[red]x[/red]" in command("runs").out
    assert "[b]" in command("runs").out


def test_one_run_is_shown_with_its_timeline_and_its_reason(
    command: EngineCommand, failed_run: Path
) -> None:
    answer = command("run", "show", "3f2a")

    assert answer.code == 0
    assert "load_time_series_csv" in answer.out
    assert "  3 days filled\n" in answer.out
    assert f"data_flow bold-otter ({RUN_ID}): FAILED\n  ledger.csv:7: no date\n" in answer.out
    assert str(failed_run / LOG_FILE) in answer.out


def test_one_run_as_json_says_how_it_ended(command: EngineCommand, failed_run: Path) -> None:
    data = command("run", "show", "3f2a", "--json").json

    assert (data["id"], data["state"], data["exit_code"]) == (RUN_ID, "FAILED", 3)
    assert data["error_kind"] == "DataError"
    assert data["outputs"] == {"data_report": ["3 days filled"]}
    assert "load_time_series_csv" in str(data["timeline"])


def test_a_run_that_goes_on_has_no_exit_code_yet(command: EngineCommand, table: RunTable) -> None:
    table.add("b1", "train_flow", "shy-lynx", {})

    data = command("run", "show", "b1", "--json").json

    assert (data["state"], data["ended"], data["outputs"]) == ("PENDING", None, {})
    assert "exit_code" not in data


def test_the_log_is_printed_with_what_would_move_the_cursor_escaped(
    command: EngineCommand, failed_run: Path
) -> None:
    assert command("logs", "3f2a").out == "one\ntwo \\x1b]0;title\\x07\n셋\n"
    assert command("logs", "3f2a", "-n", "1").out == "셋\n"
    assert command("logs", "3f2a", "--lines", "99").out.splitlines()[0] == "one"


def test_following_the_log_of_an_ended_run_ends(command: EngineCommand, failed_run: Path) -> None:
    answer = command("logs", "3f2a", "--follow", "-n", "1")

    assert (answer.code, answer.out) == (0, "셋\n")


def test_a_run_without_a_log_says_so(command: EngineCommand, table: RunTable) -> None:
    table.add("b1", "train_flow", "shy-lynx", {})

    answer = command("logs", "b1")

    assert answer.code == 5
    assert "run b1 has no log" in answer.err


def test_a_damaged_table_of_runs_is_an_error_of_storage(
    command: EngineCommand, workspace: Workspace
) -> None:
    workspace.database.write_bytes(b"not a database at all" * 100)

    answer = command("runs")

    assert answer.code == 7
    assert f"error: {workspace.database}: the table of runs cannot be used" in answer.err
