"""Prefect's own pages: for who has the address that was printed, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from engine.prefect_server.ui import Gate
from tests.unit.prefect_server.http_server import AnsweringServer, Heard, answering

ADDRESS = "http://127.0.0.1:4321"
SECRET = "s3cret-of-the-pages"


async def _page(_: Any) -> PlainTextResponse:
    return PlainTextResponse("a page")


PAGES = Starlette(routes=[Route("/{rest:path}", _page, methods=["GET", "POST"])])


def asked(server: AnsweringServer, method: str, path: str, **more: Any) -> httpx.Response:
    """One request to the gate; `known` says whether it comes with the cookie."""
    cookies = {"mlops_prefect_ui": SECRET} if more.pop("known", True) else {}

    async def ask() -> httpx.Response:
        gate = Gate(PAGES, server.connection, ADDRESS, SECRET)
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(
            transport=transport, base_url=ADDRESS, cookies=cookies
        ) as client:
            try:
                return await client.request(method, path, **more)
            finally:
                await gate.close()

    return asyncio.run(ask())


def test_the_address_with_the_secret_lets_in_once_and_for_all() -> None:
    with answering() as server:
        answer = asked(server, "GET", f"/?secret={SECRET}", known=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie


@pytest.mark.parametrize("path", ["/", "/?secret=wrong", "/?secret=", "/api/flows/filter"])
def test_nobody_else_gets_anything(path: str) -> None:
    with answering() as server:
        assert asked(server, "GET", path, known=False).status_code == 403

    assert server.heard == []


def test_pages_are_answered_here_and_the_api_by_the_server_with_its_credentials() -> None:
    def answer(request: Heard) -> Any:
        return 200, {"path": request.path, "sent": request.body}

    with answering(answer) as server:
        assert asked(server, "GET", "/runs").text == "a page"
        found = asked(server, "POST", "/api/flows/filter?x=1", json={"limit": 5})

    assert found.json() == {"path": "/api/flows/filter?x=1", "sent": {"limit": 5}}
    (heard,) = server.heard
    assert heard.headers["authorization"].startswith("Basic ")
    assert "cookie" not in heard.headers


def test_another_name_for_this_machine_and_another_page_are_refused() -> None:
    with answering() as server:
        rebound = asked(server, "GET", "/", headers={"host": "evil.example"})
        forged = asked(server, "POST", "/api/flows/", headers={"origin": "http://evil.example"})

    assert (rebound.status_code, forged.status_code) == (421, 403)
    assert server.heard == []


def test_a_server_that_is_away_is_said_so_and_a_body_without_end_is_not_read() -> None:
    with answering(listen=False) as server:
        assert asked(server, "GET", "/api/admin/version").status_code == 502
        assert asked(server, "POST", "/api/x", content=b"x" * (17 << 20)).status_code == 413
