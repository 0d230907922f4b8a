"""Odd days on the screen of data, and the way from one to its forecast."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.errors import NotFoundError
from engine.workspace import Workspace
from tests.tui import learning
from tests.tui.rows import run_info
from tests.tui.stage import Script, StagedTerminal, at_work, no, perform
from tui import verbs
from tui.data.anomalies import read_anomalies
from tui.data.anomalies_pane import AnomaliesPane
from tui.data.anomaly_lines import anomaly_columns, chart_of, summary_lines
from tui.data.data_sets import Values
from tui.paint import width_of
from tui.screens.data import DataView

Scenario = Callable[[StagedTerminal], Awaitable[None]]
NEXT = "right_square_bracket"


def pane_of(terminal: StagedTerminal) -> AnomaliesPane:
    view = terminal.app.view
    assert isinstance(view, DataView) and isinstance(view.pane, AnomaliesPane)
    return view.pane


def look(
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    scenario: Scenario,
    answer: verbs.Answer | None = None,
    **options: Any,
) -> None:
    script = prepared(workspace)
    if answer is not None:
        script.commands["data anomalies"] = answer

    async def begun(terminal: StagedTerminal) -> None:
        terminal.app.show("data")
        await terminal.press(NEXT, NEXT)
        await terminal.settled()
        await scenario(terminal)

    perform(monkeypatch, workspace, script, begun, **options)


def prepared(workspace: Workspace) -> Script:
    script = at_work(workspace)
    script.commands["data anomalies"] = verbs.Answer(0, learning.anomalies(), "")
    return script


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_odd_days_are_listed_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        text = terminal.text()
        assert "41 of 2,800 days outside, 28 by chance" in text
        first = next(line for line in text.split("\n") if "▼ drop" in line)
        assert "2017-12-25" in first and "FLUID MILK" in first and " 143" in first
        if size[0] >= 74:
            assert "69…212" in first
        assert "■ stopped" in text and "▲ level up" in text
        if size[1] >= 24:
            assert "as expected ● interval ░ as it was ×" in text
            # Each stands in the heading, and once in the chart.
            assert text.count("●") - text.count("● 2") == 2 and text.count("×") == 2
            assert "25 Dec" in text
            assert "24 series are outside on 2017-12-25: the day itself is odd" in text

    look(monkeypatch, workspace, scenario, size=size)


def test_enter_shows_the_forecast_of_the_series(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        view: Any = terminal.app.view_of("predict")
        view.use_filter("BAGELS")
        await terminal.press("enter")
        assert terminal.app.view is view
        await terminal.settled(lambda: "2018-01-01" in terminal.text())
        assert view.selected().name == "FLUID MILK WHITE ONLY"
        assert view.filter_text() == "", "the filter would hide it"

    look(monkeypatch, workspace, scenario)


def test_a_filter_and_what_is_copied(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("slash")
        await terminal.type("shift_up yogurt")
        await terminal.press("enter")
        assert pane_of(terminal).count() == 1
        yanks = dict(terminal.app.view.yanks())
        assert yanks["series"] == "YOGURT NOT MULTI-PACKS"
        assert yanks["command"] == "engine data anomalies"
        assert yanks["row"].split("\t")[:3] == ["2017-12-31", "7", "▲ level up"]
        assert terminal.app.view.as_data()["days"]["outside"] == 41
        await terminal.press("slash", "ctrl+u")
        await terminal.type("nobody")
        await terminal.press("enter")
        assert "nothing fits the filter" in terminal.text()
        await terminal.press("enter")
        assert terminal.app.view.name == "data"

    look(monkeypatch, workspace, scenario)


def test_where_nothing_was_odd_it_says_so(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        assert "no day was odd" in terminal.text()
        assert "expected by seasonal naive" in terminal.text()

    nothing = learning.anomalies(anomalies=[], outside=0, version=None)
    look(monkeypatch, workspace, scenario, verbs.Answer(0, nothing, ""))


def test_why_it_cannot_be_told_is_said(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        assert "there is no data set yet" in terminal.text()
        assert "engine run data_flow" in terminal.text()

    nothing = no(NotFoundError("there is no data set yet", fix="Prepare one: engine run data_flow"))
    look(monkeypatch, workspace, scenario, nothing, size=(80, 24))


def test_new_data_are_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        script = terminal.link.script
        newer = learning.anomalies(anomalies=[learning.anomaly("RYE", "spike", "2018-01-02", 300)])
        script.commands["data anomalies"] = verbs.Answer(0, newer, "")
        terminal.app.view.tick()
        await terminal.settled()
        assert "RYE" not in terminal.text()
        ended = run_info(7, flow="data_flow", ended=script.now + 5)
        terminal.board.take_run(ended)
        terminal.app.view.tick()
        await terminal.until_shown("RYE")

    look(monkeypatch, workspace, scenario)


@pytest.mark.parametrize(
    "data", [None, [], {"anomalies": [None, {}, {"kind": "x", "first_day": 3, "score": "y"}]},
             {"stretches": 3, "common_days": [3, {}], "notes": 7, "expected": "many"}]
)  # fmt: skip
def test_anything_that_is_told_is_survived(data: Any) -> None:
    report = read_anomalies(data)
    values = Values("x", report_day(), [1.0, 2.0])

    assert summary_lines(report, 80, full=True)
    assert all(chart_of(one, values, 60, 10) == [] for one in report.anomalies)


def report_day() -> Any:
    import datetime as dt

    return dt.date(2017, 12, 1)


def test_columns_fit_whatever_the_width() -> None:
    report = read_anomalies(learning.anomalies())
    for width in range(58, 220):
        columns = anomaly_columns(width)
        assert 1 + sum(wide for _, wide, _ in columns.values()) + len(columns) <= width, width
        assert max(map(width_of, summary_lines(report, width, full=True))) <= width
