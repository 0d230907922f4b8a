"""The main job on real data, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ENGINE = Path(sys.executable).parent / "engine"

pytestmark = pytest.mark.long


@pytest.mark.parametrize("model_type", ["LSTM", "LightGBM"])
def test_full_flow_on_real_sales_deploys_a_version_that_beats_seasonal_naive(
    model_type: str, tmp_path: Path
) -> None:
    def engine(*arguments: str) -> Any:
        done = subprocess.run(
            [str(ENGINE), *arguments, "--json"],
            env=os.environ | {"MLOPS_WORKSPACE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert (done.returncode, done.stderr) == (0, ""), done
        return json.loads(done.stdout)

    assert engine("data", "demo")["series"] == 200
    try:
        run = engine("run", "full_flow", "--model-type", model_type)
    finally:
        engine("down", "--cancel-runs")

    scores = run["outputs"]["evaluation"]["scores"]
    # The published figure for this data and these folds, to three digits.
    assert round(scores["SeasonalNaive"]["mase"], 3) == 1.059
    assert scores["candidate"]["mase"] < 0.9
    assert engine("models")[0]["id"] == run["outputs"]["version"]
