"""The screen of the machine, the engine and the doctor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.client import EngineClient, calls
from engine.schema import NotificationInfo, PoolInfo, ScheduleRequest, WorkerInfo
from engine.workspace import Workspace
from tests.tui.overview import child_info, fill, schedule_info
from tests.tui.rows import NOW
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.engine_thread import EngineThread
from tui.screens.system import SystemView
from tui.system.blocks import machine_block
from tui.system.usage import Meter, Usage, busy_shares, folder_bytes, gpus, workspace_bytes

GIB = 1 << 30


def system(terminal: Terminal) -> SystemView:
    view = terminal.app.view_of("system")
    assert isinstance(view, SystemView)
    return view


def show(terminal: Terminal) -> SystemView:
    """Go there, with what the doctor says known already: it is not asked then."""
    view = system(terminal)
    view.checks = []
    terminal.app.show("system")
    return view


def usage(*cores: float, **changes: Any) -> Usage:
    values: dict[str, Any] = {
        "cores": cores,
        "load": (1.0, 2.0, 3.0),
        "memory_total": 8 * GIB,
        "memory_used": 2 * GIB,
        "swap_total": 0,
        "swap_used": 0,
        "disk_total": 100 * GIB,
        "disk_free": 60 * GIB,
    }
    return Usage(**(values | changes))


# Against a real engine


def test_it_tells_of_engine_machine_and_workspace(
    engine: EngineThread, workspace: Workspace
) -> None:
    (workspace.datasets / "panel").write_bytes(b"x" * 3_000_000)

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(str(os.getpid()))
        await terminal.until_shown(f"{os.cpu_count()} processors")
        await terminal.until(lambda: system(terminal).sizes)
        assert "datasets" in terminal.text()
        assert "2.9 MiB" in terminal.text()
        status = terminal.board.status
        assert status is not None
        assert status.version in terminal.text()

    use_terminal(workspace, scenario, screen="system")


def test_the_doctor_is_asked_and_what_is_wrong_stands_first(
    engine: EngineThread, workspace: Workspace
) -> None:
    workspace.root.chmod(0o755)

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("1 to see to")
        doctor = terminal.text().split("Doctor")[1]
        assert doctor.index("✗ permissions") < doctor.index("✓ python")
        assert "chmod 700" in doctor
        # `create` made it private again meanwhile, or somebody followed the advice.
        workspace.root.chmod(0o700)
        await terminal.press("d")
        await terminal.until_shown("all is well")

    use_terminal(workspace, scenario, size=(140, 50), screen="system")


def test_a_schedule_is_paused_and_resumed(engine: EngineThread, workspace: Workspace) -> None:
    def is_enabled() -> bool:
        with EngineClient(workspace, autostart=False) as client:
            return client.send(calls.schedules()).schedules[0].enabled

    with EngineClient(workspace, autostart=False) as client:
        request = ScheduleRequest(name="nightly", flow="full_flow", cron="0 2 * * *")
        client.send(calls.add_schedule(request))

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("nightly")
        while system(terminal).subject().get("schedule") != "nightly":
            await terminal.press("j")
        await terminal.press("P")
        await terminal.until_shown("paused")
        assert "engine schedule pause nightly" in terminal.said
        assert not is_enabled()
        await terminal.press("u")
        await terminal.until(is_enabled, "for the undo")

    use_terminal(workspace, scenario, screen="system")


# What it shows


def test_children_with_all_that_is_known_of_them(workspace: Workspace) -> None:
    child = child_info(
        "predictor", "failed", restarts=3, cpu_seconds=75.0, problem="no port is free",
        address="http://127.0.0.1:9",
    )  # fmt: skip

    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, children=(child,))
        show(terminal)
        text = terminal.text()
        assert "pid 4720 · CPU 1 m 15 s · 3 restarts ·" in text
        assert " http://127.0.0.1:9 " in text
        assert "no port is free" in text
        assert "✗ predictor" in text

    use_terminal(workspace, scenario, screen="runs", connect=False, clock=lambda: NOW)


def test_the_work_pool_is_shown_with_its_workers_and_why_nobody_works(
    workspace: Workspace,
) -> None:
    workers = (
        WorkerInfo(name="w1", heard=NOW - 12, online=True),
        WorkerInfo(name="\x1b[31mw2", heard=NOW - 600, online=False),
    )
    pool = PoolInfo(name="factory", problem="it is paused", workers=workers)

    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, pool=pool)
        show(terminal)
        text = terminal.text()
        assert "work pool factory" in text
        assert "w1: heard of <1 m ago" in text
        assert "w2: heard of 10 m ago" in text
        assert "\x1b" not in text
        assert "it is paused" in text

    use_terminal(workspace, scenario, screen="runs", connect=False, clock=lambda: NOW)


def test_addresses_are_selected_to_be_copied(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, addresses={"HTTP": "https://10.0.0.1:8"}, prefect_url="http://p/api")
        show(terminal)
        terminal.text()
        while ("name", "http://p/api") not in system(terminal).yanks():
            await terminal.press("j")
        assert "https://10.0.0.1:8" in terminal.text()

    use_terminal(workspace, scenario, screen="runs", connect=False, clock=lambda: NOW)


def test_messages_that_did_not_arrive_are_shown_and_others_are_not(workspace: Workspace) -> None:
    def message(target: str, delivered: float | None, problem: str) -> NotificationInfo:
        return NotificationInfo(
            run_id="r", target=target, created=NOW, attempts=3, delivered=delivered, problem=problem
        )

    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board)
        show(terminal)
        assert "did not arrive" not in terminal.text()
        system(terminal).notifications = (
            message("chat", None, "refused: 403"),
            message("mail", NOW, ""),
        )
        assert "Messages that did not arrive" in terminal.text()
        assert "refused: 403" in terminal.text()
        assert "mail" not in terminal.text()

    use_terminal(workspace, scenario, screen="runs", connect=False, clock=lambda: NOW)


def test_the_engine_is_restarted_only_after_a_yes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(terminal: Terminal) -> None:
        asked: list[tuple[str, ...]] = []

        async def engine(*arguments: str) -> Any:
            asked.append(arguments)

        monkeypatch.setattr(terminal.app, "engine", engine)
        fill(terminal.board)
        show(terminal)
        await terminal.press("ctrl+e")
        assert "engine restart" in terminal.text()
        await terminal.press("n")
        assert not asked
        await terminal.press("ctrl+e", "y")
        await terminal.until_shown("the engine runs again")
        assert asked == [("restart",)]

    use_terminal(workspace, scenario, screen="runs", connect=False, clock=lambda: NOW)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_every_part_can_be_reached_at_every_size(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, prefect_url="http://p/api")
        terminal.board.schedules = (schedule_info("nightly", "full_flow", NOW + 60),)
        view = show(terminal)
        view.checks = [{"name": f"check{at}", "ok": True, "message": "m"} for at in range(20)]
        seen: set[str] = set()
        for _ in range(60):
            text = terminal.text()
            target = view.target()
            assert target is not None
            assert target.key in text
            seen.add(target.key)
            view.do_down()
        assert seen >= {"predictor", "nightly", "http://p/api", "check0", "check19"}

    use_terminal(workspace, scenario, size=size, screen="runs", connect=False, clock=lambda: NOW)


@pytest.mark.parametrize("count", [1, 2, 8, 200])
@pytest.mark.parametrize("width", [38, 60, 120])
def test_processors_fit_whatever_their_number(tmp_path: Path, count: int, width: int) -> None:
    from tui.paint import width_of

    meter = Meter(tmp_path)
    meter.now = usage(*[0.5] * count)

    block = machine_block(meter, [], width)
    assert all(width_of(line) <= width for item in block.items for line in item.lines)


# Readings


def test_how_busy_processors_were_is_what_changed() -> None:
    before = [(10.0, 100.0), (0.0, 50.0), (5.0, 5.0), (9.0, 20.0)]
    after = [(15.0, 110.0), (0.0, 60.0), (5.0, 5.0), (8.0, 30.0)]

    # The last clock went backwards, the third stood still.
    assert busy_shares(before, after) == (0.5, 0.0, 0.0, 0.0)


def test_readings_are_taken_once_the_library_is_loaded(tmp_path: Path) -> None:
    meter = Meter(tmp_path)
    meter.read()
    assert not meter.cpu

    meter.load()
    for _ in range(200):
        meter.read()
    assert meter.now is not None
    assert len(meter.now.cores) == os.cpu_count()
    assert 0 < meter.now.memory < 1
    assert 0 < meter.now.disk_free <= meter.now.disk_total
    assert len(meter.cpu) == len(meter.memory) < 200


def test_a_folder_is_added_up_without_links_and_twins(tmp_path: Path) -> None:
    inside = tmp_path / "inside" / "deep"
    inside.mkdir(parents=True)
    (tmp_path / "outside").write_bytes(b"x" * 1_000_000)
    (inside / "file").write_bytes(b"x" * 200_000)
    once = folder_bytes(tmp_path / "inside")
    (inside / "twin").hardlink_to(inside / "file")
    (inside / "link").symlink_to(tmp_path / "outside")
    (inside / "loop").symlink_to(tmp_path)

    assert 200_000 <= once < 300_000
    assert folder_bytes(tmp_path / "inside") - once < 20_000
    assert folder_bytes(tmp_path / "nowhere") == 0


def test_the_parts_of_a_workspace_add_up_to_all_of_it(workspace: Workspace) -> None:
    (workspace.datasets / "a").write_bytes(b"x" * 500_000)
    (workspace.root / "stray").write_bytes(b"x" * 100_000)

    sizes = workspace_bytes(workspace)
    assert max(sizes, key=lambda name: sizes[name]) == "datasets"
    assert sizes["other"] >= 100_000
    assert sum(sizes.values()) == folder_bytes(workspace.root)


def test_graphics_processors_are_named(tmp_path: Path) -> None:
    for number, text in enumerate(("Model: \t\t NVIDIA H200\nIRQ: 3\n", "nothing known")):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "information").write_text(text)

    assert gpus(tmp_path) == ["NVIDIA H200", "0000:01:00.0"]
    assert gpus(tmp_path / "none") == []
