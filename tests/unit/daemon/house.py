"""An engine that answers, without any of its own loops and without children."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn

from engine.daemon import children
from engine.daemon.children import Child, Started
from engine.daemon.engine import Engine
from engine.daemon.http import make_app
from engine.daemon.launching import Launcher
from engine.errors import ServerError
from engine.processes import start_mark
from engine.runs.progress import ProgressWriter
from engine.schema import ErrorReply, Event, decode_event
from engine.workspace import Workspace
from tests.unit.daemon.loop import PATIENCE_SECONDS, running, until
from tests.unit.daemon.stand_ins import LauncherStandIn, claim


class ColdEngine(Engine):
    """An engine that only counts how often it was asked to start what runs need."""

    warmed = 0

    def warm(self) -> None:
        self.warmed += 1


class House:
    """An engine that answers on a real socket, and one of its clients."""

    def __init__(self, engine: ColdEngine, client: httpx.AsyncClient) -> None:
        self.engine = engine
        self.client = client
        self.table = engine.table

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query)

    async def post(self, path: str, body: Any = None, **query: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=b"" if body is None else content, params=query)

    def write_progress(self, run_id: str) -> None:
        progress = ProgressWriter(self.folder(run_id))
        progress.write("task", id="s1", name="train", flow="train_flow", state="RUNNING")
        progress.write("epoch", step="train", done=3, total=20, loss=0.5)
        progress.close()

    def folder(self, run_id: str) -> Path:
        folder = self.engine.workspace.run_folder(run_id)
        folder.mkdir(exist_ok=True)
        return folder

    @asynccontextmanager
    async def feed(self, **asked: Any) -> AsyncIterator[Listener]:
        headers = {"last-event-id": asked.pop("last_id")} if "last_id" in asked else {}
        async with self.client.stream("GET", "/events", params=asked, headers=headers) as answer:
            yield Listener(answer)


class Listener:
    """Reads the live feed line by line."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()
        self.last_id = ""

    async def line(self) -> str:
        return await asyncio.wait_for(anext(self._lines), PATIENCE_SECONDS)

    async def next(self) -> Event:
        """The next event, which is exactly an id, its data and an empty line."""
        first, second, third = [await self.line() for _ in range(3)]
        assert third == ""
        assert first.startswith("id: ")
        assert second.startswith("data: ")
        self.last_id = first.removeprefix("id: ")
        return decode_event(second.removeprefix("data: "))


@asynccontextmanager
async def house(workspace: Workspace, kind: type[ColdEngine] = ColdEngine) -> AsyncIterator[House]:
    """An engine whose client needs no socket; none of the engine's own loops run."""
    engine = kind(workspace)
    try:
        transport = httpx.ASGITransport(make_app(engine), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
            yield House(engine, client)
    finally:
        await engine.stop()


@asynccontextmanager
async def house_with_a_door(workspace: Workspace) -> AsyncIterator[House]:
    """An engine that answers on its Unix socket: for what is about the connection itself."""
    engine = ColdEngine(workspace)
    config = uvicorn.Config(
        make_app(engine),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workspace.socket))
        listener.listen()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        transport = httpx.AsyncHTTPTransport(uds=str(workspace.socket), verify=False)
        try:
            async with httpx.AsyncClient(
                transport=transport, base_url="http://engine", timeout=PATIENCE_SECONDS
            ) as client:
                yield House(engine, client)
        finally:
            server.should_exit = True
            await serving
            await engine.stop()


def message_of(answer: httpx.Response, kind: Any, status: int = 200) -> Any:
    """The message in an answer of this status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return msgspec.json.decode(answer.content, type=kind)


def refusal(answer: httpx.Response, status: int, kind: str) -> ErrorReply:
    """What was refused, in the one form that all refusals have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"kind", "message", "where", "fix"}
    reply = msgspec.json.decode(answer.content, type=ErrorReply)
    assert reply.kind == kind
    assert reply.message
    return reply


class ForgetfulApi:
    """A Prefect server that knows no run."""

    def flow_run_id_of_key(self, _: str) -> None:
        return None

    def close(self) -> None:
        """Nothing to close."""


def use_api(at: House, api: Any) -> None:
    """Let the engine talk to this instead of to a Prefect server."""
    at.engine.prefect._api = api


class ChildlessEngine(ColdEngine):
    """An engine that needs no fork server for its processes."""

    def _make_launcher(self) -> Launcher:
        return LauncherStandIn()


def give_process(at: House, run_id: str, process: subprocess.Popen[bytes]) -> None:
    mark = start_mark(process.pid)
    assert mark is not None
    claim(at.table, run_id, process.pid, mark)


@asynccontextmanager
async def without_a_prefect_server(at: House) -> AsyncIterator[None]:
    """It was given up on."""

    async def start() -> Started:
        raise ServerError("port 4200 cannot be used")

    at.engine.prefect.child = Child("prefect server", start, lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "_PAUSES", ())
        async with running(at.engine.prefect.child.supervise()):
            await until(lambda: at.engine.prefect.child.has_failed)
            yield
