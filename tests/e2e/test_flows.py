"""The five flows on the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness import Engine

FULL_FLOW_TASKS = [
    "load_time_series_csv",
    "validate_data",
    "prepare_time_series_data",
    "split_time_series_data",
    "open_training_data",
    "build_model",
    "train_model",
    "calibrate_intervals",
    "refit_model",
    "save_model",
    "open_candidate",
    "evaluate_model",
    "evaluate_baselines",
    "decide_deployment",
    "upload_model",
    "try_model",
    "put_model_to_service",
    "check_service_health",
]


def test_full_flow_trains_evaluates_deploys_and_forecasts(
    engine: Engine, full_run: dict[str, Any]
) -> None:
    scores = full_run["outputs"]["evaluation"]["scores"]
    assert scores["candidate"]["mase"] < scores["SeasonalNaive"]["mase"]
    # Few series and 28 days of each: the part that lies inside is told only roughly.
    assert all(0.5 < model["coverage"] < 1.0 for model in scores.values())
    assert all(model["width"] > 0 for model in scores.values())
    champion = next(row for row in engine.json("models") if row["alias"] == "champion")
    assert champion["id"] == full_run["outputs"]["version"]
    assert champion["lineage"]["deployed_by_run"] == full_run["id"]
    forecast = engine.json("predict", "--steps=10")
    assert forecast["version"] == champion["id"]
    assert len(forecast["forecast"]) == 10


def test_full_flow_is_one_tree_of_which_no_task_row_is_lost(
    engine: Engine, full_run: dict[str, Any]
) -> None:
    bars = engine.json("run", "show", full_run["id"])["timeline"]["bars"]
    flows = [bar["name"] for bar in bars if bar["kind"] == "flow"]
    assert flows == ["full_flow", "data_flow", "train_flow", "eval_flow", "deploy_flow"]
    assert [bar["name"] for bar in bars if bar["kind"] == "task"] == FULL_FLOW_TASKS
    assert {bar["state"] for bar in bars} == {"COMPLETED"}
    assert engine.states_in_prefect(full_run["id"]) == ("COMPLETED", {"COMPLETED"})


def test_each_flow_takes_up_what_the_one_before_it_left(
    engine: Engine, full_run: dict[str, Any]
) -> None:
    trained = engine.json("run", "train_flow", "--model-type=SeasonalNaive")
    measured = engine.json("run", "eval_flow")["outputs"]["evaluation"]
    # No better than seasonal naive, so no match for the champion: the gate stays shut.
    refused = engine.json("run", "deploy_flow", exit_code=4)

    assert measured["candidate"] == trained["id"]
    assert measured["dataset"] == full_run["outputs"]["dataset"]
    assert measured["champion"] == full_run["outputs"]["version"]
    assert "of the champion's" in refused["message"]
    assert "(allowed: up to 1)" in refused["message"]
    aliases = {row["id"]: row["alias"] for row in engine.json("models")}
    assert aliases == {full_run["outputs"]["version"]: "champion"}


@pytest.mark.long
def test_the_same_data_configuration_and_seed_give_the_same_bundle(
    engine: Engine, full_run: dict[str, Any]
) -> None:
    def bundle(seed: int) -> bytes:
        options = ("--model-type=LSTM", "--epochs=1", f"--seed={seed}")
        run = engine.json("run", "train_flow", *options)
        folder = engine.workspace.run_folder(run["outputs"]["candidate"])
        return (folder / "candidate" / "bundle" / "manifest.json").read_bytes()

    first = bundle(1)
    assert bundle(1) == first
    assert bundle(2) != first


def test_broken_rows_stop_the_run_with_their_numbers_before_any_training(engine: Engine) -> None:
    broken = engine.workspace.data / "broken.csv"
    broken.write_text("date,product,sales\n2024-01-01,a,1\n2024-01-02,a,many\n")
    run = engine.json(
        "run", "full_flow", "--data", str(broken), *engine.sample_options[2:], exit_code=3
    )

    assert "row 3" in run["message"]
    assert "many" in run["message"]
    tasks = [bar["name"] for bar in run["timeline"]["bars"] if bar["kind"] == "task"]
    assert tasks == ["load_time_series_csv"]


def test_a_wrong_setting_starts_no_run(engine: Engine) -> None:
    runs_before = engine.json("runs", "--limit=10000")
    refused = engine.json("run", "train_flow", "--set", "train.hparam.epochs=5", exit_code=2)

    assert "train.hparams" in refused["error"]["message"]
    assert engine.json("runs", "--limit=10000") == runs_before


def test_two_runs_at_once_both_complete(engine: Engine) -> None:
    first = engine.start("run", "data_flow", *engine.sample_options, "--json")
    second = engine.start("run", "data_flow", *engine.sample_options, "--json")

    outputs = [process.communicate(timeout=120) for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0], outputs


def test_the_log_of_a_run_holds_its_steps(engine: Engine) -> None:
    run = engine.json("run", "data_flow", *engine.sample_options)
    log = engine.run("logs", run["id"][:8]).stdout

    assert "INFO    validate_data: Finished in state Completed()" in log
