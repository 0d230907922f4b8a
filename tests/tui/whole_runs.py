"""Runs of full_flow with everything that one leaves: tree, retries, curves, log, results, files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.runs.outcome import Outcome
from engine.runs.progress import ProgressWriter
from engine.tables.runs import RunTable
from engine.timeline import RunRow, TaskRow
from engine.workspace import Workspace
from tests.unit.cli.rows import add_run, write_log

BEGAN = datetime(2026, 3, 5, 14, 2, 11, tzinfo=UTC)
EPOCHS = 9

CONFIG = """\
flow_module: full_flow                       # command
dataset:
  ds_name: demo                              # configs/data_flow_config.yaml:10 (shipped)
  rules:
    gaps: zero                               # --set
model:
  model_type: LSTM                           # --model-type
  window: 30                                 # configs/train_flow_config.yaml:7 (shipped)
"""

SCORES = {
    "candidate": {"mase": 0.82, "rmsse": 0.756, "wape": 0.402, "bias": -0.056, "mae": 6.819},
    "SeasonalNaive": {"mase": 1.059, "rmsse": 0.967, "wape": 0.512, "bias": 0.047, "mae": 8.684},
}
OUTPUTS = {
    "data_report": ["72,955 rows read from data/demo.parquet (parquet)", "No rule had to change"],
    "evaluation": {
        "model_type": "LSTM", "folds": 4, "horizon": 7, "scores": SCORES, "notes": [],
    },
    "gate": [{"passed": True, "sentence": "MASE 0.820 is 0.774 of seasonal naive's 1.059"}],
    "version": "lstm-0f2b86e024d6",
}  # fmt: skip

TRACEBACK = """\
2026-03-05 14:02:14.100 +0000 ERROR   train_model: Task run failed
Traceback (most recent call last):
  File "models/forecasting/recurrent.py", line 120, in fit
    loss.backward()
ValueError: the loss is not finite
"""


def at(seconds: float) -> datetime:
    """So many seconds after the run began."""
    return BEGAN + timedelta(seconds=seconds)


def task(
    name: str, start: float, end: float | None, state: str = "COMPLETED", **more: Any
) -> TaskRow:
    """A task from one second of the run to another."""
    ended = None if end is None else at(end)
    return TaskRow(f"t-{name}", name, state, at(start), at(start), ended, **more)


def tree(*, slower: float = 0.0, state: str = "COMPLETED") -> tuple[RunRow, ...]:
    """The four flows inside of one, `slower` seconds of training more; forecasts of each fold."""
    late = 5 + slower
    attempts = ((at(0.6), at(1.6)), (at(2.6), at(late)))
    train = task("train_model", 0.6, late, state, attempts=attempts)
    folds = tuple(task(f"score_fold-{n}", late + n / 2, late + n / 2 + 0.5) for n in range(6))
    end = late + 4
    flows = [
        ("data_flow", 0.0, 0.5, (task("load_rows", 0.1, 0.3), task("validate_data", 0.3, 0.5))),
        ("train_flow", 0.5, late, (task("build_model", 0.5, 0.6), train)),
        ("eval_flow", late, late + 3.2, folds),
        ("deploy_flow", late + 3.2, end, (task("gate", late + 3.2, end),)),
    ]
    root = RunRow("p-root", "", "full_flow", state, at(-2), at(0), at(end))
    inner = (
        RunRow(f"p-{name}", f"{name}-run", name, state if name == "train_flow" else "COMPLETED",
               at(begun), at(begun), at(stop), "p-root", tasks)
        for name, begun, stop, tasks in flows
    )  # fmt: skip
    return (root, *inner)


def leave_full_run(
    workspace: Workspace,
    table: RunTable,
    run_id: str,
    name: str = "delicate-capuchin",
    *,
    slower: float = 0.0,
    state: str = "COMPLETED",
    message: str = "",
    created: datetime = BEGAN,
) -> None:
    """A run of full_flow that has ended, with everything that it left."""
    parameters = {"model_type": "LSTM", "epochs": 20}
    add_run(table, run_id, "full_flow", name=name, parameters=parameters, state=state,
            message=message)  # fmt: skip
    took = 9 + slower
    with sqlite3.connect(workspace.database) as database:
        database.execute(
            "UPDATE runs SET created = ?, started = ?, ended = ? WHERE id = ?",
            (created.timestamp() - 2, created.timestamp(), created.timestamp() + took, run_id),
        )
    database.close()
    folder = workspace.run_folder(run_id)
    write_log(folder, log_text(400) + (TRACEBACK if state == "FAILED" else ""))
    write_progress(workspace, run_id, range(1, EPOCHS + 1))
    (folder / "config.yaml").write_text(CONFIG)
    outputs = OUTPUTS if state == "COMPLETED" else {}
    Outcome(state, message, "", outputs, tree(slower=slower, state=state)).write(folder)


def write_progress(workspace: Workspace, run_id: str, epochs: Iterable[int]) -> None:
    """What training told of some epochs: the sixth is the best one."""
    progress = ProgressWriter(workspace.run_folder(run_id))
    for epoch in epochs:
        measures = {
            "loss": 0.9 / epoch**0.3,
            "validation_loss": 0.8 + (epoch - 6) ** 2 / 500,
            "learning_rate": 0.001,
        }
        progress.write("epoch", step="train_model", done=epoch, total=20, **measures)
    progress.close()


def log_text(lines: int) -> str:
    """A log of so many lines, each another one."""
    return "".join(
        f"2026-03-05 14:02:{number % 60:02d}.000 +0000 INFO    train_model: line {number}\n"
        for number in range(1, lines + 1)
    )
