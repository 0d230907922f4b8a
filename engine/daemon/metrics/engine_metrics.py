"""The engine itself, the processes that it keeps, and the ports on which it answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from engine.daemon.metrics.exposition import Metric, Reading
from engine.schema import EngineStatus

INFO = Metric("mlops_engine_info", "gauge", "The engine that answers; always 1.", ("version",))
STARTED = Metric(
    "mlops_engine_start_time_seconds", "gauge", "When it started, seconds since the epoch."
)
MEMORY = Metric("mlops_engine_memory_bytes", "gauge", "Resident memory of the engine itself.")
CPU = Metric(
    "mlops_engine_cpu_seconds_total", "counter", "Processor time that the engine itself used."
)
PROBLEMS = Metric(
    "mlops_engine_problems", "gauge", "What `engine status` has to say that is not in order."
)
RUNNING = Metric("mlops_runs_running", "gauge", "Runs that have a process.")
SLOTS = Metric("mlops_run_slots", "gauge", "How many runs may go on at once.")
CHILD_UP = Metric(
    "mlops_child_up",
    "gauge",
    "Whether a process that the engine keeps is ready: 1 or 0; nothing before it is needed.",
    ("child",),
)
CHILD_RESTARTS = Metric(
    "mlops_child_restarts_total", "counter", "How often it was started again.", ("child",)
)
CHILD_MEMORY = Metric("mlops_child_memory_bytes", "gauge", "Its resident memory.", ("child",))
CHILD_CPU = Metric(
    "mlops_child_cpu_seconds_total", "counter", "Processor time that it used.", ("child",)
)
SERVICE_UP = Metric(
    "mlops_service_up", "gauge", "Whether a port of the engine is open: 1 or 0.", ("service",)
)
ERRAND_FAILED = Metric(
    "mlops_errand_failed",
    "gauge",
    "Whether work that the engine does now and then went wrong the last time: 1 or 0.",
    ("errand",),
)

_NOT_NEEDED = "off"


class EngineMetrics:
    """Reads the state of the engine.

    Args:
        status: How everything is doing.
        services: Whether each port is open that is to be.
        errands: Whether each kind of errand went wrong the last time.
    """

    metrics = (
        *(INFO, STARTED, MEMORY, CPU, PROBLEMS, RUNNING, SLOTS),
        *(CHILD_UP, CHILD_RESTARTS, CHILD_MEMORY, CHILD_CPU, SERVICE_UP, ERRAND_FAILED),
    )

    def __init__(
        self,
        status: Callable[[], Awaitable[EngineStatus]],
        services: Callable[[], dict[str, bool]],
        errands: Callable[[], dict[str, bool]],
    ) -> None:
        self._status = status
        self._services = services
        self._errands = errands

    async def collect(self) -> Iterable[Reading]:
        """The values at this moment."""
        status = await self._status()
        found = [
            Reading(INFO, (status.version,), 1),
            Reading(STARTED, (), status.started),
            Reading(PROBLEMS, (), len(status.problems)),
            Reading(RUNNING, (), status.running),
            Reading(SLOTS, (), status.max_concurrent),
        ]
        found += _if_known(MEMORY, (), status.memory)
        found += _if_known(CPU, (), status.cpu_seconds)
        for child in status.children:
            name = (label_of(child.name),)
            if child.state != _NOT_NEEDED:
                found.append(Reading(CHILD_UP, name, child.state == "ready"))
            found.append(Reading(CHILD_RESTARTS, name, child.restarts))
            found += _if_known(CHILD_MEMORY, name, child.memory)
            found += _if_known(CHILD_CPU, name, child.cpu_seconds)
        found += [Reading(SERVICE_UP, (name,), up) for name, up in self._services().items()]
        found += [Reading(ERRAND_FAILED, (name,), bad) for name, bad in self._errands().items()]
        return found


def label_of(name: str) -> str:
    """The name of a child as a label: "predictor 2" is predictor_2."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def _if_known(metric: Metric, values: tuple[str, ...], value: float | None) -> list[Reading]:
    return [] if value is None else [Reading(metric, values, value)]
