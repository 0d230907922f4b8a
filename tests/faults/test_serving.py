"""Rows 25 to 28 and 35 to 40: versions that change while a real predictor answers."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest

from engine.errors import ConflictError, DeployRefusedError, NotFoundError
from engine.store import AliasRegistry, Version, VersionStore
from engine.workspace import Workspace
from tests.faults.predictor_process import (
    SECONDS,
    VALUES,
    PredictorProcess,
    change,
    free_port,
    kill,
    predictor_process,
)
from tests.unit.deployments import lineage, make_bundle
from tests.unit.several_processes import at_once

pytestmark = pytest.mark.long


@dataclass
class Shop:
    """A workspace with three versions, of which the second serves and the first did before."""

    workspace: Workspace
    versions: list[Version]

    def __post_init__(self) -> None:
        self.store = VersionStore(self.workspace.central_storage)
        self.aliases = AliasRegistry(self.workspace.central_storage)

    def promote(self, version: Version) -> None:
        self.aliases.promote(version.id, expected=self.aliases.read().champion)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    workspace = Workspace(tmp_path / "workspace").create()
    store = VersionStore(workspace.central_storage)
    versions = [
        store.add(
            make_bundle(tmp_path / str(window), window=window), created=1.0, lineage=lineage()
        )
        for window in (28, 29, 30)
    ]
    made = Shop(workspace, versions)
    made.promote(versions[0])
    made.promote(versions[1])
    return made


@pytest.fixture
def predictor(shop: Shop) -> Iterator[PredictorProcess]:
    with predictor_process(shop.workspace) as started:
        yield started


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def problem(predictor: PredictorProcess) -> str:
    return str(predictor.ask("GET", "/health_check").json()["problem"])


def stays_with_the_old_one(shop: Shop, predictor: PredictorProcess, said: str) -> None:
    """A move to the third version is refused, and the second goes on answering."""
    old = shop.versions[1].id
    assert predictor.model() == old
    shop.promote(shop.versions[2])
    wait_until(lambda: problem(predictor))

    assert said in problem(predictor)
    assert shop.versions[2].id in problem(predictor)
    assert predictor.model() == old


@pytest.mark.parametrize("name", ["weights.pt", "model.pkl", "model.joblib", "model.h5"])
def test_25_a_file_that_could_run_code_is_never_opened(
    shop: Shop, predictor: PredictorProcess, name: str, tmp_path: Path
) -> None:
    evil = b"cos\nsystem\n(S'touch %s'\ntR." % str(tmp_path / "it-ran").encode()
    (shop.versions[2].bundle / name).write_bytes(evil)

    stays_with_the_old_one(shop, predictor, name)

    assert not (tmp_path / "it-ran").exists()


def test_26_a_model_that_was_exchanged_is_refused_and_the_old_one_answers(
    shop: Shop, predictor: PredictorProcess
) -> None:
    theirs = (shop.versions[0].bundle / "model.onnx").read_bytes()
    change(shop.versions[2].bundle / "model.onnx", theirs)

    stays_with_the_old_one(shop, predictor, "sha256")


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [flipped, lambda content: content[:-7], lambda content: b""])
def test_27_a_damaged_model_is_refused(
    shop: Shop, predictor: PredictorProcess, damage: Callable[[bytes], bytes]
) -> None:
    path = shop.versions[2].bundle / "model.onnx"
    change(path, damage(path.read_bytes()))

    stays_with_the_old_one(shop, predictor, "sha256")


def rewritten(version: Version, alter: Callable[[onnx.ModelProto], None]) -> None:
    """Alter the graph, and the manifest with it, as somebody who knows the format would."""
    path = version.bundle / "model.onnx"
    model = onnx.load(path)
    alter(model)
    content = model.SerializeToString()
    change(path, content)
    manifest = json.loads((version.bundle / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest["files"]["model.onnx"] = {"size": len(content), "sha256": digest}
    change(version.bundle / "manifest.json", json.dumps(manifest).encode())


def with_nan(model: onnx.ModelProto) -> None:
    """Multiply the forecast by NaN."""
    (output,) = model.graph.output
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(np.nan), "nothing"))
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            if name == output.name:
                node.output[index] = "real"
    model.graph.node.append(onnx.helper.make_node("Mul", ["real", "nothing"], [output.name]))


def test_27_weights_that_are_not_finite_are_refused_though_the_hashes_are_right(
    shop: Shop, predictor: PredictorProcess
) -> None:
    rewritten(shop.versions[2], with_nan)

    stays_with_the_old_one(shop, predictor, "does not verify")


def with_external_data(model: onnx.ModelProto) -> None:
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[1])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.initializer.append(tensor)


def with_custom_operator(model: onnx.ModelProto) -> None:
    model.opset_import.append(onnx.helper.make_opsetid("evil.example", 1))
    model.graph.node.append(onnx.helper.make_node("Run", [], ["x"], domain="evil.example"))


@pytest.mark.parametrize(
    ("alter", "said"),
    [(with_external_data, "from outside the file"), (with_custom_operator, "evil.example")],
)
def test_28_a_graph_that_reaches_outside_is_refused(
    shop: Shop, predictor: PredictorProcess, alter: Callable[[onnx.ModelProto], None], said: str
) -> None:
    rewritten(shop.versions[2], alter)

    stays_with_the_old_one(shop, predictor, said)


def test_35_of_two_deploys_at_once_one_wins_and_the_other_is_told(shop: Shop) -> None:
    code = """
