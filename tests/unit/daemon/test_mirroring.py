"""When the mirror is started, and what the engine tells of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.engine_settings import TrackingSettings
from engine.config.mlflow_address import OWN_PLACE
from engine.daemon import mirroring
from engine.daemon.mirroring import Mirroring
from engine.daemon.workers import Workers
from engine.tables.mirrored import PLACE, RUN, STORAGE, MirrorTable, storage_mark
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.loop import for_a_moment, in_event_loop, running, until
from tests.unit.deployments import deploy

# Tells that it was there, and does what the mirror does in the end.
_MODULE = """
import sys
from pathlib import Path
from engine.tables.mirrored import RUN, STORAGE, MirrorTable, storage_mark
root = Path(sys.argv[1])
table = MirrorTable(root / "engine.db", "workspace")
for record in table.waiting(99):
    table.done(RUN, record.id)
table.done(STORAGE, fingerprint=storage_mark(root / "central_storage"))
(root / "times").open("a").write("x")
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(mirroring, "_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(mirroring, "_GATHER_SECONDS", 0.01)
    monkeypatch.setattr(mirroring, "_REST_SECONDS", 0.01)
    monkeypatch.setattr(mirroring, "_MODULE", "stand_in_for_the_mirror")
    (tmp_path / "stand_in_for_the_mirror.py").write_text(_MODULE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[3]}")


class Tracking:
    """The mirroring of a workspace, and what can be switched."""

    def __init__(self, workspace: Workspace) -> None:
        self._root = workspace.root
        self.settings = TrackingSettings()
        self.table = MirrorTable(workspace.database, OWN_PLACE)
        self.workers = Workers()
        self.mirroring = Mirroring(workspace, lambda: self.settings, self.workers)

    @property
    def times(self) -> int:
        """How often it was started."""
        path = self._root / "times"
        return len(path.read_text()) if path.exists() else 0


@pytest.fixture
def tracking(workspace: Workspace) -> Tracking:
    return Tracking(workspace)


def run_that_ended(workspace: Workspace, run_id: str, *, closed: bool = True) -> None:
    table = RunTable(workspace.database)
    table.accept(NewRun(run_id, "data_flow", "brave-lion", "", {}, None, 0, "ann", None, {}, ()))
    table.finish(run_id, "FAILED", "no data", closed=closed)


@in_event_loop
async def test_it_is_started_for_runs_that_ended_and_once_for_all_of_them(
    workspace: Workspace, tracking: Tracking
) -> None:
    run_that_ended(workspace, "open", closed=False)
    async with running(tracking.mirroring.errand.run_regularly()):
        await for_a_moment()
        assert tracking.times == 0, "there is nothing to mirror yet"
        for run_id in ("a", "b", "c"):
            run_that_ended(workspace, run_id)
        await until(lambda: tracking.times and not tracking.table.count_waiting())
        await for_a_moment()
    assert tracking.times <= 2
    assert set(tracking.table.all(RUN)) == {"a", "b", "c"}


@in_event_loop
async def test_it_is_started_when_versions_or_aliases_changed(
    workspace: Workspace, tracking: Tracking, bundles: tuple[Path, Path]
) -> None:
    async with running(tracking.mirroring.errand.run_regularly()):
        for bundle in bundles:
            before = tracking.times
            deploy(workspace, bundle)
            await until(lambda before=before: tracking.times > before)  # type: ignore[misc]
        await until(
            lambda: (
                (row := tracking.table.get(STORAGE)) is not None
                and row.fingerprint == storage_mark(workspace.central_storage)
            )
        )


@in_event_loop
async def test_switched_off_or_away_it_is_not_started(
    workspace: Workspace, tracking: Tracking
) -> None:
    run_that_ended(workspace, "a")
    tracking.settings = TrackingSettings(enabled=False)
    async with running(tracking.mirroring.errand.run_regularly()):
        await for_a_moment()
        assert await tracking.mirroring.look() == ("", "")
        tracking.table.failed(PLACE, problem="it is away", next_try=4e9)
        tracking.settings = TrackingSettings()
        await for_a_moment()
    assert tracking.times == 0
    where, why = await tracking.mirroring.look()
    assert where == "mlflow.db in the workspace"
    assert why == "tracking: it is away; 1 run waits for it"


@in_event_loop
async def test_an_address_that_cannot_be_read_is_told_and_ends_nothing(
    workspace: Workspace, tracking: Tracking
) -> None:
    run_that_ended(workspace, "a")
    tracking.settings = TrackingSettings(url="https://a:${NO_SUCH_NAME}@b")
    async with running(tracking.mirroring.errand.run_regularly()):
        await for_a_moment()
        where, why = await tracking.mirroring.look()
        assert (where, "${NO_SUCH_NAME} stands for nothing" in why) == ("", True)
        tracking.settings = TrackingSettings()
        await until(lambda: tracking.times)
