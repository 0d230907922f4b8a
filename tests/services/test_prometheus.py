"""A real Prometheus, with the files in deploy/prometheus, scrapes a real engine and predictor."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.predictor_options import read_record
from engine.tables.drift_checks import DriftCheck, DriftChecks
from engine.workspace import Workspace
from tests.e2e.harness import Engine
from tests.services.conftest import free_ports, need, wait_until
from tests.unit.deployments import deploy, make_bundle

pytestmark = pytest.mark.long

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = DEPLOY / "prometheus"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
VALUES = [float(number % 7) for number in range(30)]


def promtool(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need("promtool"), *arguments], input=stdin, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", str(FILES / "prometheus.yml")),
        ("check", "rules", str(FILES / "rules" / "mlops-tui.rules.yml")),
        ("test", "rules", str(FILES / "rules" / "mlops-tui.test.yml")),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    done = promtool(*arguments)

    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class House:
    """An engine and its predictor that were asked for something, and a Prometheus that watches."""

    engine: Engine
    api: str
    predictor: str
    prometheus: str
    version: str

    def ask(self, path: str, **query: str) -> Any:
        answer = httpx.get(f"{self.prometheus}/api/v1/{path}", params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, expression: str) -> float | None:
        """The one value that an expression has now, None when it has none."""
        found = self.ask("query", query=expression)["result"]
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def alerts(self, state: str) -> set[str]:
        found = self.ask("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == state}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    program = need("prometheus")
    folder = tmp_path_factory.mktemp("house")
    workspace = Workspace(folder / "workspace").create()
    version = deploy(workspace, make_bundle(folder / "bundle", window=30)).id
    numbers = {
        "features": [{"name": "level", "psi": 0.5}],
        "live": {"metric": "MASE", "live": 1.5, "promised": 0.9},
    }
    DriftChecks(workspace.database).add(
        DriftCheck(time.time(), "timeseries", version, "drifted", 80, ("why",), numbers)
    )
    api, predictor, port = free_ports(3)
    (workspace.configs / "engine.yaml").write_text(
        f"predictor: {{port: {predictor}}}\nflow_api: {{port: {api}}}\n"
        "web_page: {enabled: false}\nprefect_server: {idle_exit_seconds: 1}\n"
    )
    engine = Engine(workspace, folder / "none.csv")
    config = shipped_config(folder, {"8686": api, "4242": predictor})
    watching = None
    try:
        assert engine.run("up").returncode == 0
        watching = subprocess.Popen(
            [
                *(program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"),
                *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
            ]
        )
        made = House(
            engine,
            f"http://127.0.0.1:{api}",
            f"http://127.0.0.1:{predictor}",
            f"http://127.0.0.1:{port}",
            version,
        )
        wait_until(lambda: _is_ready(made.prometheus))
        wait_until(lambda: made.value('count(up{job=~"mlops.*"} == 1)') == 2)
        busy(made)
        yield made
    finally:
        if watching is not None:
            watching.terminate()
            watching.wait(30)
        engine.run("down", "--cancel-runs")


def shipped_config(folder: Path, ports: dict[str, int]) -> Path:
    """The shipped files, which only look more often and wait less."""
    shutil.copytree(FILES, folder / "prometheus")
    config = folder / "prometheus" / "prometheus.yml"
    text = config.read_text().replace("_interval: 15s", "_interval: 1s")
    for shipped, port in ports.items():
        text = text.replace(f"127.0.0.1:{shipped}", f"127.0.0.1:{port}")
    config.write_text(text)
    rules = folder / "prometheus" / "rules" / "mlops-tui.rules.yml"
    rules.write_text(re.sub(r"for: \d+m", "for: 2s", rules.read_text()))
    return config


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/-/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def busy(house: House) -> None:
    """Let there be something to see: requests, refusals, and a run that fails."""
    with httpx.Client(base_url=house.predictor, timeout=30) as client:
        for number in range(60):
            client.post("/predict_timeseries", json={"input_data": VALUES[: 30 - number % 2]})
    httpx.get(f"{house.api}/api/v1/runs", timeout=30)
    failed = house.engine.run("run", "data_flow", "--data", "/nowhere.csv")
    assert failed.returncode != 0
    house.engine.run("schedule", "add", "full_flow", "--name", "nightly", "--every", "1d")
    # Two looks at it, so that there is a rate.
    answered = "sum(mlops_predictor_answers_total)"
    wait_until(lambda: (house.value(answered) or 0) >= 60)
    wait_until(lambda: house.value('mlops_runs_ended_total{flow="data_flow",state="FAILED"}') == 1)


def test_both_pages_pass_the_lint_of_promtool(house: House) -> None:
    for address in (house.api, house.predictor):
        page = httpx.get(f"{address}/metrics", timeout=30).text
        done = promtool("check", "metrics", stdin=page)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_knows_what_happened(house: House) -> None:
    assert house.value('mlops_runs{flow="data_flow",state="FAILED"}') == 1
    assert (house.value("mlops_run_slots"), house.value("mlops_queue_length")) == (2, 0)
    assert house.value("sum(mlops_predictor_forecasts_total)") == 30
    assert house.value('mlops_predictor_refusals_total{reason="invalid"}') == 30
    served = f'mlops_predictor_model_workers{{model_name="{house.version}"}}'
    assert house.value(f"{served} and on (model_name) mlops_champion_info") == 1
    assert house.value('mlops_child_up{child="predictor"}') == 1
    assert house.value("sum(mlops_collector_ok)") == house.value("count(mlops_collector_ok)")
    assert (house.value("mlops_disk_free_bytes") or 0) > 0


def test_every_rule_is_evaluated_without_an_error(house: House) -> None:
    def looked() -> list[Any]:
        groups = house.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    rules = wait_until(looked)
    assert len(rules) > 20
    assert [rule for rule in rules if rule["health"] != "ok"] == []


# What nothing has happened for in this house: no pictures, no tracking, no deployment.
QUIET = ("mlops_predictor_pictures", "mlops_tracking", "COMPLETED", "mlops_workspace_size_bytes")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_of_a_dashboard_shows_something(house: House, path: Path) -> None:
    empty: list[str] = []
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel.get("targets", ()):
            asked = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m")
            found = house.ask("query", query=asked)
            assert found["resultType"] == "vector"
            if not found["result"] and not any(name in asked for name in QUIET):
                empty.append(f"{panel['title']}: {asked}")
    assert empty == []


def test_alerts_come_when_they_should_and_go_again(house: House) -> None:
    # Its run failed, and its champion has drifted.
    wait_until(lambda: house.alerts("firing") >= {"MlopsRunFailed", "MlopsDrifted"})
    assert not house.alerts("firing") & {"MlopsEngineDown", "MlopsPredictorDown"}

    # It lives, but answers nobody: a predictor that is killed is there again before anybody looks.
    pid = read_record(house.engine.workspace.predictor_record(0))["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: "MlopsPredictorDown" in house.alerts("firing"))
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "MlopsPredictorDown" not in house.alerts("firing"))
    assert "MlopsEngineDown" not in house.alerts("firing")


def test_when_the_engine_is_gone_somebody_is_told(house: House) -> None:
    assert house.engine.run("down", "--cancel-runs").returncode == 0

    gone = {"MlopsEngineDown", "MlopsPredictorDown"}
    wait_until(lambda: house.alerts("firing") >= gone)
