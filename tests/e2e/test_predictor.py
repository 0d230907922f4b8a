"""The predictor as the engine keeps it: real processes, real requests."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.processes import start_mark
from engine.store import Version
from engine.workspace import Workspace
from tests.e2e.harness import CLOSED, SETTINGS, TIMEOUT_SECONDS, Engine
from tests.unit.deployments import deploy, make_bundle

WITH_PREDICTOR = SETTINGS.replace(
    "predictor: {enabled: false}", "predictor: {enabled: true, port: 0}"
)
BODY = {"input_data": [float(number % 7) for number in range(30)]}


@pytest.fixture
def serving(own_engine: Engine) -> Iterator[Engine]:
    """An engine that keeps a predictor, until the test is over."""
    own_engine.run("down")
    with own_engine.settings(WITH_PREDICTOR):
        own_engine.run("up")
        yield own_engine
        own_engine.run("down")
    assert list(processes_that_predict(own_engine)) == []


@pytest.fixture
def versions(own_engine: Engine, tmp_path: Path) -> list[Version]:
    """Two versions that are not those of another test; the second is the champion."""
    number = len(list((own_engine.workspace.central_storage).glob("versions/*")))
    return [
        deploy(own_engine.workspace, make_bundle(tmp_path / str(window), window=window))
        for window in (8 + number, 9 + number)
    ]


def processes_that_predict(engine: Engine) -> Iterator[int]:
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "engine.predictor.main" in line and str(engine.workspace.root) in line[-1]:
            yield process.pid


def predictor(engine: Engine) -> dict[str, Any]:
    (child,) = [
        child for child in engine.json("status")["children"] if child["name"] == "predictor"
    ]
    return dict(child)


def wait_until(is_so: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (found := is_so()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def model_of(address: str) -> str | None:
    """Which version answers now."""
    answer = httpx.post(f"{address}/predict_timeseries", json=BODY, timeout=10)
    return str(answer.json()["model_name"])


def test_a_deployed_version_answers_and_a_rollback_is_followed(
    versions: list[Version], serving: Engine
) -> None:
    address = predictor(serving)["address"]
    assert model_of(address) == versions[1].id

    serving.json("models", "rollback")
    wait_until(lambda: model_of(address) == versions[0].id)


def test_a_deploy_ends_when_the_predictor_answers_with_it(serving: Engine) -> None:
    open_gate = [
        f"--set=deploy.gate.{limit}=100"
        for limit in ("max_ratio_to_naive", "max_ratio_to_champion", "max_abs_bias")
    ]
    quick = ("--model-type=LSTM", "--epochs=1", *open_gate)
    run = serving.json("run", "full_flow", *serving.sample_options, *quick)
    address = predictor(serving)["address"]

    assert run["outputs"]["served_at"] == [address]
    assert model_of(address) == run["outputs"]["version"]


@pytest.mark.long
def test_a_killed_predictor_is_replaced_and_a_killed_engine_is_none_of_its_business(
    versions: list[Version], serving: Engine
) -> None:
    first = predictor(serving)
    os.kill(first["pid"], signal.SIGKILL)
    second = wait_until(
        lambda: (child := predictor(serving))["pid"] not in (None, first["pid"]) and child
    )
    assert second["restarts"] == 1
    assert model_of(second["address"]) == versions[1].id

    os.kill(serving.json("status")["pid"], signal.SIGKILL)
    assert model_of(second["address"]) == versions[1].id
    serving.run("up")

    assert predictor(serving)["pid"] == second["pid"]
    assert model_of(second["address"]) == versions[1].id


@pytest.mark.long
def test_a_restarted_engine_takes_its_predictor_over_and_other_settings_replace_it(
    versions: list[Version], serving: Engine
) -> None:
    before = predictor(serving)
    serving.run("restart")
    assert predictor(serving)["pid"] == before["pid"]

    with serving.settings(WITH_PREDICTOR.replace("port: 0", "port: 0, keep_mb: 1")):
        serving.run("restart")
        after = predictor(serving)

    assert after["pid"] != before["pid"]
    assert start_mark(before["pid"]) is None
    assert model_of(after["address"]) == versions[1].id


@pytest.mark.long
def test_a_predictor_that_is_not_wanted_any_more_ends_with_the_restart(
    versions: list[Version], serving: Engine
) -> None:
    with serving.settings(SETTINGS):
        serving.run("restart")

        assert list(processes_that_predict(serving)) == []


@pytest.mark.long
def test_while_the_champion_changes_again_and_again_no_request_fails_or_is_mixed(
    versions: list[Version], serving: Engine
) -> None:
    address = predictor(serving)["address"]
    known = {version.id for version in versions}
    seen: list[tuple[int, str]] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=10) as client:
            while not stop.is_set():
                answer = client.post(f"{address}/predict_timeseries", json=BODY)
                seen.append((answer.status_code, str(answer.json()["model_name"])))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        state = serving.json("models", "rollback")
        wait_until(lambda champion=state["champion"]: model_of(address) == champion)
    stop.set()
    for thread in threads:
        thread.join()

    assert {status for status, _ in seen} == {200}
    assert {name for _, name in seen} == known


@pytest.mark.long
def test_a_port_that_is_taken_names_who_has_it(serving: Engine) -> None:
    taken = predictor(serving)["address"].rpartition(":")[2]
    other = Engine(Workspace(serving.workspace.root / "other").create(), serving.sample)
    (other.workspace.configs / "engine.yaml").write_text(f"{CLOSED}predictor: {{port: {taken}}}\n")
    other.run("up", "--no-wait")
    try:
        problem = wait_until(lambda: predictor(other)["problem"])
    finally:
        other.run("down")

    assert f"cannot listen on port {taken}" in problem
    assert f"process {predictor(serving)['pid']}" in problem
    assert "predictor.port" in problem
