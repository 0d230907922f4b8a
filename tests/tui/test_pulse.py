"""The first screen: what it tells at a glance, and what can be done from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.client import EngineClient, calls
from engine.store import AliasRegistry
from engine.workspace import Workspace
from tests.tui.overview import (
    child_info,
    engine_status,
    fill,
    flow_facts,
    running_info,
    schedule_info,
    training,
)
from tests.tui.rows import NOW, run_info
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.deployments import deploy, make_bundle
from tests.unit.engine_thread import EngineThread
from tui.pulse.blocks import Steady, progress_of
from tui.pulse.model_in_service import LiveError, Model, live_error_of, model_of
from tui.screens.pulse import PulseView
from tui.view import View


class Opened(View):
    """Stands where another screen would, and notes what is opened on it."""

    name = "run"

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.opened: list[str] = []

    def open(self, run_id: str) -> None:
        self.opened.append(run_id)

    def lines(self, width: int, height: int) -> list[Any]:
        return []


def pulse(terminal: Terminal) -> PulseView:
    view = terminal.app.view_of("pulse")
    assert isinstance(view, PulseView)
    return view


def with_board(
    workspace: Workspace,
    check: Callable[[Terminal], None],
    *runs: Any,
    size: tuple[int, int] = (120, 40),
    **status: Any,
) -> None:
    """Look at a board that is filled by hand."""

    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, *runs, **status)
        check(terminal)

    use_terminal(workspace, scenario, size=size, screen="pulse", connect=False, clock=lambda: NOW)


def line_with(terminal: Terminal, text: str) -> str:
    return next(line for line in terminal.text().split("\n") if text in line)


# Against a real engine


def test_an_empty_workspace_says_how_to_begin(engine: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("Nothing has run here yet.")
        await terminal.until_shown("engine data demo")
        await terminal.until_shown("0 of 2 run · 0 wait")
        assert "engine         ready" in terminal.text()

    use_terminal(workspace, scenario, screen="pulse")


def test_a_run_that_waits_says_why_and_is_cancelled(
    engine: EngineThread, workspace: Workspace
) -> None:
    with EngineClient(workspace, autostart=False) as client:
        run = client.send(calls.launch("train_flow")).run
        why = client.send(calls.run(run.id)).run.waiting

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(run.name)
        assert why
        assert why[:40] in terminal.text()
        await terminal.press("x")
        await terminal.until_shown("cancelled: 1")
        await terminal.until_shown("nothing runs")

    use_terminal(workspace, scenario, screen="pulse")
    with EngineClient(workspace, autostart=False) as client:
        assert client.send(calls.run(run.id)).run.state == "CANCELLED"


def test_the_model_in_service_is_shown_rolled_back_and_brought_back(
    engine: EngineThread, workspace: Workspace, tmp_path: Path
) -> None:
    first = deploy(workspace, make_bundle(tmp_path / "first"))
    second = deploy(workspace, make_bundle(tmp_path / "second", window=21))
    aliases = AliasRegistry(workspace.central_storage)

    async def scenario(terminal: Terminal) -> None:
        await terminal.until(lambda: terminal.board.status is not None)
        pulse(terminal).tick()
        await terminal.until_shown(f"{second.id}  Seas")
        assert "MASE 0.900  naive 0.900  0% better" in terminal.text()
        await terminal.until_shown("live not measured yet")
        await terminal.press("B")
        assert "engine models rollback" in terminal.text()
        assert aliases.read().champion == second.id
        await terminal.press("y")
        await terminal.until(lambda: aliases.read().champion == first.id, "for the rollback")
        await terminal.until(lambda: terminal.app.undo_stack)
        await terminal.press("u")
        await terminal.until(lambda: aliases.read().champion == second.id, "for the undo")

    use_terminal(workspace, scenario, screen="pulse")


# What it tells


def test_without_an_engine_it_says_how_to_start_one(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        terminal.board.lost = NOW
        terminal.board.trouble = "nothing listens there"
        assert "No engine runs in this workspace." in terminal.text()
        assert "nothing listens there" in terminal.text()
        assert "engine up" in terminal.text()

    use_terminal(workspace, scenario, screen="pulse", connect=False, clock=lambda: NOW)


def test_a_child_that_is_ill_says_why(workspace: Workspace) -> None:
    ill = child_info("predictor", "restarting", restarts=2, problem="ended by signal 9")

    def check(terminal: Terminal) -> None:
        assert "restarting ×2" in line_with(terminal, "predictor  ")
        assert "ended by signal 9" in terminal.text()

    with_board(workspace, check, children=(ill,))


@pytest.mark.parametrize(
    ("size", "number"), [((80, 24), ""), ((150, 44), "4720"), ((200, 60), "4720")]
)
def test_numbers_of_processes_stand_where_there_is_room(
    workspace: Workspace, size: tuple[int, int], number: str
) -> None:
    def check(terminal: Terminal) -> None:
        shown = line_with(terminal, "fork server").split("│")[0]
        assert "200 MiB" in shown
        assert ("4720" in shown) == bool(number)

    with_board(workspace, check, size=size)


def test_what_runs_shows_its_step_its_progress_and_what_is_left(workspace: Workspace) -> None:
    run = running_info(5)

    def check(terminal: Terminal) -> None:
        terminal.board.take_detail(training(run, 10, 40, since=NOW - 60.0))
        shown = line_with(terminal, "train_model")
        assert "epoch 10/40" in shown
        assert "25%" in shown
        assert "~3 m left" in shown
        # 300 s so far, 33 s usually.
        assert "9.1x slower than the median of the last 20" in terminal.text()

    with_board(workspace, check, run, running=1)


def test_failures_are_the_newest_with_what_they_said(workspace: Workspace) -> None:
    failed = [
        run_info(at, state="FAILED", message=f"reason {at}\x1b[2J") for at in (3, 1, 2, 40, 50, 60)
    ]

    def check(terminal: Terminal) -> None:
        text = terminal.text()
        assert text.index("reason 1\\x1b[2J") < text.index("reason 2") < text.index("reason 3")
        assert "reason 60" not in text
        assert "\x1b" not in text

    with_board(workspace, check, *failed)


def test_flows_show_their_last_durations_and_states(workspace: Workspace) -> None:
    def check(terminal: Terminal) -> None:
        states = ("FAILED", "COMPLETED", "COMPLETED")
        terminal.board.flows = {"eval_flow": flow_facts("eval_flow", 9.0, 2.0, 1.0, states=states)}
        terminal.board.revision += 1
        shown = line_with(terminal, "▁▁▇")
        assert "eval_flow" in shown
        assert "2.0 s" in shown
        assert "✓✓✗" in shown

    with_board(workspace, check, run_info(1))


def test_the_next_schedules_stand_in_their_order(workspace: Workspace) -> None:
    def check(terminal: Terminal) -> None:
        terminal.board.schedules = (
            schedule_info("later", "full_flow", NOW + 7300),
            schedule_info("resting", "full_flow", NOW + 10, enabled=False),
            schedule_info("sooner", "data_flow", NOW + 700),
        )
        text = terminal.text()
        assert text.index("sooner") < text.index("later") < text.index("resting")
        assert "in 11 m" in line_with(terminal, "sooner")
        assert "paused" in line_with(terminal, "resting")

    with_board(workspace, check, run_info(1))


def test_the_model_is_compared_with_seasonal_naive_and_with_what_came(
    workspace: Workspace,
) -> None:
    def check(terminal: Terminal) -> None:
        service = pulse(terminal).service
        service.asked = True
        service.models = (Model("20250101-abc", "LSTM", NOW - 86400 * 3, 0.8, 1.0),)
        service.live = LiveError(days=84, mae=3.25, wape=0.125, mase=0.95, trend=(1.0, 2.0))
        text = terminal.text()
        assert "20250101-abc" in text
        assert "deployed 3 d ago" in text
        assert "MASE 0.800  naive 1.000  20% better" in text
        assert "live MASE 0.950  MAE 3.250  WAPE 12.5%" in text
        assert "drift not measured yet" in text

    with_board(workspace, check, run_info(1))


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (140, 50), (200, 60)])
def test_what_matters_most_is_seen_at_every_size(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    runs = [running_info(5), *(run_info(at, state="FAILED") for at in range(10, 20))]

    def check(terminal: Terminal) -> None:
        text = terminal.text()
        for known in ("engine  ", "prefect server", "predictor", "swift-otter-5"):
            assert known in text
        assert len(text.split("\n")) == size[1]

    with_board(workspace, check, *runs, size=size, running=1)


# At rest


def test_at_rest_nothing_on_it_changes(workspace: Workspace) -> None:
    now = NOW

    async def scenario(terminal: Terminal) -> None:
        nonlocal now
        view = pulse(terminal)
        fill(terminal.board, *(run_info(at) for at in range(20, 60)))
        view.timeline.load()
        before = view.lines(120, 37)
        for second in range(1, 25):
            now = NOW + second
            used = (60 << 20) + second * (100 << 10)
            children = tuple(
                replace(one, memory=(200 << 20) + used % 7 * (1 << 20))
                for one in engine_status().children
            )
            terminal.board.status = engine_status(memory=used, cpu_seconds=81.0 + second)
            terminal.board.status = replace(terminal.board.status, children=children)
            assert view.lines(120, 37) == before, second

    use_terminal(workspace, scenario, screen="pulse", connect=False, clock=lambda: now)


def test_memory_is_told_anew_once_it_has_changed_by_much() -> None:
    steady = Steady()

    assert [steady.of("a", value) for value in (100, 105, 95, 111, 120, None, 120)] == [
        *(100, 100, 100, 111, 111, None, 120)
    ]


# What can be done


def test_enter_opens_what_the_cursor_stands_on(workspace: Workspace) -> None:
    failed = run_info(7, state="FAILED", message="no date")

    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, failed, running_info(5), running=1)
        opened = Opened(terminal.app)
        terminal.app.views["run"] = opened
        terminal.text()
        await terminal.press("l", "k", "k", "k", "j")
        assert pulse(terminal).target() is not None
        pulse(terminal).do_top()
        while pulse(terminal).subject().get("run") != failed.id[:8]:
            await terminal.press("j")
        await terminal.press("enter")
        assert opened.opened == [failed.id]

    use_terminal(workspace, scenario, screen="pulse", connect=False, clock=lambda: NOW)


def test_enter_on_a_flow_lists_its_runs_and_slash_filters_them(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, run_info(1))
        terminal.text()
        while pulse(terminal).subject().get("flow") != "eval_flow":
            await terminal.press("j")
        await terminal.press("enter")
        assert terminal.app.view.name == "runs"
        assert terminal.app.view.filter_text() == "flow=eval_flow"
        terminal.app.show("pulse")
        await terminal.press("/")
        assert terminal.app.view.name == "runs"
        assert terminal.app.prompt is not None

    use_terminal(workspace, scenario, screen="pulse", connect=False, clock=lambda: NOW)


def test_the_timeline_is_zoomed_and_moved(workspace: Workspace) -> None:
    runs = [run_info(at, flow=flow) for at, flow in ((2, "data_flow"), (3000, "train_flow"))]

    async def scenario(terminal: Terminal) -> None:
        fill(terminal.board, *runs)
        view = pulse(terminal)
        view.timeline.load()

        def timeline_of(flow: str) -> str:
            foot = terminal.text().split("Timeline")[1]
            return next(line for line in foot.split("\n") if flow in line)

        assert "all runs known here" in terminal.text()
        assert "▇" in timeline_of("train_flow")
        await terminal.press("z")
        assert "last day" in terminal.text()
        assert "▇" not in timeline_of("train_flow")
        assert "▇" in timeline_of("data_flow")
        await terminal.press("<", "<", "<")
        assert "1 d until" in terminal.text()
        assert "▇" in timeline_of("train_flow")
        await terminal.press(">", ">", ">")
        assert "last day" in terminal.text()
        await terminal.press("z", "z", "Z")
        assert "last 6 hours" in terminal.text()
        await terminal.press("0")
        assert "all runs known here" in terminal.text()

    use_terminal(workspace, scenario, screen="pulse", connect=False, clock=lambda: NOW)


def test_the_window_of_the_timeline_is_found_again(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        view = pulse(terminal)
        view.timeline.length = 3600.0
        kept = view.remember()
        for damaged in (
            {},
            {"timeline": 3},
            {"timeline": {"seconds": "x"}},
            {"timeline": {"s": 5}},
        ):
            view.restore(damaged)
            assert view.timeline.length is None
        view.restore(kept)
        assert view.timeline.length == 3600.0

    use_terminal(workspace, scenario, screen="pulse", connect=False)


# What is worked out


def test_progress_is_that_of_the_step_that_counts() -> None:
    run = running_info(5)
    progress = progress_of(run, training(run, 10, 40, since=NOW - 60), 1000.0, NOW)

    assert (progress.said, progress.share, progress.left) == ("train_model  epoch 10/40", 0.25, 180)


def test_without_one_it_is_the_share_of_the_usual_time() -> None:
    run = running_info(0, started=NOW - 30)

    assert progress_of(run, None, 120.0, NOW).share == 0.25
    assert progress_of(run, None, 120.0, NOW).left == 90
    assert progress_of(run, None, 20.0, NOW).left is None
    assert progress_of(run, None, None, NOW).share is None


@pytest.mark.parametrize("total", [0, 40])
def test_a_step_that_has_not_counted_yet_promises_no_end(total: int) -> None:
    run = running_info(5)

    assert progress_of(run, training(run, 0, total, since=NOW), None, NOW).left is None


@pytest.mark.parametrize("data", [None, [], 3, {}, {"lineage": 4}, {"lineage": {"evaluation": []}}])
def test_a_version_without_measures_has_none(data: Any) -> None:
    model = model_of(data)

    assert model is None or (model.mase, model.naive, model.created) == (None, None, None)


@pytest.mark.parametrize("data", [None, [], {"versions": 3}, {"versions": [4, {}]}, {}])
def test_an_answer_without_a_measured_champion_has_no_live_error(data: Any) -> None:
    assert live_error_of(data).days == 0


def test_the_live_error_is_that_of_the_champion() -> None:
    measured = {"matched": 84, "mae": 3.0, "wape": 0.1, "mase": 0.9, "days": [{"mae": 2.0}, {}]}
    versions = [{"alias": "previous"} | measured, {"alias": "champion"} | measured | {"mae": 5.0}]

    assert live_error_of({"versions": versions}) == LiveError(84, 5.0, 0.1, 0.9, (2.0,))
