"""Pictures through the five flows and the predictor, on the real engine."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from engine.data.sample import write_sample
from engine.store import Version
from engine.workspace import Workspace
from models.imaging.pictures import PixelArray
from tests.e2e.conftest import copy_database
from tests.e2e.harness import SETTINGS, TIMEOUT_SECONDS, Engine
from tests.e2e.test_flow_api import Client
from tests.unit.deployments import deploy, make_bundle

pytestmark = pytest.mark.long

SIDE, A_CLASS = 32, 40
CLASSES = ("checks", "columns", "rows")
SERVING = SETTINGS.replace("flow_api: {enabled: false}", "flow_api: {port: 0}").replace(
    "predictor: {enabled: false}", "predictor: {enabled: true, port: 0}"
)
DATA = """flow_module: data_flow
dataset:
  ds_name: textures
  file_path: textures
  rules: {broken: skip}
"""
TRAIN = """flow_module: train_flow
train:
  threads: 1
  hparams: {batch_size: 16, conv_filters: 8, conv_layers: 1, rotate_degrees: 0.0}
"""
FORECAST = {"input_data": [float(number % 7) for number in range(30)]}
ENDLESS = ("--epochs=10000", "--set=train.hparams.patience=10000")


def texture(name: str, seed: int) -> PixelArray:
    """Noisy lines or checks of two random colours: no mean picture tells the classes apart."""
    random = np.random.default_rng(seed)
    low, high = random.integers(0, 100, 3), random.integers(150, 256, 3)
    row, column = np.indices((SIDE, SIDE)) + random.integers(0, 4, (2, 1, 1))
    rows, columns = row // 2 % 2 == 0, column // 2 % 2 == 0
    where = {"rows": rows, "columns": columns, "checks": rows ^ columns}[name]
    pixels = np.where(where[..., None], high, low) + random.integers(-20, 21, (SIDE, SIDE, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def encoded(pixels: PixelArray, kind: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return content.getvalue()


def write_pictures(folder: Path) -> None:
    """A folder a class of PNG and JPEG files, and a file that only pretends to be one."""
    for place, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(A_CLASS):
            kind = "PNG" if number % 2 else "JPEG"
            pixels = texture(name, seed=1000 * place + number)
            (folder / name / f"{number}.{kind.lower()}").write_bytes(encoded(pixels, kind))
    whole = encoded(texture("rows", seed=9), "PNG")
    (folder / "rows" / "torn.png").write_bytes(whole[: len(whole) // 2])


@dataclass(frozen=True)
class Shop:
    """A workspace with a forecaster in service, and a classifier that was launched over HTTP.

    Attributes:
        run: The full_flow that put the classifier into service, as the flow API shows it.
        classifier: The version that it put into service.
    """

    engine: Engine
    client: Client
    predictor: str
    forecaster: Version
    run: dict[str, Any]
    classifier: str

    def classify(self, content: bytes, name: str = "picture.png") -> httpx.Response:
        files = {"file": (name, content)}
        return httpx.post(f"{self.predictor}/predict_image", files=files, timeout=30)

    def classified_by(self) -> str:
        return str(self.classify(encoded(texture("rows", seed=1), "PNG")).json()["model_name"])

    def roll_back(self, **body: str) -> Any:
        answer = self.client.post("/api/v1/models/rollback", **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def forecast_by(self) -> str:
        answer = httpx.post(f"{self.predictor}/predict_timeseries", json=FORECAST, timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["model_name"])


@pytest.fixture(scope="module")
def shop(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    workspace = Workspace(tmp_path_factory.mktemp("pictures")).create()
    copy_database(engine.workspace.prefect_home / "prefect.db", workspace.prefect_home)
    write_pictures(workspace.data / "textures")
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=3, days=150)
    (workspace.configs / "engine.yaml").write_text(SERVING)
    (workspace.configs / "image_data_flow_config.yaml").write_text(DATA)
    (workspace.configs / "image_train_flow_config.yaml").write_text(TRAIN)
    forecaster = deploy(workspace, make_bundle(tmp_path_factory.mktemp("bundle"), window=30))
    started = Engine(workspace, sample)
    try:
        assert started.run("up").returncode == 0
        token = started.json("token", "create", "factory", "--role", "admin")["token"]
        flow_api = started.wait_until(lambda: started.json("status")["addresses"].get("flow_api"))
        with contextlib.closing(Client(flow_api, token)) as client:
            run = client.end(client.start("full_flow", model_type="CNN", epochs=3))
            version = outputs(started, run["flow_id"])["version"]
            yield Shop(started, client, predictor_of(started), forecaster, run, version)
    finally:
        started.run("down", "--cancel-runs")


def outputs(engine: Engine, run_id: str) -> dict[str, Any]:
    return dict(engine.json("run", "show", run_id)["outputs"])


def predictor_of(engine: Engine) -> str:
    children = engine.json("status")["children"]
    (address,) = [child["address"] for child in children if child["name"] == "predictor"]
    return str(address)


def decoded(text: str) -> PixelArray:
    picture = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    assert picture.format == "PNG"
    return np.asarray(picture)


def test_a_folder_of_pictures_goes_through_full_flow_into_service(shop: Shop) -> None:
    assert (shop.run["state"], shop.run["flow_name"]) == ("COMPLETED", "full_flow")
    told = shop.engine.json("run", "show", shop.run["flow_id"])
    names = [task["task_name"] for task in shop.run["tasks"]]
    assert names[:5] == [
        "load_data",
        "validate_data",
        "prepare_image_data",
        "split_image_data",
        "open_training_data",
    ]
    assert "calibrate_probabilities" in names
    assert told["parameters"] == {"model_type": "CNN", "data_type": "image"}
    scores = told["outputs"]["evaluation"]["scores"]
    assert scores["candidate"]["accuracy"] >= 0.9
    assert scores["MeanPicture"]["accuracy"] < 0.7
    assert any("torn.png" in sentence for sentence in told["outputs"]["data_report"])


def test_fresh_pictures_are_told_apart_with_heat_maps_of_their_size(shop: Shop) -> None:
    right = 0
    for number in range(12):
        name = CLASSES[number % 3]
        kind = "JPEG" if number % 2 else "PNG"
        answer = shop.classify(encoded(texture(name, seed=50_000 + number), kind))
        told = answer.json()
        assert answer.status_code == 200, told
        assert told["model_name"] == shop.classifier
        assert told["probabilities"].keys() == set(CLASSES)
        assert sum(told["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
        assert decoded(told["overlaid_img"]).shape == (SIDE, SIDE, 3)
        assert decoded(told["raw_hm_img"]).shape[:2] == (SIDE, SIDE)
        right += told["prediction"] == name
    assert right >= 11


def test_forecaster_and_classifier_answer_side_by_side(shop: Shop) -> None:
    models = shop.engine.json("models")

    assert shop.forecast_by() == shop.forecaster.id
    assert shop.classified_by() == shop.classifier
    assert {one["id"]: (one["data_type"], one["alias"]) for one in models} == {
        shop.forecaster.id: ("timeseries", "champion"),
        shop.classifier: ("image", "champion"),
    }


@pytest.mark.parametrize(
    "content",
    [b"no picture", encoded(texture("rows", seed=3), "PNG")[:200], b"\x89PNG\r\n\x1a\n"],
    ids=["text", "torn", "header only"],
)
def test_a_broken_picture_is_refused_in_the_full_schema(shop: Shop, content: bytes) -> None:
    answer = shop.classify(content)

    told = answer.json()
    assert answer.status_code == 422
    assert not any(told[key] for key in ("model_name", "prediction", "overlaid_img", "raw_hm_img"))
    assert told["message"]


def test_each_flow_takes_up_what_was_left_for_its_own_kind_and_a_worse_model_is_refused(
    shop: Shop,
) -> None:
    prepared = launched(shop, "data_flow", data_type="image")
    # What is left for the forecasters in between is none of the classifiers' business.
    series = shop.engine.json("run", "data_flow", *shop.engine.sample_options)
    trained = launched(shop, "train_flow", data_type="image", model_type="MeanPicture")
    measured = launched(shop, "eval_flow", data_type="image")
    decided = launched(shop, "deploy_flow", state="FAILED", data_type="image")
    other = shop.engine.json("run", "train_flow", "--model-type=SeasonalNaive")

    dataset = outputs(shop.engine, prepared)["dataset"]
    evaluation = outputs(shop.engine, measured)["evaluation"]
    assert dataset == outputs(shop.engine, shop.run["flow_id"])["dataset"]
    assert (evaluation["candidate"], evaluation["dataset"]) == (trained, dataset)
    assert (evaluation["champion"], evaluation["data_type"]) == (shop.classifier, "image")
    message = shop.engine.json("run", "show", decided)["message"]
    assert "the champion's" in message
    assert "(allowed: up to 1)" in message
    assert shop.classified_by() == shop.classifier
    record = shop.engine.workspace.run_folder(other["id"]) / "candidate" / "training.json"
    assert json.loads(record.read_text())["dataset"] == series["outputs"]["dataset"]


def launched(shop: Shop, flow: str, *, state: str = "COMPLETED", **body: Any) -> str:
    """Launch a flow over HTTP and wait for its end; return the run."""
    ended = shop.client.end(shop.client.start(flow, **body))
    assert ended["state"] == state, shop.engine.run("logs", ended["flow_id"]).stdout
    return str(ended["flow_id"])


def test_a_rollback_of_the_classifier_is_followed_and_leaves_the_forecaster_alone(
    shop: Shop,
) -> None:
    forced = shop.engine.json(
        *("run", "full_flow", "--model-type=MeanPicture", "--data-type=image"),
        "--force=the previous one must be there to go back to",
    )
    second = forced["outputs"]["version"]
    assert shop.classified_by() == second

    back = shop.roll_back(data_type="image")
    shop.engine.wait_until(lambda: shop.classified_by() == shop.classifier)

    assert back == {"data_type": "image", "champion": shop.classifier, "previous": second}
    assert shop.forecast_by() == shop.forecaster.id


def test_a_training_on_pictures_that_is_killed_is_crashed_and_nothing_goes_on(shop: Shop) -> None:
    before = shop.engine.run_ids()
    process = shop.engine.start("run", "train_flow", "--model-type=CNN", *ENDLESS)
    run_id = shop.engine.wait_for_step("train_model", process, not_in=before)
    os.kill(shop.engine.pid_of(run_id), signal.SIGKILL)
    out, _ = process.communicate(timeout=TIMEOUT_SECONDS)

    shop.engine.wait_closed(run_id)
    state, below = shop.engine.states_in_prefect(run_id)
    assert "SIGKILL" in out
    assert (state, below) == ("CRASHED", {"CRASHED", "COMPLETED"})
    assert [run.id for run in shop.engine.table.newest(100) if not run.is_final] == []
    assert shop.classified_by() == shop.classifier
