"""The real MLflow server: runs are listed by it, and versions loaded from it by MLflow alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.data.sample import write_sample
from engine.store import open_store
from engine.workspace import Workspace
from models.arrays import Windows
from tests.e2e.harness import NOT_TRACKED, SETTINGS, Engine

pytest.importorskip("flask", reason="needs the extra [mlflow]")

pytestmark = [pytest.mark.long, pytest.mark.e2e]

MODEL = "mlops-tui-timeseries"
_START_SECONDS = 120.0
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
_LOAD = """
import json, sys
import numpy as np, pandas as pd, mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
days = pd.date_range("2026-01-05", periods=30)
frame = pd.DataFrame({"unique_id": "a", "ds": days, "y": np.arange(30) % 7 + 10.0})
answer = model.predict(frame, params={"steps": 9, "level": 80.0})
assert "torch" not in sys.modules
told = {name: answer[name].tolist() for name in ("forecast", "lower", "upper")}
print(json.dumps({**told, "version": model.metadata.metadata["version"]}))
"""


class Server:
    """`mlflow server` on a port of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        database = self._folder / "server.db"
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                    *("--host", "127.0.0.1", "--port", str(self._port)),
                    *("--backend-store-uri", f"sqlite:///{database}"),
                    *("--artifacts-destination", str(self._folder / "artifacts")),
                ],
                env=os.environ | _ENVIRONMENT,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            try:
                if httpx.get(f"{self.url}/health", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.2)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, trust_env=False)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """An answer; nothing where there is nothing of this name yet."""
        answer = httpx.get(f"{self.url}/api/2.0/mlflow/{path}", params=params, trust_env=False)
        missing = "not found" in answer.text or "not find" in answer.text
        if answer.status_code in (400, 404) and missing:
            return {}
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def all_runs(self) -> list[dict[str, Any]]:
        found = self.get("experiments/get-by-name", experiment_name="mlops-tui")
        if not found:
            return []
        ids = [found["experiment"]["experiment_id"]]
        return list(self.post("runs/search", experiment_ids=ids, max_results=999).get("runs", []))

    def runs(self) -> dict[str, dict[str, Any]]:
        """Its runs by the ids that they have with us."""
        return {tags_of(run)["mlops_tui.run"]: run for run in self.all_runs()}

    def champion(self) -> str:
        found = self.get("registered-models/alias", name=MODEL, alias="champion")
        return tags_of({"data": found["model_version"]})["mlops_tui.version"] if found else ""


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("mlflow-server"))
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def tracked(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that mirrors to the server."""
    workspace = Workspace(tmp_path_factory.mktemp("tracked")).create()
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=6, days=220)
    (workspace.configs / "engine.yaml").write_text(
        SETTINGS.replace(NOT_TRACKED, f"tracking: {{url: '{server.url}'}}")
    )
    engine = Engine(workspace, sample)
    try:
        assert engine.run("up").returncode == 0
        yield engine
    finally:
        engine.run("down", "--cancel-runs")


def train(engine: Engine, *options: str) -> dict[str, Any]:
    run: dict[str, Any] = engine.json(
        *("run", "full_flow", *engine.sample_options, "--epochs=3", *options)
    )
    assert run["state"] == "COMPLETED"
    return run


def loaded_from(server: Server, folder: Path) -> dict[str, Any]:
    """What the champion answers in a process that knows nothing but the server's address."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, f"models:/{MODEL}@champion"],
        env=os.environ | _ENVIRONMENT | {"MLFLOW_TRACKING_URI": server.url},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_server_lists_our_runs_and_what_it_loads_forecasts_as_our_version(
    server: Server, tracked: Engine, tmp_path: Path
) -> None:
    run = train(tracked, "--model-type=LSTM")
    tracked.wait_until(lambda: run["id"] in server.runs(), seconds=90)
    version_id = run["outputs"]["version"]
    tracked.wait_until(lambda: server.champion() == version_id, seconds=90)

    there = server.runs()[run["id"]]
    assert there["info"]["status"] == "FINISHED"
    metrics = {one["key"]: one["value"] for one in there["data"]["metrics"]}
    scores = run["outputs"]["evaluation"]["scores"]
    assert metrics["test/candidate/mase"] == pytest.approx(scores["candidate"]["mase"])
    history = server.get(
        "metrics/get-history",
        run_id=there["info"]["run_id"],
        metric_key="train/epoch/validation_loss",
    )
    assert [one["step"] for one in history["metrics"]] == [1, 2, 3]
    files = server.get("artifacts/list", run_id=there["info"]["run_id"])["files"]
    assert {"config.yaml", "log.txt", "model"} <= {one["path"] for one in files}

    answer = loaded_from(server, tmp_path)
    own = open_store(tracked.workspace).get(version_id).open_forecaster()
    import numpy as np

    windows = Windows((np.arange(30) % 7 + 10.0)[None], np.array([1]))
    forecast = own.forecast(windows, 9)
    lower, upper = own.interval(forecast, windows, 0.8)
    assert answer == {
        "version": version_id,
        "forecast": forecast[0].tolist(),
        "lower": lower[0].tolist(),
        "upper": upper[0].tolist(),
    }


def test_what_happens_while_the_server_is_dead_arrives_when_it_is_back(
    server: Server, tracked: Engine
) -> None:
    server.kill()
    runs = [train(tracked, "--model-type=SeasonalNaive", "--force=to have two")]
    runs.append(tracked.json("run", "data_flow", *tracked.sample_options))
    failed = tracked.json("run", "data_flow", "--data", "nothing.csv", exit_code=5)
    tracked.wait_until(lambda: tracked.json("status")["warnings"], seconds=60)
    told = tracked.json("mlflow", "status", exit_code=6)
    assert told["runs"]["waiting"] == 3
    assert "Connection refused" in told["problem"]

    server.start()
    assert tracked.json("mlflow", "sync")["runs"]["waiting"] == 0

    there = server.runs()
    assert there[failed["id"]]["info"]["status"] == "FAILED"
    assert all(there[run["id"]]["info"]["status"] == "FINISHED" for run in runs)
    assert server.champion() == runs[0]["outputs"]["version"]
    assert tracked.run("models", "rollback").returncode == 0
    before = runs[0]["outputs"]["version"]
    tracked.wait_until(lambda: server.champion() != before, seconds=90)
    assert tracked.json("status")["warnings"] == []


def test_a_server_that_is_killed_again_and_again_gets_everything_once(
    server: Server, tracked: Engine
) -> None:
    wanted = set()
    for _ in range(3):
        wanted.add(tracked.json("run", "data_flow", *tracked.sample_options)["id"])
        time.sleep(1.0)
        server.kill()
        server.start()

    tracked.wait_until(lambda: tracked.json("mlflow", "sync")["runs"]["waiting"] == 0, seconds=90)

    told = server.all_runs()
    ids = [tags_of(run)["mlops_tui.run"] for run in told]
    assert wanted <= set(ids)
    assert len(ids) == len(set(ids))
    assert {run["info"]["status"] for run in told} <= {"FINISHED", "FAILED"}


def test_mlflows_own_pages_show_the_workspace_and_end_with_the_command(tracked: Engine) -> None:
    with tracked.settings(SETTINGS.replace(NOT_TRACKED, "tracking: {enabled: true}")):
        assert tracked.json("mlflow", "sync")["runs"]["mirrored"] > 0
        look_at_pages(tracked)


def look_at_pages(engine: Engine) -> None:
    process = engine.start("mlflow", "ui", "--port", "0", "--json")
    assert process.stdout is not None
    try:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()
            text += line
        url = json.loads(text)["url"]
        found = httpx.get(
            f"{url}/api/2.0/mlflow/experiments/get-by-name",
            params={"experiment_name": "mlops-tui"},
            trust_env=False,
        )
        assert found.json()["experiment"]["lifecycle_stage"] == "active"
        page = httpx.get(url, trust_env=False)
        assert "<title>MLflow</title>" in page.text
        foreign = httpx.get(url, headers={"Host": "evil.example"}, trust_env=False)
        assert foreign.status_code == 403
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(url, trust_env=False)
