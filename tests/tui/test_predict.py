"""The screen that forecasts, against real data sets, versions, commands and a real predictor."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.data.dataset import Dataset
from engine.predictor_client import predictor_address
from engine.store import Version
from engine.workspace import Workspace
from tests.faults.predictor_process import PredictorProcess, predictor_process
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.deployments import deploy, make_bundle, prepare_dataset
from tui.paint import width_of
from tui.predict.series_tab import SeriesTab
from tui.screens.predict import PredictView

VALUES = [float(number) for number in range(40, 60)]
PASTED = "\n".join(f"{value:g};" for value in VALUES)


@dataclasses.dataclass(frozen=True)
class Deployed:
    """A workspace with a data set of three series and a calibrated version."""

    workspace: Workspace
    dataset: Dataset
    version: Version


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    folder = tmp_path_factory.mktemp("made")
    workspace = Workspace(folder / "w").create()
    dataset = prepare_dataset(workspace, folder)
    version = deploy(workspace, make_bundle(folder / "b", calibrated=True), dataset=dataset.id)
    return Deployed(workspace, dataset, version)


@pytest.fixture
def deployed(made: Deployed, workspace: Workspace) -> Deployed:
    """The same, in the workspace of the test."""
    shutil.copytree(made.workspace.root, workspace.root, dirs_exist_ok=True)
    return dataclasses.replace(made, workspace=workspace)


@pytest.fixture
def predictor(deployed: Deployed) -> Iterator[PredictorProcess]:
    with predictor_process(deployed.workspace) as process:
        yield process


def look(workspace: Workspace, scenario: Any, **options: Any) -> None:
    """Use a terminal that begins at the screen and reaches for no engine."""
    memory = {"screen": "predict"} | options.pop("memory", {})
    (workspace.root / "terminal.json").write_text(json.dumps(memory))
    use_terminal(workspace, scenario, connect=False, **options)


def view_of(terminal: Terminal) -> SeriesTab:
    view = terminal.app.view
    assert isinstance(view, PredictView)
    assert isinstance(view.seen, SeriesTab)
    return view.seen


async def answered(terminal: Terminal, **expected: object) -> Any:
    """Wait for the answer to what is selected now, and for its chart; return the answer."""
    view = view_of(terminal)
    await terminal.until(
        lambda: view.forecast() is not None or view.forecasts.problems, "for an answer"
    )
    forecast = view.forecast()
    assert forecast is not None, view.forecasts.problems
    for name, value in expected.items():
        assert getattr(forecast, name) == value, name
    await terminal.until(lambda: view._drawing.chart is not None, "for the chart")
    return forecast


def test_without_data_and_model_it_says_what_to_do(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("No model is deployed yet.")
        assert "r  full_flow prepares the data" in terminal.text()
        await terminal.until_shown("No data set yet.")
        assert view_of(terminal).yanks() == []
        assert view_of(terminal).as_data() is None

    look(workspace, scenario, size=(80, 24))


def test_a_version_forecasts_where_no_predictor_runs(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        view = view_of(terminal)
        forecast = await answered(terminal, version=deployed.version.id, address="", level=80.0)
        last = deployed.dataset.series_window(forecast.series, 14)
        # Seasonal naive: the week before, again.
        assert list(forecast.values) == list(last.values[-7:])
        # The largest series is the first.
        assert forecast.series == view.found()[0].name == "product-002"
        shown = terminal.text()
        assert f"{forecast.values[0]:,.2f}" in shown
        assert f"{forecast.upper[6]:,.2f}" in shown
        assert " ms · engine predict" in shown
        assert " ms" in shown
        assert "80 % interval" in shown
        assert "engine predict --series product-002 --level 80" in terminal.line(-2)

    look(deployed.workspace, scenario, size=(80, 24))


def test_the_predictor_answers_where_it_runs(
    deployed: Deployed, predictor: PredictorProcess
) -> None:
    async def scenario(terminal: Terminal) -> None:
        view = view_of(terminal)
        forecast = await answered(terminal, address=predictor.address)
        name = view.found()[0].name
        last = deployed.dataset.series_window(name, 20)
        asked = {"input_data": list(last.values), "last_date": str(last.last_day), "level": 80}
        said = predictor.forecast(asked).json()
        assert list(forecast.values) == said["prediction"]
        assert list(forecast.lower) == said["lower"]
        assert f"predictor 127.0.0.1:{predictor.port}" in terminal.text()
        assert "--through-predictor" in terminal.line(-2)
        # The values of its neighbours came along: no command is needed for the next one.
        assert set(view.forecasts._values) == {one.name for one in view.found()}
        await terminal.press("j")
        assert (await answered(terminal)).series == view.found()[1].name
        curl = dict(view.yanks())["curl"]
        assert curl.startswith(f"curl -sS {predictor.address}/predict_timeseries ")
        # Looking is not serving: nothing is kept to be held against what comes.
        served = deployed.workspace.root.rglob("*.jsonl")
        assert not [path for path in served if "product" in path.read_text()]

    look(deployed.workspace, scenario)


def test_another_version_that_serves_makes_what_was_answered_outdated(
    deployed: Deployed, predictor: PredictorProcess, tmp_path: Path
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await answered(terminal, version=deployed.version.id)
        newer = deploy(
            deployed.workspace, make_bundle(tmp_path / "b", window=20), dataset=deployed.dataset.id
        )
        view = view_of(terminal)

        def is_newer() -> bool:
            view.tick()
            forecast = view.forecast()
            return forecast is not None and forecast.version == newer.id

        await terminal.until(is_newer, "for the newer version")
        # It was deployed without intervals: the forecast alone is shown.
        assert view.forecasts.answers[view.question()].lower == ()  # type: ignore[index]
        await terminal.until_shown("this version has no intervals")
        assert "Upper" not in terminal.text()

    look(deployed.workspace, scenario)


def test_a_chosen_version_answers_and_one_without_intervals_answers_without(
    deployed: Deployed, tmp_path: Path
) -> None:
    plain = deploy(deployed.workspace, make_bundle(tmp_path / "b", window=20))

    async def scenario(terminal: Terminal) -> None:
        await answered(terminal, version=plain.id, level=0.0)
        await terminal.press("v")
        await terminal.until_shown("Which version answers")
        await terminal.type(deployed.version.id)
        await terminal.press("enter")
        await answered(terminal, version=deployed.version.id, level=80.0)
        assert f"--version {deployed.version.id}" in terminal.line(-2)

    look(deployed.workspace, scenario)


def test_values_are_pasted_anywhere_on_the_screen(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        await answered(terminal)
        await terminal.paste(PASTED + " 2026-03-31")
        forecast = await answered(terminal, series="")
        assert list(forecast.values) == VALUES[-7:]
        assert "20 values" in terminal.text()
        assert "Wed 2026-04-01" in terminal.text()
        command = "engine predict --values " + ",".join(f"{value:g}" for value in VALUES)
        assert dict(view_of(terminal).yanks())["command"].startswith(command)
        await terminal.press("escape")
        assert "20 values" not in terminal.text()

    look(deployed.workspace, scenario)


def test_days_that_are_not_known_are_numbered(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        await answered(terminal)
        await terminal.press("p")
        await terminal.paste(PASTED)
        await terminal.press("enter")
        forecast = await answered(terminal, series="", last_day=None)
        assert forecast.as_csv().split("\n")[1].startswith("1,53,")
        await terminal.until_shown(" +7 ")

    look(deployed.workspace, scenario)


def test_what_cannot_be_forecast_is_said_and_stays_typed(deployed: Deployed) -> None:
    wrong = {
        "1 2 three 4": "value 3 is not a number: three",
        "1, nan": "value 2 is not a number: nan",
        "2026-02-30 " + PASTED: "there is no day 2026-02-30",
    }

    async def scenario(terminal: Terminal) -> None:
        await answered(terminal)
        for typed, said in wrong.items():
            await terminal.press("p")
            await terminal.paste(typed)
            await terminal.press("enter")
            assert said in terminal.line(-2)
            assert typed[:5] in terminal.line(-2)
            await terminal.press("escape")
            await terminal.paste(typed)
            assert said in terminal.said
        assert view_of(terminal).pasted is None

    look(deployed.workspace, scenario, size=(160, 40))


@pytest.mark.parametrize("through", ["a command", "the predictor"])
def test_few_values_are_forecast_and_it_is_said_that_others_were_filled_in(
    deployed: Deployed, through: str
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await answered(terminal)
        await terminal.paste("5, 6, 7 2026-03-31")
        forecast = await answered(terminal, series="", known_days=3)
        assert len(forecast.values) == 7
        assert bool(forecast.address) == (through == "the predictor")
        await terminal.until_shown("! only 3 of 14 days are known")
        if forecast.address:
            assert '"extend": true' in dict(view_of(terminal).yanks())["curl"]

    if through == "a command":
        look(deployed.workspace, scenario)
        return
    with predictor_process(deployed.workspace):
        look(deployed.workspace, scenario)


def test_days_ahead_and_level_are_chosen_and_found_again(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        await answered(terminal)
        await terminal.press("s")
        await terminal.type("366")
        await terminal.press("enter")
        assert "a whole number from 1 to 365" in terminal.line(-2)
        await terminal.press("backspace", "backspace", "backspace")
        await terminal.type("30")
        await terminal.press("enter")
        assert len((await answered(terminal)).values) == 30
        await terminal.press("i", "t", "ctrl+u")
        await terminal.type("97.5")
        await terminal.press("enter")
        await answered(terminal, level=97.5)
        await terminal.press("j")
        await answered(terminal)
        assert "--steps 30 --level 97.5" in terminal.line(-2)

    look(deployed.workspace, scenario)

    async def again(terminal: Terminal) -> None:
        view = view_of(terminal)
        forecast = await answered(terminal, level=97.5)
        assert (len(forecast.values), forecast.series) == (30, view.found()[1].name)
        assert view.listing.cursor == 1

    use_terminal(deployed.workspace, again, connect=False)


def test_a_cursor_reads_the_days_and_a_click_sets_it(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        forecast = await answered(terminal)
        await terminal.press("l", "l")
        assert forecast.day(2).isoformat() in terminal.line(4)
        assert f"{forecast.values[1]:,.2f}" in terminal.line(4)
        await terminal.press("h", "h", "h")
        assert f"{forecast.history[-2]:,.2f}  was" in terminal.line(4)
        row = next(at for at in range(40) if forecast.day(5).isoformat() in terminal.line(at))
        await terminal.click(terminal.line(row).index(forecast.day(5).isoformat()), row)
        assert view_of(terminal).day == 5
        chart = view_of(terminal)._drawing.chart
        assert chart is not None
        assert [chart.day_at(chart.column_of(day)) for day in range(-20, 8)] == list(range(-20, 8))
        await terminal.press("escape")
        assert "next 7 days" in terminal.line(4)

    look(deployed.workspace, scenario)


def test_series_are_filtered_and_the_list_gives_way(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        await answered(terminal)
        await terminal.press("slash")
        await terminal.type("p3")
        await terminal.press("enter")
        assert [one.name for one in view_of(terminal).found()] == ["product-003"]
        assert (await answered(terminal)).series == "product-003"
        await terminal.press("tab")
        assert terminal.line(1).startswith("─ product-003")
        await terminal.press("escape", "escape")
        assert view_of(terminal).count() == 3
        # The one that was found stays selected.
        assert (await answered(terminal)).series == "product-003"

    look(deployed.workspace, scenario, size=(80, 24))


def test_what_moved_on_is_not_shown_for_what_is_selected(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        first = await answered(terminal)
        await terminal.press("j", "j")
        view = view_of(terminal)
        # The old numbers stay, and it is said that the new ones are asked for.
        assert view.forecast() is None
        assert "asking…" in terminal.line(1)
        assert f"{first.values[0]:,.2f}" in terminal.text()
        second = await answered(terminal)
        assert second.series == view.found()[2].name
        # The one that was passed by was never asked for.
        assert {one.series for one in view.forecasts.answers} == {first.series, second.series}

    look(deployed.workspace, scenario)


def test_it_fits_every_size_in_korean_and_in_ascii(deployed: Deployed) -> None:
    async def scenario(terminal: Terminal) -> None:
        await answered(terminal)
        for width, height in ((60, 15), (80, 24), (120, 40), (200, 60)):
            await terminal.resize(width, height)
            await terminal.until(
                lambda: view_of(terminal)._drawing._wanted is None, "for the chart in its size"
            )
            assert "예측 7일" in terminal.text()
            lines = view_of(terminal).lines(width, height - 3)
            assert len(lines) == height - 3
            assert max(width_of(line) for line in lines) <= width
        terminal.app.painter.ascii = True
        terminal.app.use_language("en")
        await terminal.until_shown("o forecast, 7 days")
        assert terminal.text().isascii()

    look(deployed.workspace, scenario, chosen_language="ko")


def test_damaged_memory_is_no_hindrance(workspace: Workspace) -> None:
    kept = {"views": {"predict": {"series": 7, "steps": -3, "level": "many"}}}

    async def scenario(terminal: Terminal) -> None:
        view = view_of(terminal)
        assert (view.steps, view.level) == (0, 0.0)

    look(workspace, scenario, memory=kept)


def test_a_predictor_that_died_is_no_answer(deployed: Deployed) -> None:
    record = deployed.workspace.predictor_record(0)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"host": "127.0.0.1", "port": 1, "pid": 2**22, "mark": "x"}))
    with pytest.raises(Exception, match="no predictor is running"):
        predictor_address(deployed.workspace)

    async def scenario(terminal: Terminal) -> None:
        await answered(terminal, address="")

    look(deployed.workspace, scenario)
