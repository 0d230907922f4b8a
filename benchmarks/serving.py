"""The predictor under load: latency, throughput, memory, start, beside trainings, changing.

A blend is asked for its intervals too.

The load is wrk's (apt-get install wrk), on the loopback interface; the peers are the same network
behind FastAPI, answered by torch, and behind `mlflow models serve`, answered by onnxruntime
(pip install 'mlops-tui[bench]'). Each has one process.

    python benchmarks/serving.py [--seconds 10] [--changes 50] [--json]
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import _load
import httpx
import numpy as np
from _claims import Claim, at_least, at_most, parser_of, report
from _load import Load, free_port, need_wrk, process

from engine.predictor_options import PredictorOptions, encode
from engine.store import AliasRegistry, VersionStore
from engine.workspace import Workspace
from models import registry
from models.arrays import UNKNOWN_WEEKDAY, Panel
from models.base import Forecaster, no_progress
from models.forecasting.bundle import MODEL_FILE, write_bundle

HERE = Path(__file__).parent
BODY = {"input_data": [float(number * 7 % 23 - 5) for number in range(30)], "prediction_step": 7}
PEER = "FastAPI and torch"
MLFLOW = "mlflow models serve"
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '%s'
"""


@dataclass(frozen=True)
class Server:
    """Where forecasts are asked for, and how."""

    address: str
    path: str = "/predict_timeseries"
    body: str = json.dumps(BODY)

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.address}{self.path}"


def hammer(server: Server, folder: Path, connections: int, seconds: int) -> Load:
    """Ask as fast as answers come over so many connections."""
    script = folder / "post.lua"
    script.write_text(LUA % server.body)
    return _load.hammer(server.url, script, connections, seconds)


def demand() -> Panel:
    """Twenty series of counts."""
    values = np.random.default_rng(7).poisson(20.0, (20, 200)).astype(float)
    return Panel(tuple(str(number) for number in range(20)), dt.date(2025, 1, 1), values)


def deploy(workspace: Workspace, model: Forecaster, bundle: Path) -> None:
    """Make a model the champion, by a bundle in a folder that is not there yet."""
    write_bundle(model, bundle, demand().last_windows(30, most=4))
    version = VersionStore(workspace.central_storage).add(bundle, created=time.time(), lineage={})
    aliases = AliasRegistry(workspace.central_storage)
    aliases.promote(version.id, expected=aliases.read().champion)


def deploy_networks(workspace: Workspace, folder: Path) -> None:
    """Train two small LSTMs briefly, and make one the champion and one the previous version."""
    panel = demand()
    for seed in (1, 2):
        model = registry.create(
            "LSTM", window=30, horizon=7, seed=seed, threads=1, hparams={"epochs": 1}
        )
        model.fit(panel, validation_days=0, progress=no_progress)
        model.save(folder / f"model-{seed}")
        deploy(workspace, model, folder / f"bundle-{seed}")


def wait_for(server: Server) -> float:
    """Seconds until a forecast is answered."""
    began = time.perf_counter()
    headers = {"content-type": "application/json"}
    while True:
        try:
            if httpx.post(server.url, content=server.body, headers=headers).status_code == 200:
                return time.perf_counter() - began
        except httpx.TransportError:
            time.sleep(0.005)
        assert time.perf_counter() - began < 120, server


