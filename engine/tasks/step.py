"""The one way to declare a step: every task run has the same settings and leaves a trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext

from engine.runs.context import run_context

P = ParamSpec("P")
R = TypeVar("R")


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Declare a function as a step of a flow.

    The task runs in the thread of its flow. Its result stays in memory and its inputs are not
    hashed: a step hands whole data sets on, and what must last is written by the step itself.

    Args:
        name: Name of its task runs.
    """

    def declare(function: Callable[P, R]) -> Task[P, R]:
        @wraps(function)
        def body(*args: P.args, **kwargs: P.kwargs) -> R:
            current = TaskRunContext.get()
            assert current is not None, "Prefect sets the context of a task run"
            context = run_context()
            label = current.task.name
            context.task_run_ids.append(str(current.task_run.id))
            context.progress.write("task", name=label, state="RUNNING")
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                context.progress.write(
                    "task", name=label, state="FAILED", message=f"{type(error).__name__}: {error}"
                )
                raise
            context.progress.write("task", name=label, state="COMPLETED")
            return result

        return task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)(
            body
        )

    return declare


def report_progress(kind: str, done: int, total: int, **values: float) -> None:
    """Tell how far the current step is, for example `report_progress("epoch", 3, 20, loss=0.6)`."""
    current = TaskRunContext.get()
    name = current.task.name if current else ""
    run_context().progress.write(kind, step=name, done=done, total=total, **values)
