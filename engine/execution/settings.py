"""Prefect settings of a run process that no environment variable can express."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings


def run_settings() -> AbstractContextManager[Any]:
    """Settings for the duration of a run, as a context manager.

    The heartbeat thread of every flow and subflow is joined at its end, up to a second each; the
    death of a run process is seen without it.
    """
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
