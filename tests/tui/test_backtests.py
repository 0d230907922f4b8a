"""Backtests on the screen of models: the list, one in full, what is copied, and deleting."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.backtests.results import sentence, verdict
from engine.errors import ConflictError, StorageError
from engine.workspace import Workspace
from models.forecasting.comparison import Difference
from tests.tui import learning
from tests.tui.rows import NOW
from tests.tui.stage import Script, StagedTerminal, no, perform, untouched
from tui import language, verbs
from tui.backtests.facts import backtest_of, backtests_of
from tui.backtests.tab import BacktestsTab
from tui.backtests.table import contenders_table, list_columns, verdict_lines
from tui.backtests.verdicts import translated
from tui.paint import text_of, width_of
from tui.screens.models import ModelsView

Scenario = Callable[[StagedTerminal], Awaitable[None]]


def prepared(listed: list[dict[str, Any]] | None = None) -> Script:
    """An engine that knows of backtests."""
    script = untouched()
    script.now = NOW
    known = learning.backtests() if listed is None else listed
    script.commands["backtest list"] = verbs.Answer(0, known, "")
    script.commands["backtest show"] = verbs.Answer(0, learning.whole_backtest(), "")
    return script


def tab_of(terminal: StagedTerminal) -> BacktestsTab:
    view = terminal.app.view
    assert isinstance(view, ModelsView)
    tab = view.other
    assert isinstance(tab, BacktestsTab)
    return tab


def look(
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    scenario: Scenario,
    script: Script | None = None,
    **options: Any,
) -> None:
    async def begun(terminal: StagedTerminal) -> None:
        terminal.app.show("models")
        await terminal.press("left_square_bracket")
        await terminal.settled(lambda: tab_of(terminal).book.backtests is not None)
        await scenario(terminal)

    perform(monkeypatch, workspace, script or prepared(), begun, **options)


@pytest.fixture
def korean() -> Iterator[None]:
    language.choose("ko")
    yield
    language.choose("en")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_backtests_are_listed_with_their_best_or_how_far_they_are(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        running, finished, left = terminal.text().split("\n")[3:6]
        assert "77aa01c2" in running and "5/12 running" in running
        assert "3f9c2a1b" in finished and "LightGBM MASE 0.791" in finished
        assert "0b5e4d13" in left and "7/12 unfinished" in left
        assert "4 x 7" in finished

    look(monkeypatch, workspace, scenario, size=size)


def test_the_preview_holds_contenders_against_each_other(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("j")
        await terminal.settled(lambda: "·" in terminal.text())
        text = terminal.text()
        best = next(line for line in text.split("\n") if " 1 LightGBM" in line)
        assert "0.791   0.775–0.808" in best and "-0.020" in best and "82.0 %" in best
        assert "training diverged in epoch 3" in text
        assert "· LightGBM and GRU: no difference that these days can tell" in text
        assert "✓ LightGBM beats Theta by 0.046 MASE" in text

    look(monkeypatch, workspace, scenario, size=(80, 24))


def test_enter_shows_one_in_full_with_its_errors_by_day_ahead(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("j", "enter")
        await terminal.settled(lambda: "from 2017-12-04 on" in terminal.text())
        text = terminal.text()
        assert "Backtest 3f9c2a1b" in text and "Error by day ahead" in text
        assert "⡠⠊ LightGBM" in text and "● GRU" in text
        assert "● SeasonalNaive" not in text, "far off, it would press the others together"
        assert "! champion lstm-aaaaaaaaaaaa was trained on days" in text
        assert "--dataset 4fe966f3a84294d3 --folds 4" in text
        await terminal.press("escape", "escape")
        assert "No version is deployed yet." in terminal.text()

    look(monkeypatch, workspace, scenario, size=(120, 40))


def test_what_is_running_or_left_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        assert "5 of 12 measured  running by process 4711" in terminal.text()
        await terminal.press("G")
        assert "the same command goes on with it" in terminal.text()

    look(monkeypatch, workspace, scenario)


def test_the_command_that_measures_is_copied(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("j")
        yanks = dict(terminal.app.view.yanks())
        assert yanks["id"] == "3f9c2a1b"
        assert yanks["command"] == "engine backtest show 3f9c2a1b"
        assert yanks["launch command"] == (
            "engine backtest run LightGBM GRU lstm-aaaaaaaaaaaa Theta Conv1D-BiLSTM "
            "--dataset 4fe966f3a84294d3 --folds 4 --step-days 7 --horizon 7 --window 30 "
            "--level 80 --seed 7 --objective median"
        )
        assert yanks["verdict"].startswith("LightGBM beats GRU")
        assert '"mase": 0.791' in yanks["JSON"]
        assert terminal.app.view.as_data()["backtests"][1]["id"] == "3f9c2a1b"
        assert "LightGBM MASE 0.791" in terminal.app.view.as_text()

    look(monkeypatch, workspace, scenario)


def test_an_empty_list_offers_the_command_to_copy(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        assert "No backtest yet." in terminal.text()
        command = dict(terminal.app.view.yanks())["launch command"]
        assert command == "engine backtest run LightGBM LSTM"
        assert command in terminal.text()

    look(monkeypatch, workspace, scenario, prepared([]), size=(80, 24))


def test_words_filter_and_escape_takes_the_filter_away_first(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("slash")
        await terminal.type("theta demo")
        await terminal.press("enter")
        assert [one.id for one in tab_of(terminal).shown()] == ["3f9c2a1b"]
        assert "/theta demo" in terminal.text()
        await terminal.press("escape")
        assert tab_of(terminal).count() == 3

    look(monkeypatch, workspace, scenario)


def test_versions_are_not_acted_on_from_here(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        assert "Promote" not in terminal.line(-1)
        for key in ("p", "B", "v", "space", "c", "o"):
            await terminal.press(key)
            assert "not possible here" in terminal.said
            terminal.app.message = None

    look(monkeypatch, workspace, scenario, size=(200, 60))


def test_deleting_asks_and_says_the_command(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    script = prepared()
    refused = ConflictError("another process measures it at the moment", fix="Wait for it")
    script.commands["backtest delete 77aa01c2"] = no(refused, 8)
    script.commands["backtest delete"] = verbs.Answer(0, {"deleted": ["3f9c2a1b"]}, "")

    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("D")
        assert "engine backtest delete 77aa01c2" in terminal.text()
        await terminal.press("y")
        await terminal.until_shown("another process measures it")
        await terminal.press("j", "D", "n", "D", "y")
        await terminal.until_shown("deleted: 3f9c2a1b")
        done = [command for _, command, _ in terminal.app.commands]
        assert done == [f"engine backtest delete {name}" for name in ("77aa01c2", "3f9c2a1b")]

    look(monkeypatch, workspace, scenario, script)


def test_what_is_measured_now_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        further = [learning.running() | {"done": 6}, *learning.backtests()[1:]]
        terminal.link.script.commands["backtest list"] = verbs.Answer(0, further, "")
        for _ in range(6):
            terminal.app.view.tick()
        await terminal.until_shown("6/12 running")

    look(monkeypatch, workspace, scenario)


def test_a_new_folder_is_seen_and_nothing_is_asked_for_nothing(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        later = [learning.backtest(id="11111111"), learning.backtest()]
        terminal.link.script.commands["backtest list"] = verbs.Answer(0, later, "")
        for _ in range(12):
            terminal.app.view.tick()
        await terminal.settled()
        assert "11111111" not in terminal.text()
        (workspace.root / "backtests" / "11111111").mkdir(parents=True)
        terminal.app.view.tick()
        await terminal.until_shown("11111111")
        assert tab_of(terminal).chosen in ("", "3f9c2a1b"), "the cursor stays"

    look(monkeypatch, workspace, scenario, prepared([learning.backtest()]))


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    script = prepared()
    script.commands["backtest show"] = no(StorageError("backtest.json is not JSON any more"), 7)

    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("j", "enter")
        await terminal.until_shown("backtest.json is not JSON any more")
        terminal.link.script.commands["backtest list"] = no(StorageError("the disk is full"), 7)
        await terminal.press("escape", "ctrl+g")
        await terminal.until_shown("the disk is full")
        assert "3f9c2a1b" in terminal.text(), "what is known stays"

    look(monkeypatch, workspace, scenario, script)


@pytest.mark.parametrize(
    "data", [None, {}, [1, None], [{"id": ""}], [{"id": "a"}], [{"id": "a", "contenders": [{}, 3]}],
             [{"id": "a", "options": 7, "contenders": [{"scores": [], "interval": [1]}]}]]
)  # fmt: skip
def test_anything_that_is_told_of_backtests_is_survived(data: Any) -> None:
    for one in backtests_of(data):
        assert contenders_table(one, 80)
        assert verdict_lines(one, 80) == []
        assert one.command().startswith("engine backtest run")


APART = Difference(0.004, 0.001, 0.007, 0.01, 200)
LEVEL = Difference(0.004, -0.001, 0.007, 0.2, 200)
FEW = Difference(-0.00004, None, None, None, 2)


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        (
            sentence("GRU", "lstm-0a", APART, "mase"),
            ["lstm-0a이(가) GRU보다", "0.004", "0.001~0.007"],
        ),
        (sentence("GRU", "Theta", LEVEL, "mase"), ["Theta과(와) GRU"]),
        (sentence("GRU", "Theta", FEW, "rmsse"), ["GRU이(가) Theta보다 RMSSE 4e-05", "2개로는"]),
        (sentence("GRU", "Theta", replace(FEW, series=1), "rmsse"), ["시계열 1개로는"]),
        (verdict(["A", "B", "C"], {"B": LEVEL, "C": LEVEL}, "mase"), ["A, B, C:"]),
        (verdict(["A", "B"], {"B": LEVEL}, "mase"), ["A, B:"]),
        (verdict(["A"], {}, "mase"), ["MASE로"]),
    ],
)
def test_every_verdict_of_the_engine_is_told_in_korean(
    korean: None, said: str, parts: list[str]
) -> None:
    told = translated(said)

    assert all(part in told for part in parts), told
    assert not re.search("[a-z]{3}", told.replace("Theta", "").replace("lstm", "")), told


def test_verdicts_on_the_screen_and_in_the_clipboard_are_translated(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("j")
        assert "LightGBM이(가)" in dict(terminal.app.view.yanks())["verdict"]
        await terminal.press("enter")
        await terminal.until_shown("차이를 알 수 없음")
        assert "beats" not in terminal.text()

    look(monkeypatch, workspace, scenario, chosen_language="ko")


def test_a_verdict_stays_english_where_english_is_spoken() -> None:
    language.choose("en")
    for said in (sentence("GRU", "Theta", APART, "mase"), "something that no engine said yet"):
        assert translated(said) == said


def test_every_width_holds_the_tables() -> None:
    one = backtest_of(learning.whole_backtest())
    for width in range(58, 220):
        columns = list_columns(width)
        assert 1 + sum(columns.values()) + len(columns) <= width, width
        assert max(map(width_of, contenders_table(one, width))) <= width, width


def test_objective_stock_ranks_by_rmsse() -> None:
    one = backtest_of(learning.whole_backtest(metric="rmsse"))
    heading, best = (text_of(line) for line in contenders_table(one, 80)[:2])

    assert heading.split()[0] == "RMSSE" and "MASE" in heading
    assert "0.736" in best
