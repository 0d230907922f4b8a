"""Facts about operating-system processes that survive the reuse of a process number."""

from __future__ import annotations

import contextlib
import os
import subprocess
from functools import cache
from pathlib import Path


def start_mark(pid: int) -> str | None:
    """Return a mark of one process that a later process of the same number does not have.

    Args:
        pid: Process number.

    Returns:
        The kernel's start time of the process, or None when there is no such process (or it is
        dead and only waits to be collected).
    """
    return _from_proc(pid) if Path("/proc/self/stat").exists() else _from_ps(pid)


def _from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command name stands in parentheses and may itself hold spaces and parentheses.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else f"{_boot()}-{fields[19]}"


@cache
def _boot() -> str:
    # Start times count from the boot, so that after the next one they may repeat.
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def _from_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


def is_alive(pid: int | None, mark: str | None) -> bool:
    """Tell whether the very process that was recorded as (pid, mark) still lives."""
    return pid is not None and mark is not None and start_mark(pid) == mark


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process group that this engine started; a group already gone is fine."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def step_back(nice: int, pid: int = 0) -> None:
    """Let a process, and what it will start, go behind others for the processor.

    Where the kernel shares the processor between sessions first (autogroup), priorities count
    within a session only: that of the session itself is lowered too.

    Args:
        nice: How much further than it does already: 0 (not at all) to 19 (as far as it goes).
        pid: The process, which leads a session; 0: this one. One that is gone is fine.
    """
    try:
        nice = min(19, os.getpriority(os.PRIO_PROCESS, pid) + nice)
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    except ProcessLookupError:
        return
    with contextlib.suppress(OSError):  # another kernel, or one that does not let us
        Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(nice))
