"""A Prefect server by URL: waited for as long as it takes, and told of in sentences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from engine.config.engine_settings import PrefectServerSettings
from engine.daemon import children, prefect_elsewhere
from engine.daemon.prefect_elsewhere import PrefectElsewhere
from engine.daemon.workers import Workers
from engine.schema import ChildInfo
from engine.workspace import Workspace
from tests.unit.daemon.loop import in_event_loop, running, until
from tests.unit.prefect_server.http_server import Answer, AnsweringServer, answering


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_PAUSES", (0.0, 0.01))
    monkeypatch.setattr(prefect_elsewhere, "_LOOK_EVERY_SECONDS", 0.01)


class Moody:
    """A server that answers as it is told to at the moment."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    @contextmanager
    def listening(self) -> Iterator[AnsweringServer]:
        with answering(lambda _: self.answer) as server:
            yield server


@asynccontextmanager
async def kept(url: str, folder: Path) -> AsyncIterator[PrefectElsewhere]:
    workers = Workers()
    workspace = Workspace(folder).create()
    workspace.secrets.write_text("PREFECT_AUTH=ops:s3cret\n")
    workspace.secrets.chmod(0o600)
    settings = PrefectServerSettings(url=url, auth="${PREFECT_AUTH}")
    told: list[ChildInfo] = []
    prefect = PrefectElsewhere(workspace, lambda: settings, workers, told.append)
    try:
        async with running(prefect.child.supervise()):
            yield prefect
    finally:
        prefect.close()
        workers.close()


@in_event_loop
async def test_a_server_that_answers_is_ready_and_nothing_is_started(
    tmp_path: Path,
) -> None:
    with Moody((200, "3.9.1")).listening() as server:
        async with kept(server.connection.url, tmp_path) as prefect:
            await prefect.wait_ready(30)

            assert prefect.why_not_ready == ""
            assert (prefect.address, prefect.inherited) == (server.connection.url, ())
            info = prefect.child.info
            assert (info.pid, info.address) == (None, server.connection.url)
            assert await asyncio.to_thread(prefect.api.version) == "3.9.1"


@in_event_loop
async def test_runs_wait_for_it_as_long_as_it_takes_and_say_why(tmp_path: Path) -> None:
    moody = Moody((401, b""))
    with moody.listening() as server:
        async with kept(server.connection.url, tmp_path) as prefect:
            assert prefect.why_not_ready.startswith("waits for the Prefect server")
            # Many more times than a child of our own is given.
            await until(lambda: prefect.child.info.restarts > 3 * len(children._PAUSES))
            assert "refuses these credentials" in prefect.why_not_ready
            assert not prefect.child.has_failed

            moody.answer = (200, "3.9.1")
            await prefect.wait_ready(30)


@in_event_loop
async def test_a_server_that_goes_away_and_comes_back_is_noticed(tmp_path: Path) -> None:
    moody = Moody((200, "3.9.1"))
    with moody.listening() as server:
        async with kept(server.connection.url, tmp_path) as prefect:
            await prefect.wait_ready(30)
            moody.answer = (502, b"bad gateway")
            await until(lambda: "HTTP 502" in prefect.why_not_ready)

            moody.answer = (200, "3.9.1")
            await prefect.wait_ready(30)
