"""Seeing to a run that is done elsewhere: offered once, followed, and brought to a true end."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.dump import dump_settings
from engine.config.loading import load_settings
from engine.errors import NotFoundError
from engine.execution import driver
from engine.execution.driver import Drive, why_in_pool
from engine.prefect_server.api import PrefectApi
from engine.runs.context import RunContext
from engine.runs.order import CONFIG_FILE, Order
from engine.runs.outcome import Outcome
from engine.runs.placing import ALIVE_LABEL, HOST_LABEL, OUTCOME_KEY, FarEnd, claim_key
from engine.runs.progress import ProgressWriter
from engine.store import Depot
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.stand_ins import accept
from tests.unit.prefect_server.meeting_point import FLOW_RUN, POOL, MeetingPoint

LOST = 0.3


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(driver, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(driver, "_WHY_SECONDS", 0.0)
    monkeypatch.setattr(driver, "_LOOKS_BETWEEN", 1)
    monkeypatch.setattr(driver, "_LAST_WORDS_SECONDS", 0.05)
    monkeypatch.setattr(driver, "_ANSWER_SECONDS", 0.1)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class Lines:
    """The log of the run at home."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_line(self, text: str) -> None:
        self.lines.append(text)


class Home:
    """The machine that the run belongs to."""

    def __init__(self, workspace: Workspace, point: MeetingPoint, flow: str, shared: Path) -> None:
        self.point = point
        self.table = RunTable(workspace.database)
        self.run_id = accept(self.table, flow=flow)
        assert self.table.claim(self.run_id, 0, pid=1, mark="m", prefect_id=FLOW_RUN, pool=POOL)
        folder = workspace.run_folder(self.run_id)
        folder.mkdir()
        settings = load_settings("full_flow", workspace_configs=None)
        (folder / CONFIG_FILE).write_text(dump_settings(settings))
        self.context = RunContext(
            run_id=self.run_id,
            flow=flow,
            workspace=workspace,
            table=self.table,
            handoffs=Handoffs(workspace.database),
            progress=ProgressWriter(folder),
            depot=Depot(f"file://{shared}", {}),
        )
        self.order = Order(
            self.run_id, 0, FLOW_RUN, pool=POOL, is_placed=True,
            lost_after_seconds=LOST, cancel_seconds=0.1,
        )  # fmt: skip

    def drive(self, api: PrefectApi) -> Drive:
        return Drive(self.context, self.order, api, Lines())  # type: ignore[arg-type]

    @property
    def record(self) -> Any:
        return self.table.get(self.run_id)


@contextmanager
def at_home(
    workspace: Workspace, tmp_path: Path, flow: str = "data_flow"
) -> Iterator[tuple[Home, MeetingPoint, PrefectApi]]:
    point = MeetingPoint()
    home = Home(workspace, point, flow, tmp_path / "shared")
    try:
        with point.open() as api:
            yield home, point, api
    finally:
        home.context.progress.close()


def begins(point: MeetingPoint, attempt: int = 1) -> None:
    """Somebody of the pool begins with it."""
    assert point.flow_run is not None
    point.inputs[claim_key(attempt)] = "{}"
    point.flow_run["labels"] |= {HOST_LABEL: "there", "mlops.worker": "w1", ALIVE_LABEL: 1}
    point.set_state("RUNNING")


@contextmanager
def begun_there(workspace: Workspace, tmp_path: Path) -> Iterator[tuple[MeetingPoint, Drive]]:
    """A run that was offered, and that somebody of the pool has begun with."""
    with at_home(workspace, tmp_path) as (home, point, api):
        drive = home.drive(api)
        drive._look()
        begins(point)
        yield point, drive


def ends(point: MeetingPoint, end: FarEnd) -> None:
    point.inputs[OUTCOME_KEY] = end.to_json()
    point.set_state(end.state)


def test_it_is_offered_with_all_that_has_to_be_known(workspace: Workspace, tmp_path: Path) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        assert home.drive(api)._look() is None

        assert point.flow_run is not None
        assert point.flow_run["state_type"] == "SCHEDULED"
        parameters = point.flow_run["parameters"]
        assert parameters["settings"]["dataset"]["ds_name"] == "demo"
        placement = parameters["placement"]
        assert (placement["run_id"], placement["attempt"]) == (home.run_id, 1)


