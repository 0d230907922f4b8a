from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from engine.config.engine_settings import EngineSettings, RetentionSettings
from engine.daemon import janitor as janitor_module
from engine.daemon.actions import DELETED_PREFIX, RunActions
from engine.daemon.children import Child
from engine.daemon.feed import Feed, Selection
from engine.daemon.janitor import Janitor
from engine.daemon.workers import Workers
from engine.errors import EngineError, ServerError
from engine.schema import DeletedEvent, ResetEvent, decode_event
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.loop import for_a_moment, in_event_loop, running, until
from tests.unit.daemon.stand_ins import (
    CloserStandIn,
    KeeperStandIn,
    PrefectStandIn,
    accept,
    change_row,
    child_that_is_off,
    claim,
    end,
)

DAY = 86400.0


class Room:
    """A janitor with everything around it."""

    def __init__(
        self, workspace: Workspace, *, child: Child | None = None, keep_runs: int = 10
    ) -> None:
        self.workspace = workspace
        self.retention = RetentionSettings(keep_runs=keep_runs)
        self.table = RunTable(workspace.database)
        self.handoffs = Handoffs(workspace.database)
        self.prefect = PrefectStandIn(child)
        self.feed = Feed("boot")
        self.listener = self.feed.subscribe(Selection())
        self.workers = Workers()
        actions = RunActions(
            workspace,
            self.table,
            EngineSettings,
            prefect=self.prefect,
            dispatcher=None,  # type: ignore[arg-type]  nothing is launched here
            keeper=KeeperStandIn(),
            closer=CloserStandIn(),
            feed=self.feed,
            workers=self.workers,
        )
        self.janitor = Janitor(
            workspace, self.table, actions, self.prefect, lambda: self.retention, self.workers
        )

    def add(self, run_id: str, *, days_old: float = 0.0, known_to_prefect: bool = False) -> None:
        """A run that has ended, with a folder."""
        accept(self.table, run_id)
        if known_to_prefect:
            claim(self.table, run_id)
        end(self.table, run_id)
        change_row(self.workspace.database, run_id, created=time.time() - days_old * DAY)
        folder = self.workspace.run_folder(run_id)
        folder.mkdir()
        (folder / "log").write_text("something")

    def kept(self) -> set[str]:
        return {run.id for run in self.table.newest(1000)}

    def folders(self) -> set[str]:
        return {path.name for path in self.workspace.runs.iterdir()}

    async def sweep(self) -> int:
        try:
            return await self.janitor.sweep()
        finally:
            self.workers.close()

    async def told(self) -> set[str]:
        deleted = set()
        async for item in self.listener.items(quiet_seconds=0):
            if item is None:
                break
            event = decode_event(item.data)
            if not isinstance(event, ResetEvent):
                assert isinstance(event, DeletedEvent)
                deleted.add(event.run_id)
        return deleted


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janitor_module, "_BREATH_SECONDS", 0.0)
    monkeypatch.setattr(janitor_module, "_FIRST_SECONDS", 0.0)


@in_event_loop
async def test_by_default_nothing_is_deleted_for_its_age(workspace: Workspace) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings()
    room.add("old", days_old=5000)

    assert await room.sweep() == 0
    assert room.kept() == {"old"}


@in_event_loop
async def test_the_newest_runs_are_kept_and_the_others_deleted(workspace: Workspace) -> None:
    room = Room(workspace, keep_runs=10)
    for number in range(13):
        room.add(f"r{number:02}", days_old=13 - number)

    assert await room.sweep() == 3

    newest = {f"r{number:02}" for number in range(3, 13)}
    assert room.kept() == newest
    assert room.folders() == newest
    assert await room.told() == {"r00", "r01", "r02"}


@in_event_loop
async def test_runs_that_are_too_old_are_deleted(workspace: Workspace) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    for run_id, days in [("young", 6.9), ("old", 7.1), ("very old", 700)]:
        room.add(run_id, days_old=days)

    assert await room.sweep() == 2
    assert room.kept() == room.folders() == {"young"}


@in_event_loop
async def test_what_goes_on_waits_or_is_not_closed_yet_is_kept(workspace: Workspace) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=1)
    for run_id in ("waiting", "running", "unclosed"):
        accept(room.table, run_id)
        change_row(workspace.database, run_id, created=time.time() - 100 * DAY)
    claim(room.table, "running")
    room.table.finish("unclosed", "COMPLETED", "")

    assert await room.sweep() == 0
    assert room.kept() == {"waiting", "running", "unclosed"}


@in_event_loop
async def test_what_a_next_flow_would_take_up_is_kept_however_old(workspace: Workspace) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    for run_id in ("first data", "newest data", "candidate", "other"):
        room.add(run_id, days_old=100)
    room.handoffs.leave("dataset", "d1", "first data")
    room.handoffs.leave("dataset", "d2", "newest data")
    room.handoffs.leave("candidate", "c", "candidate")

    assert await room.sweep() == 2
    assert room.kept() == {"newest data", "candidate"}


