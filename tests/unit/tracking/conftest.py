"""Runs that have ended, and an MLflow of the workspace's own whose tables are there already."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from engine.config.mlflow_address import OWN_PLACE, own_backend_uri
from engine.runs.progress import ProgressWriter
from engine.tables.mirrored import MirrorTable
from engine.tables.run_record import NewRun, RunRecord
from engine.tables.runs import RunTable
from engine.tracking.connection import QUIET
from engine.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

EndedRun = Callable[..., RunRecord]

_SETTINGS = """
flow_module: train_flow
data_type: timeseries
dataset: {ds_name: shop, file_path: data/shop.csv, covariate_cols: [promo], url: null}
model: {model_type: LSTM, window: 30}
train: {seed: 7, hparams: {epochs: 2, rounds: 400}}
"""
_EVALUATION = {
    "model_type": "LSTM",
    "scores": {
        "candidate": {
            "overall": {"mase": 0.9, "bias": -0.1, "coverage": None},
            "folds": [
                {"origin": "2026-01-01", "mase": 0.8},
                {"origin": "2026-01-08", "mase": 1.0},
            ],
            "ahead": [{"day": 1, "mase": 0.7}],
        },
        "SeasonalNaive": {"overall": {"mase": 1.2}},
    },
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            # What MLflow does among its own.
            for message in ("The ``noload`` loader strategy", ".*Any type hint is inferred"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore:{message}"))


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the mirror sets for its own process; and nothing of who runs the tests counts."""
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables: making them takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def workspace(tmp_path: Path, new_database: Path) -> Workspace:
    """A workspace to which MLflow's tables do not have to be made."""
    return new_workspace(tmp_path / "workspace", new_database)


def new_workspace(root: Path, new_database: Path) -> Workspace:
    """The same, wherever."""
    made = Workspace(root).create()
    shutil.copy(new_database, made.mlflow_database)
    return made


@pytest.fixture
def client(workspace: Workspace) -> MlflowClient:
    """What anybody sees of the workspace's MLflow."""
    return client_of(own_backend_uri(workspace))


def client_of(uri: str) -> MlflowClient:
    """What anybody sees of an MLflow."""
    return MlflowClient(uri, uri)


@pytest.fixture
def load(workspace: Workspace) -> Iterator[Callable[[str], PyFuncModel]]:
    """Loads a model as anybody does who knows where that MLflow is."""
    mlflow.set_tracking_uri(own_backend_uri(workspace))
    mlflow.set_registry_uri(own_backend_uri(workspace))
    yield lambda uri: mlflow.pyfunc.load_model(uri)
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)
    # It tells the environment too.
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        os.environ.pop(name, None)


@pytest.fixture
def mirrored(workspace: Workspace) -> MirrorTable:
    """What the engine knows of it."""
    return MirrorTable(workspace.database, OWN_PLACE)


@pytest.fixture
def ended_run(workspace: Workspace) -> EndedRun:
    """Makes runs that have ended."""
    return partial(end_a_run, workspace)


def end_a_run(
    workspace: Workspace, state: str = "COMPLETED", *, started: bool = True, folder: bool = True
) -> RunRecord:
    """A run that ended so, as the engine and its process leave it."""
    table = RunTable(workspace.database)
    run_id = str(uuid4())
    new = NewRun(
        id=run_id,
        flow="train_flow",
        name="brave-lion",
        document="",
        parameters={"model_type": "LSTM"},
        launch_key=None,
        priority=0,
        origin="ann, command line",
        rerun_of=None,
        request={},
        tags=("spring",),
    )
    table.accept(new)
    if started:
        assert table.claim(run_id, 0, pid=1, mark="x", prefect_id=None)
    if folder:
        write_folder(workspace.run_folder(run_id), state)
    message = "" if state == "COMPLETED" else "the disk is full"
    table.finish(run_id, state, message, closed=True)
    return table.get(run_id)


def write_folder(folder: Path, state: str) -> None:
    """What a run leaves."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(_SETTINGS)
    progress = ProgressWriter(folder)
    progress.write("task", id="1", name="train_model", state="RUNNING")
    for epoch, loss in enumerate((0.5, float("nan"), 0.25), 1):
        progress.write("epoch", step="train_model", done=epoch, total=3, loss=loss)
    progress.write("trial", step="search", done=1, total=1, score=0.4)
    progress.close()
    (folder / "evaluation").mkdir()
    (folder / "evaluation" / "evaluation.json").write_text(json.dumps(_EVALUATION))
    (folder / "candidate").mkdir()
    training = {
        "model": {"hyperparameters": {"epochs": 2}},
        "dataset": "d" * 16,
        "dataset_hash": "d" * 64,
        "fit": {"best_loss": 0.25, "curve": [{"round": 1}]},
        "refit": None,
        "environment": {"code of models": "abc", "mlops-tui": "0.1.0"},
    }
    (folder / "candidate" / "training.json").write_text(json.dumps(training))
    (folder / "log").write_text("12:00 INFO begins\n12:01 INFO token=swordfish\n")
    outputs = {"gate": [{"passed": True, "sentence": "MASE 0.9"}], "leaderboard": [{"member": 1}]}
    result = {"state": state, "message": "", "outputs": outputs, "rows": []}
    (folder / "result.json").write_text(json.dumps(result))
