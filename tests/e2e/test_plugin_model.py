"""Adding a model is one file: the contract tests check it, and here it runs through full_flow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.e2e.harness import Engine

DRIFT_MODEL = Path(__file__).parents[1] / "contract" / "drift_model.py"


def test_a_model_in_a_file_of_its_own_runs_through_full_flow(
    engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "drift.py"
    shutil.copy(DRIFT_MODEL, file)
    run = engine.json(
        "run",
        "full_flow",
        *engine.sample_options,
        "--model-type=Drift",
        f"--set=model.plugins={json.dumps([str(file)])}",
        "--set=train.hparams.damping=0.1",
        # A random walk is no match for weekly demand; this is about the way, not the accuracy.
        "--set=deploy.gate.max_ratio_to_naive=100",
        "--set=deploy.gate.max_ratio_to_champion=100",
        "--set=deploy.gate.max_abs_bias=100",
    )

    assert run["state"] == "COMPLETED"
    assert run["outputs"]["version"].startswith("drift-")
    described = engine.json("models", "show", run["outputs"]["version"])
    assert described["lineage"]["training"]["model"]["hyperparameters"] == {"damping": 0.1}
    assert engine.json("predict", "--version", run["outputs"]["version"])["forecast"]
