"""The names of run states, Prefect's own, in one place that imports nothing."""

from __future__ import annotations

FINAL_STATES = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
OPEN_STATES = ("PENDING", "RUNNING", "CANCELLING")
ALL_STATES = (*OPEN_STATES, "COMPLETED", "FAILED", "CRASHED", "CANCELLED")
