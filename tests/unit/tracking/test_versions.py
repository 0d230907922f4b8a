"""Versions as registered models, and loaded from there by MLflow itself."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from engine.pictures.encoding import encode_png
from engine.store import AliasRegistry, AliasState, Version, VersionStore
from engine.tables.mirrored import ALIASES, VERSION, MirrorTable, storage_mark
from engine.tables.runs import RunTable
from engine.tracking.mirror import Mirror
from engine.tracking.served import ForecastFrames
from engine.workspace import Workspace
from models.arrays import Windows
from models.errors import ModelProblem
from models.forecasting.short import extended_windows
from tests.unit.deployments import deploy, lineage, make_bundle
from tests.unit.picture_bundles import colour_picture, deploy_pictures, jpeg
from tests.unit.tracking.conftest import EndedRun
from tests.unit.tracking.test_runs import only_run, runs_in

SERIES, IMAGES = "mlops-tui-timeseries", "mlops-tui-image"
Load = Callable[[str], Any]
DAY = pd.Timestamp("2026-03-01")


def named(client: MlflowClient, name: str = SERIES) -> dict[str, str]:
    """Which of our versions each alias names there."""
    numbers = client.get_registered_model(name).aliases
    return {
        alias: client.get_model_version(name, number).tags["mlops_tui.version"]
        for alias, number in numbers.items()
    }


def frame(days: int, name: str = "a", **more: Any) -> pd.DataFrame:
    rng = np.random.default_rng(len(name) + days)
    values = rng.integers(0, 50, days).astype(float)
    return pd.DataFrame(
        {"unique_id": name, "ds": pd.date_range(end=DAY, periods=days), "y": values, **more}
    )


def stored(workspace: Workspace, bundle: Path, run_id: str | None) -> Version:
    story = lineage()
    story["training"] |= {"run": run_id, "dataset_hash": "d" * 64}
    story["gate"] = [{"passed": True, "sentence": "MASE 0.9 is enough"}]
    return VersionStore(workspace.central_storage).add(bundle, created=1e9, lineage=story)


def test_a_version_is_registered_with_the_run_that_trained_it(
    workspace: Workspace,
    client: MlflowClient,
    bundles: tuple[Path, Path],
    ended_run: EndedRun,
    mirrored: MirrorTable,
) -> None:
    record = ended_run()
    version = stored(workspace, bundles[0], record.id)

    Mirror(workspace).work()

    run = only_run(client)
    (there,) = client.search_model_versions(f"name = '{SERIES}'")
    assert (there.run_id, there.tags["mlops_tui.version"]) == (run.info.run_id, version.id)
    assert there.tags["mlops_tui.dataset_hash"] == "d" * 64
    assert "MASE 0.9 is enough" in there.description
    assert there.source == f"{run.info.artifact_uri}/model/{version.id}"
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/candidate/mase"] == 0.9
    row = mirrored.get(VERSION, version.id)
    assert row is not None
    assert row.mlflow_id == f"{SERIES}/1"


def test_a_version_waits_for_the_run_that_it_is_from(
    workspace: Workspace,
    client: MlflowClient,
    bundles: tuple[Path, Path],
    ended_run: EndedRun,
    mirrored: MirrorTable,
) -> None:
    record = ended_run()
    table = RunTable(workspace.database)
    table._update(record.id, ended=None, state="RUNNING", closed=0)
    version = stored(workspace, bundles[0], record.id)
    Mirror(workspace).work()
    assert mirrored.all(VERSION) == {}
    assert runs_in(client) == []
    assert mirrored.is_due(storage_mark(workspace.central_storage))

    table.finish(record.id, "COMPLETED", "", closed=True)
    Mirror(workspace).work()

    assert set(mirrored.all(VERSION)) == {version.id}
    assert only_run(client).info.status == "FINISHED"


@pytest.mark.parametrize("run_id", [None, "11111111-1111-1111-1111-111111111111"])
def test_a_version_whose_run_nobody_knows_gets_one_that_says_what_is_known(
    workspace: Workspace,
    client: MlflowClient,
    bundles: tuple[Path, Path],
    run_id: str | None,
) -> None:
    version = stored(workspace, bundles[0], run_id)

    Mirror(workspace).work()

    run = only_run(client)
    assert (run.info.run_name, run.info.status) == (version.id, "FINISHED")
    assert run.data.tags["mlops_tui.run"] == (run_id or version.id)
    (there,) = client.search_model_versions(f"name = '{SERIES}'")
    assert there.run_id == run.info.run_id


def test_aliases_follow_every_move(
    workspace: Workspace,
    client: MlflowClient,
    bundles: tuple[Path, Path],
    colour_bundles: tuple[Path, Path],
    mirrored: MirrorTable,
) -> None:
    first = deploy(workspace, bundles[0]).id
    Mirror(workspace).work()
    assert named(client) == {"champion": first}
    second = deploy(workspace, bundles[1]).id
    picture = deploy_pictures(workspace, colour_bundles[0]).id
    Mirror(workspace).work()
    assert named(client) == {"champion": second, "previous": first}
    assert named(client, IMAGES) == {"champion": picture}

    registry = AliasRegistry(workspace.central_storage)
    registry.roll_back()
    Mirror(workspace).work()
    assert named(client) == {"champion": first, "previous": second}
    registry.withdraw(first, restored=AliasState(None, None))
    Mirror(workspace).work()

    assert named(client) == {}
    assert named(client, IMAGES) == {"champion": picture}
    assert len(client.search_model_versions(f"name = '{SERIES}'")) == 2
    row = mirrored.get(ALIASES, "timeseries")
    assert row is not None
    assert row.fingerprint == "[null, null]"


def test_aliases_that_somebody_moved_there_are_moved_back_with_the_next_move(
    workspace: Workspace, client: MlflowClient, bundles: tuple[Path, Path]
) -> None:
    first = deploy(workspace, bundles[0]).id
    second = deploy(workspace, bundles[1]).id
    Mirror(workspace).work()
    numbers = client.get_registered_model(SERIES).aliases
    client.set_registered_model_alias(SERIES, "champion", numbers["previous"])
    client.set_registered_model_alias(SERIES, "theirs", numbers["previous"])

    AliasRegistry(workspace.central_storage).roll_back()
    Mirror(workspace).work()

    assert named(client) == {"champion": first, "previous": second, "theirs": first}


def test_a_version_that_is_deleted_here_stays_there(
    workspace: Workspace,
    client: MlflowClient,
    bundles: tuple[Path, Path],
    mirrored: MirrorTable,
    load: Load,
) -> None:
    store = VersionStore(workspace.central_storage)
    told = stored(workspace, bundles[0], None)
    Mirror(workspace).work()
    dropped = stored(workspace, bundles[1], None)
    mirrored.failed(VERSION, dropped.id, problem="no", next_try=0.0)
    store.delete(told.id)
    store.delete(dropped.id)

    Mirror(workspace).work()

    (there,) = client.search_model_versions(f"name = '{SERIES}'")
    assert there.tags["mlops_tui.version"] == told.id
    assert set(mirrored.all(VERSION)) == {told.id}
    model = load(f"models:/{SERIES}/1")
    assert len(model.predict(frame(14))) == 7


def test_the_champion_that_mlflow_loads_gives_the_numbers_of_the_version(
    workspace: Workspace, tmp_path: Path, load: Load
) -> None:
    version = deploy(workspace, make_bundle(tmp_path / "bundle", calibrated=True))
    own = version.open_forecaster()
    Mirror(workspace).work()
    model = load(f"models:/{SERIES}@champion")
    asked = pd.concat([frame(20, "b"), frame(14, "aa"), frame(5, "short")])

    answer = model.predict(
        asked.sample(frac=1.0, random_state=1), params={"steps": 9, "level": 80.0}
    )

    assert list(answer.columns) == ["unique_id", "ds", "forecast", "lower", "upper"]
    for name, days in (("b", 20), ("aa", 14), ("short", 5)):
        values = frame(days, name)["y"].to_numpy()[None, -14:]
        windows = extended_windows(Windows(values, np.array([DAY.weekday()])), 14)
        forecast = own.forecast(windows, 9)
        lower, upper = own.interval(forecast, windows, 0.8)
        rows = answer[answer["unique_id"] == name]
        assert rows["forecast"].tolist() == forecast[0].tolist()
        assert rows["lower"].tolist() == lower[0].tolist()
        assert rows["upper"].tolist() == upper[0].tolist()
        assert rows["ds"].tolist() == list(pd.date_range(DAY + dt.timedelta(days=1), periods=9))


def test_the_model_says_what_it_takes_and_brings_an_example(
    workspace: Workspace, bundles: tuple[Path, Path], load: Load
) -> None:
    version = deploy(workspace, bundles[0])
    Mirror(workspace).work()

    model = load(f"models:/{SERIES}@champion")

    schema = model.metadata.get_input_schema()
    assert schema.input_names() == ["unique_id", "ds", "y"]
    assert schema.required_input_names() == ["ds", "y"]
    assert set(model.metadata.flavors) == {"python_function", "onnx"}
    assert model.metadata.metadata["version"] == version.id
    example = model.input_example
    assert len(example) == 14
    assert model.predict(example)["ds"].iloc[0] == example["ds"].iloc[-1] + dt.timedelta(days=1)
    # One series needs no name.
    assert len(model.predict(example.drop(columns="unique_id"))) == 7
    with pytest.raises(MlflowException, match="missing"):
        model.predict(example.drop(columns="y"))


def test_the_graph_is_there_for_those_who_want_onnx_alone(
    workspace: Workspace, bundles: tuple[Path, Path], load: Load
) -> None:
    version = deploy(workspace, bundles[0])
    Mirror(workspace).work()
    load(f"models:/{SERIES}@champion")

    graph = mlflow.onnx.load_model(f"models:/{SERIES}@champion")

    assert graph.SerializeToString() == (version.bundle / "model.onnx").read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop(index=5), "series 'a': 2026-02-22 does not follow 2026-02-20"),
        (lambda rows: pd.concat([rows, rows.tail(1)]), "series 'a': 2026-03-01 stands twice"),
        (lambda rows: rows.assign(y=np.nan), "series 'a' has no value"),
        (lambda rows: rows.assign(y=np.where(rows.index == 6, np.nan, rows["y"])), "finite"),
        (lambda rows: rows.assign(y=np.inf), "finite"),
    ],
    ids=["gap", "twice", "none", "unknown", "infinite"],
)
def test_series_that_cannot_be_forecast_are_refused_with_the_day(
    bundles: tuple[Path, Path], change: Any, words: str
) -> None:
    from models.forecasting.bundle import open_bundle

    model = ForecastFrames(open_bundle(bundles[0]))

    with pytest.raises(ModelProblem, match=words):
        model.predict(change(frame(14)))


def test_days_to_come_bring_their_covariates(bundles: tuple[Path, Path]) -> None:
    from models.forecasting.bundle import open_bundle

    class Recorded:
        window, horizon = 14, 7
        signature = replace(open_bundle(bundles[0]).signature, covariates=("promo", "rain"))
        asked: Windows

        def forecast(self, windows: Windows, steps: int) -> Any:
            self.asked = windows
            return np.zeros((1, steps))

    model: Any = Recorded()
    known = frame(16, promo=np.arange(16.0))
    to_come = frame(3, promo=[100.0, 101.0, 102.0]).assign(
        y=np.nan, ds=pd.date_range(DAY + dt.timedelta(days=1), periods=3)
    )

    answer = ForecastFrames(model).predict(pd.concat([to_come, known]))

    assert answer["ds"].iloc[0] == DAY + dt.timedelta(days=1)
    assert model.asked.values.tolist() == [known["y"].tolist()[-14:]]
    promo = [*range(2, 16), 100, 101, 102]
    assert model.asked.covariates[0, :, 0].tolist() == promo
    assert np.isnan(model.asked.covariates[0, :, 1]).all()


def test_pictures_are_classified_as_by_the_version_whatever_they_are_given_as(
    workspace: Workspace, colour_bundles: tuple[Path, Path], load: Load
) -> None:
    version = deploy_pictures(workspace, colour_bundles[0])
    own = version.open_classifier()
    Mirror(workspace).work()
    model = load(f"models:/{IMAGES}@champion")
    pixels = [colour_picture(name, 8, seed=9) for name in ("red", "blue")]
    files = [encode_png(one) for one in pixels]
    texts = [base64.b64encode(one).decode() for one in files]
    lists = [one.tolist() for one in pixels]

    for given in (pixels, files, texts, lists):
        answer = model.predict(pd.DataFrame({"image": given}))
        assert answer["class"].tolist() == ["red", "blue"]
        expected = own.predict(np.stack(pixels))
        told = [list(row.values()) for row in answer["probabilities"]]
        assert told == expected.tolist()
        assert answer["probability"].tolist() == expected.max(axis=1).tolist()
    # Of another size they are brought to the model's.
    large = jpeg(colour_picture("green", 40, seed=2))
    assert model.predict(pd.DataFrame({"image": [large]}))["class"].tolist() == ["green"]
    assert model.predict(model.input_example)["class"].tolist() == ["blue"]


@pytest.mark.parametrize("given", ["no base64!", np.zeros((8, 8)), np.full((8, 8, 3), 300), 5])
def test_what_is_no_picture_is_refused(colour_bundles: tuple[Path, Path], given: Any) -> None:
    from engine.tracking.served import PictureFrames
    from models.imaging.bundle import open_bundle

    model = PictureFrames(open_bundle(colour_bundles[0]), "crop")

    with pytest.raises(ModelProblem, match="image 0"):
        model.predict(pd.DataFrame({"image": [given]}))


def test_a_bundle_that_was_changed_is_not_registered_and_the_others_are(
    workspace: Workspace, client: MlflowClient, bundles: tuple[Path, Path], mirrored: MirrorTable
) -> None:
    broken, whole = (stored(workspace, one, None) for one in bundles)
    (broken.folder / "bundle" / "model.onnx").write_bytes(b"something else")

    Mirror(workspace).work()

    (there,) = client.search_model_versions(f"name = '{SERIES}'")
    assert there.tags["mlops_tui.version"] == whole.id
    (failing,) = mirrored.failing()
    assert (failing.kind, failing.id) == (VERSION, broken.id)
    assert "sha256" in failing.problem
