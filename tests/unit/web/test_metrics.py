"""The page /metrics of a real engine."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from engine.tables.schedules import ScheduleRecord, ScheduleTable
from tests.unit.deployments import deploy
from tests.unit.engine_thread import wait_until
from tests.unit.web.conftest import Web, refused


def families(web: Web, port: str = "flow_api") -> dict[str, Metric]:
    answer = web.ask("GET", "/metrics", port=port)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {one.name: one for one in text_string_to_metric_families(answer.text)}


def value(found: dict[str, Metric], name: str, **labels: str) -> float:
    family = next(one for key, one in found.items() if name in (key, f"{key}_total", f"{key}_sum"))
    wanted = [one for one in family.samples if one.name == name and one.labels == labels]
    assert len(wanted) == 1, family.samples
    return float(wanted[0].value)


def test_every_metric_that_is_told_is_a_known_one(web: Web) -> None:
    found = families(web)

    known = {metric.name.removesuffix("_total") for metric in web.thread.engine.metrics.metrics}
    assert set(found) <= known
    assert all(one.documentation for one in found.values())
    assert len(known) == len(web.thread.engine.metrics.metrics), "no name stands for two"


def test_runs_are_told_by_flow_and_state_with_the_queue(web: Web) -> None:
    table = RunTable(web.workspace.database)
    table.accept(NewRun("a", "data_flow", "a", ""))
    table.finish("a", "FAILED", "no file")
    table.accept(NewRun("b", "train_flow", "b", ""))
    found = families(web)

    assert value(found, "mlops_runs", flow="data_flow", state="FAILED") == 1
    assert value(found, "mlops_runs", flow="train_flow", state="PENDING") == 1
    assert value(found, "mlops_runs_ended_total", flow="data_flow", state="FAILED") == 1
    # What has not happened yet is told as such, so that its first time is seen to be one.
    assert value(found, "mlops_runs_ended_total", flow="full_flow", state="CRASHED") == 0
    assert value(found, "mlops_queue_length") == 1
    assert 0 <= value(found, "mlops_queue_oldest_wait_seconds") < 60
    assert value(found, "mlops_run_slots") == 2


def test_a_schedule_that_did_not_fire_is_late(web: Web) -> None:
    ScheduleTable(web.workspace.database).put(
        ScheduleRecord("nightly", "full_flow", None, 3600.0, "UTC", 0.0, 4_000_000_000.0),
        replace=False,
    )
    found = families(web)

    of = {"schedule": "nightly", "flow": "full_flow"}
    assert value(found, "mlops_schedule_next_timestamp_seconds", **of) == 4_000_000_000.0
    assert value(found, "mlops_schedule_late_seconds", **of) == 0


def test_the_engine_its_disk_and_what_serves_are_told(web: Web, bundles: tuple[Path, Path]) -> None:
    version = deploy(web.workspace, bundles[0])
    (web.workspace.data / "some.csv").write_bytes(b"x" * 5000)
    families(web)  # which has the folders looked at
    wait_until(lambda: "mlops_workspace_size_bytes" in families(web))
    found = families(web)

    assert value(found, "mlops_workspace_size_bytes", folder="data") == 5000
    stat = os.statvfs(web.workspace.root)
    assert value(found, "mlops_disk_size_bytes") == stat.f_blocks * stat.f_frsize
    assert value(found, "mlops_database_size_bytes", database="engine") > 10_000
    assert value(found, "mlops_champion_info", data_type="timeseries", model_name=version.id) == 1
    assert value(found, "mlops_engine_memory_bytes") > 10_000_000
    assert value(found, "mlops_service_up", service="flow_api") == 1
    # Nothing needed them yet.
    assert "mlops_child_up" not in found


def test_answers_are_counted_by_route_not_by_path(web: Web, owner: str) -> None:
    for path in ("/api/v1/runs/one", "/api/v1/runs/two", "/nothing/3"):
        assert web.ask("GET", path).status_code == 404
    web.ask("POST", "/api/run_flow/data_flow", token="wrong")
    web.ask("PROPFIND", "/api/v1/runs")
    found = families(web)

    of = {"service": "flow_api", "method": "GET", "status": "404"}
    assert value(found, "mlops_http_answers_total", route="/api/v1/runs/{run_id}", **of) == 2
    assert value(found, "mlops_http_answers_total", route="other", **of) == 1
    told = found["mlops_http_answers"].samples
    assert {"POST", "other"} <= {one.labels["method"] for one in told}
    assert "wrong" not in str(told)
    count = [
        one
        for one in found["mlops_http_answer_seconds"].samples
        if one.name.endswith("_count") and one.labels["route"] == "/api/v1/runs/{run_id}"
    ]
    assert [one.value for one in count] == [2]


def test_who_reads_from_elsewhere_needs_the_weakest_token(web: Web) -> None:
    headers = {"host": "flows.shop.example"}
    viewer = web.tokens.create("prometheus", "viewer")

    refused(web.ask("GET", "/metrics", headers=headers), 401)
    assert web.ask("GET", "/metrics", headers=headers, token=viewer).status_code == 200
    assert "mlops_engine_info" in families(web, "web_page")


def test_a_part_that_cannot_be_read_leaves_the_others(web: Web) -> None:
    (web.workspace.central_storage / "aliases.db").write_bytes(b"no database" * 100)
    found = families(web)

    assert value(found, "mlops_collector_ok", collector="workspace") == 0
    assert value(found, "mlops_collector_ok", collector="runs") == 1


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_what_was_counted_outlives_the_engine(web: Web, seconds: float) -> None:
    # Written by the process of a run, while no engine looked.
    table = RunTable(web.workspace.database)
    table.accept(NewRun("a", "eval_flow", "a", ""))
    assert table.claim("a", 0, pid=1, mark="m", prefect_id=None)
    with closing(sqlite3.connect(web.workspace.database)) as database, database:
        database.execute("UPDATE runs SET state = 'COMPLETED', ended = started + ?", (seconds,))
    found = families(web)

    of = {"flow": "eval_flow", "state": "COMPLETED"}
    assert value(found, "mlops_runs_ended_total", **of) == 1
    assert value(found, "mlops_run_duration_seconds_sum", **of) == seconds
