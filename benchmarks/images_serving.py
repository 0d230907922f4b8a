"""The predictor asked about pictures: latency, throughput, memory, and files that are none.

A CNN of 32 x 32 colour pictures. The load is wrk's (apt-get install wrk), on the loopback
interface; the peer is the same network behind FastAPI, python-multipart, Pillow and torch
(pip install 'mlops-tui[bench]'). Each has one process.

    python benchmarks/images_serving.py [--seconds 8] [--json]
"""

from __future__ import annotations

import importlib.util
import io
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
from _claims import Claim, at_least, at_most, beside, compared, measured, parser_of, report
from _load import Load, free_port, hammer, need_wrk, process
from PIL import Image

from engine.predictor_options import PredictorOptions, encode
from engine.store import AliasRegistry, VersionStore
from engine.workspace import Workspace
from models import registry
from models.data_types import IMAGE
from models.imaging.bundle import write_bundle
from models.imaging.pictures import Pictures, PixelArray
from models.learner import no_progress

HERE = Path(__file__).parent
PEER = "FastAPI, Pillow and torch"
SIDE, CLASSES = 32, 10
MANY, BATCH, BAD_FILES = 16, 64, 200
LUA = """
local file = io.open("%s", "rb")
wrk.method = "POST"
wrk.headers["Content-Type"] = "multipart/form-data; boundary=b-o-u-n-d-a-r-y"
wrk.body = file:read("*a")
file:close()
"""


def pictures() -> Pictures:
    """Stripes of ten directions and widths, in noise."""
    chance = np.random.default_rng(7)
    labels = np.arange(20 * CLASSES) % CLASSES
    rows, columns = np.mgrid[:SIDE, :SIDE]
    made = []
    for label in labels:
        angle = np.pi * label / CLASSES
        wave = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * (0.4 + 0.1 * label))
        noise = chance.normal(0, 25, (SIDE, SIDE, 3))
        made.append(np.clip(128 + 80 * wave[:, :, None] + noise, 0, 255).astype(np.uint8))
    return Pictures(np.stack(made), labels, tuple(f"stripes-{one}" for one in range(CLASSES)))


def deploy(workspace: Workspace, folder: Path) -> None:
    """Train a CNN for one epoch and make it the champion of images; `model` is saved beside."""
    data = pictures()
    model = registry.create_classifier(
        "CNN",
        height=SIDE,
        width=SIDE,
        channels=3,
        classes=data.classes,
        seed=1,
        threads=1,
        hparams={"epochs": 1},
    )
    model.fit(data, data.take(slice(0)), progress=no_progress)
    model.save(folder / "model")
    write_bundle(model, folder / "bundle", data.pixels)
    version = VersionStore(workspace.central_storage).add(
        folder / "bundle", created=time.time(), lineage={"training": {"picture_fit": "stretch"}}
    )
    AliasRegistry(workspace.central_storage, IMAGE).promote(version.id, expected=None)


