"""The benchmark of the forecasts, as it is run, on a few generated series."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models import registry

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "forecasting.py"

# Answers in place of the peers: whatever is asked for, last week again.
NAIVE_PEERS = """#!{python}
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    answer = {{"seconds": 1.0, "samples_a_second": 1.0}}
    if "speed" not in asked["task"]:
        answer["forecast"] = [
            [asked["values"][row][origin - asked["horizon"] : origin] for row in rows]
            for origin, rows in zip(asked["origins"], asked["rows"])
        ]
    if asked.get("intervals"):
        answer["lower"] = answer["upper"] = answer["forecast"]
    print(json.dumps(answer), flush=True)
"""

pytestmark = pytest.mark.long


def benchmark(*options: str) -> dict[str, dict[str, Any]]:
    """The claims of a quick run by their names."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--data", "sample", "--quick", "--json", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    claims = [json.loads(line) for line in done.stdout.splitlines()]
    return {claim["claim"]: claim for claim in claims}


def test_every_registered_type_is_measured_and_beats_seasonal_naive() -> None:
    claims = benchmark("--skip-peers")

    naive = claims["SeasonalNaive MASE"]["value"]
    for name in registry.names():
        if name != "SeasonalNaive":
            assert claims[f"{name} MASE"]["value"] < naive
            assert 0.5 < claims[f"{name} coverage of 80 %"]["value"] < 1
    assert claims["LSTM, objective stock: RMSSE"]["peer"] == "SeasonalNaive"


def test_a_peer_with_our_forecasts_gets_our_scores(tmp_path: Path) -> None:
    peers, kept = tmp_path / "python", tmp_path / "kept.json"
    peers.write_text(NAIVE_PEERS.format(python=sys.executable), encoding="utf-8")
    peers.chmod(0o700)
    options = ("--types", "SeasonalNaive", "--stock", "SeasonalNaive", "--peers-json", str(kept))

    claims = benchmark(*options, "--peers", str(peers))

    assert claims["AutoETS MASE"]["value"] == claims["SeasonalNaive MASE"]["value"]
    assert claims["AutoETS MASE"]["value"] == claims["AutoETS MASE"]["peer_value"]
    assert claims["AutoETS RMSSE"]["value"] == claims["AutoETS RMSSE"]["peer_value"]
    assert claims["AutoETS width of 80 %"]["value"] == 0
    # What was kept is not asked for again, and does not pass for fresh.
    peers.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    again = benchmark(*options, "--peers", str(peers))
    assert again["AutoETS (kept, not fresh) MASE"]["value"] == claims["AutoETS MASE"]["value"]
    assert "AutoETS MASE" not in again
