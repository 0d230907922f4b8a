"""The page /metrics at any size of history: how long a scraper waits for it.

The engine is a process of its own, asked over TCP as Prometheus does. The peer is the same page of
an engine that has a hundredth of the runs.

    python benchmarks/metrics.py [--calls 100] [--json]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from _claims import Claim, at_most, parser_of, percentile, report
from _long_history import write_history

from engine.client import EngineClient, calls
from engine.workspace import Workspace

SETTINGS = (
    "predictor: {enabled: false}\nflow_api: {port: 0}\nweb_page: {enabled: false}\n"
    "retention: {keep_runs: 1000000}\n"
)


def scrapes(runs: int, number: int) -> tuple[list[float], int]:
    """Milliseconds of each of so many scrapes of an engine with so many runs, and bytes of one."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name) / "workspace").create()
        write_history(workspace, runs=runs, tasks=10, log_lines=10)
        (workspace.configs / "engine.yaml").write_text(SETTINGS)
        with EngineClient(workspace) as engine:
            try:
                while not (addresses := engine.send(calls.status()).addresses):
                    time.sleep(0.05)
                with httpx.Client(base_url=addresses["flow_api"], timeout=60) as client:
                    times = []
                    for _ in range(number):
                        began = time.perf_counter()
                        answer = client.get("/metrics")
                        times.append((time.perf_counter() - began) * 1000.0)
                        assert answer.status_code == 200, answer.text
                    return times, len(answer.content)
            finally:
                engine.send(calls.down())


def measure(number: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    small, _ = scrapes(1000, number)
    peer, usual = "1,000 runs", percentile(small, 0.95)
    large, size = scrapes(100_000, number)
    yield at_most("p95 of a scrape, 100,000 runs", percentile(large, 0.95), "ms", 50, peer, usual)
    yield at_most("first scrape, 100,000 runs", large[0], "ms", 200, peer, small[0])
    yield at_most("size of the page", size / 1024, "KiB", 64, "", None)


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--calls", type=int, default=100)
    arguments = parser.parse_args()
    return max(report([claim], as_json=arguments.json) for claim in measure(arguments.calls))


if __name__ == "__main__":
    sys.exit(main())
