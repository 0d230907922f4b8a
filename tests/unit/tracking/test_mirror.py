"""Nothing is lost and nothing is done twice, whatever happens to the mirror or to MLflow."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from engine.config.loading import load_engine_settings
from engine.config.mlflow_address import OWN_PLACE, mlflow_address, own_backend_uri
from engine.errors import ConfigError, StorageError
from engine.locks import FileLock
from engine.store import AliasRegistry
from engine.tables.mirrored import (
    PLACE,
    RUN,
    VERSION,
    MirrorTable,
    storage_mark,
    why_not_mirrored,
)
from engine.tracking import mirror as mirror_module
from engine.tracking.mirror import Mirror
from engine.workspace import Workspace
from tests.unit.deployments import deploy
from tests.unit.tracking.conftest import EndedRun, client_of, end_a_run, new_workspace
from tests.unit.tracking.test_runs import curve, only_run, runs_in
from tests.unit.tracking.test_versions import SERIES, named

# Whatever changes something there.
CHANGES = (
    "create_experiment",
    "create_run",
    "log_batch",
    "log_inputs",
    "log_artifacts",
    "set_terminated",
    "set_tag",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
)


class Killed(BaseException):
    """Ends a pass as a signal would."""


class Saboteur:
    """Counts what changes something in MLflow, and ends the pass at one of these moments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.fatal: int | None = None
        self.error: BaseException = Killed()
        for name in CHANGES:
            monkeypatch.setattr(MlflowClient, name, self._watched(getattr(MlflowClient, name)))

    def _watched(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*args: Any, **kwargs: Any) -> Any:
            made = real(*args, **kwargs)
            self._moment()
            return made

        return change

    def _moment(self) -> None:
        self.count += 1
        if self.count == self.fatal:
            raise self.error


