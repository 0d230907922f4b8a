from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine.client import EngineClient, calls
from engine.errors import ServerError
from engine.schema import RunDetail, RunInfo, ScheduleInfo, ScheduleRequest
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.tui.commands import Commands
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.cli.rows import add_run
from tests.unit.engine_thread import EngineThread
from tui.control_center import ControlCenter
from tui.flows.rows import Row
from tui.screens.flows import FlowsView

EPOCHS = "train.hparams.epochs"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Commands:
    """Commands are carried out in this process."""
    return Commands(monkeypatch, workspace)


@pytest.fixture(autouse=True)
def visited(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> list[str]:
    """The terminal begins with the flows; the runs that it then goes to, in order."""
    (workspace.root / "terminal.json").write_text('{"screen": "flows"}')
    found: list[str] = []
    go = ControlCenter.open_run

    def open_run(app: ControlCenter, run_id: str) -> None:
        found.append(run_id)
        go(app, run_id)

    monkeypatch.setattr(ControlCenter, "open_run", open_run)
    return found


def runs_of(workspace: Workspace) -> list[RunInfo]:
    with EngineClient(workspace, autostart=False) as client:
        return list(client.send(calls.runs()).runs)


def detail_of(workspace: Workspace, run_id: str) -> RunDetail:
    with EngineClient(workspace, autostart=False) as client:
        return client.send(calls.run(run_id))


def schedule(workspace: Workspace, name: str, flow: str) -> ScheduleInfo:
    request = ScheduleRequest(name=name, flow=flow, cron="0 6 * * *", timezone="UTC")
    with EngineClient(workspace, autostart=False) as client:
        return client.send(calls.add_schedule(request))


def view_of(terminal: Terminal) -> FlowsView:
    view = terminal.app.view
    assert isinstance(view, FlowsView)
    return view


async def go_to(terminal: Terminal, key: str) -> None:
    """Put the cursor on a field."""
    view = view_of(terminal)
    await terminal.until(view.current_form, "for the form")
    view.go_to(key)
    row = view.current_row()
    assert row is not None
    assert row.key == key


async def checked(terminal: Terminal) -> None:
    await terminal.until_shown("✓ checked")


def test_a_flow_is_launched_as_typed_once_however_often_the_key_is_pressed(
    engine: EngineThread, workspace: Workspace, commands: Commands, visited: list[str]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await go_to(terminal, EPOCHS)
        await terminal.press("enter", "3", "enter")
        await go_to(terminal, "train.hparams.lstm_units")
        await terminal.press("enter", "6", "4", "enter")
        await go_to(terminal, "--tag")
        await terminal.press("enter")
        await terminal.type("smoke")
        await terminal.press("enter")
        command = "engine run full_flow --epochs 3 --set train.hparams.lstm_units=64 --tag smoke"
        assert command in terminal.text()
        view_of(terminal).do_launch()
        view_of(terminal).do_launch()
        await terminal.until(lambda: visited, "for the run")
        await terminal.until_shown("started full_flow")
        assert terminal.app.commands[-1][1] == command
        assert terminal.app.view.name == "run"
        assert visited[0][:8] in terminal.text()

    use_terminal(workspace, scenario, size=(160, 40))
    (run,) = runs_of(workspace)
    assert visited == [run.id]
    assert (run.flow, run.origin, run.tags) == ("full_flow", "terminal", ("smoke",))
    detail = detail_of(workspace, run.id)
    assert detail.flags == {"epochs": 3}
    assert detail.overrides == ("train.hparams.lstm_units=64",)


def test_the_button_launches_and_the_next_launch_is_another_run(
    engine: EngineThread, workspace: Workspace, commands: Commands, visited: list[str]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await checked(terminal)
        for _ in range(2):
            before = list(visited)
            await terminal.press("5")
            view_of(terminal).pane = "form"
            await terminal.press("G")
            assert "[ Launch ]" in terminal.text()
            await terminal.press("enter")
            while visited == before:
                await asyncio.sleep(0.01)

    use_terminal(workspace, scenario)
    assert len(runs_of(workspace)) == 2


def test_a_launch_whose_answer_was_lost_is_made_once(
    engine: EngineThread, workspace: Workspace, commands: Commands, visited: list[str]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await checked(terminal)
        link = terminal.app.link
        send = link.send

        async def lose_the_answer(call: Any) -> Any:
            await send(call)
            link.send = send  # type: ignore[method-assign]
            raise ServerError("the connection broke")

        link.send = lose_the_answer  # type: ignore[method-assign]
        await terminal.press("ctrl+l")
        await terminal.until_shown("the connection broke")
        await terminal.press("ctrl+l")
        await terminal.until(lambda: visited, "for the run")
        await terminal.until_shown("was launched already")

    use_terminal(workspace, scenario)
    assert [run.id for run in runs_of(workspace)] == visited


def test_a_launch_before_the_engine_is_there_says_that_it_starts(
    workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await checked(terminal)
        await terminal.press("tab", "G")
        assert "the engine is starting" in terminal.text()
        await terminal.press("enter")
        assert "launching; the engine is starting" in terminal.text()

    use_terminal(workspace, scenario, connect=False)


def test_the_settings_come_from_the_command_itself(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        assert "asking for the settings ..." in terminal.text()
        await terminal.until_shown("model type")

    use_terminal(workspace, scenario, connect=False)


def test_what_is_typed_is_judged_at_once_and_is_not_launched(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await go_to(terminal, EPOCHS)
        await terminal.press("enter", "0")
        assert "allowed: whole number, 1 to 10000" in terminal.text()
        await terminal.press("ctrl+l")
        assert EPOCHS in terminal.said
        await terminal.press("enter", "escape")
        await terminal.press("backspace")
        await checked(terminal)
        assert "engine run full_flow --epochs" not in terminal.text()

    use_terminal(workspace, scenario)
    assert runs_of(workspace) == []


def test_the_engine_checks_what_the_form_cannot_know(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await checked(terminal)
        before = len(commands.of("config", "check"))
        await terminal.press("tab", "slash")
        await terminal.type("date_format")
        await terminal.press("enter", "j", "enter")
        await terminal.type("%Q%")
        await terminal.until(lambda: "✗" in terminal.text(), "for the refusal")
        assert dict(view_of(terminal).current_form().problems())["dataset.date_format"]  # type: ignore[union-attr]
        # One check for all that was typed in one go, or two where the machine is slow.
        assert len(commands.of("config", "check")) - before <= 2
        await terminal.press("ctrl+l")
        assert "dataset.date_format" in terminal.said
        assert view_of(terminal).current_row() == Row("field", "dataset.date_format")

    use_terminal(workspace, scenario)
    assert runs_of(workspace) == []


def test_the_last_run_is_held_against_the_form_and_its_values_taken(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    with EngineClient(workspace) as client:
        client.send(calls.launch("full_flow", flags={"epochs": 12}, tags=("demo",)))

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("2 unlike the last run")
        assert "last run 12" in terminal.text()
        await terminal.press("tab", "v")
        await terminal.until_shown("engine run full_flow --epochs 12 --tag demo")
        assert "0 unlike the last run" in terminal.text()
        assert "default 20" in terminal.text()
        await terminal.press("u")
        assert "2 unlike the last run" in terminal.text()

    use_terminal(workspace, scenario)


def test_a_run_is_launched_again_with_changes(
    engine: EngineThread, workspace: Workspace, commands: Commands, visited: list[str]
) -> None:
    with EngineClient(workspace) as client:
        earlier = client.send(
            calls.launch("train_flow", flags={"epochs": 12, "seed": 3}, priority=5, tags=("a",))
        ).run

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_form("train_flow", earlier.id)
        await terminal.until_shown(f"{earlier.name} ({earlier.id[:8]}) again")
        assert f"engine rerun {earlier.id[:8]}\n" in terminal.text()
        await go_to(terminal, "train.seed")
        await terminal.press("enter", "4", "enter")
        assert f"engine rerun {earlier.id[:8]} --seed 4" in terminal.text()
        await checked(terminal)
        await terminal.press("ctrl+l")
        await terminal.until(lambda: visited, "for the run")
        await terminal.press("5")
        assert "again" not in terminal.text()

    use_terminal(workspace, scenario)
    run = runs_of(workspace)[0]
    assert (run.rerun_of, run.priority, run.tags) == (earlier.id, 5, ("a",))
    assert detail_of(workspace, run.id).flags == {"epochs": 12, "seed": 4}


def test_a_dry_run_tells_what_would_run_and_launches_nothing(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await go_to(terminal, EPOCHS)
        await terminal.press("enter", "9", "enter", "d")
        await terminal.until_shown("Nothing was launched.")
        shown = terminal.text()
        assert "engine run full_flow --epochs 9" in shown
        assert "build_model → train_model" in shown
        assert "It could not begin: there is no such file" in shown
        assert "20 → 9" in shown
        await terminal.press("escape")
        assert "Nothing was launched." not in terminal.text()

    use_terminal(workspace, scenario)
    assert runs_of(workspace) == []


def test_schedules_are_paused_resumed_and_told(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    schedule(workspace, "nightly", "full_flow")
    schedule(workspace, "early", "data_flow")

    def enabled() -> dict[str, bool]:
        with EngineClient(workspace, autostart=False) as client:
            return {one.name: one.enabled for one in client.send(calls.schedules()).schedules}

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("nightly")
        await terminal.press("P")
        await terminal.until_shown("nightly is paused")
        assert "engine schedule pause nightly" in terminal.said
        assert enabled() == {"nightly": False, "early": True}
        await terminal.press("u")
        await terminal.until_shown("nightly launches again")
        assert enabled()["nightly"]
        await terminal.press("tab", "enter")
        await terminal.until_shown("Next launches")
        assert "0 6 * * *  (UTC)" in terminal.text()
        assert "06:00:00" in terminal.text()

    use_terminal(workspace, scenario)


def test_flows_tell_how_their_runs_went(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    table = RunTable(workspace.database)
    for number, state in enumerate(["COMPLETED", "FAILED", "COMPLETED"]):
        add_run(table, f"{number:08x}-0000-4000-8000-000000000000", "data_flow", state=state)

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("✓✗✓")
        assert "never ran" in terminal.text()

    use_terminal(workspace, scenario)


def test_a_setting_is_found_by_its_name_and_stays_found(
    workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("model type")
        await terminal.press("slash")
        await terminal.type("gaps")
        await terminal.press("enter", "j", "l")
        assert "dataset.rules.gaps=zero" in terminal.text()
        assert "batch_size" not in terminal.text()
        await terminal.press("escape")
        assert view_of(terminal).current_row() == Row("field", "dataset.rules.gaps")
        assert "train.hparams" in terminal.text()

    use_terminal(workspace, scenario, connect=False, size=(160, 40))


def test_the_form_of_another_flow_asks_for_its_own_settings(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await checked(terminal)
        await terminal.press("k")
        await terminal.until_shown("engine run deploy_flow")
        await terminal.until_shown("deploy.gate")
        assert "dataset.rules" not in terminal.text()
        assert "force, why" in terminal.text()

    use_terminal(workspace, scenario)


def test_what_is_typed_is_found_again_at_the_next_start(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def first(terminal: Terminal) -> None:
        await terminal.press("k", "k", "k")
        await go_to(terminal, "train.seed")
        await terminal.press("enter", "5", "enter")
        await terminal.press("l")

    async def second(terminal: Terminal) -> None:
        await terminal.until_shown("engine run train_flow --seed 5")

    use_terminal(workspace, first)
    use_terminal(workspace, second)


@pytest.mark.parametrize(
    "kept",
    [
        {"flow": "no_flow", "opened": 3, "typed": []},
        {"flow": ["full_flow"], "kinds": {"full_flow": "video", "data_flow": 3}},
        {"typed": {"timeseries": {"full_flow": {"texts": {"gone.key": "1", "a": 2}}}}},
        {
            "typed": {
                "image": [],
                "timeseries": {
                    "full_flow": {"texts": {"train.seed": "\x1b[31m"}, "as_set": [1, "gone"]}
                },
            },
            "kinds": "image",
        },
    ],
)
def test_a_damaged_memory_is_survived(
    workspace: Workspace, commands: Commands, kept: dict[str, object]
) -> None:
    memory = json.dumps({"screen": "flows", "views": {"flows": kept}})
    (workspace.root / "terminal.json").write_text(memory)

    async def scenario(terminal: Terminal) -> None:
        await terminal.until(view_of(terminal).current_form, "for the form")
        assert "full_flow" in terminal.text()
        assert "\x1b" not in terminal.text()

    use_terminal(workspace, scenario, connect=False)


def test_a_broken_configuration_is_told_and_asked_for_again(
    workspace: Workspace, commands: Commands
) -> None:
    path = workspace.configs / "train_flow_config.yaml"
    path.write_text("model:\n  model_typ: LSTM\n")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("did you mean")
        path.unlink()
        await terminal.press("ctrl+g")
        await terminal.until_shown("model type")

    use_terminal(workspace, scenario, connect=False)


def test_a_terminal_that_only_reads_launches_nothing(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await checked(terminal)
        await terminal.press("tab", "G", "enter")
        assert "read-only" in terminal.said

    use_terminal(workspace, scenario, read_only=True)
    assert runs_of(workspace) == []


def test_without_an_engine_the_form_stands_and_says_so(
    workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await checked(terminal)
        await terminal.press("tab", "G")
        await terminal.until_shown("the engine does not answer; U starts it")

    use_terminal(workspace, scenario, autostart=False)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_the_command_and_the_field_are_seen_at_every_size(
    workspace: Workspace, commands: Commands, size: tuple[int, int]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await go_to(terminal, "train.seed")
        await terminal.press("enter", "1", "1", "enter")
        lines = terminal.text().split("\n")
        assert all(len(line) <= size[0] for line in lines)
        assert any("seed" in line and "default 7" in line for line in lines)
        assert "engine run full_flow --seed 11" in terminal.text()
        assert "[ Launch ]" in view_of(terminal).as_text()
        has_pane = "Differs from the defaults" in terminal.text()
        assert has_pane == (size[0] >= 140)

    use_terminal(workspace, scenario, size=size, connect=False)


def test_choices_come_as_a_menu_and_the_mouse_selects(
    workspace: Workspace, commands: Commands, tmp_path: Path
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("model type")
        lines = terminal.text().split("\n")
        row = next(number for number, line in enumerate(lines) if "model type" in line)
        await terminal.click(60, row, times=2)
        await terminal.until_shown("enter takes it")
        await terminal.type("naive")
        await terminal.press("enter")
        assert "--model-type SeasonalNaive" in terminal.text()
        await terminal.press("l")
        assert "--model-type Theta" in terminal.text()
        await terminal.press("backspace")
        assert "--model-type" not in terminal.line(-3)

    use_terminal(workspace, scenario, connect=False)


def test_a_data_file_is_pasted_and_completed(
    workspace: Workspace, commands: Commands, tmp_path: Path
) -> None:
    (tmp_path / "stock.csv").touch()

    async def scenario(terminal: Terminal) -> None:
        await go_to(terminal, "dataset.file_path")
        await terminal.press("enter", "ctrl+u")
        await terminal.paste(f"{tmp_path}/st")
        assert "there is no such file" in terminal.text()
        await terminal.press("tab", "enter")
        assert "there is no such file" not in terminal.text()
        assert (
            view_of(terminal).yanks()[0][1] == f"engine run full_flow --data {tmp_path}/stock.csv"
        )

    use_terminal(workspace, scenario, connect=False, size=(160, 40))