from pathlib import Path
from engine.errors import DeployRefusedError
from engine.store import AliasRegistry
aliases = AliasRegistry(Path(sys.argv[1]))
wait_for_start()
try:
    aliases.promote(sys.argv[2], expected=sys.argv[3])
    print("won")
except DeployRefusedError as error:
    print("lost: another deploy was faster" if "faster" in str(error) else error)
"""
    first, serving, third = (version.id for version in shop.versions)
    storage = str(shop.workspace.central_storage)

    answers = at_once(code, [[storage, first, serving], [storage, third, serving]])

    assert sorted(answers) == ["lost: another deploy was faster\n", "won\n"]


def test_35_over_http_the_loser_gets_409(shop: Shop, predictor: PredictorProcess) -> None:
    headers = {"authorization": f"Bearer {predictor.token}"}
    statuses: list[int] = []

    def promote(version: Version) -> None:
        path = f"/update_model/{version.id}/manifest.json"
        statuses.append(predictor.ask("PUT", path, headers=headers).status_code)

    threads = [
        threading.Thread(target=promote, args=(shop.versions[index],))
        for index in (0, 2, 0, 2, 0, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # They are done one after the other, each against what it finds.
    assert set(statuses) <= {200, 409}
    assert 200 in statuses


def test_36_while_versions_change_no_request_fails_and_none_is_mixed(
    shop: Shop, predictor: PredictorProcess
) -> None:
    expected = {}
    for version in shop.versions:
        shop.promote(version)
        wait_until(lambda version=version: predictor.model() == version.id)
        expected[version.id] = predictor.forecast({"input_data": VALUES}).json()
    stop = threading.Event()
    answers: list[httpx.Response] = []

    def ask() -> None:
        with httpx.Client(base_url=predictor.address, timeout=SECONDS) as client:
            while not stop.is_set():
                answers.append(client.post("/predict_timeseries", json={"input_data": VALUES}))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for number in range(20):
        version = shop.versions[number % 3]
        shop.promote(version)
        wait_until(lambda version=version: predictor.model() == version.id)
    stop.set()
    for asker in askers:
        asker.join()

    assert {answer.status_code for answer in answers} == {200}
    told = [answer.json() for answer in answers]
    assert all(answer == expected[answer["model_name"]] for answer in told)
    assert len({answer["model_name"] for answer in told}) == 3


def test_37_a_version_that_cannot_be_loaded_leaves_the_old_one(
    shop: Shop, predictor: PredictorProcess
) -> None:
    change(shop.versions[2].bundle / "golden.json", b"{}")

    answer = predictor.ask(
        "PUT",
        f"/update_model/{shop.versions[2].id}/manifest.json",
        headers={"authorization": f"Bearer {predictor.token}"},
    )

    assert answer.status_code == 404
    assert predictor.model() == shop.versions[1].id == shop.aliases.read().champion


def test_38_a_rollback_returns_and_a_second_one_too_but_not_to_what_is_gone(
    shop: Shop, predictor: PredictorProcess
) -> None:
    first, second, third = (version.id for version in shop.versions)
    shop.aliases.roll_back()
    wait_until(lambda: predictor.model() == first)
    shop.aliases.roll_back()
    wait_until(lambda: predictor.model() == second)

    shop.store.delete(third)
    answer = predictor.ask(
        "PUT",
        f"/update_model/{third}/manifest.json",
        headers={"authorization": f"Bearer {predictor.token}"},
    )

    assert answer.status_code == 404
    with pytest.raises(NotFoundError):
        shop.store.get(third)
    assert predictor.model() == second


def test_39_what_serves_is_not_deleted(shop: Shop, predictor: PredictorProcess) -> None:
    for version in shop.versions[:2]:
        with pytest.raises(ConflictError), shop.aliases.held_away_from(version.id):
            shop.store.delete(version.id)

    assert predictor.model() == shop.versions[1].id
    with pytest.raises(DeployRefusedError):
        shop.aliases.promote(shop.versions[2].id, expected=shop.versions[2].id)


def test_40_of_two_workers_one_is_killed_and_the_other_answers_everybody(shop: Shop) -> None:
    port = free_port()
    with (
        predictor_process(shop.workspace, workers=2, port=port) as first,
        predictor_process(shop.workspace, index=1, workers=2, port=port) as second,
    ):
        before = [first.model() for _ in range(20)]
        kill(first.process)
        after = [second.model() for _ in range(50)]

    assert set(before) == set(after) == {shop.versions[1].id}
