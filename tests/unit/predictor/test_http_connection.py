"""Slow and broken clients, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from engine import http_connection as connection
from engine.http_connection import ImpatientProtocol
from engine.http_server import QuietServer
from tests.unit.daemon.loop import PATIENCE_SECONDS, in_event_loop, until
from tests.unit.deployments import deploy
from tests.unit.predictor.conftest import Predictor

HEAD = b"POST /predict_timeseries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HEALTH = b"GET /health_check HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def listening(predictor: Predictor) -> AsyncIterator[int]:
    """The predictor on a port of its own."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    await predictor.updates.refresh()
    config = uvicorn.Config(predictor.app, http=ImpatientProtocol, log_config=None, lifespan="off")
    server = QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.leave()
        server.force_exit = True
        await serving
        listener.close()


@pytest.fixture(autouse=True)
def champion(predictor: Predictor, bundles: list[Path]) -> None:
    deploy(predictor.workspace, bundles[0])


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /predict", HEAD, HEAD + b"Content-Length: 100\r\n\r\n{", HEAD + b"Trans"],
)
@in_event_loop
async def test_a_request_that_does_not_get_complete_is_cut(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    async with listening(predictor) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), PATIENCE_SECONDS)
        writer.close()


@in_event_loop
async def test_a_drop_now_and_then_does_not_extend_the_time(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
    async with listening(predictor) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            while not reader.at_eof():
                writer.write(b"X")
                await writer.drain()
                await asyncio.sleep(0.02)
            await reader.readexactly(1)
        writer.close()


@in_event_loop
async def test_a_connection_that_is_used_again_and_again_stays(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    async with listening(predictor) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(4):
            writer.write(HEALTH)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
            assert head.startswith(b"HTTP/1.1 200")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            await asyncio.sleep(0.1)
        writer.close()


@in_event_loop
async def test_hundreds_of_slow_clients_do_not_keep_others_waiting(predictor: Predictor) -> None:
    async with listening(predictor) as port:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        for _, writer in slow:
            writer.write(HEAD)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEALTH)

        assert (await asyncio.wait_for(reader.readline(), 5.0)).startswith(b"HTTP/1.1 200")
        for _, other in [*slow, (reader, writer)]:
            other.close()


@in_event_loop
async def test_a_body_without_end_is_refused_after_64_kb(predictor: Predictor) -> None:
    async with listening(predictor) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            writer.write(b"4000\r\n" + b"1" * 0x4000 + b"\r\n")

        answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"64 kB" in answer
        writer.close()


@in_event_loop
async def test_a_length_that_is_too_large_is_refused_before_the_body(predictor: Predictor) -> None:
    async with listening(predictor) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Content-Length: 100000000\r\n\r\n")

        assert (await asyncio.wait_for(reader.readline(), 5.0)).startswith(b"HTTP/1.1 413")
        writer.close()


@in_event_loop
async def test_a_client_that_does_not_wait_costs_nothing(
    predictor: Predictor, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"input_data": [' + b"1," * 20 + b"1]}"
    request = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    async with listening(predictor) as port:
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            writer.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEALTH)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()

    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@in_event_loop
async def test_a_head_without_end_is_refused(predictor: Predictor) -> None:
    async with listening(predictor) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health_check HTTP/1.1\r\nHost: localhost\r\n")
        sent = 0
        try:
            while sent < 4 * 1024**2:
                writer.write(b"x-filler: " + b"y" * 8000 + b"\r\n")
                await writer.drain()
                sent += 8012
                await asyncio.sleep(0)
        except ConnectionError:
            pass

        assert sent < 4 * 1024**2
        writer.close()


@in_event_loop
async def test_a_head_of_usual_size_may_come_in_parts(predictor: Predictor) -> None:
    async with listening(predictor) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in (HEALTH[:10], HEALTH[10:-2], b"x-filler: " + b"y" * 8000 + b"\r\n", b"\r\n"):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)

        assert (await asyncio.wait_for(reader.readline(), 5.0)).startswith(b"HTTP/1.1 200")
        writer.close()