def test_there_must_be_something_to_work_on(workspace: Workspace, tmp_path: Path) -> None:
    with (
        at_home(workspace, tmp_path, "train_flow") as (home, point, api),
        pytest.raises(NotFoundError, match="there is no dataset of data_type timeseries yet"),
    ):
        home.drive(api).until_end()
    assert point.flow_run is not None
    assert point.flow_run["state_type"] == "PENDING"


def test_latest_is_what_it_is_at_home_and_the_other_machine_can_have_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = "0123456789abcdef"
    (workspace.datasets / dataset).mkdir()
    (workspace.datasets / dataset / "series.parquet").write_bytes(b"rows")
    with at_home(workspace, tmp_path, "train_flow") as (home, point, api):
        home.context.handoffs.leave("dataset", dataset, "earlier", "timeseries")

        home.drive(api)._look()

        assert point.flow_run is not None
        assert point.flow_run["parameters"]["settings"]["train"]["dataset"] == dataset
        assert Depot(f"file://{tmp_path}/shared", {}).has("datasets", dataset)


def test_it_has_not_begun_before_somebody_of_the_pool_does_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        drive = home.drive(api)
        drive._look()
        drive._look()
        assert (home.record.state, home.record.started) == ("PENDING", None)
        assert home.record.waiting.startswith(f"no worker polls work pool {POOL}")

        begins(point)
        drive._look()

        assert (home.record.state, home.record.host) == ("RUNNING", "w1 on there")
        assert home.record.waiting == ""


def test_what_it_made_and_leaves_is_known_at_home(workspace: Workspace, tmp_path: Path) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        drive = home.drive(api)
        drive._look()
        begins(point)
        handoffs = (("dataset", "d" * 16, "timeseries"), ("evaluation", "not ours", "timeseries"))
        ends(point, FarEnd("COMPLETED", outputs={"dataset": "d" * 16}, handoffs=handoffs))

        rows = tmp_path / "rows"
        rows.mkdir()
        (rows / "series.parquet").write_bytes(b"rows")
        Depot(f"file://{tmp_path}/shared", {}).put("datasets", "d" * 16, rows)

        assert drive.until_end() == Outcome("COMPLETED", "", "", {"dataset": "d" * 16})

        assert (workspace.datasets / ("d" * 16) / "series.parquet").read_bytes() == b"rows"
        left = home.context.handoffs.take("dataset", "timeseries")
        assert left is not None
        assert left.value == "d" * 16
        assert home.context.handoffs.take("evaluation", "timeseries") is None


def test_an_error_there_is_the_same_error_here(workspace: Workspace, tmp_path: Path) -> None:
    with begun_there(workspace, tmp_path) as (point, drive):
        point.inputs[OUTCOME_KEY] = FarEnd("FAILED", "row 7: no date", "DataError").to_json()

        assert drive.until_end() == Outcome("FAILED", "row 7: no date", "DataError")


def test_an_end_that_cannot_be_understood_is_one_all_the_same(
    workspace: Workspace, tmp_path: Path
) -> None:
    with begun_there(workspace, tmp_path) as (point, drive):
        point.inputs[OUTCOME_KEY] = '{"state": "DONE"}'

        outcome = drive.until_end()

        assert outcome is not None
        assert (outcome.state, "same version" in outcome.message) == ("CRASHED", True)


@pytest.mark.parametrize("prefect_state", ["RUNNING", "COMPLETED", "FAILED"])
def test_who_is_not_heard_of_any_more_has_crashed(
    prefect_state: str, workspace: Workspace, tmp_path: Path
) -> None:
    with begun_there(workspace, tmp_path) as (point, drive):
        point.set_state(prefect_state)
        began = time.monotonic()

        outcome = drive.until_end()

        assert outcome is not None
        assert outcome.state == "CRASHED"
        assert "w1 on there" in outcome.message
        assert time.monotonic() - began >= LOST


def test_a_server_that_is_away_is_no_sign_of_death(workspace: Workspace, tmp_path: Path) -> None:
    with begun_there(workspace, tmp_path) as (point, drive):
        drive._look()
        point.is_away = True

        def comes_back() -> None:
            point.is_away = False
            assert point.flow_run is not None
            point.flow_run["labels"][ALIVE_LABEL] = 2
            ends(point, FarEnd("COMPLETED"))

        timer = threading.Timer(3 * LOST + 0.6, comes_back)
        timer.start()

        assert drive.until_end() == Outcome("COMPLETED", "")
        timer.join()


