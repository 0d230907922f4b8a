"""The flow API over TCP, on a real engine that launches nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.daemon.web import servers
from engine.daemon.web.openapi import OPERATIONS, document
from engine.tables.runs import RunTable
from engine.tokens import Role, Tokens
from engine.workspace import Workspace
from tests.unit.engine_thread import EngineThread, wait_until

SETTINGS = "flow_api: {port: 0, allowed_hosts: [flows.shop.example]}\nweb_page: {port: 0}\n"


class Web:
    """Both ports of an engine, and a client of them."""

    def __init__(self, workspace: Workspace, thread: EngineThread) -> None:
        self.workspace = workspace
        self.thread = thread
        self.tokens = Tokens(workspace)

    def address(self, name: str) -> str:
        return next(one.address for one in self.thread.engine.services if one.name == name)

    def problem(self, name: str) -> str:
        return next(one.problem for one in self.thread.engine.services if one.name == name)

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        port: str = "flow_api",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        given = dict(headers or {})
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        return httpx.request(
            method, f"{self.address(port)}{path}", headers=given, timeout=30, **options
        )

    def run(self, run_id: str) -> Any:
        return RunTable(self.workspace.database).get(run_id)

    def audit(self) -> list[dict[str, Any]]:
        if not self.workspace.audit.exists():
            return []
        return [json.loads(line) for line in self.workspace.audit.read_text().splitlines()]


@pytest.fixture
def web(workspace: Workspace) -> Iterator[Web]:
    (workspace.configs / "engine.yaml").write_text(SETTINGS)
    with EngineThread(workspace, web=True) as thread:
        made = Web(workspace, thread)
        wait_until(lambda: bool(made.address("flow_api") and made.address("web_page")))
        yield made


@pytest.fixture
def owner(web: Web) -> str:
    return web.tokens.owner()


def refused(answer: httpx.Response, status: int) -> str:
    """The message of a refusal, in the form that all have."""
    assert answer.status_code == status, answer.text
    assert answer.json().keys() == {"status", "message"}
    assert answer.json()["status"] == "error"
    return str(answer.json()["message"])


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


def needs() -> list[tuple[str, str, Role]]:
    return [
        (
            op.method,
            op.path.format(flow_type="data_flow", run_id="x", name="x", version="x"),
            op.role,
        )
        for op in OPERATIONS
        if op.role is not None
    ]


@pytest.mark.parametrize(("method", "path", "role"), needs())
def test_19_nobody_does_what_his_role_does_not_allow(
    web: Web, method: str, path: str, role: Role
) -> None:
    # By a name that is not that of this machine, reading needs a token too.
    headers = {"host": "flows.shop.example"}
    viewer, operator = web.tokens.create("v", "viewer"), web.tokens.create("o", "operator")

    def status(token: str | None) -> int:
        given = headers if token is None else {**headers, "Authorization": f"Bearer {token}"}
        url = f"{web.address('flow_api')}{path}"
        # The feed has no end: the head of the answer is enough.
        with httpx.stream(method, url, headers=given, timeout=30) as answer:
            return answer.status_code

    assert status(None) == 401
    assert status("mlops-wrong") == 401
    assert (status(viewer) == 403) == (role in ("operator", "admin"))
    assert (status(operator) == 403) == (role == "admin")


def test_19_a_token_in_the_query_is_none(web: Web, owner: str) -> None:
    for name in ("token", "access_token", "authorization"):
        refused(web.ask("POST", f"/api/run_flow/data_flow?{name}={owner}"), 401)


def test_who_reads_on_this_machine_needs_no_token_and_who_comes_by_a_proxy_does(web: Web) -> None:
    path = "/api/flow-monitoring-data"

    assert web.ask("GET", path).status_code == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert web.ask("GET", path, headers={header: "10.0.0.9"}).status_code == 401


def test_20_who_guesses_tokens_waits_at_both_ports(web: Web) -> None:
    statuses = [
        web.ask("POST", "/api/run_flow/data_flow", token=f"guess-{number}").status_code
        for number in range(12)
    ]

    assert statuses == [401] * 10 + [429] * 2
    again = web.ask("POST", "/api/run_flow/data_flow", token="guess", port="web_page")
    assert (again.status_code, int(again.headers["retry-after"]) > 0) == (429, True)
    # Who brings no token and reads, guesses nothing.
    assert web.ask("GET", "/api/flow-monitoring-data").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"])
@pytest.mark.parametrize("path", ["/api/run_flow_api_check", "/docs", "/no-such-path"])
def test_17_another_host_is_refused_before_anything_else(web: Web, host: str, path: str) -> None:
    message = refused(web.ask("GET", path, headers={"host": host}), 421)

    assert "flow_api.allowed_hosts" in message


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_18_a_page_of_another_server_changes_nothing_even_with_a_token(
    web: Web, owner: str, headers: dict[str, str]
) -> None:
    refused(web.ask("POST", "/api/run_flow/data_flow", token=owner, headers=headers), 403)
    assert RunTable(web.workspace.database).newest(10) == []


def test_18_the_own_page_may(web: Web, owner: str) -> None:
    answer = web.ask(
        "POST",
        "/api/run_flow/data_flow",
        port="web_page",
        token=owner,
        headers={"origin": web.address("web_page"), "sec-fetch-site": "same-origin"},
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_13_what_a_form_could_send_is_not_parsed(web: Web, owner: str, kind: str) -> None:
    answer = web.ask(
        "POST",
        "/api/run_flow/data_flow",
        token=owner,
        content=b'{"epochs": 1}',
        headers={"content-type": kind},
    )

    refused(answer, 415)


def test_12_a_body_that_is_too_large_is_refused(web: Web, owner: str) -> None:
    json_kind = {"content-type": "application/json"}
    path = "/api/run_flow/data_flow"

    whole = web.ask("POST", path, token=owner, content=b" " * 70_000, headers=json_kind)
    parts = web.ask(
        "POST", path, token=owner, content=iter([b" " * 10_000] * 10), headers=json_kind
    )

    refused(whole, 413)
    refused(parts, 413)


def test_there_is_no_cors_and_there_are_the_headers_that_browsers_heed(web: Web) -> None:
    for path in ("/api/run_flow_api_check", "/docs", "/no-such-path"):
        answer = web.ask("GET", path, headers={"origin": "https://evil.example"})

        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


def test_what_changes_something_is_written_down_and_no_token_with_it(web: Web, owner: str) -> None:
    web.ask("POST", "/api/run_flow/data_flow", token=owner)
    web.ask("POST", "/api/run_flow/data_flow%1b[2J%0a", token="mlops-wrong")
    web.ask("GET", "/api/flow-monitoring-data")

    first, second = web.audit()

    assert (first["who"], first["role"], first["status"]) == ("owner", "admin", 200)
    assert (second["who"], second["status"]) == ("", 401)
    assert web.workspace.audit.stat().st_mode & 0o777 == 0o600
    text = web.workspace.audit.read_text()
    assert owner not in text and "mlops-wrong" not in text and "\x1b" not in text


def test_runs_can_be_seen_cancelled_repeated_and_deleted(web: Web, owner: str) -> None:
    run_id = web.ask("POST", "/api/run_flow/data_flow", token=owner).json()["flow_run_id"]

    (listed,) = web.ask("GET", "/api/v1/runs").json()["runs"]
    detail = web.ask("GET", f"/api/v1/runs/{run_id}").json()
    cancelled = web.ask("POST", f"/api/v1/runs/{run_id}/cancel", token=owner, json={}).json()
    again = web.ask("POST", f"/api/v1/runs/{run_id}/rerun", token=owner).json()

    assert listed["id"] == detail["run"]["id"] == run_id
    assert detail["folder"] == ""
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


def test_21_it_does_not_listen_to_networks_before_there_is_a_token_for_others(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_AGAIN_SECONDS", 0.1)
    path = web.workspace.configs / "engine.yaml"
    path.write_text(SETTINGS.replace("flow_api: {port: 0", "flow_api: {host: 0.0.0.0, port: 0"))
    wait_until(lambda: bool(web.problem("flow_api")))

    assert "engine token create" in web.problem("flow_api")
    assert web.address("flow_api") == ""

    token = web.tokens.create("line-3", "viewer")
    wait_until(lambda: bool(web.address("flow_api")))
    port = web.address("flow_api").rpartition(":")[2]
    asked = f"http://127.0.0.1:{port}/api/flow-monitoring-data"
    # By whichever of its addresses, but by no name that was not allowed.
    assert httpx.get(asked, headers={"Host": f"10.1.2.3:{port}"}).status_code == 401
    assert httpx.get(asked, headers={"Host": "evil.example"}).status_code == 421
    # Now reading needs it too.
    assert httpx.get(asked).status_code == 401
    assert httpx.get(asked, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_45_a_port_that_is_taken_names_who_has_it(workspace: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (workspace.configs / "engine.yaml").write_text(
            f"flow_api: {{port: {port}}}\nweb_page: {{enabled: false}}\n"
        )
        with EngineThread(workspace, web=True) as thread:
            made = Web(workspace, thread)
            wait_until(lambda: bool(made.problem("flow_api")))

            said = made.problem("flow_api")
    assert f"cannot listen on port {port}" in said
    assert "process" in said and "flow_api.port" in said


def test_a_port_that_is_switched_off_is_closed(web: Web) -> None:
    address = web.address("web_page")
    path = web.workspace.configs / "engine.yaml"

    path.write_text(SETTINGS.replace("web_page: {port: 0}", "web_page: {enabled: false}"))
    wait_until(lambda: web.address("web_page") == "")

    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
    assert web.ask("GET", "/api/run_flow_api_check").status_code == 200
