from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.config.files import ENGINE_FILE
from engine.daemon import engine as engine_module
from engine.daemon.feed import Selection
from engine.daemon.fork_launcher import ForkLauncher
from engine.daemon.spawn_launcher import SpawnLauncher
from engine.processes import start_mark
from engine.schema import RunEvent, decode_event
from engine.tables.runs import RunTable
from engine.tables.schedules import ScheduleRecord, ScheduleTable
from engine.workspace import Workspace
from tests.unit.daemon.house import ColdEngine
from tests.unit.daemon.loop import PATIENCE_SECONDS, for_a_moment, in_event_loop
from tests.unit.daemon.stand_ins import accept, claim, end
from tests.unit.engine_thread import process_of_a_run


@asynccontextmanager
async def started(workspace: Workspace) -> AsyncIterator[ColdEngine]:
    """An engine with all of its own loops, and without children."""
    engine = ColdEngine(workspace)
    try:
        await engine.start()
        yield engine
    finally:
        await stop(engine)


async def stop(engine: ColdEngine, *, patience: float = 1.0) -> bool:
    """Stop an engine; return whether it did so when it was told once."""
    first = asyncio.create_task(engine.stop())
    await asyncio.wait([first], timeout=patience)
    stopped = first.done()
    while not first.done():
        await engine.stop()
        await asyncio.sleep(0)
    await first
    return stopped


async def stops(engine: ColdEngine) -> None:
    await asyncio.wait_for(engine.stop_requested.wait(), PATIENCE_SECONDS)


def schedule(workspace: Workspace, *, enabled: bool) -> None:
    ScheduleTable(workspace.database).put(
        ScheduleRecord(
            name="nightly",
            flow="data_flow",
            cron="0 0 1 1 *",
            every_seconds=None,
            timezone="UTC",
            created=0.0,
            next_time=4e9 if enabled else None,
            enabled=enabled,
        ),
        replace=False,
    )


@in_event_loop
async def test_an_engine_that_has_nothing_to_do_starts_nothing(workspace: Workspace) -> None:
    """Whoever only looks at lists does not pay for servers."""
    table = RunTable(workspace.database)
    accept(table, "a")
    end(table, "a")
    schedule(workspace, enabled=False)

    async with started(workspace) as engine:
        await for_a_moment()
        assert engine.warmed == 0
        assert not engine.stop_requested.is_set()


@pytest.mark.parametrize("what", ["waiting", "unclosed", "schedule"])
@in_event_loop
async def test_an_engine_that_will_have_something_to_do_starts_what_runs_need(
    workspace: Workspace, what: str
) -> None:
    table = RunTable(workspace.database)
    if what == "schedule":
        schedule(workspace, enabled=True)
    else:
        accept(table, "a")
    if what == "unclosed":
        table.finish("a", "FAILED", "")

    async with started(workspace) as engine:
        assert engine.warmed == 1


@in_event_loop
async def test_the_runs_of_an_earlier_engine_go_on_when_this_one_comes_and_goes(
    workspace: Workspace,
) -> None:
    table = RunTable(workspace.database)
    accept(table, "a")
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        claim(table, "a", process.pid, start_mark(process.pid) or "")
        for _ in range(2):
            async with started(workspace) as engine:
                assert list(engine.keeper.living) == ["a"]
            assert process.poll() is None
            assert table.get("a").state == "RUNNING"
        process.kill()


@in_event_loop
async def test_the_end_of_a_run_is_told_to_who_listens(workspace: Workspace) -> None:
    table = RunTable(workspace.database)
    accept(table, "a")
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        claim(table, "a", process.pid, start_mark(process.pid) or "")
        async with started(workspace) as engine:
            listener = engine.feed.subscribe(Selection())
            process.kill()
            async for item in listener.items(quiet_seconds=PATIENCE_SECONDS):
                assert item is not None
                event = decode_event(item.data)
                if isinstance(event, RunEvent) and event.run.state == "CRASHED":
                    break


@in_event_loop
async def test_half_an_engine_is_worse_than_none(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop that ends by a mistake in it ends the engine; the next one takes over."""

    async def broken(_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("engine.daemon.tails.Tails.watch", broken)
    async with started(workspace) as engine:
        await stops(engine)


@pytest.mark.parametrize("turns", range(5))
@in_event_loop
async def test_an_engine_stops_although_it_is_woken_at_that_moment(
    workspace: Workspace, turns: int
) -> None:
    """Say because a run ends. How many turns of the event loop lie between is a matter of luck."""
    engine = ColdEngine(workspace)
    await engine.start()
    await for_a_moment()

    engine.notifier.wake()
    for _ in range(turns):
        await asyncio.sleep(0)

    assert await stop(engine, patience=5.0)


def remove(workspace: Workspace) -> None:
    """Remove it although an engine still writes into it."""
    while workspace.root.exists():
        shutil.rmtree(workspace.root, ignore_errors=True)


@in_event_loop
async def test_an_engine_leaves_with_its_workspace(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_WORKSPACE_LOOK_SECONDS", 0.005)
    async with started(workspace) as engine:
        await for_a_moment()
        assert not engine.stop_requested.is_set()
        remove(workspace)
        await stops(engine)


@in_event_loop
async def test_what_runs_in_a_workspace_ends_with_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_WORKSPACE_LOOK_SECONDS", 0.005)
    table = RunTable(workspace.database)
    accept(table, "lives")
    with process_of_a_run(table, "lives") as process:
        async with started(workspace) as engine:
            assert set(engine.keeper.living) == {"lives"}
            remove(workspace)
            await stops(engine)
        assert process.wait(5.0) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ("enabled: false", []),
        ("workers: 1", ["predictor"]),
        ("workers: 3", ["predictor 1", "predictor 2", "predictor 3"]),
    ],
)
@in_event_loop
async def test_so_many_predictors_are_kept_as_the_settings_say(
    workspace: Workspace, settings: str, names: list[str]
) -> None:
    (workspace.configs / ENGINE_FILE).write_text(f"predictor:\n  {settings}\n")
    engine = ColdEngine(workspace)

    found = [child.name for child in (await engine.status()).children]
    assert [name for name in found if name.startswith("predictor")] == names
    await engine.stop()


def set_start_method(configs: Path, method: str) -> None:
    (configs / ENGINE_FILE).write_text(f"run:\n  start_method: {method}\n")


@pytest.mark.parametrize(
    ("platform", "method", "launcher"),
    [
        ("linux", "auto", ForkLauncher),
        ("darwin", "auto", SpawnLauncher),
        ("linux", "spawn", SpawnLauncher),
        ("linux", "fork", ForkLauncher),
    ],
)
@in_event_loop
async def test_processes_are_made_as_the_settings_and_the_system_say(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    method: str,
    launcher: type[object],
) -> None:
    set_start_method(workspace.configs, method)
    with monkeypatch.context() as patch:
        patch.setattr(engine_module.sys, "platform", platform)
        engine = ColdEngine(workspace)

    assert isinstance(engine.launcher, launcher)
    names = [child.name for child in (await engine.status()).children]
    fork_server = ["fork server"] if launcher is ForkLauncher else []
    assert names == ["prefect server", *fork_server, "predictor"]
    await engine.stop()
