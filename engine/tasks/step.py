"""The one way to declare a step: every task run has the same settings and leaves a trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext

from engine.runs.context import run_context
from engine.runs.limits import is_out_of_memory, lift_limits

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
            tell = partial(
                run_context().progress.write,
                "task",
                id=str(current.task_run.id),
                name=current.task.name,
            )
            tell(state="RUNNING", **_whereabouts(current))
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                if is_out_of_memory(error):
                    # What has to be done about it needs some, and what the step took is still
                    # held by the error.
                    lift_limits()
                # What is not an Exception did not come from the step: somebody ended the run.
                state = "FAILED" if isinstance(error, Exception) else "CRASHED"
                tell(state=state, message=f"{type(error).__name__}: {error}")
                raise
            tell(state="COMPLETED")
            return result

        return task(name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)(
            body
        )

    return declare


def _whereabouts(current: TaskRunContext) -> dict[str, str]:
    """What it takes to record this task run again, should the server lose it."""
    task_run = current.task_run
    flow = FlowRunContext.get()
    return {
        "flow": flow.flow.name if flow and flow.flow else "",
        "flow_run": str(task_run.flow_run_id),
        "task_key": task_run.task_key,
        "dynamic_key": task_run.dynamic_key,
    }


def report_progress(kind: str, done: int, total: int, **values: float) -> None:
    """Tell how far the current step is, for example `report_progress("epoch", 3, 20, loss=0.6)`."""
    current = TaskRunContext.get()
    name = current.task.name if current else ""
    run_context().progress.write(kind, step=name, done=done, total=total, **values)