def measure(seconds: int, changes: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace(folder / "workspace").create()
        deploy_networks(workspace, folder)
        mlflow = _measure_mlflow(folder, seconds)
        port = free_port()
        theirs = Server(f"http://127.0.0.1:{port}")
        peer = [str(HERE / "_eager_peer.py"), str(folder / "model-2"), str(port)]
        with process(peer, folder / "peer.log") as process_of_peer:
            peer_start = wait_for(theirs)
            peer_one = hammer(theirs, folder, 1, seconds)
            peer_many = hammer(theirs, folder, 64, seconds)
            peer_memory = process_of_peer.memory_info().rss / 1024**2
        port = free_port()
        server = Server(f"http://127.0.0.1:{port}")
        options = encode(PredictorOptions(workspace=str(workspace.root), port=port))
        ours = ["-P", "-m", "engine.predictor.main", options]
        with process(ours, folder / "ours.log") as predictor:
            start = wait_for(server)
            one = hammer(server, folder, 1, seconds)
            many = hammer(server, folder, 64, seconds)
            memory = predictor.memory_info().rss / 1024**2
            yield at_most("p50 at one connection", one.p50, "ms", 0.3, PEER, peer_one.p50)
            yield at_least("requests at 64", many.rate, "a second", 8000, PEER, peer_many.rate)
            ratio = many.rate / mlflow.rate
            yield at_least(f"times {MLFLOW}, at 64", ratio, "x", 10, MLFLOW, mlflow.rate)
            yield at_most("p99 at 64 connections", many.p99, "ms", 25, PEER, peer_many.p99)
            yield at_most("failed at 64 connections", many.failed, "requests", 0, "", None)
            yield at_most("resident memory", memory, "MB", 120, PEER, peer_memory)
            yield at_most("cold start to first forecast", start, "s", 1, PEER, peer_start)
            yield _beside_trainings(server, folder, seconds)
            yield from _while_it_changes(workspace, server, folder, changes)
        yield _measure_blend(folder, seconds)


def deploy_blend(workspace: Workspace, folder: Path) -> int:
    """Search briefly, and make the blend the champion; returns how many members it has."""
    panel = demand()
    hparams = {"trials": 12, "epochs": 2, "samples_per_epoch": 1000, "rounds": 100}
    blend = registry.create("auto", window=30, horizon=7, seed=1, threads=1, hparams=hparams)
    blend.fit(panel, validation_days=28, progress=no_progress)
    blend.calibrate(panel, validation_days=28)
    deploy(workspace, blend, folder / "blend")
    return len(blend.describe()["members"])


def _measure_blend(folder: Path, seconds: int) -> Claim:
    """How fast a blend answers, intervals included."""
    workspace = Workspace(folder / "of-blend").create()
    members = deploy_blend(workspace, folder)
    port = free_port()
    server = Server(f"http://127.0.0.1:{port}", body=json.dumps({**BODY, "level": 80}))
    options = encode(PredictorOptions(workspace=str(workspace.root), port=port))
    with process(["-P", "-m", "engine.predictor.main", options], folder / "blend.log"):
        wait_for(server)
        load = hammer(server, folder, 1, seconds)
    assert not load.failed, load
    name = f"p50 of a blend of {members} with an interval"
    return at_most(name, load.p50, "ms", 2.0, "", None)


def _measure_mlflow(folder: Path, seconds: int) -> Load:
    """The throughput of MLflow's own server, at 64 connections."""
    port = free_port()
    body = {"inputs": {"values": [BODY["input_data"]], "weekday": [UNKNOWN_WEEKDAY]}}
    server = Server(f"http://127.0.0.1:{port}", "/invocations", json.dumps(body))
    model = folder / "bundle-2" / MODEL_FILE
    peer = [str(HERE / "_mlflow_peer.py"), str(model), str(folder / "mlflow"), str(port)]
    with process(peer, folder / "mlflow.log"):
        wait_for(server)
        load = hammer(server, folder, 64, seconds)
    assert not load.failed, load
    return load


def _beside_trainings(server: Server, folder: Path, seconds: int) -> Claim:
    training = [str(HERE / "_training_load.py")]
    with process(training, folder / "a.log"), process(training, folder / "b.log"):
        time.sleep(8)  # until both have imported and begun
        load = hammer(server, folder, 64, seconds)
    return at_most("p99 at 64 beside two trainings", load.p99, "ms", 50, "", None)


def _while_it_changes(
    workspace: Workspace, server: Server, folder: Path, changes: int
) -> Iterator[Claim]:
    aliases = AliasRegistry(workspace.central_storage)
    loads: list[Load] = []
    seconds = max(3, changes // 3)
    thread = threading.Thread(target=lambda: loads.append(hammer(server, folder, 32, seconds)))
    thread.start()
    took: list[float] = []
    answers: dict[str, set[str]] = {}
    with httpx.Client() as client:
        for _ in range(changes):
            began = time.perf_counter()
            champion = aliases.roll_back().champion
            while True:
                answer = client.post(server.url, json=BODY).json()
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
    need_wrk()
    if importlib.util.find_spec("mlflow") is None:
        sys.exit("MLflow is needed as a peer: pip install 'mlops-tui[bench]'")
    return max(
        report([claim], as_json=arguments.json)
        for claim in measure(arguments.seconds, arguments.changes)
    )


if __name__ == "__main__":
    sys.exit(main())
