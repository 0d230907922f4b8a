from __future__ import annotations

from pathlib import Path

import pytest

from engine.data.dataset import Dataset
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy, prepare_dataset


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    return prepare_dataset(workspace, tmp_path)


def test_a_dry_run_tells_what_would_run_and_launches_nothing(
    command: EngineCommand, workspace: Workspace, bundles: tuple[Path, Path], table: RunTable
) -> None:
    champion = deploy(workspace, bundles[0])
    source = workspace.data / "ledger.csv"
    source.write_text("a,b\n")
    # That it starts no engine either, the fixtures of this folder watch over.
    line = ("run", "full_flow", "--dry-run", "--data", source, "--model-type", "LightGBM")

    answer = command(*line, "--json")
    text = command(*line)

    plan = answer.json
    assert (answer.code, text.code) == (0, 0)
    assert (plan["flow"], plan["can_begin"], plan["champion"]) == ("full_flow", True, champion.id)
    assert [one["flow"] for one in plan["flows"]] == [
        "data_flow",
        "train_flow",
        "eval_flow",
        "deploy_flow",
    ]
    assert plan["flows"][0]["steps"][0] == "load_time_series_csv"
    assert plan["input"] == {"kind": "source", "value": str(source), "problem": ""}
    assert plan["model"] == {"model_type": "LightGBM", "window": 30, "horizon": 7, "seed": 7}
    assert {one["key"]: one["value"] for one in plan["differences"]} == {
        "dataset.file_path": str(source),
        "model.model_type": "LightGBM",
    }
    assert text.out.splitlines()[0] == "full_flow would run:"
    assert '  model.model_type: "LightGBM" instead of "LSTM"' in text.out
    assert text.out.endswith("nothing was launched\n")
    assert table.newest(limit=10) == []


@pytest.mark.parametrize(
    ("flow", "kind", "said"),
    [
        ("data_flow", "source", "there is no such file"),
        ("train_flow", "dataset", "engine run data_flow"),
        ("eval_flow", "candidate", "engine run train_flow"),
        ("deploy_flow", "evaluation", "engine run eval_flow"),
    ],
)
def test_what_is_missing_is_told_before_a_run_fails_for_it(
    command: EngineCommand, flow: str, kind: str, said: str
) -> None:
    answer = command("run", flow, "--dry-run", "--json")

    assert (answer.code, answer.json["can_begin"]) == (5, False)
    assert answer.json["input"]["kind"] == kind
    assert said in answer.json["input"]["problem"]
    assert said in command("run", flow, "--dry-run").out


def test_a_training_would_take_the_newest_data_set_or_the_one_that_is_named(
    command: EngineCommand, dataset: Dataset
) -> None:
    line = ("run", "train_flow", "--dry-run", "--json")

    newest = command(*line).json
    unknown = command(*line, "--set", "train.dataset=ffffffffffffffff").json

    assert newest["input"] == {"kind": "dataset", "value": dataset.id, "problem": ""}
    assert newest["champion"] is None
    assert unknown["input"]["problem"] == "there is no such data set"


@pytest.mark.parametrize(
    ("flow", "kind", "key"),
    [
        ("eval_flow", "candidate", "evaluate.candidate"),
        ("deploy_flow", "evaluation", "deploy.candidate"),
    ],
)
def test_what_a_run_left_is_looked_for(
    command: EngineCommand, workspace: Workspace, flow: str, kind: str, key: str
) -> None:
    Handoffs(workspace.database).leave(kind, "0" * 8, "a-run")

    gone = command("run", flow, "--dry-run", "--json").json
    named = command("run", flow, "--dry-run", "--set", f"{key}=nobody", "--json").json

    assert "there is no run" in gone["input"]["problem"]
    assert "'nobody'" in named["input"]["problem"]


def test_a_database_is_shown_without_its_password(command: EngineCommand) -> None:
    url = "postgresql+psycopg://reader:${PASSWORD}@db/warehouse"
    settings = ["--set", "dataset.file_path=null", "--set", f"dataset.url={url}"]

    answer = command(
        "run", "data_flow", "--dry-run", *settings, "--set", "dataset.table=t", "--json"
    )

    assert answer.code == 0
    assert answer.json["input"]["value"] == "postgresql+psycopg://reader:***@db/warehouse"
    assert answer.json["flows"][0]["steps"][0] == "load_time_series_sql"
    assert answer.json["model"] is None


def test_a_launch_that_would_be_refused_is_refused(command: EngineCommand) -> None:
    answer = command("run", "train_flow", "--dry-run", "--epochs", "0")

    assert answer.code == 2
    assert "--epochs: train.hparams.epochs" in answer.err
    assert answer.out == ""
