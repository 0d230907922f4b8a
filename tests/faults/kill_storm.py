"""Row 41: whatever is killed, and whenever, no run is lost, none is forgotten, none is invented.

Two hundred kills of the engine, the Prefect server, the fork server, running runs and clients, at
random moments, while launches arrive.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from engine.client import EngineClient, calls
from engine.data.sample import write_sample
from engine.prefect_server.api import PrefectApi
from engine.states import FINAL_STATES
from engine.tables.run_record import RunRecord
from engine.workspace import Workspace
from tests.faults.storm import (
    COLUMNS,
    Storm,
    prefect_of,
    processes_of,
    wait_all_closed,
    zombies,
)

pytestmark = pytest.mark.long

KILLS_A_STORM = 50
AGREEMENT_SECONDS = 30.0
STEPS = {
    "data_flow": [
        "load_time_series_csv",
        "prepare_time_series_data",
        "split_time_series_data",
        "validate_data",
    ],
    "train_flow": [
        "build_model",
        "calibrate_intervals",
        "open_training_data",
        "refit_model",
        "save_model",
        "train_model",
    ],
}
SETTINGS = """
queue: {max_concurrent: 4}
prefect_server: {idle_exit_seconds: 5}
predictor: {port: 0}
flow_api: {port: 0}
web_page: {port: 0}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a data set, whose engine is ended afterwards."""
    made = Workspace(tmp_path_factory.mktemp("storm")).create()
    sample = made.data / "sample.csv"
    write_sample(sample, series=4, days=200)
    (made.configs / "engine.yaml").write_text(SETTINGS)
    with EngineClient(made) as engine:
        run = engine.send(
            calls.launch("data_flow", overrides=COLUMNS, flags={"data": str(sample)})
        ).run
        while engine.send(calls.run(run.id)).run.state != "COMPLETED":
            time.sleep(0.2)
    yield made
    with EngineClient(made) as engine:
        engine.send(calls.down(cancel_runs=True))
    deadline = time.monotonic() + 60
    while processes_of(made, ""):
        assert time.monotonic() < deadline, "something of the engine is left"
        time.sleep(0.2)


# A client that connects to an engine which dies at that moment leaves its socket to the collector
# of garbage: that is the HTTP library's way, and says nothing about what is tested here.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_41_two_hundred_random_kills(workspace: Workspace, seed: int) -> None:
    storm = Storm(workspace, workspace.data / "sample.csv", seed, pause=0.8)
    known = {run.id for run in storm.table.newest(100_000)}
    storm.rage(KILLS_A_STORM)
    with EngineClient(workspace) as engine:
        engine.send(calls.status())  # starts the engine if it was killed last

    time.sleep(5.0)
    assert zombies(workspace) == []

    wait_all_closed(workspace, seconds=600)
    runs = {run.id: run for run in storm.table.newest(100_000) if run.id not in known}
    assert set(storm.accepted) <= set(runs), "an accepted launch was lost"
    assert len(set(storm.accepted)) == len(storm.accepted)
    assert {run.launch_key for run in runs.values()} >= {f"{storm.name}-1-1"}
    for run in runs.values():
        # Nothing else than its own death may hurt a run.
        expected = {"COMPLETED", "CRASHED"} if run.id in storm.killed_runs else {"COMPLETED"}
        assert run.state in expected, run
    with prefect_of(workspace) as prefect:
        for run in runs.values():
            assert_prefect_agrees(prefect, run)


def assert_prefect_agrees(prefect: PrefectApi, run: RunRecord) -> None:
    """Prefect has the run in the same state, with the end of every task that it did."""
    if run.prefect_id is None:
        assert run.state == "CANCELLED"
        return
    tree = prefect.flow_runs(run.prefect_id)
    # The server was killed too, and may only just have been told again.
    deadline = time.monotonic() + AGREEMENT_SECONDS
    while tree[0]["state_type"] != run.state and time.monotonic() < deadline:
        time.sleep(0.5)
        tree = prefect.flow_runs(run.prefect_id)
    tasks = prefect.task_runs(row["id"] for row in tree)
    assert tree[0]["state_type"] == run.state, (run, tree[0])
    assert {task["state_type"] for task in tasks} <= FINAL_STATES, run
    if run.state == "COMPLETED":
        assert sorted(task["name"] for task in tasks) == STEPS[run.flow], run
        assert {task["state_type"] for task in tasks} == {"COMPLETED"}, run
