"""Rows 1 to 18, 20, 22 and 68: what a predictor is asked, against its real process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.store import AliasRegistry
from engine.workspace import Workspace
from tests.faults.predictor_process import VALUES, PredictorProcess, predictor_process
from tests.unit.deployments import deploy, make_bundle

pytestmark = pytest.mark.long

HEAD = b"POST /predict_timeseries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictorProcess]:
    folder = tmp_path_factory.mktemp("requests")
    workspace = Workspace(folder / "workspace").create()
    deploy(workspace, make_bundle(folder / "bundle", window=30))
    with predictor_process(workspace) as started:
        yield started
    assert "Traceback" not in started.log()


def refused(answer: httpx.Response, *statuses: int) -> str:
    """The message of a refusal in the schema of a forecast."""
    assert answer.status_code in statuses, answer.text
    body = answer.json()
    assert (body["model_name"], body["prediction"]) == (None, [])
    assert body.keys() == {"model_name", "prediction", "message"}
    return str(body["message"])


def with_value(text: str) -> bytes:
    """A request whose sixth value is this."""
    values = [str(value) for value in VALUES]
    values[5] = text
    return f'{{"input_data": [{", ".join(values)}]}}'.encode()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_01_a_number_that_is_none_is_refused_with_its_place(
    predictor: PredictorProcess, value: str
) -> None:
    assert "input_data[5]" in refused(predictor.send(with_value(value)), 422)


@pytest.mark.parametrize("value", ["1.7e308", "1.0000001e12", "-2e12"])
def test_02_a_number_beyond_the_range_is_refused(predictor: PredictorProcess, value: str) -> None:
    assert "input_data[5]" in refused(predictor.send(with_value(value)), 422)


def test_03_stock_may_be_negative(predictor: PredictorProcess) -> None:
    answer = predictor.forecast({"input_data": [-value for value in VALUES]})

    assert answer.status_code == 200
    assert min(answer.json()["prediction"]) < 0.0


@pytest.mark.parametrize("value", ['"50"', "true", "null", "[1]", '{"a": 1}'])
def test_04_nothing_is_made_into_a_number(predictor: PredictorProcess, value: str) -> None:
    assert "input_data[5]" in refused(predictor.send(with_value(value)), 422)


@pytest.mark.parametrize("number", [0, 1, 29])
def test_05_too_few_values_are_refused(predictor: PredictorProcess, number: int) -> None:
    message = refused(predictor.forecast({"input_data": [1.0] * number}), 422)

    assert "the last 30 days" in message
    assert f"not {number}" in message


@pytest.mark.parametrize("number", [31, 400])
def test_05_of_more_values_the_last_count_and_the_answer_says_so(
    predictor: PredictorProcess, number: int
) -> None:
    more = predictor.forecast({"input_data": [*[900.0] * (number - 30), *VALUES]}).json()
    exact = predictor.forecast({"input_data": VALUES}).json()

    assert more["prediction"] == exact["prediction"]
    assert f"the last 30 of {number} values" in more["message"]


@pytest.mark.parametrize("value", [0.0, 5.0, -3.5, 1e12])
def test_06_a_series_that_never_changes_has_a_forecast(
    predictor: PredictorProcess, value: float
) -> None:
    answer = predictor.forecast({"input_data": [value] * 30})

    assert answer.status_code == 200
    assert answer.json()["prediction"] == pytest.approx([value] * 7, rel=1e-3)


@pytest.mark.parametrize(
    "steps", ["-1", "366", "1000000000", "1" + "0" * 5000, "7.0", '"7"', "true", "null"]
)
def test_07_steps_that_are_none_are_refused_at_once(
    predictor: PredictorProcess, steps: str
) -> None:
    began = time.monotonic()

    refused(predictor.send(f'{{"input_data": {VALUES}, "prediction_step": {steps}}}'.encode()), 422)

    assert time.monotonic() - began < 5.0  # no work that grows with the number


@pytest.mark.parametrize("steps", [{}, {"prediction_step": 0}])
def test_08_without_a_number_of_steps_there_are_seven(
    predictor: PredictorProcess, steps: dict[str, int]
) -> None:
    assert len(predictor.forecast({"input_data": VALUES, **steps}).json()["prediction"]) == 7


def test_09_a_field_that_is_unknown_is_refused_and_of_a_double_one_the_last_counts(
    predictor: PredictorProcess,
) -> None:
    assert "steps" in refused(predictor.forecast({"input_data": VALUES, "steps": 3}), 422)
    double = predictor.send(f'{{"input_data": [1], "input_data": {VALUES}}}'.encode())
    assert (
        double.json()["prediction"]
        == (predictor.forecast({"input_data": VALUES}).json()["prediction"])
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"input_data=1", b'{"input_data": [1,', b"\xff\xfe{}", "{}".encode("utf-16"), b"\x00"],
)
def test_10_what_is_not_json_is_refused(predictor: PredictorProcess, body: bytes) -> None:
    refused(predictor.send(body), 400, 422)


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"input_data":' + b'{"a":' * 12_000])
def test_11_deep_json_is_refused(predictor: PredictorProcess, body: bytes) -> None:
    refused(predictor.send(body), 400, 413, 422)
    assert predictor.model() is not None


def send_without_end(connection: socket.socket, total: int) -> int:
    """Send chunks until they are refused; return how many bytes went out."""
    part = b"10000\r\n" + b"1" * 0x10000 + b"\r\n"
    sent = 0
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while sent < total:
            connection.sendall(part)
            sent += len(part)
    return sent


def test_12_a_hundred_megabytes_are_refused_without_growth_and_others_are_answered(
    predictor: PredictorProcess,
) -> None:
    predictor.model()
    before = predictor.resident()
    connections = [predictor.connect() for _ in range(20)]
    for connection in connections:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + b"1" * 0x1000)

    for connection in connections:
        connection.sendall(b"\r\n")
        # What lies in the buffers of the two machines never reaches it.
        assert send_without_end(connection, 100 * MEGABYTE) < 32 * MEGABYTE
        assert predictor.ask("GET", "/health_check").status_code == 200
        connection.close()

    assert predictor.resident() - before < 5 * MEGABYTE


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
def test_13_what_a_web_page_could_send_is_not_parsed(
    predictor: PredictorProcess, kind: str
) -> None:
    body = f'{{"input_data": {VALUES}}}'.encode()

    refused(predictor.send(body, kind), 415)


def test_14_a_thousand_slow_clients_block_nobody_and_are_cut(predictor: PredictorProcess) -> None:
    slow = []
    for number in range(1000):
        connection = predictor.connect()
        connection.sendall(HEAD if number % 2 else HEAD + b"Content-Length: 500\r\n\r\n{")
        slow.append(connection)
    began = time.monotonic()
    for _ in range(20):
        assert predictor.ask("GET", "/health_check").status_code == 200
    assert time.monotonic() - began < 10.0

    for connection in slow:
        connection.settimeout(20.0)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1000) == b""
        connection.close()
    assert time.monotonic() - began < 20.0


def test_15_of_a_thousand_at_once_each_gets_an_answer_and_nothing_stays_open(
    predictor: PredictorProcess,
) -> None:
    before = predictor.descriptors()

    async def ask(client: httpx.AsyncClient) -> tuple[int, str | None]:
        answer = await client.post("/predict_timeseries", json={"input_data": VALUES})
        return answer.status_code, answer.headers.get("retry-after")

    async def ask_all() -> list[tuple[int, str | None]]:
        limits = httpx.Limits(max_connections=1000, max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=predictor.address, limits=limits, timeout=60.0
        ) as client:
            return await asyncio.gather(*(ask(client) for _ in range(1000)))

    answers = asyncio.run(ask_all())

    assert {status for status, _ in answers} <= {200, 503}
    assert all(again for status, again in answers if status == 503)
    deadline = time.monotonic() + 20.0
    while predictor.descriptors() > before + 5:
        assert time.monotonic() < deadline, predictor.descriptors()
        time.sleep(0.1)


def test_16_who_leaves_before_the_answer_costs_no_line_of_log(predictor: PredictorProcess) -> None:
    body = f'{{"input_data": {VALUES}, "prediction_step": 365}}'.encode()
    before = predictor.log()

    for _ in range(200):
        connection = predictor.connect()
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    assert predictor.model() is not None
    assert predictor.log() == before


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", ""])
def test_17_another_host_is_refused_before_anything_else(
    predictor: PredictorProcess, host: str
) -> None:
    answer = predictor.ask("GET", "/models", headers={"host": host})

    assert answer.status_code in (400, 421)
    assert "seasonalnaive" not in answer.text


def test_18_a_web_page_changes_nothing(predictor: PredictorProcess) -> None:
    answer = predictor.ask(
        "PUT",
        f"/update_model/{predictor.model()}/manifest.json",
        headers={
            "authorization": f"Bearer {predictor.token}",
            "origin": "http://evil.example",
        },
    )

    assert answer.status_code == 403


NAMES = [
    "../aliases.db",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc",
    "a;b",
    "a%23b",
    "a%5cb",
    "a%00",
    "/etc/passwd",
    "ｓeasonalnaive",
    "seasonalnaive.",
    "x" * 300,
]


@pytest.mark.parametrize("name", NAMES)
def test_22_names_are_looked_up_and_nothing_on_disk_is_touched(
    predictor: PredictorProcess, name: str
) -> None:
    storage = predictor.workspace.central_storage
    before = AliasRegistry(storage).read()
    files = sorted(path.name for path in storage.rglob("*") if "aliases.db" not in path.name)

    answer = predictor.ask(
        "PUT",
        f"/update_model/{name}/manifest.json",
        headers={"authorization": f"Bearer {predictor.token}"},
    )

    assert answer.status_code in (404, 422)
    assert answer.json().keys() == {"message"}
    assert AliasRegistry(storage).read() == before
    assert sorted(p.name for p in storage.rglob("*") if "aliases.db" not in p.name) == files


def test_20_tokens_cannot_be_guessed_at_speed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    version = deploy(workspace, make_bundle(tmp_path / "bundle", window=30))
    with predictor_process(workspace) as predictor:

        def guess(number: int) -> int:
            header = {"authorization": f"Bearer guess-{number}"}
            path = f"/update_model/{version.id}/manifest.json"
            return predictor.ask("PUT", path, headers=header).status_code

        with ThreadPoolExecutor(4) as pool:
            statuses = Counter(pool.map(guess, range(60)))

        assert statuses == {401: 10, 429: 50}
        assert predictor.model() == version.id
        assert predictor.token not in predictor.log()
        assert predictor.log().count("a wrong token came from 127.0.0.1") == 10


def test_68_without_a_model_the_schema_is_whole(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    with predictor_process(workspace) as predictor:
        message = refused(predictor.forecast({"input_data": VALUES}), 404)
        health: dict[str, Any] = predictor.ask("GET", "/health_check").json()

    assert "engine run full_flow" in message
    assert health["model_name"] is None