@pytest.fixture
def saboteur(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    return Saboteur(monkeypatch)


@pytest.fixture
def elsewhere(workspace: Workspace, tmp_path: Path) -> Iterator[Path]:
    """An MLflow of somebody else's, which is away as long as its folder is none."""
    folder = tmp_path / "elsewhere"
    folder.touch()
    (workspace.configs / "engine.yaml").write_text(
        f"tracking: {{url: 'sqlite:///{folder}/mlflow.db'}}\n"
    )
    yield folder


def place_of(workspace: Workspace) -> MirrorTable:
    settings = load_engine_settings(workspace_configs=workspace.configs).settings.tracking
    return MirrorTable(workspace.database, mlflow_address(workspace, settings, {}).place)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_any_moment_it_goes_on_without_doing_anything_twice(
    tmp_path: Path, new_database: Path, bundles: tuple[Path, Path], saboteur: Saboteur, every: int
) -> None:
    for moment in range(2, 100, every):
        workspace = new_workspace(tmp_path / str(moment), new_database)
        record = end_a_run(workspace)
        version = deploy(workspace, bundles[0])
        saboteur.count, saboteur.fatal = 0, moment
        try:
            Mirror(workspace).work()
        except Killed:
            saboteur.fatal = None
            Mirror(workspace).work()
        else:
            break

        client = client_of(own_backend_uri(workspace))
        told = {run.data.tags["mlops_tui.run"]: run for run in runs_in(client)}
        assert set(told) == {record.id, version.id}, moment
        run = told[record.id]
        assert run.info.status == "FINISHED"
        assert curve(client, run, "train/epoch/loss") == [(1, 0.5), (3, 0.25)], moment
        assert len(run.inputs.dataset_inputs) == 1
        assert len(client.search_model_versions(f"name = '{SERIES}'")) == 1, moment
        assert named(client) == {"champion": version.id}
        assert MirrorTable(workspace.database, OWN_PLACE).failing() == []
    assert len(CHANGES) < moment < 99


def test_when_mlflow_is_away_everything_waits_and_arrives_when_it_is_back(
    workspace: Workspace,
    ended_run: EndedRun,
    elsewhere: Path,
    bundles: tuple[Path, Path],
    new_database: Path,
) -> None:
    first = ended_run()
    version = deploy(workspace, bundles[0])
    Mirror(workspace).work()
    second = ended_run("FAILED")
    table = place_of(workspace)
    (away,) = table.failing()
    assert (away.kind, away.attempts) == (PLACE, 1)
    assert why_not_mirrored(table).startswith(f"sqlite:///{elsewhere}/mlflow.db: MLflow cannot be")
    assert why_not_mirrored(table).endswith("2 runs wait for it")
    assert not table.is_due(storage_mark(workspace.central_storage))
    assert away.next_try is not None
    assert table.is_due("", now=away.next_try + 1)

    elsewhere.unlink()
    elsewhere.mkdir()
    shutil.copy(new_database, elsewhere)
    Mirror(workspace).work()

    client = client_of(f"sqlite:///{elsewhere}/mlflow.db")
    told = {run.data.tags["mlops_tui.run"]: run.info.status for run in runs_in(client)}
    assert told == {first.id: "FINISHED", second.id: "FAILED", version.id: "FINISHED"}
    assert named(client) == {"champion": version.id}
    assert (table.failing(), why_not_mirrored(table), table.count_waiting()) == ([], "", 0)
    assert not table.is_due(storage_mark(workspace.central_storage))


def test_the_longer_it_is_away_the_less_often_it_is_tried(
    workspace: Workspace, ended_run: EndedRun, elsewhere: Path
) -> None:
    ended_run()
    pauses = []
    for _ in range(6):
        begin = time.time()
        Mirror(workspace).work()
        (away,) = place_of(workspace).failing()
        assert away.next_try is not None
        pauses.append(round(away.next_try - begin, -1))

    assert away.attempts == 6
    assert pauses == sorted(pauses)
    assert (pauses[-2], pauses[-1]) == (300, 300)


def test_when_it_goes_away_in_the_middle_the_rest_waits(
    workspace: Workspace,
    ended_run: EndedRun,
    client: MlflowClient,
    saboteur: Saboteur,
    mirrored: MirrorTable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        ended_run()
    Mirror(workspace)
    saboteur.fatal, saboteur.error = 8, ConnectionError(111, "Connection refused")
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "get_experiment", saboteur._watched(_refused))
        Mirror(workspace).work()

    (away,) = mirrored.failing()
    assert (away.kind, mirrored.count_waiting()) == (PLACE, 3)
    assert away.problem.endswith("MLflow went away: Connection refused")
    Mirror(workspace).work()
    assert (mirrored.failing(), mirrored.count(RUN)) == ([], 3)
    assert len(runs_in(client)) == 3


def _refused(*_: object) -> None:
    raise ConnectionError(111, "Connection refused")


def test_a_run_that_mlflow_refuses_keeps_none_of_the_others_waiting(
    workspace: Workspace,
    ended_run: EndedRun,
    client: MlflowClient,
    mirrored: MirrorTable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older, refused, newer = (ended_run() for _ in range(3))
    real = mirror_module.story_of

    def story_of(record: Any, *more: Any) -> Any:
        if record.id == refused.id:
            raise ValueError("this number cannot be")
        return real(record, *more)

    with monkeypatch.context() as patch:
        patch.setattr(mirror_module, "story_of", story_of)
        Mirror(workspace).work()
        # Not again at once, but when somebody asks for it.
        Mirror(workspace).work()
        assert [row.attempts for row in mirrored.failing()] == [1]
        Mirror(workspace, now=True).work()

    told = {run.data.tags["mlops_tui.run"] for run in runs_in(client)}
    assert told == {older.id, newer.id}
    (failing,) = mirrored.failing()
    assert (failing.id, failing.attempts) == (refused.id, 2)
    assert why_not_mirrored(mirrored) == (
        f"run {refused.id} is not in MLflow yet: this number cannot be"
    )
    assert failing.next_try is not None
    assert mirrored.is_due("", now=failing.next_try + 1)
    Mirror(workspace, now=True).work()
    assert mirrored.failing() == []


def test_what_takes_too_long_goes_on_in_the_next_pass(
    workspace: Workspace, ended_run: EndedRun, mirrored: MirrorTable, bundles: tuple[Path, Path]
) -> None:
    ended_run()
    deploy(workspace, bundles[0])

    Mirror(workspace, seconds=-1.0).work()

    assert (mirrored.count(RUN), mirrored.count_waiting()) == (0, 1)
    assert mirrored.is_due(storage_mark(workspace.central_storage))
    Mirror(workspace).work()
    assert (mirrored.count(RUN), mirrored.count(VERSION)) == (1, 1)


def test_two_at_once_tell_everything_once(
    workspace: Workspace, ended_run: EndedRun, client: MlflowClient
) -> None:
    ended_run()
    lock = FileLock(workspace.mirror_lock)
    assert lock.acquire(wait=False)
    both = [threading.Thread(target=Mirror(workspace).work) for _ in range(2)]
    for one in both:
        one.start()
    time.sleep(0.1)
    assert all(one.is_alive() for one in both)
    lock.release()
    for one in both:
        one.join(30)

    assert only_run(client).info.status == "FINISHED"


def test_switched_off_it_does_nothing(
    workspace: Workspace, ended_run: EndedRun, client: MlflowClient
) -> None:
    ended_run()
    (workspace.configs / "engine.yaml").write_text("tracking: {enabled: false}\n")

    Mirror(workspace).work()

    assert client.get_experiment_by_name("mlops-tui") is None


def test_another_place_is_told_everything_and_going_back_nothing_twice(
    workspace: Workspace,
    ended_run: EndedRun,
    client: MlflowClient,
    elsewhere: Path,
    new_database: Path,
) -> None:
    record = ended_run()
    file = workspace.configs / "engine.yaml"
    settings = file.read_text()
    file.unlink()
    Mirror(workspace).work()
    elsewhere.unlink()
    elsewhere.mkdir()
    shutil.copy(new_database, elsewhere)
    file.write_text(settings)
    Mirror(workspace).work()
    file.unlink()
    Mirror(workspace).work()

    other = client_of(f"sqlite:///{elsewhere}/mlflow.db")
    for one in (client, other):
        assert only_run(one).data.tags["mlops_tui.run"] == record.id


def test_names_of_the_experiment_and_of_models_are_those_of_the_settings(
    workspace: Workspace, ended_run: EndedRun, client: MlflowClient, bundles: tuple[Path, Path]
) -> None:
    ended_run()
    version = deploy(workspace, bundles[0])
    (workspace.configs / "engine.yaml").write_text(
        "tracking: {experiment: Shops / north, model_name: north}\n"
    )

    Mirror(workspace).work()

    experiment = client.get_experiment_by_name("Shops / north")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
    assert len(found) == 2
    assert named(client, "north-timeseries") == {"champion": version.id}


def test_an_experiment_that_was_deleted_there_is_told_with_a_way_out(
    workspace: Workspace, ended_run: EndedRun, client: MlflowClient, mirrored: MirrorTable
) -> None:
    client.delete_experiment(client.create_experiment("mlops-tui"))
    ended_run()

    Mirror(workspace).work()

    assert "tracking.experiment in engine.yaml" in why_not_mirrored(mirrored)


def test_a_name_that_stands_for_nothing_is_told(workspace: Workspace) -> None:
    (workspace.configs / "engine.yaml").write_text("tracking: {url: 'https://a:${PW}@b'}\n")

    with pytest.raises(ConfigError, match=r"tracking.url: \$\{PW\} stands for nothing"):
        Mirror(workspace)


def test_the_mark_of_the_store_changes_with_aliases_and_versions_and_not_by_reading(
    workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    marks = [storage_mark(workspace.central_storage)]
    for bundle in bundles:
        deploy(workspace, bundle)
        marks.append(storage_mark(workspace.central_storage))
    registry = AliasRegistry(workspace.central_storage)
    registry.roll_back()
    marks.append(storage_mark(workspace.central_storage))
    registry.of_all()
    registry.of_all()

    assert len(set(marks)) == 4
    assert storage_mark(workspace.central_storage) == marks[-1]


def test_a_workspace_that_is_moved_takes_its_mlflow_along(
    workspace: Workspace,
    ended_run: EndedRun,
    client: MlflowClient,
    bundles: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    ended_run()
    version = deploy(workspace, bundles[0])
    Mirror(workspace).work()
    elsewhere = Workspace(tmp_path / "a 'new' place")
    workspace.root.rename(elsewhere.root)
    later = end_a_run(elsewhere)

    Mirror(elsewhere).work()

    assert not workspace.root.exists(), "something was written where it was"
    moved = client_of(own_backend_uri(elsewhere))
    assert len(runs_in(moved)) == 3
    for run in runs_in(moved):
        assert run.info.artifact_uri.startswith(f"{elsewhere.mlflow_artifacts}/")
    told = {run.data.tags["mlops_tui.run"]: run for run in runs_in(moved)}
    assert moved.list_artifacts(told[later.id].info.run_id)
    (there,) = moved.search_model_versions(f"name = '{SERIES}'")
    assert (Path(there.source) / "MLmodel").exists()
    assert named(moved) == {"champion": version.id}


@pytest.mark.long
def test_a_workspace_whose_mlflow_is_gone_is_told_anew(
    workspace: Workspace, ended_run: EndedRun, mirrored: MirrorTable
) -> None:
    record = ended_run()
    command = [sys.executable, "-P", "-m", "engine.tracking.mirror", str(workspace.root)]
    subprocess.run(command, check=True)
    before = mirrored.get(RUN, record.id)
    workspace.mlflow_database.unlink()

    subprocess.run(command, check=True)

    again = mirrored.get(RUN, record.id)
    assert before is not None
    assert again is not None
    assert again.mlflow_id != before.mlflow_id
    assert only_run(client_of(own_backend_uri(workspace))).info.run_id == again.mlflow_id


def test_a_file_that_is_no_database_is_told_and_left_alone(
    workspace: Workspace, ended_run: EndedRun
) -> None:
    ended_run()
    workspace.mlflow_database.write_bytes(b"not a database at all" * 100)

    with pytest.raises(StorageError, match="file is not a database"):
        Mirror(workspace).work()
