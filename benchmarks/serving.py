"""The predictor under load: latency, throughput, memory, start, beside trainings, changing.

The load is wrk's (apt-get install wrk), on the loopback interface; the peer is the same network
behind FastAPI, answered by torch. Both have one process.

    python benchmarks/serving.py [--seconds 10] [--changes 50] [--json]
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
from _claims import Claim, at_least, at_most, parser_of, report

from engine.predictor_options import PredictorOptions, encode
from engine.store import AliasRegistry, VersionStore
from engine.workspace import Workspace
from models import registry
from models.arrays import Panel
from models.base import no_progress
from models.forecasting.bundle import write_bundle

HERE = Path(__file__).parent
BODY = {"input_data": [float(number * 7 % 23 - 5) for number in range(30)], "prediction_step": 7}
PEER = "FastAPI and torch"
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '%s'
"""


@dataclass(frozen=True)
class Load:
    """What wrk measured: requests a second, milliseconds, answers that were none."""

    rate: float
    p50: float
    p99: float
    failed: int


def hammer(address: str, folder: Path, connections: int, seconds: int) -> Load:
    """Ask as fast as answers come over so many connections."""
    script = folder / "post.lua"
    script.write_text(LUA % json.dumps(BODY))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
    said = subprocess.run(
        [*command, f"{address}/predict_timeseries"], capture_output=True, text=True, check=True
    ).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said
    )
    return Load(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        p50=_milliseconds(_found(r"50%\s+([\d.]+\w+)", said)),
        p99=_milliseconds(_found(r"99%\s+([\d.]+\w+)", said)),
        failed=(int(failed[1]) if failed else 0)
        + (sum(map(int, broken.groups())) if broken else 0),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def deploy_networks(workspace: Workspace, folder: Path) -> None:
    """Train two small LSTMs briefly, and make one the champion and one the previous version."""
    values = np.random.default_rng(7).poisson(20.0, (20, 200)).astype(float)
    panel = Panel(tuple(str(number) for number in range(20)), dt.date(2025, 1, 1), values)
    aliases = AliasRegistry(workspace.central_storage)
    for seed in (1, 2):
        model = registry.create(
            "LSTM", window=30, horizon=7, seed=seed, threads=1, hparams={"epochs": 1}
        )
        model.fit(panel, validation_days=0, progress=no_progress)
        model.save(folder / f"model-{seed}")
        write_bundle(model, folder / f"bundle-{seed}", panel.last_windows(30, most=4))
        store = VersionStore(workspace.central_storage)
        version = store.add(folder / f"bundle-{seed}", created=float(seed), lineage={})
        aliases.promote(version.id, expected=aliases.read().champion)


@contextmanager
def process(command: Sequence[str], log: Path) -> Iterator[psutil.Process]:
    """A process, ended afterwards."""
    with log.open("wb") as output:
        started = subprocess.Popen([sys.executable, *command], stdout=output, stderr=output)
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(30)


def wait_for(address: str) -> float:
    """Seconds until a forecast is answered."""
    began = time.perf_counter()
    while True:
        try:
            if httpx.post(f"{address}/predict_timeseries", json=BODY).status_code == 200:
                return time.perf_counter() - began
        except httpx.TransportError:
            time.sleep(0.005)
        assert time.perf_counter() - began < 60, address


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(seconds: int, changes: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace(folder / "workspace").create()
        deploy_networks(workspace, folder)
        port = free_port()
        theirs_at = f"http://127.0.0.1:{port}"
        peer = [str(HERE / "_eager_peer.py"), str(folder / "model-2"), str(port)]
        with process(peer, folder / "peer.log") as process_of_peer:
            peer_start = wait_for(theirs_at)
            peer_one = hammer(theirs_at, folder, 1, seconds)
            peer_many = hammer(theirs_at, folder, 64, seconds)
            peer_memory = process_of_peer.memory_info().rss / 1024**2
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        options = encode(PredictorOptions(workspace=str(workspace.root), port=port))
        ours = ["-P", "-m", "engine.predictor.main", options]
        with process(ours, folder / "ours.log") as predictor:
            start = wait_for(address)
            one = hammer(address, folder, 1, seconds)
            many = hammer(address, folder, 64, seconds)
            memory = predictor.memory_info().rss / 1024**2
            yield at_most("p50 at one connection", one.p50, "ms", 0.3, PEER, peer_one.p50)
            yield at_least("requests at 64", many.rate, "a second", 8000, PEER, peer_many.rate)
            yield at_most("p99 at 64 connections", many.p99, "ms", 25, PEER, peer_many.p99)
            yield at_most("failed at 64 connections", many.failed, "requests", 0, "", None)
            yield at_most("resident memory", memory, "MB", 120, PEER, peer_memory)
            yield at_most("cold start to first forecast", start, "s", 1, PEER, peer_start)
            yield _beside_trainings(address, folder, seconds)
            yield from _while_it_changes(workspace, address, folder, changes)


def _beside_trainings(address: str, folder: Path, seconds: int) -> Claim:
    training = [str(HERE / "_training_load.py")]
    with process(training, folder / "a.log"), process(training, folder / "b.log"):
        time.sleep(8)  # until both have imported and begun
        load = hammer(address, folder, 64, seconds)
    return at_most("p99 at 64 beside two trainings", load.p99, "ms", 50, "", None)


def _while_it_changes(
    workspace: Workspace, address: str, folder: Path, changes: int
) -> Iterator[Claim]:
    aliases = AliasRegistry(workspace.central_storage)
    loads: list[Load] = []
    seconds = max(3, changes // 3)
    thread = threading.Thread(target=lambda: loads.append(hammer(address, folder, 32, seconds)))
    thread.start()
    took: list[float] = []
    answers: dict[str, set[str]] = {}
    with httpx.Client() as client:
        for _ in range(changes):
            began = time.perf_counter()
            champion = aliases.roll_back().champion
            while True:
                answer = client.post(f"{address}/predict_timeseries", json=BODY).json()
                answers.setdefault(answer["model_name"], set()).add(str(answer["prediction"]))
                if answer["model_name"] == champion:
                    break
            took.append(time.perf_counter() - began)
    thread.join()
    mixed = sum(len(forecasts) - 1 for forecasts in answers.values())
    yield at_most(f"{changes} changes under load: failed", loads[0].failed, "requests", 0, "", None)
    yield at_most(f"{changes} changes under load: mixed", mixed, "answers", 0, "", None)
    yield at_most("rollback under load until it answers", max(took), "s (worst)", 1, "", None)


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--changes", type=int, default=50)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed for the load: apt-get install wrk")
    return max(
        report([claim], as_json=arguments.json)
        for claim in measure(arguments.seconds, arguments.changes)
    )


if __name__ == "__main__":
    sys.exit(main())
