"""How long a Prefect process worker takes from a launch to the first task."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from _prefect_peer import process_worker

_LAUNCHES = 7
_POOL = "peer"

_FLOW = """
import sys, time
from pathlib import Path
from prefect import flow, task
@task
def first(mark):
    Path(mark).write_text(str(time.time()))
@flow
def probe(mark: str):
    first(mark)
"""

_DEPLOY = """
from prefect import flow
flow.from_source(source=".", entrypoint="flow.py:probe").deploy(name="peer", work_pool_name="peer")
"""

_LAUNCH = """
import json, sys, time
from pathlib import Path
from prefect.deployments import run_deployment
seconds = []
for number in range(int(sys.argv[1])):
    mark = Path(f"mark-{number}").absolute()
    asked = time.time()
    run_deployment("probe/peer", parameters={"mark": str(mark)}, timeout=0)
    while not mark.exists() or not mark.read_text():
        time.sleep(0.01)
    seconds.append(float(mark.read_text()) - asked)
    time.sleep(1.37)  # not in step with the worker's polling
print(json.dumps(seconds))
"""


def measure_worker_launches(folder: Path, environment: Mapping[str, str]) -> list[float]:
    """Seconds from each launch request to the first task, after one that does not count."""
    place = folder / "worker-peer"
    place.mkdir()
    (place / "flow.py").write_text(_FLOW)

    def python(*arguments: str) -> str:
        with (place / "peer.log").open("ab") as log:
            done = subprocess.run(
                [sys.executable, *arguments],
                env=dict(environment),
                cwd=place,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                check=True,
                timeout=300,
            )
        return done.stdout

    python("-m", "prefect", "work-pool", "create", _POOL, "--type", "process")
    python("-c", _DEPLOY)
    with process_worker(place, environment, _POOL):
        time.sleep(5)
        seconds: list[float] = json.loads(
            python("-c", _LAUNCH, str(_LAUNCHES + 1)).splitlines()[-1]
        )
    return seconds[1:]
