"""How long `engine --help` takes, beside the interpreter itself and beside importing Prefect.

python benchmarks/startup.py [--repeats 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ours = median_seconds([ENGINE, "--help"], arguments.repeats)
    bare = median_seconds([sys.executable, "-c", "pass"], arguments.repeats)
    prefect = median_seconds([sys.executable, "-c", "import prefect"], 3)
    claim = {
        "claim": "engine --help",
        "value": round(ours, 3),
        "unit": "s",
        "goal": f"<= {GOAL_SECONDS}",
        "peer": "python -c 'import prefect'",
        "peer_value": round(prefect, 3),
        "ok": ours <= GOAL_SECONDS,
    }
    if arguments.json:
        print(json.dumps(claim))
    else:
        verdict = "ok" if claim["ok"] else "MISSED"
        print(
            f"{verdict:>6}  engine --help: {ours:.3f} s (goal {claim['goal']}; the bare "
            f"interpreter: {bare:.3f} s; import prefect: {prefect:.3f} s, {prefect / ours:.0f}x)"
        )
    return 0 if claim["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