def png(pixels: PixelArray) -> bytes:
    """A PNG file."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def script(folder: Path, field: str, count: int) -> Path:
    """What wrk sends: a form with so many pictures."""
    body = b"".join(
        b"--b-o-u-n-d-a-r-y\r\n"
        b'Content-Disposition: form-data; name="%s"; filename="a.png"\r\n\r\n%s\r\n'
        % (field.encode(), png(picture))
        for picture in pictures().pixels[:count]
    )
    form = folder / f"{field}.form"
    form.write_bytes(body + b"--b-o-u-n-d-a-r-y--\r\n")
    made = folder / f"{field}.lua"
    made.write_text(LUA % form)
    return made


def wait_for(address: str) -> None:
    """Return when a picture is answered."""
    content = png(pictures().pixels[0])
    began = time.perf_counter()
    while True:
        try:
            if ask(address, content) == 200:
                return
        except httpx.TransportError:
            time.sleep(0.01)
        assert time.perf_counter() - began < 120, address


def ask(address: str, content: bytes) -> int:
    """The status that a file is answered with."""
    files = {"file": ("a.png", content)}
    return httpx.post(f"{address}/predict_image", files=files, timeout=30).status_code


def measure(seconds: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace(folder / "workspace").create()
        deploy(workspace, folder)
        one_picture, batch = script(folder, "file", 1), script(folder, "files", BATCH)
        peer_one, peer_many, peer_memory = _peer(folder, one_picture, seconds)
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        options = encode(PredictorOptions(workspace=str(workspace.root), port=port))
        ours = ["-P", "-m", "engine.predictor.main", options]
        with process(ours, folder / "ours.log") as predictor:
            wait_for(address)
            bare = f"{address}/predict_image?heat_map=false"
            one = hammer(bare, one_picture, 1, seconds)
            many = hammer(bare, one_picture, MANY, seconds)
            memory = predictor.memory_info().rss / 1024**2
            drawn_one = hammer(f"{address}/predict_image", one_picture, 1, seconds)
            drawn_many = hammer(f"{address}/predict_image", one_picture, MANY, seconds)
            together = hammer(f"{address}/classify", batch, 2, seconds)
            loads = (one, many, drawn_one, drawn_many, together)
            failed = sum(load.failed for load in loads)
            yield beside("p50 at one connection", one.p50, "ms", PEER, peer_one.p50)
            yield at_least(
                f"times the peer's requests, at {MANY}",
                many.rate / peer_many.rate,
                "x",
                1.5,
                PEER,
                peer_many.rate,
            )
            yield compared(f"requests at {MANY}", many.rate, "a second", PEER, peer_many.rate)
            yield beside(f"p99 at {MANY} connections", many.p99, "ms", PEER, peer_many.p99)
            yield measured("p50 with heat map, at one", drawn_one.p50, "ms")
            yield measured(f"requests with heat map, at {MANY}", drawn_many.rate, "a second")
            yield measured(f"p99 with heat map, at {MANY}", drawn_many.p99, "ms")
            yield measured(f"pictures, {BATCH} a request", together.rate * BATCH, "a second")
            yield at_most("failed", failed, "requests", 0, "", None)
            yield at_most("resident memory", memory, "MB", 160, PEER, peer_memory)
            yield from _bad_files(address, predictor)


def _peer(folder: Path, one_picture: Path, seconds: int) -> tuple[Load, Load, float]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(HERE / "_eager_image_peer.py"), str(folder / "model"), str(port)]
    with process(command, folder / "peer.log") as peer:
        wait_for(address)
        one = hammer(f"{address}/predict_image", one_picture, 1, seconds)
        many = hammer(f"{address}/predict_image", one_picture, MANY, seconds)
        memory = peer.memory_info().rss / 1024**2
    assert not one.failed + many.failed, (one, many)
    return one, many, memory


def _bad_files(address: str, predictor: psutil.Process) -> Iterator[Claim]:
    chance = random.Random(7)
    files = [_damaged(chance) for _ in range(BAD_FILES)]
    for content in files[:20]:
        ask(address, content)
    before = predictor.memory_info().rss
    statuses = [ask(address, content) for content in files]
    growth = (predictor.memory_info().rss - before) / 1024**2
    accepted = sum(not 400 <= status < 500 for status in statuses)
    yield at_most(f"{BAD_FILES} bad files: not 4xx", accepted, "answers", 0, "", None)
    yield at_most(f"{BAD_FILES} bad files: memory grows", max(growth, 0.0), "MB", 60, "", None)
    still = ask(address, png(pictures().pixels[0]))
    yield at_most("good file after them: not 200", int(still != 200), "answers", 0, "", None)


def _damaged(chance: random.Random) -> bytes:
    """A file that is no whole picture of a size that is taken."""
    noise = np.random.default_rng(chance.randrange(100)).integers(0, 256, (48, 48, 3), np.uint8)
    whole = png(noise)
    match chance.randrange(5):
        case 0:
            return whole[: chance.randrange(1, len(whole) // 2)]
        case 1:
            return whole[:16] + chance.randbytes(8) + whole[24:]
        case 2:
            return whole[:8] + chance.randbytes(500)
        case 3:
            return b"\xff\xd8\xff" + chance.randbytes(500)
        case _:
            return png(np.zeros((chance.randint(5000, 6000), 6000), np.uint8))


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=int, default=8)
    arguments = parser.parse_args()
    need_wrk()
    if importlib.util.find_spec("python_multipart") is None:
        sys.exit("the peer needs python-multipart: pip install 'mlops-tui[bench]'")
    return max(report([claim], as_json=arguments.json) for claim in measure(arguments.seconds))


if __name__ == "__main__":
    sys.exit(main())
