"""Pictures that are none, too large ones and clients that leave, against a real predictor."""

from __future__ import annotations

import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from engine.workspace import Workspace
from tests.faults.predictor_process import PredictorProcess, predictor_process
from tests.unit.picture_bundles import (
    bomb,
    colour_picture,
    deploy_pictures,
    jpeg,
    make_picture_bundle,
    png,
)

pytestmark = pytest.mark.long

MEGABYTE = 1 << 20
RED = png(colour_picture("red", 32, seed=9))
PNG = {"content-type": "image/png"}
HEAD = b"POST /predict_image HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictorProcess]:
    folder = tmp_path_factory.mktemp("pictures")
    workspace = Workspace(folder / "workspace").create()
    deploy_pictures(workspace, make_picture_bundle(folder / "bundle"))
    with predictor_process(workspace) as started:
        yield started
    assert "Traceback" not in started.log()


def ask(predictor: PredictorProcess, content: bytes) -> httpx.Response:
    return predictor.ask("POST", "/predict_image", files={"file": ("a.png", content)})


def says_red(predictor: PredictorProcess) -> bool:
    answer = ask(predictor, RED)
    return answer.status_code == 200 and answer.json()["prediction"] == "red"


def damaged(chance: random.Random) -> bytes:
    """A file that is no whole picture: cut, changed, of another kind, or a bomb."""
    noise = np.random.default_rng(chance.randrange(1000)).integers(0, 256, (48, 48, 3), np.uint8)
    whole = chance.choice([png, jpeg])(noise)
    match chance.randrange(6):
        case 0:
            return whole[: chance.randrange(1, len(whole) // 2)]
        case 1:  # the size that the head claims
            at = whole.find(b"IHDR") + 4 if b"IHDR" in whole else whole.find(b"\xff\xc0") + 5
            return whole[:at] + chance.randbytes(4) + whole[at + 4 :]
        case 2:
            return b"\x89PNG\r\n\x1a\n" + chance.randbytes(500)
        case 3:
            return b"\xff\xd8\xff" + chance.randbytes(500)
        case 4:
            return chance.choice([b"GIF89a", b"BM", b"RIFF1234WEBP", b"%PDF", b""]) + bytes(99)
        case _:
            return bomb(chance.randint(6000, 9000), 6000)


def test_two_hundred_bad_files_are_refused_in_flat_memory(predictor: PredictorProcess) -> None:
    chance = random.Random(7)
    files = [damaged(chance) for _ in range(200)]
    for content in files[:20]:
        ask(predictor, content)
    assert says_red(predictor)
    before = predictor.resident()

    statuses = Counter(ask(predictor, content).status_code for content in files)

    assert set(statuses) == {422}
    assert predictor.resident() - before < 60 * MEGABYTE
    assert says_red(predictor)


@pytest.mark.parametrize("boundary", ["b", "c"])
def test_broken_forms_are_refused(predictor: PredictorProcess, boundary: str) -> None:
    chance = random.Random(7)
    whole = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + RED
        + b"\r\n--b--\r\n"
    )
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    with httpx.Client(base_url=predictor.address) as client:
        for _ in range(100):
            content = whole[: chance.randrange(len(whole) - 6)]
            answer = client.post("/predict_image", content=content, headers=kind)
            assert answer.status_code == 400, answer.text
    assert says_red(predictor)


def test_too_large_a_body_is_refused_and_its_sender_learns_why(
    predictor: PredictorProcess,
) -> None:
    answer = ask(predictor, bytes(12 * MEGABYTE))

    assert answer.status_code == 413
    assert "10240 kB" in answer.json()["message"]


def test_what_is_refused_before_its_body_is_read_is_refused_with_words(
    predictor: PredictorProcess,
) -> None:
    with httpx.Client(base_url=predictor.address) as client:
        for _ in range(3):
            answer = client.post("/predict_image", json=["x" * 9 * MEGABYTE])
            assert answer.status_code == 415
            assert client.get("/health_check").status_code == 200


def test_who_leaves_before_the_answer_costs_nobody_anything(predictor: PredictorProcess) -> None:
    large = jpeg(np.zeros((2000, 2000, 3), np.uint8))
    before = predictor.log(), predictor.descriptors()
    for number in range(40):
        connection = predictor.connect()
        sent = large if number % 2 else large[: len(large) // 2]
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(large) + sent)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    assert says_red(predictor)
    deadline = time.monotonic() + 20.0
    while predictor.descriptors() > before[1] + 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert predictor.log() == before[0]


def test_beside_large_pictures_everything_else_is_answered(predictor: PredictorProcess) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (1500, 2000, 3), np.uint8)
    large = jpeg(noise)
    started = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, predictor, large) for _ in range(20)]
        slowest = 0.0
        while not all(one.done() for one in asked):
            began = time.monotonic()
            assert predictor.ask("GET", "/health_check").status_code == 200
            slowest = max(slowest, time.monotonic() - began)

    assert {one.result().status_code for one in asked} == {200}
    # Nobody stands in the queue of the pictures who asks for something else.
    assert slowest < (time.monotonic() - started) / 2


def test_more_than_fits_is_told_to_come_again(predictor: PredictorProcess) -> None:
    # Bodies of which the last byte does not come hold their room.
    head = HEAD + b"Content-Length: %d\r\n\r\n" % (10 * MEGABYTE)
    waiting = [predictor.connect() for _ in range(25)]
    for connection in waiting:
        connection.sendall(head + b"\x89PNG")
    time.sleep(0.3)

    with httpx.Client(base_url=predictor.address) as client:
        refused = client.post("/predict_image", content=bytes(9 * MEGABYTE), headers=PNG)
        small = client.post("/predict_image", content=RED, headers=PNG)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert small.status_code == 200

    for connection in waiting:
        connection.close()
    deadline = time.monotonic() + 20.0
    while ask(predictor, bytes(9 * MEGABYTE)).status_code != 422:
        assert time.monotonic() < deadline
        time.sleep(0.05)
