"""Messages with the fields that a test is about; the others have values that mean nothing."""

from __future__ import annotations

from typing import Any

from engine.schema import RunDetail, RunInfo, StepInfo

RUN_ID = "3f2a81c4-0000-4000-8000-000000000000"


def run_info(**changed: Any) -> RunInfo:
    """A run that goes on."""
    values: dict[str, Any] = {
        "id": RUN_ID,
        "flow": "train_flow",
        "name": "sly-fox",
        "state": "RUNNING",
        "message": "",
        "error_kind": "",
        "created": 100.0,
        "started": 101.0,
        "ended": None,
        "parameters": {},
        "priority": 0,
        "origin": "",
        "rerun_of": None,
        "cancel_requested": False,
        "prefect_id": None,
    }
    return RunInfo(**{**values, **changed})


def step_info(step_id: str, **changed: Any) -> StepInfo:
    """A step that goes on."""
    values: dict[str, Any] = {
        "id": step_id,
        "name": f"name of {step_id}",
        "flow": "train_flow",
        "state": "RUNNING",
        "start": 102.0,
    }
    return StepInfo(**{**values, **changed})


def run_detail(run: RunInfo, *steps: StepInfo, **changed: Any) -> RunDetail:
    """A run with its steps."""
    return RunDetail(**{"run": run, "folder": "/srv/runs/x", "steps": steps, **changed})
