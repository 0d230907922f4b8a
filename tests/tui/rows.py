"""Runs as an engine would tell them, for boards that are filled by hand."""

from __future__ import annotations

from typing import Any

from engine.schema import RunInfo

NOW = 1_760_000_000.0
"""The present of tests with a clock of their own: 2025-10-09 08:53:20 UTC."""


def run_info(number: int, **changes: Any) -> RunInfo:
    """The run at a place of a list, newest first: a minute apart, each took 33 s."""
    created = NOW - 60.0 * number
    values: dict[str, Any] = {
        "id": f"{number & 0xFFFFFFFF:08x}-0000-4000-8000-000000000000",
        "flow": "train_flow",
        "name": f"swift-otter-{number}",
        "state": "COMPLETED",
        "message": "",
        "error_kind": "",
        "created": created,
        "started": created + 0.2,
        "ended": created + 33.2,
        "parameters": {"model_type": "LSTM"},
        "priority": 0,
        "origin": "command line",
        "rerun_of": None,
        "cancel_requested": False,
        "prefect_id": None,
    }
    return RunInfo(**(values | changes))
