"""What MLflow is told of runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from engine.tables.mirrored import RUN, MirrorTable
from engine.tables.runs import RunTable
from engine.tracking.mirror import Mirror
from engine.workspace import Workspace
from tests.unit.tracking.conftest import EndedRun


def runs_in(client: MlflowClient) -> list[Run]:
    experiment = client.get_experiment_by_name("mlops-tui")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL))


def only_run(client: MlflowClient) -> Run:
    (run,) = runs_in(client)
    return run


def curve(client: MlflowClient, run: Run, key: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, key)]


def file_of(client: MlflowClient, run: Run, name: str, folder: Path) -> str:
    return Path(client.download_artifacts(run.info.run_id, name, str(folder))).read_text()


def test_a_run_is_told_with_its_times_parameters_curves_and_measures(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun
) -> None:
    record = ended_run()

    Mirror(workspace).work()

    run = only_run(client)
    assert (run.info.run_name, run.info.status) == ("brave-lion", "FINISHED")
    assert record.started is not None
    assert record.ended is not None
    assert (run.info.start_time, run.info.end_time) == (
        int(record.started * 1000),
        int(record.ended * 1000),
    )
    assert run.data.params["dataset.covariate_cols"] == '["promo"]'
    # Of the hyper-parameters, those that the model took: the others had no effect.
    assert {key: value for key, value in run.data.params.items() if "hparams" in key} == {
        "train.hparams.epochs": "2"
    }
    assert "dataset.url" not in run.data.params
    # What was not finite is no value.
    assert curve(client, run, "train/epoch/loss") == [(1, 0.5), (3, 0.25)]
    assert curve(client, run, "search/trial/score") == [(1, 0.4)]
    assert curve(client, run, "test/candidate/fold/mase") == [(1, 0.8), (2, 1.0)]
    assert curve(client, run, "test/candidate/ahead/mase") == [(1, 0.7)]
    measured = run.data.metrics
    assert (measured["test/candidate/mase"], measured["test/SeasonalNaive/mase"]) == (0.9, 1.2)
    assert measured["fit/best_loss"] == 0.25
    assert "test/candidate/coverage" not in measured


def test_a_run_is_told_with_tags_data_and_files(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun, tmp_path: Path
) -> None:
    record = ended_run()

    Mirror(workspace).work()

    run = only_run(client)
    told = run.data.tags
    assert told["mlops_tui.run"] == record.id
    assert told["mlops_tui.dataset_hash"] == "d" * 64
    assert (told["mlops_tui.model_type"], told["mlops_tui.tags"]) == ("LSTM", "spring")
    assert (told["mlflow.user"], told["mlops_tui.code"]) == ("ann", "abc")
    assert "- passed: MASE 0.9" in told["mlflow.note.content"]
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("shop", "d" * 16)
    assert json.loads(data.dataset.source) == {"uri": "data/shop.csv"}
    assert file_of(client, run, "evaluation/evaluation.json", tmp_path).startswith("{")
    assert json.loads(file_of(client, run, "leaderboard.json", tmp_path)) == [{"member": 1}]
    assert {one.path for one in client.list_artifacts(run.info.run_id)} == {
        "config.yaml",
        "evaluation",
        "leaderboard.json",
        "log.txt",
        "result.json",
    }
    assert run.info.artifact_uri.startswith(str(workspace.mlflow_artifacts))


def test_secrets_are_masked_in_everything_that_is_told(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun, tmp_path: Path
) -> None:
    record = ended_run()
    workspace.secrets.write_text("DOOR=opensesame\n")
    workspace.secrets.chmod(0o600)
    folder = workspace.run_folder(record.id)
    (folder / "config.yaml").write_text(
        "dataset: {url: 'https://shop.example/?key=opensesame'}\n"
        "deploy: {force: 'the door says opensesame'}\n"
    )

    Mirror(workspace).work()

    run = only_run(client)
    texts = [str(run.to_dictionary()), file_of(client, run, "config.yaml", tmp_path)]
    log = file_of(client, run, "log.txt", tmp_path)
    assert all("opensesame" not in text for text in texts)
    assert "https://shop.example/?key=***" in texts[0]
    assert "begins" in log
    assert "swordfish" not in log


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("COMPLETED", "FINISHED"),
        ("FAILED", "FAILED"),
        ("CRASHED", "FAILED"),
        ("CANCELLED", "KILLED"),
    ],
)
def test_each_end_has_its_status(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun, state: str, status: str
) -> None:
    ended_run(state)

    Mirror(workspace).work()

    run = only_run(client)
    assert run.info.status == status
    assert run.data.tags["mlops_tui.state"] == state
    assert ("the disk is full" in run.data.tags["mlflow.note.content"]) == (state != "COMPLETED")


def test_a_run_that_never_began_and_left_nothing_is_told_too(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun
) -> None:
    record = ended_run("CANCELLED", started=False, folder=False)

    Mirror(workspace).work()

    run = only_run(client)
    assert (run.info.status, run.info.start_time) == ("KILLED", int(record.created * 1000))
    assert run.data.params == {"model_type": "LSTM"}
    assert run.data.metrics == {}


@pytest.mark.parametrize("name", ["config.yaml", "result.json", "progress.jsonl"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"[1, 2", b"[" * 5000, b'"text"'])
def test_files_that_a_full_disk_cut_short_are_no_reason_to_tell_nothing(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun, name: str, content: bytes
) -> None:
    (workspace.run_folder(ended_run().id) / name).write_bytes(content)

    Mirror(workspace).work()

    assert only_run(client).info.status == "FINISHED"


def test_texts_and_names_that_are_too_much_for_mlflow_are_cut_and_changed(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun
) -> None:
    folder = workspace.run_folder(ended_run().id)
    many = "".join(f"  key{number}: 1\n" for number in range(250))
    (folder / "config.yaml").write_text(
        f"long: {'x' * 7000}\n'odd [name] %': 1\n{'k' * 300}: 1\nmany:\n{many}"
    )

    Mirror(workspace).work()

    told = only_run(client).data.params
    assert told["long"].endswith("x…")
    assert len(told["long"]) == 6000
    assert (told["odd _name_ _"], told["k" * 250], told["many.key249"]) == ("1", "1", "1")


def test_what_has_not_ended_is_not_told_and_nothing_is_told_twice(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun, mirrored: MirrorTable
) -> None:
    first = ended_run()
    Mirror(workspace).work()
    second = ended_run()
    table = RunTable(workspace.database)

    Mirror(workspace).work()
    Mirror(workspace, now=True).work()

    told = {run.data.tags["mlops_tui.run"]: run.info.run_id for run in runs_in(client)}
    assert set(told) == {first.id, second.id}
    assert {key: row.mlflow_id for key, row in mirrored.all(RUN).items()} == told
    assert (mirrored.count_waiting(), mirrored.waiting(9)) == (0, [])
    assert len(table.newest(9)) == 2


def test_ten_thousand_values_are_told_in_batches(
    workspace: Workspace,
    client: MlflowClient,
    ended_run: EndedRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = workspace.run_folder(ended_run().id)
    events = [
        {"at": 1.0, "kind": "round", "step": "train_model", "done": one, "total": 9, "loss": one}
        for one in range(10_000)
    ]
    (folder / "progress.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in events))
    sizes: list[int] = []
    real = MlflowClient.log_batch

    def log_batch(self: MlflowClient, run_id: str, *, metrics: Any = (), **more: Any) -> None:
        sizes.append(len(metrics))
        real(self, run_id, metrics=metrics, **more)

    monkeypatch.setattr(MlflowClient, "log_batch", log_batch)

    Mirror(workspace).work()

    assert len(curve(client, only_run(client), "train/round/loss")) == 10_000
    assert max(sizes) == 1000
    assert sum(1 for size in sizes if size) == 11


def test_a_run_that_is_deleted_here_first_is_dropped_and_one_that_was_told_stays_there(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun, mirrored: MirrorTable
) -> None:
    told, dropped = ended_run(), None
    Mirror(workspace).work()
    dropped = ended_run()
    mirrored.failed(RUN, dropped.id, problem="no", next_try=0.0)
    table = RunTable(workspace.database)
    for record in (told, dropped):
        table.delete(record.id)

    Mirror(workspace, now=True).work()

    assert only_run(client).data.tags["mlops_tui.run"] == told.id
    assert mirrored.all(RUN) == {}
    assert mirrored.failing() == []


def test_a_run_that_somebody_deleted_in_mlflow_stays_deleted(
    workspace: Workspace, client: MlflowClient, ended_run: EndedRun, mirrored: MirrorTable
) -> None:
    record = ended_run()
    Mirror(workspace).work()
    client.delete_run(only_run(client).info.run_id)
    mirrored.forget(RUN, record.id)

    Mirror(workspace).work()

    assert only_run(client).info.lifecycle_stage == "deleted"
    assert mirrored.count(RUN) == 1
