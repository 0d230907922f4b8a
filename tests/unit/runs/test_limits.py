"""Limits hold for a whole process, so each case is a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.runs.limits import is_out_of_memory, memory_problem
from engine.runs.order import Order

_PRELUDE = """
import os, resource, sys
from pathlib import Path
from engine.runs.limits import apply_limits, lift_limits, memory_problem
from engine.runs.order import Order

def order(**limits):
    return Order("a1", 0, "p1", **limits)

def limit():
    return resource.getrlimit(resource.RLIMIT_DATA)[0]

def takes(megabytes):
    try:
        bytearray(megabytes * 1024**2)
    except MemoryError as error:
        return memory_problem(error, order(memory_limit_mb=64))
    return "fits"
"""
LIMITED = Order("a1", 0, "p1", memory_limit_mb=64)
UNLIMITED = Order("a1", 0, "p1")

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts memory so")


def run(code: str) -> list[str]:
    """Run code in a process of its own; return the lines that it printed."""
    process = subprocess.run(
        [sys.executable, "-c", _PRELUDE + code], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_a_run_steps_back_behind_others() -> None:
    code = "before = os.nice(0); apply_limits(order(nice=7)); print(os.nice(0) - before)"

    assert run(code) == ["7"]


def test_a_run_without_limits_is_left_as_it_is() -> None:
    code = """
before = os.nice(0), limit()
apply_limits(order())
print((os.nice(0), limit()) == before)
"""

    assert run(code) == ["True"]


@linux_only
def test_the_kernel_rather_ends_a_run_than_its_engine() -> None:
    score = Path("/proc/self/oom_score_adj")
    try:
        score.write_text(score.read_text())
    except OSError:
        pytest.skip("this machine does not allow it")

    assert run("apply_limits(order()); print(open('/proc/self/oom_score_adj').read(), end='')") == [
        "500"
    ]


@linux_only
def test_a_run_gets_no_more_memory_than_it_may_take() -> None:
    fits, refused, again = run(
        """
apply_limits(order(memory_limit_mb=64))
print(takes(32))
print(takes(128))
print(takes(32))
"""
    )

    assert (fits, again) == ("fits", "fits")
    assert refused.startswith("the run needed more than the 64 MB that it may take")


@linux_only
def test_memory_that_the_process_had_before_does_not_count() -> None:
    code = """
before = bytearray(256 * 1024**2)
apply_limits(order(memory_limit_mb=64))
print(takes(32), takes(128) == "fits")
"""

    assert run(code) == ["fits False"]


@linux_only
def test_when_the_limit_is_lifted_there_is_room_to_write_down_the_end() -> None:
    code = """
before = limit()
apply_limits(order(memory_limit_mb=64))
lift_limits()
print(takes(128), limit() == before)
"""

    assert run(code) == ["fits True"]


def test_a_limit_that_was_never_applied_can_be_lifted() -> None:
    assert run("lift_limits(); lift_limits(); print(takes(128))") == ["fits"]


@linux_only
def test_a_limit_of_the_machine_that_is_lower_stays_and_is_no_error() -> None:
    code = """
machine = 1024 * 1024**2
resource.setrlimit(resource.RLIMIT_DATA, (machine, machine))
apply_limits(order(memory_limit_mb=64_000))
print(limit() == machine)
lift_limits()
print(limit() == machine)
"""

    assert run(code) == ["True", "True"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 1.5 GiB for an array"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[LightGBM] bad allocation"),
        RuntimeError("CUDA Out Of Memory"),
    ],
)
def test_an_error_that_means_a_lack_of_memory_says_so_and_what_to_do(error: Exception) -> None:
    limited, unlimited = memory_problem(error, LIMITED), memory_problem(error, UNLIMITED)

    told = f"{type(error).__name__}: {error}"
    assert limited.startswith("the run needed more than the 64 MB that it may take")
    assert "run.memory_limit_mb" in limited
    assert unlimited.startswith("this machine has no more memory for the run")
    assert told in limited
    assert told in unlimited


@pytest.mark.parametrize(
    "error", [RuntimeError("the memory of the model is empty"), KeyError("memory"), OSError()]
)
def test_any_other_error_is_no_lack_of_memory(error: Exception) -> None:
    assert memory_problem(error, LIMITED) == ""
    assert memory_problem(error, UNLIMITED) == ""


def chained(cause: Exception | None, context: Exception | None) -> Exception:
    error = RuntimeError("the step failed")
    error.__cause__, error.__context__ = cause, context
    return error


def test_an_error_that_came_of_a_lack_of_memory_means_one_too() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(chained(MemoryError(), None))
    assert is_out_of_memory(chained(None, MemoryError()))
    assert is_out_of_memory(chained(chained(None, RuntimeError("std::bad_alloc")), None))
    assert not is_out_of_memory(chained(KeyError("memory"), None))
    assert memory_problem(chained(None, MemoryError()), LIMITED).endswith(
        "RuntimeError: the step failed. Raise the limit, or train on less data"
    )
