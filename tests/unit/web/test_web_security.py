"""Who is let in at the ports of the engine, and what is refused."""

from __future__ import annotations

import socket

import httpx
import pytest

from engine.daemon.web import servers
from engine.daemon.web.openapi import OPERATIONS
from engine.tables.runs import RunTable
from engine.tokens import Role
from engine.workspace import Workspace
from tests.unit.engine_thread import EngineThread, wait_until
from tests.unit.web.conftest import SETTINGS, Web, refused


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
        with httpx.stream(method, url, headers=given, timeout=30, verify=False) as answer:
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
