"""Rows 29, 30 and 31: at whichever write, sync or rename a deploy ends, the store is old or new.

A real deploy_flow under the real engine, beside a real predictor. The first change that it makes in
central storage fails, then the second, and so on until none fails: by a kill -9 of its process, an
error of the disk, a disk that is full from there on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from engine.client import EngineClient, calls
from engine.data.sample import write_sample
from engine.schema import RunInfo
from engine.states import FINAL_STATES
from engine.store import AliasRegistry, AliasState, VersionStore
from engine.workspace import Workspace
from tests.faults.failing_files import FailingFiles, Kind, compile_library
from tests.faults.storm import COLUMNS

pytestmark = pytest.mark.long

# The process of a run is a fork of this one.
RUN = "engine.execution.fork_server"
SETTINGS = """
predictor: {port: 0}
flow_api: {enabled: false}
web_page: {enabled: false}
prefect_server: {idle_exit_seconds: 5}
"""
LENIENT = ("deploy.gate.max_ratio_to_champion=100", "deploy.gate.max_ratio_to_naive=100")
BODY = {"input_data": [float(number % 7) for number in range(30)]}
MOST_CHANGES = 300
SECONDS = 60.0


@dataclass
class Shop:
    """An engine with a champion and a candidate that is ready to be deployed."""

    engine: EngineClient
    workspace: Workspace
    files: FailingFiles
    champion: str
    address: str

    def __post_init__(self) -> None:
        self.store = VersionStore(self.workspace.central_storage)
        self.aliases = AliasRegistry(self.workspace.central_storage)

    def deploy(self) -> RunInfo:
        return run(self.engine, "deploy_flow", *LENIENT)

    def answering(self) -> str:
        answer = httpx.post(f"{self.address}/predict_timeseries", json=BODY, timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["model_name"])

    def back_to_the_old_champion(self) -> None:
        """Undo a deploy, so that the next one does the same again."""
        champion = self.aliases.read().champion
        if champion is not None and champion != self.champion:
            self.aliases.withdraw(champion, restored=AliasState(self.champion, None))
        for version in self.store.newest():
            if version.id != self.champion:
                self.store.delete(version.id)


def run(engine: EngineClient, flow: str, *overrides: str, **flags: str) -> RunInfo:
    launched = engine.send(calls.launch(flow, overrides=overrides, flags=flags)).run
    deadline = time.monotonic() + SECONDS
    while (found := engine.send(calls.run(launched.id)).run).state not in FINAL_STATES:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    scratch = tmp_path_factory.mktemp("faults")
    workspace = Workspace(tmp_path_factory.mktemp("shop")).create()
    files = FailingFiles(compile_library(scratch), scratch, workspace.central_storage, RUN)
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=4, days=200)
    (workspace.configs / "engine.yaml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in files.environment.items():
            patch.setenv(name, value)
        with EngineClient(workspace) as engine:
            engine.send(calls.status())
            for name in files.environment:
                os.environ.pop(name)
            try:
                yield prepare(engine, workspace, files, sample)
            finally:
                files.let_be()
                engine.send(calls.down(cancel_runs=True))


def prepare(engine: EngineClient, workspace: Workspace, files: FailingFiles, sample: Path) -> Shop:
    first = run(
        engine, "full_flow", *COLUMNS, *LENIENT, data=str(sample), model_type="SeasonalNaive"
    )
    assert first.state == "COMPLETED", first.message
    assert run(engine, "train_flow", model_type="LightGBM").state == "COMPLETED"
    assert run(engine, "eval_flow").state == "COMPLETED"
    champion = AliasRegistry(workspace.central_storage).read().champion
    (predictor,) = [
        child for child in engine.send(calls.status()).children if child.name == "predictor"
    ]
    assert champion is not None
    return Shop(engine, workspace, files, champion, predictor.address)


@pytest.mark.parametrize("kind", ["kill", "eio", "enospc"])
def test_29_30_31_wherever_a_deploy_ends_the_store_is_old_or_new(shop: Shop, kind: Kind) -> None:
    faults: list[str] = []
    for number in range(1, MOST_CHANGES):
        shop.back_to_the_old_champion()
        shop.files.let_fail(number, kind)
        ended = shop.deploy()
        fault = shop.files.failed()
        shop.files.let_be()

        state = shop.aliases.read()
        versions = {version.id for version in shop.store.newest()}
        for version in shop.store.newest():
            assert version.open().window == 30
        assert {shop.champion, state.champion} <= versions
        if ended.state == "COMPLETED":
            assert state.champion != shop.champion
            assert state.previous == shop.champion
        elif kind == "kill":
            assert ended.state == "CRASHED"
        else:
            assert ended.state == "FAILED"
            assert (ended.error_kind, state.champion) == ("StorageError", shop.champion)
            assert str(shop.workspace.central_storage) in ended.message
        assert shop.answering() in versions
        if fault is None:
            assert ended.state == "COMPLETED"
            break
        faults.append(fault)

    calls_that_failed = {fault.split()[0] for fault in faults}
    assert {"fsync", "rename", "pwrite64"} <= calls_that_failed, faults
    assert len(faults) > 30
