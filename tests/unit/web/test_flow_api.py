"""What the flow API answers."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from engine.daemon.web import model_commands
from engine.daemon.web.openapi import document
from engine.tables.runs import RunTable
from tests.unit.web.conftest import SETTINGS, Web, refused


def test_the_check_says_that_it_is_there(web: Web) -> None:
    answer = web.ask("GET", "/api/run_flow_api_check")

    assert (answer.status_code, list(answer.json())) == (200, ["message"])


@pytest.mark.parametrize("flow", ["train_flow", "full_flow"])
def test_a_flow_is_launched_as_the_body_says(web: Web, owner: str, flow: str) -> None:
    answer = web.ask(
        "POST",
        f"/api/run_flow/{flow}",
        token=owner,
        json={"model_type": "LightGBM", "epochs": 10, "seed": 3},
    )

    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["message"]) == ("started", "Run_flow is running in the background")
    run = web.run(told["flow_run_id"])
    assert (run.flow, run.request["flags"]) == (
        flow,
        {"model_type": "LightGBM", "epochs": 10, "seed": 3},
    )
    assert run.origin == "owner, flow API, 127.0.0.1"


def test_a_query_is_taken_too_and_the_body_counts_more(web: Web, owner: str) -> None:
    path = "/api/run_flow/train_flow?model_type=LSTM&epochs=3"
    by_query = web.ask("POST", path, token=owner).json()["flow_run_id"]
    by_both = web.ask("POST", path, token=owner, json={"epochs": 4}).json()["flow_run_id"]

    assert web.run(by_query).request["flags"] == {"model_type": "LSTM", "epochs": 3}
    assert web.run(by_both).request["flags"] == {"model_type": "LSTM", "epochs": 4}


@pytest.mark.parametrize(
    ("flow", "body", "flags", "parameters"),
    [
        (
            "full_flow",
            {"model_type": "CNN", "epochs": 3},
            {"model_type": "CNN", "epochs": 3},
            {"model_type": "CNN", "data_type": "image"},
        ),
        (
            "train_flow",
            {"model_type": "auto", "data_type": "image"},
            {"data_type": "image", "model_type": "auto"},
            {"model_type": "auto", "data_type": "image"},
        ),
        (
            "full_flow",
            {"model_type": "auto"},
            {"model_type": "auto"},
            {"model_type": "auto"},
        ),
        (
            "data_flow",
            {"data_type": "image", "model_type": "0", "epochs": 0},
            {"data_type": "image"},
            {"data_type": "image"},
        ),
        ("eval_flow", {"data_type": "timeseries"}, {"data_type": "timeseries"}, {}),
        ("deploy_flow", {"model_type": "CNN"}, {}, {}),
    ],
)
def test_a_flow_about_pictures_is_launched_by_its_model_or_its_data_type(
    web: Web,
    owner: str,
    flow: str,
    body: dict[str, Any],
    flags: dict[str, Any],
    parameters: dict[str, str],
) -> None:
    path = f"/api/run_flow/{flow}"
    by_body = web.ask("POST", path, token=owner, json=body).json()["flow_run_id"]
    by_query = web.ask("POST", path, token=owner, params=body).json()["flow_run_id"]
    again = web.ask("POST", f"/api/v1/runs/{by_body}/rerun", token=owner).json()["run"]

    for run_id in (by_body, by_query, again["id"]):
        run = web.run(run_id)
        assert (run.request["flags"], run.parameters) == (flags, parameters)
    listed = {run["id"]: run["parameters"] for run in web.ask("GET", "/api/v1/runs").json()["runs"]}
    assert listed[by_body] == parameters


@pytest.mark.parametrize(
    ("flow", "body", "said"),
    [
        ("train_flow", {"data_type": "video"}, "data_type: there is timeseries, image"),
        ("data_flow", {"data_type": "Image"}, "data_type: there is timeseries, image"),
        ("data_flow", {"data_type": ""}, "data_type: there is timeseries, image"),
        ("data_flow", {"data_type": 7}, "data_type"),
        (
            "train_flow",
            {"data_type": "image", "model_type": "NoModel"},
            "allowed: auto | CNN | MeanPicture | ResNet",
        ),
        (
            "full_flow",
            {"data_type": "image", "model_type": "LSTM"},
            "it is one of data_type timeseries; allowed: auto | CNN",
        ),
        (
            "full_flow",
            {"data_type": "timeseries", "model_type": "CNN"},
            "it is one of data_type image; allowed: auto | BiLSTM",
        ),
        ("train_flow", {"model_type": "CNN", "epochs": 0}, "epochs"),
    ],
)
def test_what_pictures_cannot_be_is_refused_with_what_they_can(
    web: Web, owner: str, flow: str, body: dict[str, Any], said: str
) -> None:
    path = f"/api/run_flow/{flow}"

    assert said in refused(web.ask("POST", path, token=owner, json=body), 422)
    assert said in refused(web.ask("POST", path, token=owner, params=body), 422)
    assert RunTable(web.workspace.database).newest(10) == []


@pytest.mark.parametrize("flow", ["data_flow", "eval_flow", "deploy_flow"])
@pytest.mark.parametrize("body", [{"model_type": "0", "epochs": 0}, {"epochs": 10**9}, {}])
def test_a_flow_without_a_model_takes_what_clients_send_and_ignores_it(
    web: Web, owner: str, flow: str, body: dict[str, Any]
) -> None:
    answer = web.ask("POST", f"/api/run_flow/{flow}", token=owner, json=body)

    assert answer.status_code == 200
    assert web.run(answer.json()["flow_run_id"]).request["flags"] == {}


@pytest.mark.parametrize(
    ("flow", "body", "said"),
    [
        ("no_flow", {}, "full_flow"),
        ("train_flow", {"model_type": "NoModel"}, "LightGBM"),
        ("train_flow", {"model_type": 5}, "model_type"),
        ("train_flow", {"epochs": 0}, "epochs"),
        ("train_flow", {"epochs": -1}, "epochs"),
        ("train_flow", {"epochs": 10**9}, "epochs"),
        ("train_flow", {"epochs": "ten"}, "epochs"),
        ("train_flow", {"epochs": 1.5}, "epochs"),
        ("train_flow", {"epochs": True}, "epochs"),
        ("train_flow", {"data": "/etc/passwd"}, "unknown field `data`"),
        ("train_flow", {"overrides": ["model.plugins=[x.py]"]}, "unknown field `overrides`"),
        ("train_flow", [], "object"),
    ],
)
def test_58_what_cannot_be_is_refused_with_what_can(
    web: Web, owner: str, flow: str, body: Any, said: str
) -> None:
    answer = web.ask("POST", f"/api/run_flow/{flow}", token=owner, json=body)

    assert said in refused(answer, 422)
    assert RunTable(web.workspace.database).newest(10) == []


@pytest.mark.parametrize(
    "query",
    ["epochs=ten", "epochs=1.5", "seed=-1", "model_type=", "seed=null", "epochs=1&epochs=2"],
)
def test_58_a_query_that_cannot_be_is_refused(web: Web, owner: str, query: str) -> None:
    refused(web.ask("POST", f"/api/run_flow/train_flow?{query}", token=owner), 422)


def test_the_same_key_twice_is_one_run(web: Web, owner: str) -> None:
    first, second = (
        web.ask(
            "POST", "/api/run_flow/train_flow", token=owner, headers={"Idempotency-Key": "k1"}
        ).json()["flow_run_id"]
        for _ in range(2)
    )

    assert first == second


def test_runs_can_be_seen_cancelled_repeated_and_deleted(web: Web, owner: str) -> None:
    asked = {"seed": 3}
    reply = web.ask("POST", "/api/run_flow/data_flow", token=owner, json=asked)
    run_id = reply.json()["flow_run_id"]

    (listed,) = web.ask("GET", "/api/v1/runs").json()["runs"]
    detail = web.ask("GET", f"/api/v1/runs/{run_id}").json()
    cancelled = web.ask("POST", f"/api/v1/runs/{run_id}/cancel", token=owner, json={}).json()
    again = web.ask("POST", f"/api/v1/runs/{run_id}/rerun", token=owner).json()

    searched = web.ask("GET", "/api/v1/runs?filter=flow:data&offset=0").json()
    assert ([run["id"] for run in searched["runs"]][1:], searched["total"]) == ([run_id], 2)
    refused(web.ask("GET", "/api/v1/runs?filter=nope:x"), 422)
    flows = {facts["flow"]: facts for facts in web.ask("GET", "/api/v1/flows").json()["flows"]}
    assert flows["data_flow"]["states"] == ["PENDING", "CANCELLED"]
    assert listed["id"] == detail["run"]["id"] == run_id
    assert (detail["folder"], detail["overrides"], detail["flags"]) == ("", [], {})
    assert cancelled["state"] == "CANCELLED"
    assert again["run"]["rerun_of"] == run_id
    assert web.ask("GET", f"/api/v1/runs/{run_id}/log").status_code == 200
    refused(web.ask("GET", "/api/v1/runs/no-such-run"), 404)
    refused(web.ask("DELETE", "/api/v1/runs/no-such-run", token=owner), 404)
    refused(web.ask("DELETE", f"/api/v1/runs/{again['run']['id']}", token=owner), 409)


def test_schedules_can_be_made_paused_and_removed(web: Web, owner: str) -> None:
    made = web.ask(
        "POST",
        "/api/v1/schedules",
        token=owner,
        json={"name": "nightly", "flow": "full_flow", "cron": "0 2 * * *", "model_type": "LSTM"},
    )
    paused = web.ask("PATCH", "/api/v1/schedules/nightly", token=owner, json={"enabled": False})
    listed = web.ask("GET", "/api/v1/schedules").json()["schedules"]

    assert (made.status_code, made.json()["flags"]) == (200, {"model_type": "LSTM"})
    assert paused.json()["enabled"] is False
    assert [one["name"] for one in listed] == ["nightly"]
    assert web.ask("DELETE", "/api/v1/schedules/nightly", token=owner).status_code == 200
    refused(web.ask("DELETE", "/api/v1/schedules/nightly", token=owner), 404)
    refused(web.ask("POST", "/api/v1/schedules", token=owner, json={"name": "../x"}), 422)


def test_a_schedule_about_pictures_launches_flows_about_pictures(web: Web, owner: str) -> None:
    def add(name: str, flow: str, **asked: Any) -> httpx.Response:
        body = {"name": name, "flow": flow, "every_seconds": 3600, **asked}
        return web.ask("POST", "/api/v1/schedules", token=owner, json=body)

    prepare = add("prepare", "data_flow", data_type="image")
    train = add("train", "train_flow", model_type="CNN", epochs=3)

    assert prepare.json()["flags"] == {"data_type": "image"}
    assert train.json()["flags"] == {"model_type": "CNN", "epochs": 3}
    said = refused(add("wrong", "data_flow", data_type="video"), 422)
    assert "timeseries, image" in said
    assert "CNN | MeanPicture" in refused(
        add("wrong", "train_flow", data_type="image", model_type="GRU"), 422
    )


def test_a_rollback_says_whose_champion_it_is_about(
    web: Web, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    async def moved(_: object, *arguments: str) -> dict[str, str | None]:
        asked.append(arguments)
        return {"data_type": "image", "champion": "v1", "previous": "v2"}

    monkeypatch.setattr(model_commands, "_run", moved)
    path = "/api/v1/models/rollback"
    answer = web.ask("POST", path, token=owner, json={"data_type": "image", "reason": "worse"})
    usual = web.ask("POST", path, token=owner, json={})

    assert answer.json() == {"data_type": "image", "champion": "v1", "previous": "v2"}
    assert asked[0][:2] == ("rollback", "--data-type=image")
    assert asked[0][2].startswith("--reason=worse (by owner")
    assert [one for one in asked[1] if one.startswith("--data-type")] == []
    assert usual.status_code == 200
    assert "timeseries, image" in refused(
        web.ask("POST", path, token=owner, json={"data_type": "video"}), 422
    )


def test_the_description_names_the_kinds_of_data() -> None:
    described = json.loads(document())

    operation = described["paths"]["/api/run_flow/{flow_type}"]["post"]
    (of_query,) = [one for one in operation["parameters"] if one["name"] == "data_type"]
    of_body = described["components"]["schemas"]["RunFlowRequest"]["properties"]["data_type"]
    assert of_query["schema"]["enum"] == ["timeseries", "image"]
    assert of_body["anyOf"][0]["enum"] == ["timeseries", "image"]


@pytest.mark.parametrize("seconds", [-1.8e-211, 0.0, 9.9, 1e300])
def test_a_period_that_would_never_let_the_engine_rest_is_refused(
    web: Web, owner: str, seconds: float
) -> None:
    body = {"name": "x", "flow": "data_flow", "every_seconds": seconds}

    refused(web.ask("POST", "/api/v1/schedules", token=owner, json=body), 422)


@pytest.mark.parametrize("reason", ["a\x00b", "two\nlines", "\x1b[2J", "x" * 501])
def test_52_a_reason_is_one_line_of_text(web: Web, owner: str, reason: str) -> None:
    answer = web.ask("POST", "/api/v1/models/x/promote", token=owner, json={"reason": reason})

    refused(answer, 422)


def test_the_live_feed_tells_of_a_launch(web: Web, owner: str) -> None:
    with (
        httpx.Client(base_url=web.address("flow_api"), timeout=30) as client,
        client.stream("GET", "/api/v1/events") as feed,
    ):
        lines = feed.iter_lines()
        assert next(lines).startswith("id: ")
        run_id = web.ask("POST", "/api/run_flow/data_flow", token=owner).json()["flow_run_id"]

        told = next(line for line in lines if line.startswith("data: ") and run_id in line)

    assert json.loads(told.removeprefix("data: "))["type"] == "run"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("flow_type=x", "flow_type"),
        ("state=x", "state"),
        ("since=yesterday", "since"),
        ("since=inf", "since"),
        ("before=x", "before"),
    ],
)
def test_a_filter_that_is_none_is_refused(web: Web, query: str, said: str) -> None:
    assert said in refused(web.ask("GET", f"/api/flow-monitoring-data?{query}"), 422)


def test_monitoring_data_is_filtered_and_paged(web: Web, owner: str) -> None:
    for flow in ("data_flow", "eval_flow", "data_flow", "data_flow"):
        web.ask("POST", f"/api/run_flow/{flow}", token=owner)
        time.sleep(0.01)
    path = "/api/flow-monitoring-data"

    page = web.ask("GET", f"{path}?limit=2&flow_type=data_flow")
    following = page.headers["link"].removeprefix("<").partition(">")[0]
    rest = web.ask("GET", following)

    assert len(page.json()["flow_info"]) == 2
    assert len(page.json()["graph"]) == 4
    assert len(rest.json()["flow_info"]) == 1
    assert "link" not in rest.headers
    times = [flow["flow_id"] for flow in page.json()["flow_info"] + rest.json()["flow_info"]]
    assert len(set(times)) == 3
    newest = web.run(times[0]).created
    assert len(web.ask("GET", f"{path}?since={newest}").json()["flow_info"]) == 1
    assert web.ask("GET", f"{path}?state=FAILED").json()["flow_info"] == []
    assert len(web.ask("GET", f"{path}?since=2020-01-01T00:00:00%2B09:00").json()["graph"]) == 8


def test_the_page_and_its_parts_come_from_here_and_nowhere_else(web: Web) -> None:
    root = web.ask("GET", "/", port="web_page")
    page = web.ask("GET", "/flow-monitoring", port="web_page")
    parts = [
        web.ask("GET", f"/flow-monitoring/{name}", port="web_page")
        for name in ("page.js", "page.css", "plotly.min.js")
    ]

    assert (root.status_code, root.headers["location"]) == (307, "/flow-monitoring")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in page.text.replace("<!doctype", "")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert [part.status_code for part in parts] == [200, 200, 200]
    assert "http" not in parts[0].text and "http" not in parts[1].text
    assert len(parts[2].content) > 1_000_000
    refused(web.ask("GET", "/flow-monitoring/../page.py", port="web_page"), 404)
    refused(web.ask("GET", "/flow-monitoring/%2e%2e/page.py", port="web_page"), 404)
    refused(web.ask("GET", "/flow-monitoring"), 404)  # the API alone


def test_a_path_or_method_that_there_is_not_is_refused_in_the_same_form(web: Web) -> None:
    refused(web.ask("GET", "/api/nothing"), 404)
    refused(web.ask("GET", "/api/run_flow/data_flow"), 405)
    refused(web.ask("DELETE", "/docs"), 405)
    assert web.ask("OPTIONS", "/api/v1/runs/x").headers["allow"] == "DELETE, GET, HEAD"


def test_the_description_refers_to_nothing_that_is_not_in_it() -> None:
    whole = json.loads(document())
    text = document().decode()

    for name in whole["components"]["schemas"]:
        assert name
    for part in text.split('"$ref":"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in whole["components"]["schemas"]


def test_a_time_without_a_zone_is_meant_in_the_zone_that_is_configured(
    web: Web, owner: str
) -> None:
    path = web.workspace.configs / "engine.yaml"
    path.write_text(f"{SETTINGS}timezone: Asia/Seoul\n")
    run_id = web.ask("POST", "/api/run_flow/data_flow", token=owner).json()["flow_run_id"]
    created = datetime.fromtimestamp(web.run(run_id).created, ZoneInfo("Asia/Seoul"))

    def since(moment: datetime) -> int:
        text = moment.replace(tzinfo=None).isoformat()
        answer = web.ask("GET", "/api/flow-monitoring-data", params={"since": text})
        return len(answer.json()["flow_info"])

    assert since(created - timedelta(seconds=1)) == 1
    assert since(created + timedelta(seconds=1)) == 0


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00", "9999-12-31T23:59:59", "1e400", "-1"])
def test_a_time_at_the_end_of_the_calendar_is_no_error_of_ours(web: Web, since: str) -> None:
    answer = web.ask("GET", "/api/flow-monitoring-data", params={"since": since})

    assert answer.status_code in (200, 422)
