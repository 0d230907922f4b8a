"""Processor time and memory of processes, looked at while they live."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """What a process and its children use.

    Attributes:
        cpu_seconds: Processor time so far; that of children which ended, too.
        memory: Resident bytes, as `top` shows them; what a run shares with others counts in each.
    """

    cpu_seconds: float
    memory: int


def look(pid: int, *, alone: bool = False) -> Usage | None:
    """Look at a process; None when it is gone or may not be looked at.

    Args:
        pid: Its number.
        alone: Without the processes that it started.
    """
    try:
        root = psutil.Process(pid)
        family = [root] if alone else [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    cpu, memory = 0.0, 0
    for process in family:
        try:
            with process.oneshot():
                times = process.cpu_times()
                cpu += times.user + times.system
                if not alone:
                    cpu += times.children_user + times.children_system
                memory += process.memory_info().rss
        except psutil.Error:
            continue  # ended while we looked
    return Usage(cpu, memory)
