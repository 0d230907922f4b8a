"""Runs and versions of the real engine in the workspace's own MLflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from engine.config.mlflow_address import OWN_PLACE, own_backend_uri
from engine.store import open_store
from engine.tables.mirrored import MirrorTable
from engine.tracking.connection import QUIET
from models.arrays import Windows
from tests.e2e.harness import NOT_TRACKED, SETTINGS, Engine

TRACKED = SETTINGS.replace(NOT_TRACKED, "tracking: {enabled: true}")
MODEL = "mlops-tui-timeseries"

pytestmark = [
    # The mirror steps back behind whatever else is tested at the same time.
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred"),
]


@pytest.fixture
def client(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, full_run: dict[str, Any]
) -> Iterator[MlflowClient]:
    """What anybody sees of the workspace's MLflow, while the engine mirrors to it."""
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    table = MirrorTable(engine.workspace.database, OWN_PLACE)
    with engine.settings(TRACKED):
        engine.wait_until(lambda: not table.count_waiting(), seconds=90)
        uri = own_backend_uri(engine.workspace)
        yield MlflowClient(uri, uri)


@contextmanager
def known_to_mlflow(engine: Engine) -> Iterator[None]:
    """Let MLflow itself know where it is; it also tells the environment of later commands."""
    uri = own_backend_uri(engine.workspace)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            os.environ.pop(name, None)


def test_a_full_flow_is_in_mlflow_and_its_version_forecasts_as_it_does_here(
    engine: Engine, client: MlflowClient, full_run: dict[str, Any], tmp_path: Path
) -> None:
    experiment = client.get_experiment_by_name("mlops-tui")
    assert experiment is not None
    (run,) = client.search_runs(
        [experiment.experiment_id], f"tags.`mlops_tui.run` = '{full_run['id']}'"
    )
    record = engine.table.get(full_run["id"])
    assert (run.info.status, run.info.run_name) == ("FINISHED", record.name)
    assert run.data.params["model.model_type"] == "LightGBM"
    assert "train.hparams.rounds" in run.data.params
    assert "train.hparams.lstm_units" not in run.data.params
    evaluation = full_run["outputs"]["evaluation"]["scores"]["candidate"]
    assert run.data.metrics["test/candidate/mase"] == evaluation["mase"]
    curve = client.get_metric_history(run.info.run_id, "train/round/validation_loss")
    assert [one.step for one in curve] == sorted(one.step for one in curve)
    assert len(curve) > 1
    files = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert {"config.yaml", "result.json", "log.txt", "evaluation"} <= files

    version = open_store(engine.workspace).get(full_run["outputs"]["version"])
    with known_to_mlflow(engine):
        model = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion", dst_path=str(tmp_path))
    assert model.metadata.metadata["version"] == version.id
    own = version.open_forecaster()
    days = pd.date_range("2026-01-05", periods=own.window)
    values = np.arange(own.window) % 7 + 10.0
    answer = model.predict(pd.DataFrame({"unique_id": "a", "ds": days, "y": values}))
    expected = own.forecast(Windows(values[None], np.array([days[-1].weekday()])))
    assert answer["forecast"].tolist() == expected[0].tolist()


def test_aliases_that_other_processes_move_are_moved_in_mlflow_too(
    engine: Engine, client: MlflowClient, full_run: dict[str, Any]
) -> None:
    first = full_run["outputs"]["version"]
    forced = engine.json(
        *("run", "full_flow", *engine.sample_options, "--model-type=SeasonalNaive"),
        *("--force", "to have two"),
    )
    second = forced["outputs"]["version"]
    try:
        engine.wait_until(lambda: champion(client) == second, seconds=90)
    finally:
        assert engine.run("models", "rollback").returncode == 0
    engine.wait_until(lambda: champion(client) == first, seconds=90)
    assert engine.json("mlflow", "status")["aliases"]["timeseries"] == {
        "champion": first,
        "previous": second,
    }


def champion(client: MlflowClient) -> str:
    found = client.get_model_version_by_alias(MODEL, "champion")
    return str(found.tags["mlops_tui.version"])


def test_an_mlflow_that_is_away_fails_nothing_and_is_told(
    engine: Engine, client: MlflowClient
) -> None:
    settings = TRACKED.replace("enabled: true", "enabled: true, url: 'http://127.0.0.1:9'")
    with engine.settings(settings):
        synced = engine.json("mlflow", "sync", exit_code=6)
        assert synced["away"]
        status = engine.json("status")
        (warning,) = status["warnings"]
        assert warning.startswith("tracking: http://127.0.0.1:9: MLflow cannot be reached: Conn")
        assert status["healthy"]
        run = engine.json("run", "data_flow", *engine.sample_options)
        assert run["state"] == "COMPLETED"
        told = engine.json("mlflow", "status", exit_code=6)
        assert told["runs"]["waiting"] >= 2

    synced = engine.json("mlflow", "sync", exit_code=8)
    assert "switched off" in synced["error"]["message"]
