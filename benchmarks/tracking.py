"""Tracking: what it costs a run, and what it takes to tell MLflow of one.

The same training is repeated with tracking on and off, in turns and in pairs: while the second run
of a pair trains, the mirror tells of the first. The peer logs the same values of the same runs one
by one, into the same kind of database.

    python benchmarks/tracking.py [--pairs 8] [--epochs 6] [--json]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _claims import Claim, at_most, beside, measured, parser_of, report

from engine.client import EngineClient, calls
from engine.config.mlflow_address import OWN_PLACE
from engine.data.sample import write_sample
from engine.processes import start_mark
from engine.states import FINAL_STATES
from engine.tables.mirrored import RUN, MirrorTable
from engine.tables.runs import RunTable
from engine.workspace import Workspace

COLUMNS = ("dataset.date_col=date", "dataset.target_col=sales", "dataset.series_col=product")
SETTINGS = """
flow_api: {{enabled: false}}
web_page: {{enabled: false}}
predictor: {{enabled: false}}
tracking: {{enabled: {enabled}}}
"""
MIRROR = "engine.tracking.mirror"
PEER = Path(__file__).with_name("_mlflow_one_by_one.py")
_PATIENCE_SECONDS = 600.0


class Bench:
    """A running engine, whose tracking is switched on and off."""

    def __init__(self, workspace: Workspace, client: EngineClient, epochs: int) -> None:
        self.workspace = workspace
        self.table = RunTable(workspace.database)
        self.mirrored = MirrorTable(workspace.database, OWN_PLACE)
        self._client = client
        self._epochs = epochs

    def track(self, enabled: bool) -> None:
        """Switch tracking on or off; the engine looks at the file by itself."""
        text = SETTINGS.format(enabled=str(enabled).lower())
        (self.workspace.configs / "engine.yaml").write_text(text)

    def run(self, flow: str) -> tuple[str, float, float]:
        """Do a run; return it, its seconds from launch to end, and those of the processor."""
        flags = {"data": str(self.workspace.data / "sample.csv")}
        overrides: tuple[str, ...] = COLUMNS
        if flow == "train_flow":
            flags = {"model_type": "LSTM", "epochs": self._epochs}
            overrides = (f"train.hparams.patience={self._epochs}",)
        run = self._client.send(calls.launch(flow, overrides=overrides, flags=flags)).run
        _wait_until(lambda: self.table.get(run.id).state in FINAL_STATES)
        record = self.table.get(run.id)
        assert record.state == "COMPLETED", record.message
        assert record.ended is not None
        _wait_until(lambda: self.table.get(run.id).closed)
        _wait_until(lambda: self.table.get(run.id).cpu_seconds is not None)
        cpu_seconds = self.table.get(run.id).cpu_seconds
        assert cpu_seconds is not None
        return run.id, record.ended - record.created, cpu_seconds


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.02)


def measure_runs(bench: Bench, pairs: int) -> tuple[list[Claim], list[str]]:
    """Training with tracking on and off; also the runs that were not told of."""
    seconds: dict[tuple[bool, int], list[float]] = {}
    processor: dict[bool, list[float]] = {True: [], False: []}
    untold: list[str] = []
    for pair in range(pairs):
        for on in (True, False) if pair % 2 else (False, True):
            bench.track(on)
            for place in range(2):
                run_id, taken, used = bench.run("train_flow")
                processor[on].append(used)
                seconds.setdefault((on, place), []).append(taken)
                if not on:
                    # Else it would be told of while the next pair is measured.
                    bench.mirrored.done(RUN, run_id)
                    untold.append(run_id)
            if on:
                _wait_until(lambda: not bench.mirrored.count_waiting())
    median = {key: statistics.median(values) for key, values in seconds.items()}
    every = {on: statistics.median([*seconds[on, 0], *seconds[on, 1]]) for on in (True, False)}
    claims = [
        at_most(
            "a training with tracking on, to the same with it off",
            100 * (every[True] / every[False] - 1),
            "% more",
            3.0,
            "seconds with it off",
            every[False],
        ),
        at_most(
            "a training while the run before it is told of, likewise",
            100 * (median[True, 1] / median[False, 1] - 1),
            "% more",
            3.0,
            "seconds with it off",
            median[False, 1],
        ),
        at_most(
            "processor time of a training with tracking on, likewise",
            100 * (statistics.median(processor[True]) / statistics.median(processor[False]) - 1),
            "% more",
            3.0,
            "seconds with it off",
            statistics.median(processor[False]),
        ),
    ]
    return claims, untold


def measure_mirror(bench: Bench, run_ids: list[str], folder: Path) -> list[Claim]:
    """What the mirror takes a run, and the peer for the same; the engine must be gone."""
    bench.track(True)
    idle = _mirror_seconds(bench.workspace, expected=0)
    for run_id in run_ids:
        bench.mirrored.forget(RUN, run_id)
    busy = _mirror_seconds(bench.workspace, expected=len(run_ids))
    done = subprocess.run(
        [sys.executable, str(PEER), str(bench.workspace.root), str(folder / "peer.db"), *run_ids],
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    peer = statistics.median(json.loads(done.stdout.splitlines()[-1]))
    each = (busy - idle) / len(run_ids)
    return [
        beside("telling MLflow of a run", 1000 * each, "ms", "value by value", 1000 * peer),
        measured("the mirror's process when there is nothing to tell", idle, "s"),
    ]


def _mirror_seconds(workspace: Workspace, *, expected: int) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", MIRROR, str(workspace.root), "--now"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("run ")]
    assert len(told) == expected, done
    return time.perf_counter() - begin


def main() -> int:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlops-tui-bench-") as temporary:
        workspace = Workspace(Path(temporary) / "workspace").create()
        write_sample(workspace.data / "sample.csv", series=20, days=730)
        (workspace.configs / "engine.yaml").write_text(SETTINGS.format(enabled="true"))
        with EngineClient(workspace) as client:
            bench = Bench(workspace, client, arguments.epochs)
            bench.run("data_flow")
            bench.run("train_flow")
            # The first time makes MLflow's tables.
            _wait_until(lambda: not bench.mirrored.count_waiting())
            claims, untold = measure_runs(bench, arguments.pairs)
            bench.track(False)
            pid = client.send(calls.down()).pid
        _wait_until(lambda: start_mark(pid) is None)
        claims += measure_mirror(bench, untold, Path(temporary))
    return report(claims, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
