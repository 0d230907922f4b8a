"""Both ports of a real engine that launches nothing, and a client of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.tables.runs import RunTable
from engine.tokens import Tokens
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
        url = f"{self.address(port)}{path}"
        # Plain HTTP: certificates are not read for it.
        return httpx.request(method, url, headers=given, timeout=30, verify=False, **options)

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
