"""How a run steps back behind what serves, and what it may take at most."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

from engine.processes import step_back
from engine.runs.order import Order

# Of all processes of this machine, the kernel shall rather end a run than what serves forecasts.
_OUT_OF_MEMORY_SCORE = "500"
_ALLOCATION_FAILED = ("can't allocate memory", "bad_alloc", "bad allocation", "out of memory")


def apply_limits(order: Order) -> None:
    """Lower the priority of this process, and limit the memory that it may ask for."""
    step_back(order.nice)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # some containers do not allow it
            Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY_SCORE)
    if order.memory_limit_mb:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = _data_bytes() + order.memory_limit_mb * 1024**2
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def lift_limits() -> None:
    """Take the limit away again: what is left to do is to write down how the run ended."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it came of, means that memory ran out."""
    seen: BaseException | None = error
    while seen is not None:
        text = str(seen).lower()
        if isinstance(seen, MemoryError) or any(sign in text for sign in _ALLOCATION_FAILED):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def memory_problem(error: BaseException, order: Order) -> str:
    """Say that memory ran out, when that is what the error means; else an empty string."""
    if not is_out_of_memory(error):
        return ""
    if not order.memory_limit_mb:
        return f"this machine has no more memory for the run: {type(error).__name__}: {error}"
    return (
        f"the run needed more than the {order.memory_limit_mb} MB that it may take "
        f"(run.memory_limit_mb): {type(error).__name__}: {error}. Raise the limit, or train on "
        "less data"
    )


def _data_bytes() -> int:
    """Private memory that this process has already: what was imported before the run began."""
    if sys.platform != "linux":
        return 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0
