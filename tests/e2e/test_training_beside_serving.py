"""Rows 56, 57 and 59 to 61: whatever a training does, the version that serves goes on serving."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from engine.data.sample import write_sample
from engine.store import Version
from tests.e2e.harness import Engine, Puppets
from tests.e2e.test_predictor import WITH_PREDICTOR, model_of, predictor, serving, versions

pytestmark = pytest.mark.long

__all__ = ["serving", "versions"]  # fixtures

TEST_DAYS = 28


def closed(engine: Engine, run_id: str) -> None:
    engine.wait_until(lambda: engine.table.get(run_id).closed)


def test_56_series_that_are_too_short_are_refused_with_the_length_that_is_needed(
    own_engine: Engine, tmp_path: Path
) -> None:
    write_sample(tmp_path / "short.csv", series=2, days=60)
    options = ("--data", str(tmp_path / "short.csv"), *own_engine.sample_options[2:])

    refused = own_engine.json("run", "data_flow", *options, exit_code=3)

    assert refused["state"] == "FAILED"
    assert "days" in refused["message"]


def test_57_data_that_was_exchanged_after_it_was_prepared_stops_the_training(
    own_engine: Engine,
) -> None:
    run = own_engine.json("run", "data_flow", *own_engine.sample_options)
    path = own_engine.workspace.datasets / run["outputs"]["dataset"] / "series.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        refused = own_engine.json("run", "train_flow", "--model-type=SeasonalNaive", exit_code=3)
    finally:
        path.write_bytes(content)

    assert "sha256" in refused["message"].lower() or "changed" in refused["message"]


def test_59_a_training_that_diverges_fails_and_leaves_nothing_to_deploy(
    own_engine: Engine, versions: list[Version], serving: Engine, tmp_path: Path
) -> None:
    write_sample(tmp_path / "spikes.csv", series=2, days=220)
    heading, *rows = (tmp_path / "spikes.csv").read_text().splitlines()
    names = heading.split(",")
    lines = [heading]
    days = sorted({row.split(",")[names.index("date")] for row in rows})
    for row in rows:
        cells = row.split(",")
        if cells[names.index("date")] == days[-1 - TEST_DAYS]:
            cells[names.index("sales")] = "1e200"  # its square is beyond the largest number
        lines.append(",".join(cells))
    (tmp_path / "spikes.csv").write_text("\n".join(lines) + "\n")
    before = serving.json("models", "show", "champion")["id"]
    address = predictor(serving)["address"]

    failed = serving.json(
        "run",
        "full_flow",
        *("--data", str(tmp_path / "spikes.csv"), *serving.sample_options[2:]),
        *("--model-type=LSTM", "--set=model.objective=stock"),
        f"--set=dataset.split.test_days={TEST_DAYS}",
        exit_code=1,
    )

    assert failed["state"] == "FAILED"
    assert "extreme values" in failed["message"]
    assert "candidate" not in failed["outputs"]
    assert model_of(address) == before


def test_60_a_training_that_is_killed_for_its_memory_takes_nobody_along(
    own_engine: Engine, versions: list[Version], serving: Engine, own_puppet: Puppets
) -> None:
    before = predictor(serving)
    killed = own_puppet("wait")
    os.kill(serving.pid_of(killed), signal.SIGKILL)
    closed(serving, killed)
    grace = "cancel_grace_seconds: 2"
    with serving.settings(WITH_PREDICTOR.replace(grace, f"{grace}, memory_limit_mb: 200")):
        greedy = own_puppet.launch("greedy")
        closed(serving, greedy)

    crashed, failed = serving.table.get(killed), serving.table.get(greedy)
    assert (crashed.state, "lack of memory" in crashed.message) == ("CRASHED", True)
    assert (failed.state, "run.memory_limit_mb" in failed.message) == ("FAILED", True)
    assert predictor(serving)["pid"] == before["pid"]
    assert model_of(before["address"]) == versions[1].id


def test_61_a_training_steps_back_behind_the_predictor(
    own_engine: Engine, versions: list[Version], serving: Engine, own_puppet: Puppets
) -> None:
    training = psutil.Process(serving.pid_of(own_puppet("count")))
    answering = psutil.Process(predictor(serving)["pid"])

    assert training.nice() > answering.nice()
    scores = [
        int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())
        for process in (training, answering)
    ]
    assert scores[0] > scores[1]
    assert model_of(predictor(serving)["address"]) == versions[1].id
