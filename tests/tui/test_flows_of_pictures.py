"""The screen Flows, for flows about pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.client import EngineClient, calls
from engine.config.form import make_form
from engine.config.loading import load_settings
from engine.schema import RunDetail, RunInfo
from engine.workspace import Workspace
from models import registry
from models.data_types import IMAGE
from tests.tui.commands import Commands
from tests.tui.rows import run_info
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.engine_thread import EngineThread
from tui.flows.launch_form import DATA, DATA_TYPE, MODEL, Earlier, LaunchForm
from tui.screens.flows import FlowsView

EPOCHS = "train.hparams.epochs"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Commands:
    """Commands are carried out in this process."""
    return Commands(monkeypatch, workspace)


@pytest.fixture(autouse=True)
def on_flows(workspace: Workspace) -> None:
    """The terminal begins with the flows."""
    (workspace.root / "terminal.json").write_text('{"screen": "flows"}')


def view_of(terminal: Terminal) -> FlowsView:
    view = terminal.app.view
    assert isinstance(view, FlowsView)
    return view


async def form_of(terminal: Terminal, kind: str) -> LaunchForm:
    """The form that is seen, once it is the one of a kind of data."""

    def seen() -> LaunchForm | None:
        form = view_of(terminal).current_form()
        return form if form is not None and form.data_type == kind else None

    await terminal.until(seen, f"for the form of {kind}")
    form = seen()
    assert form is not None
    return form


async def turn(terminal: Terminal, kind: str) -> LaunchForm:
    """Choose a kind of data in the form."""
    view_of(terminal).go_to(DATA_TYPE)
    await terminal.press("l")
    return await form_of(terminal, kind)


def newest(workspace: Workspace) -> tuple[RunInfo, RunDetail]:
    with EngineClient(workspace, autostart=False) as client:
        run = client.send(calls.runs()).runs[0]
        return run, client.send(calls.run(run.id))


def make(kind: str, usual: str) -> LaunchForm:
    loaded = load_settings("full_flow", workspace_configs=None, flags={"data_type": kind})
    return LaunchForm(make_form("full_flow", loaded, usual).to_dict())


def test_the_kind_of_data_is_the_first_choice_and_brings_its_own_form(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        series = await form_of(terminal, "timeseries")
        view = view_of(terminal)
        assert view.rows()[0].key == DATA_TYPE
        view.go_to(EPOCHS)
        await terminal.press("enter", "9", "enter")

        pictures = await turn(terminal, "image")

        assert pictures.fields[MODEL].choices == registry.names(IMAGE)
        assert "dataset.height" in pictures.fields
        assert "model.window" not in pictures.fields
        assert "engine run full_flow --data-type image\n" in terminal.text()
        await terminal.until_shown("✓ checked")
        # What was typed into the other form is still there.
        assert await turn(terminal, "timeseries") is series
        assert "engine run full_flow --epochs 9\n" in terminal.text()

    use_terminal(workspace, scenario, size=(160, 40))
    assert commands.of("config", "form", "full_flow", "--data-type", "image")


def test_a_flow_about_pictures_is_launched_dry_and_in_earnest(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await form_of(terminal, "timeseries")
        form = await turn(terminal, "image")
        form.set(EPOCHS, "3")
        form.set(MODEL, "ResNet")
        await terminal.press("d")
        await terminal.until_shown("prepare_image_data")
        assert "data type  image" in terminal.text()
        await terminal.press("escape")
        view_of(terminal).do_launch()
        await terminal.until_shown("started full_flow")

    use_terminal(workspace, scenario, size=(160, 40))
    run, detail = newest(workspace)
    assert run.parameters == {"model_type": "ResNet", "data_type": "image"}
    assert detail.flags == {"data_type": "image", "model_type": "ResNet", "epochs": 3}


def test_a_run_about_pictures_is_launched_again_as_one(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    with EngineClient(workspace, autostart=False) as client:
        flags = {"model_type": "CNN", "epochs": 2}
        earlier = client.send(calls.launch("full_flow", flags=flags)).run

    async def scenario(terminal: Terminal) -> None:
        await form_of(terminal, "timeseries")
        view_of(terminal).open("full_flow", earlier.id)
        form = await form_of(terminal, "image")
        assert form.again is not None
        assert f"engine rerun {earlier.id[:8]}\n" in terminal.text()
        view_of(terminal).go_to(DATA_TYPE)
        await terminal.press("l")
        assert "on its own kind of data" in terminal.text()
        form.set(EPOCHS, "5")
        view_of(terminal).do_launch()
        await terminal.until_shown("started full_flow")

    use_terminal(workspace, scenario, size=(160, 40))
    run, detail = newest(workspace)
    assert (run.rerun_of, run.parameters["data_type"]) == (earlier.id, "image")
    assert detail.flags == {"model_type": "CNN", "epochs": 5}


def test_the_last_run_is_one_of_the_same_kind(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    with EngineClient(workspace, autostart=False) as client:
        of_pictures = client.send(calls.launch("full_flow", flags={"model_type": "CNN"})).run
        client.send(calls.launch("full_flow", flags={"model_type": "GRU"}))

    async def scenario(terminal: Terminal) -> None:
        series = await form_of(terminal, "timeseries")
        await terminal.until(lambda: series.last, "for the last run")
        pictures = await turn(terminal, "image")
        await terminal.until(lambda: pictures.last, "for the last run")
        assert series.last is not None
        assert pictures.last is not None
        assert series.last.flags == {"model_type": "GRU"}
        assert pictures.last.run.id == of_pictures.id

    use_terminal(workspace, scenario, size=(160, 40))


def test_the_kind_of_data_and_what_is_typed_are_found_again_at_the_next_start(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    async def before(terminal: Terminal) -> None:
        await form_of(terminal, "timeseries")
        (await turn(terminal, "image")).set(EPOCHS, "4")

    async def after(terminal: Terminal) -> None:
        form = await form_of(terminal, "image")
        assert form.text(EPOCHS) == "4"
        assert "engine run full_flow --data-type image --epochs 4\n" in terminal.text()
        # Backspace gives the choice its default, as it does with every field.
        view_of(terminal).go_to(DATA_TYPE)
        await terminal.press("backspace")
        await form_of(terminal, "timeseries")

    use_terminal(workspace, before, size=(160, 40))
    use_terminal(workspace, after, size=(160, 40))


def test_a_workspace_about_pictures_has_their_form_without_being_asked(
    engine: EngineThread, workspace: Workspace, commands: Commands
) -> None:
    path = workspace.configs / "full_flow_config.yaml"
    path.write_text("flow_module: full_flow\ndata_type: image\n")

    async def scenario(terminal: Terminal) -> None:
        await form_of(terminal, "image")
        assert "engine run full_flow\n" in terminal.text()
        await turn(terminal, "timeseries")
        assert "engine run full_flow --data-type timeseries\n" in terminal.text()

    use_terminal(workspace, scenario, size=(160, 40))


def test_a_folder_is_a_source_of_pictures_and_none_of_series(tmp_path: Path) -> None:
    for kind, missing in (("image", ""), ("timeseries", str(tmp_path))):
        form = make(kind, "timeseries")
        form.set(DATA, str(tmp_path))
        assert form.missing == missing


@pytest.mark.parametrize(
    ("usual", "parameters", "flags"),
    [
        ("timeseries", {"data_type": "image"}, {"model_type": "CNN"}),
        ("timeseries", {"data_type": "image"}, {"data_type": "image", "model_type": "CNN"}),
        ("image", {"data_type": "image"}, {"model_type": "CNN"}),
    ],
)
def test_a_form_is_for_one_kind_of_data_whatever_is_done_to_it(
    usual: str, parameters: dict[str, Any], flags: dict[str, Any]
) -> None:
    form = make("image", usual)
    said = () if usual == "image" else (("data_type", "image"),)
    run = run_info(1, flow="full_flow", parameters=parameters)
    earlier = Earlier.of(RunDetail(run=run, folder="", overrides=(), flags=flags))

    assert form.request().flags == said
    form.reset(list(form.fields))
    assert form.request().flags == said
    form.put_back({MODEL: "ResNet", DATA_TYPE: "timeseries"})
    assert form.request().flags == (*said, ("model_type", "ResNet"))
    form.take(earlier)
    assert form.request().flags == said  # CNN is the default
    assert form.differing(earlier) == []