def test_a_process_that_its_worker_saw_die_has_crashed(
    workspace: Workspace, tmp_path: Path
) -> None:
    with begun_there(workspace, tmp_path) as (point, drive):
        point.set_state("CRASHED", message="Process exited with status code: -9")

        outcome = drive.until_end()

        assert outcome is not None
        assert outcome.state == "CRASHED"
        assert "status code: -9" in outcome.message


def test_a_worker_that_took_it_and_died_does_not_keep_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        drive = home.drive(api)
        drive._look()
        point.set_state("PENDING")
        deadline = time.monotonic() + 30
        while point.flow_run["state_type"] == "PENDING":  # type: ignore[index]
            assert time.monotonic() < deadline
            drive._look()

        assert point.flow_run is not None
        assert point.flow_run["state_type"] == "SCHEDULED"
        assert point.flow_run["parameters"]["placement"]["attempt"] == 2
        # Nobody can begin with the first any more.
        assert claim_key(1) in point.inputs
        assert claim_key(2) not in point.inputs


def test_who_begins_at_the_last_moment_keeps_it(workspace: Workspace, tmp_path: Path) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        home.order = replace(home.order, lost_after_seconds=0.0)
        drive = home.drive(api)
        drive._look()
        point.set_state("PENDING")
        point.inputs[claim_key(1)] = json.dumps({"token": "somebody's"})

        drive._look()

        assert point.flow_run is not None
        assert point.flow_run["state_type"] == "PENDING"
        assert point.flow_run["parameters"]["placement"]["attempt"] == 1


def test_a_run_that_is_cancelled_is_asked_to_end_and_then_given_up(
    workspace: Workspace, tmp_path: Path
) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        drive = home.drive(api)
        drive._look()
        begins(point)
        drive._look()
        home.table.request_cancel(home.run_id)

        outcome = drive.until_end()

        assert point.flow_run is not None
        assert point.flow_run["state_type"] == "CANCELLING"
        assert outcome == Outcome("CANCELLED", "cancelled; w1 on there did not answer")


def test_a_run_that_was_cancelled_before_it_was_offered_is_offered_to_nobody(
    workspace: Workspace, tmp_path: Path
) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        home.table.request_cancel(home.run_id)

        outcome = home.drive(api).until_end()

        assert outcome is not None
        assert outcome.state == "CANCELLED"
        assert point.flow_run is not None
        assert point.flow_run["state_type"] == "PENDING"


def test_a_process_that_is_ended_leaves_the_run_to_another_one(
    workspace: Workspace, tmp_path: Path
) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        drive = home.drive(api)
        signal.raise_signal(signal.SIGTERM)
        assert drive.until_end() is None

        begins(point)
        ends(point, FarEnd("COMPLETED"))
        assert home.drive(api).until_end() == Outcome("COMPLETED", "")


def test_a_flow_run_that_somebody_deleted_has_crashed(workspace: Workspace, tmp_path: Path) -> None:
    with at_home(workspace, tmp_path) as (home, point, api):
        point.flow_run = None

        outcome = home.drive(api).until_end()

        assert outcome is not None
        assert outcome.state == "CRASHED"
        assert "deleted" in outcome.message


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pool": None}, "there is no work pool factory"),
        ({"pool": {"type": "process", "is_paused": True}}, "work pool factory is paused"),
        ({"workers": []}, "no worker polls work pool factory"),
        ({"older": 4}, "waits in work pool factory behind 3 runs"),
        ({"older": 2}, "waits in work pool factory behind 1 run"),
        ({"older": 1}, "is next in work pool factory"),
        (
            {"pool": {"type": "process", "is_paused": False, "concurrency_limit": 2}, "older": 3},
            "behind 2 runs, which does at most 2 at once",
        ),
    ],
)
def test_why_nobody_does_it_is_a_sentence(change: dict[str, Any], sentence: str) -> None:
    point = MeetingPoint()
    point.worker()
    point.worker("gone", ago=600)
    vars(point).update(change)

    with point.open() as api:
        assert sentence in why_in_pool(api, POOL, point.flow_run or {})


def test_a_worker_that_was_heard_of_long_ago_does_not_count() -> None:
    point = MeetingPoint()
    point.worker("gone", ago=600)

    with point.open() as api:
        assert "no worker polls" in why_in_pool(api, POOL, point.flow_run or {})
