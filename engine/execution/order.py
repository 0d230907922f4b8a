"""What a launcher tells a run process on its standard input: one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

CONFIG_FILE = "config.yaml"
LOG_FILE = "log"


@dataclass(frozen=True)
class Order:
    """The run to do; everything else stands in the run's folder and in the table of runs."""

    run_id: str
    nice: int

    def line(self) -> bytes:
        """The order as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"
