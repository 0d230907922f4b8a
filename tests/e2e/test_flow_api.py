"""A client that knows nothing but the contract of the flow API, against a real engine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import plotly.graph_objects as go
import pytest

from tests.e2e.harness import SETTINGS, TIMEOUT_SECONDS, Engine

OPEN = SETTINGS.replace("flow_api: {enabled: false}", "flow_api: {port: 0}").replace(
    "web_page: {enabled: false}", "web_page: {port: 0}\ntimezone: Asia/Seoul"
)


class Client:
    """What a program of somebody else does."""

    def __init__(self, address: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def close(self) -> None:
        self._http.close()

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self._http.post(path, json=body)

    def start(self, flow: str, **body: Any) -> str:
        answer = self.post(f"/api/run_flow/{flow}", **body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["status"] == "started"
        assert told["message"] == "Run_flow is running in the background"
        return str(told["flow_run_id"])

    def data(self, **query: Any) -> dict[str, Any]:
        answer = self._http.get("/api/flow-monitoring-data", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def flow(self, run_id: str) -> dict[str, Any]:
        (found,) = [
            flow for flow in self.data(limit=1000)["flow_info"] if flow["flow_id"] == run_id
        ]
        return dict(found)

    def wait(self, run_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not holds(flow := self.flow(run_id)):
            assert time.monotonic() < deadline, flow
            time.sleep(0.1)
        return flow

    def end(self, run_id: str) -> dict[str, Any]:
        return self.wait(run_id, lambda flow: flow["end_time"] is not None)

    def cancel(self, run_id: str) -> int:
        return self._http.post(f"/api/v1/runs/{run_id}/cancel", json={"hard": True}).status_code


@pytest.fixture
def client(own_engine: Engine) -> Iterator[Client]:
    with own_engine.settings(OPEN):
        own_engine.run("up")
        token = own_engine.json("token", "create", "factory", "--role", "operator")["token"]
        try:
            address = own_engine.wait_until(
                lambda: own_engine.json("status")["addresses"].get("flow_api")
            )
            with contextlib.closing(Client(address, token)) as made:
                yield made
        finally:
            own_engine.json("token", "revoke", "factory")


def test_a_flow_that_is_launched_can_be_followed_to_its_end(client: Client) -> None:
    run_id = client.start("train_flow", model_type="LightGBM", epochs=2)

    flow = client.end(run_id)

    assert (flow["flow_name"], flow["state"]) == ("train_flow", "COMPLETED")
    began, ended = (datetime.fromisoformat(flow[key]) for key in ("start_time", "end_time"))
    assert began < ended
    assert flow["start_time"].endswith("+09:00")
    names = [task["task_name"] for task in flow["tasks"]]
    assert names == [
        "open_training_data",
        "build_model",
        "train_model",
        "calibrate_intervals",
        "refit_model",
        "save_model",
    ]
    assert {task["state"] for task in flow["tasks"]} == {"COMPLETED"}
    for task in flow["tasks"]:
        start = datetime.fromisoformat(task["start_time"])
        assert began <= start <= datetime.fromisoformat(task["end_time"]) <= ended


def test_failed_and_cancelled_runs_are_shown_and_those_that_go_on_do_not_hide_others(
    client: Client, own_engine: Engine
) -> None:
    failed = own_engine.json(
        "run", "train_flow", "--set=train.dataset=0123456789abcdef", exit_code=5
    )["id"]
    endless = own_engine.json(
        "run",
        "train_flow",
        "--detach",
        "--model-type=LSTM",
        "--epochs=10000",
        "--set=train.hparams.patience=10000",
    )["id"]
    running = client.wait(endless, lambda flow: flow["state"] == "RUNNING" and flow["tasks"])
    data = client.data()
    assert client.cancel(endless) == 200
    cancelled = client.end(endless)

    assert running["end_time"] is None
    assert client.flow(failed)["state"] == "FAILED"
    assert cancelled["state"] == "CANCELLED"
    states = {flow["state"] for flow in data["flow_info"]}
    assert {"FAILED", "RUNNING", "COMPLETED"} <= states
    figure = go.Figure(data=data["graph"], layout=data["layout"])
    assert len(figure.data) == 2 * len(data["flow_info"])
    last = next(trace for trace in data["graph"] if "RUNNING" in trace["text"])
    assert last["mode"] == "markers+text"
    only = client.data(state="FAILED", flow_type="train_flow", limit=1)["flow_info"]
    assert [flow["flow_id"] for flow in only] == [failed]


def test_whoever_has_no_token_starts_nothing(client: Client, own_engine: Engine) -> None:
    address = own_engine.json("status")["addresses"]["flow_api"]
    before = own_engine.run_ids()

    answer = httpx.post(f"{address}/api/run_flow/full_flow", json={"model_type": "LSTM"})

    assert answer.status_code == 401
    assert own_engine.run_ids() == before
    assert httpx.get(f"{address}/api/run_flow_api_check").status_code == 200
