"""What the engine tells the process of a run: one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True)
class Order:
    """The run to do; everything else stands in the run's folder and in the table of runs.

    Attributes:
        run_id: The run.
        attempt: Which attempt at launching it this is: only the current one may claim it.
        prefect_id: Prefect's id of the run.
        nice: How far the process steps back behind others.
        memory_limit_mb: Most memory of its own that it may ask for; 0 = no limit.
        log_max_mb: Size that its log is kept within.
        pool: The work pool that runs are placed in, "" for none.
        is_placed: Whether this run is: this process only sees to it that it is done.
        lost_after_seconds: After how long without a sign of life it counts as lost there.
        cancel_seconds: How long they may take to end it when it is cancelled.
        dask_scheduler: Address of the Dask scheduler whose workers do trials; "" = none.
    """

    run_id: str
    attempt: int
    prefect_id: str
    nice: int = 0
    memory_limit_mb: int = 0
    log_max_mb: int = 50
    pool: str = ""
    is_placed: bool = False
    lost_after_seconds: float = 90.0
    cancel_seconds: float = 5.0
    dask_scheduler: str = ""

    def line(self) -> bytes:
        """The order as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Order:
        """Read back what `line()` wrote."""
        return cls(**json.loads(line))