@in_event_loop
async def test_prefect_forgets_a_deleted_run_too(workspace: Workspace) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    room.add("a", days_old=100, known_to_prefect=True)
    room.add("b", days_old=100)

    assert await room.sweep() == 2
    assert room.prefect.api.deleted == ["prefect-a"]


@in_event_loop
async def test_prefect_forgets_a_run_that_it_was_told_of_and_that_never_began(
    workspace: Workspace,
) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    room.add("a", days_old=100)
    room.prefect.api.made["a"] = {}

    assert await room.sweep() == 1
    assert room.prefect.api.deleted == ["prefect-a"]


@in_event_loop
async def test_a_run_that_prefect_does_not_forget_is_kept(workspace: Workspace) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    room.add("a", days_old=100, known_to_prefect=True)
    room.prefect.api.problems = [ServerError("not now")]

    try:
        await room.sweep()
    except EngineError as error:
        assert "not now" in str(error)

    assert room.kept() == room.folders() == {"a"}


@in_event_loop
async def test_a_run_that_cannot_be_deleted_holds_up_no_other(workspace: Workspace) -> None:
    """It would do so at every sweep, and nothing would be deleted any more."""
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    for run_id in ("a", "b", "c"):
        room.add(run_id, days_old=100, known_to_prefect=True)
    remains = workspace.run_folder(f"{DELETED_PREFIX}x")
    remains.mkdir()
    room.prefect.api.problems = [ServerError("not now")]

    assert await room.sweep() == 2
    assert room.kept() == {"a"}
    assert room.folders() == {"a"}


@in_event_loop
async def test_a_folder_that_cannot_be_moved_ends_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file system that has become read-only, say."""
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    room.add("a", days_old=100)
    room.add("b", days_old=99)
    try:
        async with running(room.janitor.sweep_regularly()):
            await until(lambda: "b" not in room.kept(), patience=5.0)
    finally:
        room.workers.close()

    assert "a" in room.kept()


@in_event_loop
async def test_what_a_deletion_that_was_cut_short_left_is_removed(workspace: Workspace) -> None:
    room = Room(workspace)
    room.add("a")
    for name in ("x", "y"):
        remains = workspace.run_folder(f"{DELETED_PREFIX}{name}")
        remains.mkdir()
        (remains / "log").write_text("something")

    assert await room.sweep() == 0
    assert room.folders() == {"a"}


@in_event_loop
async def test_a_run_whose_folder_is_gone_can_be_deleted(workspace: Workspace) -> None:
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    room.add("a", days_old=100)
    shutil.rmtree(workspace.run_folder("a"))

    assert await room.sweep() == 1
    assert room.kept() == set()


@in_event_loop
async def test_nothing_is_swept_before_the_prefect_server_is_up_and_then_again_and_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor_module, "_EVERY_SECONDS", 0.005)
    child = child_that_is_off()
    room = Room(workspace, child=child)
    room.retention = RetentionSettings(keep_days=7)
    room.add("a", days_old=100)
    try:
        async with running(room.janitor.sweep_regularly()):
            await for_a_moment()
            assert room.kept() == {"a"}
            child.ready.set()
            await until(lambda: room.kept() == set())
            room.add("b", days_old=100)
            await until(lambda: room.kept() == set())
    finally:
        room.workers.close()


@in_event_loop
async def test_a_sweep_that_fails_is_not_the_last_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor_module, "_EVERY_SECONDS", 0.005)
    room = Room(workspace)
    room.retention = RetentionSettings(keep_days=7)
    room.add("a", days_old=100, known_to_prefect=True)
    room.prefect.api.problems = [ServerError("not now")] * 3
    try:
        async with running(room.janitor.sweep_regularly()):
            await until(lambda: room.kept() == set())
    finally:
        room.workers.close()


@in_event_loop
async def test_what_writers_left_unfinished_is_removed(workspace: Workspace) -> None:
    room = Room(workspace)
    left = [workspace.central_storage / "versions" / ".tmp-a", workspace.datasets / ".tmp-b"]
    for folder in left:
        folder.mkdir(parents=True)
        os.utime(folder, (1.0, 1.0))

    await room.sweep()

    assert not any(folder.exists() for folder in left)


@in_event_loop
async def test_a_search_that_nobody_took_up_for_a_week_is_removed(workspace: Workspace) -> None:
    room = Room(workspace)
    old, new = workspace.searches / "old", workspace.searches / "new"
    for folder in (old, new):
        (folder / "trial-0000").mkdir(parents=True)
    os.utime(old, (1.0, 1.0))

    await room.sweep()

    assert [folder.exists() for folder in (old, new)] == [False, True]
