from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from engine.errors import ModelError
from engine.store import Version, VersionStore
from engine.store.reproduction import Difference, compare
from engine.workspace import Workspace
from models import registry
from models.arrays import Panel
from models.base import no_progress
from models.forecasting.bundle import write_bundle
from models.forecasting.windows import windows_before

TRAINING: dict[str, Any] = {
    "dataset": "0123456789abcdef",
    "dataset_hash": "0123456789abcdef01",
    "last_day_seen": "2026-02-01",
    "threads": 0,
    "model": {
        "model_type": "LightGBM",
        "window": 14,
        "horizon": 7,
        "seed": 7,
        "hyperparameters": {"rounds": 5},
    },
    "environment": {"python": "3.11.7", "numpy": "2.3.0"},
}


def bundle_of(folder: Path, panel: Panel, *, seed: int) -> Path:
    """Train and write a bundle; the golden windows are the same whatever is learnt."""
    hparams: dict[str, Any] = {"rounds": 5, "min_data_in_leaf": 5, "bagging_fraction": 0.5}
    model = registry.create("LightGBM", window=14, horizon=7, seed=seed, threads=1, hparams=hparams)
    model.fit(panel, validation_days=0, progress=no_progress)
    windows, _ = windows_before(panel, panel.days, 14)
    write_bundle(model, folder, windows)
    return folder


@pytest.fixture
def panel() -> Panel:
    noise = np.random.default_rng(1).normal(size=(3, 120)).cumsum(axis=1)
    return Panel(("a", "b", "c"), dt.date(2026, 1, 1), 50.0 + noise)


@pytest.fixture
def version(workspace: Workspace, panel: Panel, tmp_path: Path) -> Version:
    bundle = bundle_of(tmp_path / "first", panel, seed=7)
    store = VersionStore(workspace.central_storage)
    return store.add(bundle, created=1.0, lineage={"training": TRAINING})


def test_the_same_training_gives_the_same_bytes(
    version: Version, panel: Panel, tmp_path: Path
) -> None:
    again = compare(version, bundle_of(tmp_path / "again", panel, seed=7), TRAINING)

    assert (again.verdict, again.largest_difference, again.differences) == ("identical", 0.0, ())
    assert json.loads(json.dumps(again.to_dict()))["version"] == version.id


def test_what_comes_out_different_is_told_with_what_is_different(
    version: Version, panel: Panel, tmp_path: Path
) -> None:
    now = {
        **TRAINING,
        "model": {**TRAINING["model"], "seed": 8},
        "environment": {"python": "3.11.7", "numpy": "2.4.0", "torch": "2.13.0"},
    }

    again = compare(version, bundle_of(tmp_path / "again", panel, seed=8), now)

    assert again.verdict == "different"
    assert again.largest_difference > 0.0
    assert again.differences == (
        Difference("seed", 7, 8),
        Difference("numpy", "2.3.0", "2.4.0"),
    )


def test_a_forecast_within_single_precision_is_the_same(version: Version, tmp_path: Path) -> None:
    model = onnx.load(version.bundle / "model.onnx")
    model.doc_string = "other bytes, the same graph"
    again = tmp_path / "again"
    again.mkdir()
    for name in ("golden.json", "manifest.json"):
        (again / name).write_bytes((version.bundle / name).read_bytes())
    onnx.save(model, again / "model.onnx")
    manifest = json.loads((again / "manifest.json").read_text())
    content = (again / "model.onnx").read_bytes()
    manifest["files"]["model.onnx"] = {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (again / "manifest.json").write_text(json.dumps(manifest))

    assert compare(version, again, TRAINING).verdict == "same answers"


def test_a_bundle_that_does_not_verify_is_not_compared(version: Version, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be compared"):
        compare(version, tmp_path, TRAINING)


def test_what_was_not_recorded_then_is_not_said_to_differ(
    workspace: Workspace, panel: Panel, tmp_path: Path
) -> None:
    bundle = bundle_of(tmp_path / "old", panel, seed=7)
    lineage = {"training": {"dataset": "0123456789abcdef01"}}
    old = VersionStore(workspace.central_storage).add(bundle, created=1.0, lineage=lineage)

    assert compare(old, bundle_of(tmp_path / "now", panel, seed=7), TRAINING).differences == ()


def test_of_a_search_counts_how_many_it_tried_and_not_what_bounded_it(
    version: Version, panel: Panel, tmp_path: Path
) -> None:
    def search(trials: int, time_budget: int, tried: int) -> dict[str, Any]:
        bounds = {"trials": trials, "time_budget": time_budget, "members": 6}
        rows = [{"member": None}, *({"member": number} for number in range(tried))]
        model = TRAINING["model"] | {"model_type": "auto", "hyperparameters": bounds}
        return TRAINING | {"model": model, "fit": {"leaderboard": rows}}

    then = replace(version, lineage={"training": search(trials=16, time_budget=240, tried=9)})
    bundle = bundle_of(tmp_path / "again", panel, seed=7)

    again = compare(then, bundle, search(trials=9, time_budget=604_800, tried=9))
    fewer = compare(then, bundle, search(trials=9, time_budget=604_800, tried=8))

    assert (again.verdict, again.differences) == ("identical", ())
    assert fewer.differences == (Difference("hparams.trials", 9, 8),)
