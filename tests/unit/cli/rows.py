"""Runs as an engine, a process and a command would have left them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.runs.log import segment_path
from engine.runs.outcome import Outcome
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from engine.timeline import RunRow, TaskRow
from engine.workspace import Workspace

RUN_ID = "3f2a77c1-0000-4000-8000-000000000001"


def add_run(
    table: RunTable,
    run_id: str = RUN_ID,
    flow: str = "data_flow",
    *,
    state: str = "",
    message: str = "",
    error_kind: str = "",
    closed: bool = True,
    **more: Any,
) -> str:
    """Accept a run; given a state, let it have ended so. Nothing has begun it."""
    usual = {"name": "bold-otter", "document": "", "request": {"overrides": [], "flags": {}}}
    new = NewRun(**{"id": run_id, "flow": flow, **usual, **more})
    table.accept(new)
    if state:
        table.finish(run_id, state, message, error_kind)
        if closed:
            table.set_closed(run_id)
    return run_id


def add_ended_run(
    table: RunTable,
    workspace: Workspace,
    run_id: str = RUN_ID,
    *,
    state: str = "FAILED",
    message: str = "ledger.csv:7: no date",
    error_kind: str = "DataError",
) -> Path:
    """A run of data_flow that had a process and left its log and its result; its folder."""
    add_run(table, run_id, parameters={"model_type": "LSTM"})
    # A process number that no process has; the run is closed before anybody could look for it.
    assert table.claim(run_id, 0, pid=2**22 + 1, mark="gone", prefect_id=None)
    table.finish(run_id, state, message, error_kind)
    table.set_closed(run_id)
    folder = workspace.run_folder(run_id)
    folder.mkdir()
    write_log(folder, "one\ntwo \x1b]0;title\x07\n셋\n")
    start, end = (datetime(2026, 1, 31, 14, 5, second, tzinfo=UTC) for second in (0, 9))
    task = TaskRow("t", "load_time_series_csv", state, start, start, end)
    row = RunRow(run_id, "bold-otter", "data_flow", state, start, start, end, tasks=(task,))
    outputs = {"data_report": ["3 days filled"]}
    Outcome(state, message, error_kind, outputs, (row,)).write(folder)
    return folder


def write_log(folder: Path, text: str, segment: int = 0) -> None:
    """Write a segment of the log of a run."""
    folder.mkdir(exist_ok=True)
    segment_path(folder, segment).write_text(text, encoding="utf-8")
