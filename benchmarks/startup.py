"""How long `engine --help` takes, beside importing Prefect.

python benchmarks/startup.py [--repeats 10] [--json]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from _claims import at_most, parser_of, report

GOAL_SECONDS = 0.150
ENGINE = str(Path(sys.executable).parent / "engine")


def median_seconds(command: list[str], repeats: int) -> float:
    """Median wall-clock time of a command, after one run that does not count."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> int:
    """Measure and print; exit status 1 when the goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    ours = median_seconds([ENGINE, "--help"], arguments.repeats)
    prefect = median_seconds([sys.executable, "-c", "import prefect"], 3)
    peer = "python -c 'import prefect'"
    claim = at_most("engine --help", ours, "s", GOAL_SECONDS, peer, prefect)
    return report([claim], as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
