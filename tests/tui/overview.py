"""A board as an engine at work would have filled it, at the present of `tests.tui.rows`."""

from __future__ import annotations

from typing import Any

from engine.schema import (
    ChildInfo,
    EngineStatus,
    FlowFacts,
    RunDetail,
    RunInfo,
    ScheduleInfo,
    StepInfo,
)
from tests.tui.rows import NOW, run_info
from tui.board import Board

FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")


def child_info(name: str, state: str = "ready", **changes: Any) -> ChildInfo:
    """A process that the engine keeps running, for two hours."""
    values: dict[str, Any] = {"pid": 4720, "since": NOW - 7200.0, "restarts": 0}
    return ChildInfo(name=name, state=state, **(values | {"memory": 200 << 20} | changes))


def engine_status(**changes: Any) -> EngineStatus:
    """An engine with its three children, for two days."""
    values: dict[str, Any] = {
        "version": "1.2.3",
        "pid": 4711,
        "workspace": "/somewhere",
        "started": NOW - 2 * 86400.0,
        "children": tuple(map(child_info, ("prefect server", "fork server", "predictor"))),
        "running": 0,
        "queued": 0,
        "max_concurrent": 2,
        "counts": {"COMPLETED": 12},
        "memory": 60 << 20,
        "cpu_seconds": 81.0,
        "timezone": "UTC",
    }
    return EngineStatus(**(values | changes))


def flow_facts(flow: str, *durations: float, **changes: Any) -> FlowFacts:
    """A flow whose last runs took so long, the newest first."""
    values: dict[str, Any] = {"counts": {}, "states": ("COMPLETED",) * len(durations)}
    return FlowFacts(flow=flow, last_started=None, durations=durations, **(values | changes))


def running_info(number: int, **changes: Any) -> RunInfo:
    """A run that goes on."""
    return run_info(number, **({"state": "RUNNING", "ended": None} | changes))


def training(run: RunInfo, done: int, total: int, *, since: float) -> RunDetail:
    """A run whose training counts epochs."""
    step = StepInfo(
        id="s", name="train_model", flow=run.flow, state="RUNNING", start=since, unit="epoch",
        done=done, total=total,
    )  # fmt: skip
    return RunDetail(run=run, folder="", steps=(step,))


def schedule_info(name: str, flow: str, at: float, **changes: Any) -> ScheduleInfo:
    """A schedule that fires next at a time."""
    values: dict[str, Any] = {
        "cron": "0 2 * * *",
        "every_seconds": None,
        "timezone": "UTC",
        "overrides": (),
        "flags": {},
        "priority": 0,
        "catch_up": "latest",
        "enabled": True,
        "next_times": (at,),
        "last_time": None,
        "last_run": None,
    }
    return ScheduleInfo(name=name, flow=flow, **(values | changes))


def fill(board: Board, *runs: RunInfo, **status: Any) -> None:
    """Give a board an engine, these runs, and facts of each flow."""
    board.status = engine_status(**status)
    board.answered = NOW
    board.take_recent(runs)
    board.flows = {flow: flow_facts(flow, 33.0, 31.0, 35.0) for flow in FLOWS}
