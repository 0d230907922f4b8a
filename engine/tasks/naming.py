"""Steps under the names that they have for one kind of data."""

from __future__ import annotations

from typing import ParamSpec, TypeVar

from prefect import Task

from engine.config.flow_settings import FlowSettings
from engine.runs.context import run_context
from engine.strategies.step_names import step_name

P = ParamSpec("P")
R = TypeVar("R")


def named(task: Task[P, R], settings: FlowSettings) -> Task[P, R]:
    """The step under its name for this kind of data, such as load_time_series_csv."""
    name = step_name(task.name, settings, run_context().workspace.root)
    return task.with_options(name=name, task_run_name=name)
