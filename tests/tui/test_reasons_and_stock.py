"""Why a forecast is what it is, and what it means for the stock: on the screen that forecasts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.errors import ConflictError, DataError, ModelError
from engine.workspace import Workspace
from tests.tui import learning
from tests.tui.stage import Script, StagedTerminal, at_work, no, perform, recorded
from tui import verbs
from tui.paint import text_of, width_of
from tui.predict.asking import Question, forecast_of
from tui.predict.reasons import Reasons, reasons_of
from tui.predict.reasons_pane import reasons_lines
from tui.predict.series_tab import SeriesTab
from tui.predict.stock import OnHand, inventory_of, read_on_hand
from tui.predict.stock_pane import chance, stock_lines
from tui.screens.predict import PredictView

SERIES = "FLUID MILK WHITE ONLY"
Scenario = Callable[[StagedTerminal], Awaitable[None]]


def said() -> dict[str, Any]:
    """What `engine predict --json` printed once."""
    found: dict[str, Any] = recorded("commands")["predict"]["data"]
    return found


def prepared(workspace: Workspace) -> Script:
    """An engine that explains, and knows what stock does."""
    script = at_work(workspace)
    script.commands["predict"] = verbs.Answer(0, learning.explained(learning.stocked(said())), "")
    return script


def view_of(terminal: StagedTerminal) -> SeriesTab:
    view = terminal.app.view
    assert isinstance(view, PredictView)
    assert isinstance(view.seen, SeriesTab)
    return view.seen


def look(
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    scenario: Scenario,
    script: Script | None = None,
    **options: Any,
) -> None:
    async def begun(terminal: StagedTerminal) -> None:
        terminal.app.show("predict")
        await terminal.settled(lambda: "2018-01-01" in terminal.text())
        await scenario(terminal)

    perform(monkeypatch, workspace, script or prepared(workspace), begun, **options)


async def hold(terminal: StagedTerminal, text: str, *, shown: str) -> None:
    """Say what is on hand."""
    await terminal.press("o")
    await terminal.type(text)
    await terminal.press("enter")
    await terminal.settled(lambda: shown in terminal.text())


# Why


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_a_key_shows_which_past_days_move_the_forecast_most(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("e")
        await terminal.settled(lambda: "Why 920.52 in 7 days" in terminal.text())
        assert "--explain" in terminal.line(-2)
        first = next(line for line in terminal.text().split("\n") if "▼ -131.92" in line)
        assert "Mon 2017-12-25      0.00" in first and "━│" in first
        await terminal.press("l")
        assert "Why 120.53 on Mon 2018-01-01" in terminal.text()
        up = next(line for line in terminal.text().split("\n") if "▲ +19.60" in line)
        assert "Mon 2017-12-11    195.00" in up and "│━" in up
        await terminal.press("escape", "escape")
        assert "Why" not in terminal.text()
        assert "Forecast     Lower" in terminal.text()

    look(monkeypatch, workspace, scenario, size=size)


def test_a_past_day_says_what_it_does_to_each_day_ahead(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("e", *"hhhhhhh")
        await terminal.settled(lambda: "What Mon 2017-12-25 does" in terminal.text())
        assert "0.00  usual 112.75" in terminal.text()
        rows = [line for line in terminal.text().split("\n") if "-55.81" in line]
        assert len(rows) == 1 and "Mon 2018-01-01" in rows[0]

    look(monkeypatch, workspace, scenario)


def test_the_command_is_asked_once_a_series_and_not_for_those_passed_by(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    asked: list[tuple[str, ...]] = []

    async def scenario(terminal: StagedTerminal) -> None:
        ask = verbs.ask

        async def listening(workspace: Workspace, *arguments: str) -> verbs.Answer:
            asked.append(arguments)
            return await ask(workspace, *arguments)

        monkeypatch.setattr(verbs, "ask", listening)
        await terminal.press("e")
        await terminal.settled(lambda: "Why 920.52" in terminal.text())
        await terminal.press("l", "l", "e", "e", "i", "9")
        await terminal.settled()
        assert [one for one in asked if "--explain" in one] == [
            ("predict", "--series", SERIES, "--explain")
        ]

    look(monkeypatch, workspace, scenario)


def test_why_it_cannot_be_explained_is_said_and_the_forecast_stays(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    script = at_work(workspace)
    script.commands["predict"] = no(ModelError("the model cannot be asked", fix="Train it"), 3)

    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.press("e")
        await terminal.until_shown("the model cannot be asked")
        assert "Train it" in terminal.text()
        assert "next 7 days: 920.52" in terminal.text()

    look(monkeypatch, workspace, scenario, script, size=(80, 24))


def test_an_answer_without_an_explanation_is_an_error() -> None:
    whole = learning.explained(said())
    part = whole["explanation"]
    for wrong in (
        None,
        {},
        part | {"days": []},
        part | {"baseline": [1.0]},
        part | {"contributions": part["contributions"][1:]},
        part | {"forecast": "x"},
    ):
        with pytest.raises(ModelError):
            reasons_of(whole | {"explanation": wrong})


def explained() -> Reasons:
    return reasons_of(learning.explained(said()))


def test_contributions_add_up_to_what_is_told() -> None:
    reasons = explained()
    for ahead in (None, 1, 7):
        moved = sum(push.amount for push in reasons.strongest(ahead))
        assert reasons.without(ahead) + moved == pytest.approx(reasons.total(ahead))
    amounts = [abs(push.amount) for push in reasons.strongest(3)]
    assert amounts == sorted(amounts, reverse=True)
    assert not reasons.strongest(1)[-1].is_certain


def test_every_size_holds_the_reasons() -> None:
    reasons, forecast = explained(), forecast_of(said())
    for width in range(36, 160):
        for height, day in ((3, None), (7, 1), (30, 7), (30, 0), (8, -60)):
            lines = reasons_lines(forecast, reasons, day, width, height)
            assert 0 < len(lines) <= height
            assert max(map(width_of, lines)) <= width, (width, day)


# The stock


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_what_is_on_hand_tells_when_it_runs_out_and_what_to_order(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await hold(terminal, "620, 5, 95", shown="order 123 now")
        text = terminal.text()
        assert "on hand 620" in text and "out within 7 days 86 %" in text
        assert "▸ order 123 now  5 days at 95 % need 743" in text
        row = next(line for line in text.split("\n") if "Sat 2018-01-06" in line)
        assert row.rstrip().endswith("44 %")
        assert "Out by" in text
        command = dict(view_of(terminal).yanks())["command"]
        assert command.endswith("--level 80 --on-hand 620 --lead-time 5 --service-level 95")
        assert view_of(terminal).as_data()["inventory"]["order_quantity"] == 122.4
        await terminal.press("l", "l", "l", "l")
        assert "3.1 %" in terminal.line(4)

    look(monkeypatch, workspace, scenario, size=size)


def test_stock_belongs_to_its_series_and_the_lead_time_is_kept(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await hold(terminal, "620, 5, 95, 40@3", shown="order 123 now")
        view = view_of(terminal)
        kept = view.remember()
        assert (kept["lead_time"], kept["service_level"]) == (5, "95")
        other = Question(series="YOGURT NOT MULTI-PACKS")
        assert view.stock_of(other) is None
        await terminal.press("o")
        assert "620, 5, 95, 40@3" in terminal.line(-2)
        await terminal.press("ctrl+u")
        await terminal.type("80")
        await terminal.press("enter")
        assert view.on_hand[SERIES] == OnHand(80.0, (), 5, 95.0)
        await terminal.press("o", "ctrl+u", "enter")
        await terminal.settled(lambda: "on hand" not in terminal.text())

    look(monkeypatch, workspace, scenario)


def test_a_data_set_that_knows_the_stock_needs_no_typing(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    script = prepared(workspace)
    shown = script.commands["data show"].data
    script.commands["data show"] = verbs.Answer(0, shown | {"stock": "on_hand"}, "")
    answer = learning.stocked(said(), lead_time=None, reorder_point=None, order_quantity=None,
                              on_hand_from="data")  # fmt: skip
    script.commands["predict"] = verbs.Answer(0, answer, "")

    async def scenario(terminal: StagedTerminal) -> None:
        await terminal.settled(lambda: "on hand 620" in terminal.text())
        assert "o with a lead time it says how much to order" in terminal.text()
        assert "--on-hand" not in terminal.line(-2)
        await terminal.press("o")
        await terminal.type(", 4")
        await terminal.press("enter")
        assert "--lead-time 4" in terminal.line(-2)

    look(monkeypatch, workspace, scenario, script)


def test_what_makes_no_sense_is_said_and_stays_typed(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        for typed, problem in (
            ("much", "not a number: much"),
            ("10, 0", "days: a whole number from 1 to 365"),
            ("10, 3, 40", "service level: 50 to below 100 percent"),
            ("10, 3, 95, 7", "at most three"),
            ("-", "the data set does not know it"),
        ):
            await terminal.press("o")
            await terminal.type(typed)
            await terminal.press("enter")
            assert problem in terminal.line(-2), typed
            await terminal.press("escape")
        assert view_of(terminal).on_hand == {}

    look(monkeypatch, workspace, scenario, size=(160, 40))


def test_a_version_that_cannot_tell_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    script = at_work(workspace)
    cannot = ConflictError("the model cannot tell when stock runs out", fix="Train it again")
    script.commands["predict"] = no(cannot, 8)

    async def scenario(terminal: StagedTerminal) -> None:
        await hold(terminal, "620", shown="the model cannot tell when stock runs out")
        assert "Train it again" in terminal.text()
        assert "next 7 days: 920.52" in terminal.text()

    look(monkeypatch, workspace, scenario, script, size=(80, 24))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120", OnHand(120.0)),
        ("120,5", OnHand(120.0, (), 5)),
        ("120 5 97.5%", OnHand(120.0, (), 5, 97.5)),
        ("-, 5", OnHand(None, (), 5)),
        ("-3.5", OnHand(-3.5)),
        ("40@3; 120 12@10", OnHand(120.0, ((40.0, 3), (12.0, 10)))),
        ("7, -", OnHand(7.0)),
    ],
)
def test_what_is_typed_means_what_the_command_says(text: str, expected: OnHand) -> None:
    found = read_on_hand(text)

    assert found == expected
    assert read_on_hand(found.as_text()) == found
    options = found.arguments()
    assert ("--on-hand" in options) == (found.quantity is not None)
    assert options.count("--on-order") == len(found.on_order)


@pytest.mark.parametrize("text", ["nan", "1e999", "5, 1.5", "5, 366", "5, 3, 100", "-4@2", "4@0"])
def test_stock_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        read_on_hand(text)


def test_the_lead_time_of_last_time_holds_unless_another_is_typed() -> None:
    usual = OnHand(lead_time=5, service_level=95.0)

    assert read_on_hand("80", usual) == OnHand(80.0, (), 5, 95.0)
    assert read_on_hand("80, 3", usual) == OnHand(80.0, (), 3)
    assert read_on_hand("80, -", usual) == OnHand(80.0)


def test_enough_on_hand_needs_no_order_and_a_stock_series_none_at_all() -> None:
    forecast = forecast_of(said())
    enough = inventory_of(learning.stocked(said(), order_quantity=0.0)["inventory"])
    assert enough is not None
    lines = [text_of(line) for line in stock_lines(forecast, enough, None, 70, "o")]
    assert "✓ no order is needed now  5 days at 95 % need 743" in lines[1]
    told = learning.stocked(said(), target="stock", on_hand=None, on_hand_from=None, threshold=20.0,
                            stockout_within={"at_least": 0.3, "at_most": 0.6})  # fmt: skip
    level = inventory_of(told["inventory"])
    assert level is not None
    first, second = stock_lines(forecast, level, None, 70, "o")
    assert "stock at 20 or below" in text_of(first) and "30 % … 60 %" in text_of(first)
    assert second == []


@pytest.mark.parametrize("data", [None, 3, {"days": [None, {"stockout_by": "x"}]}])
def test_anything_that_is_told_of_stock_is_survived(data: Any) -> None:
    found = inventory_of(data)
    if found is not None:
        assert stock_lines(forecast_of(said()), found, None, 60, "o")


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.0, "< 0.1 %"), (0.031, "3.1 %"), (0.441, "44 %"), (1.0, "100 %")],
)
def test_a_chance_has_as_many_digits_as_are_known(probability: float, expected: str) -> None:
    assert chance(probability) == expected


def test_a_short_series_says_that_days_were_filled_in(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    script = at_work(workspace)
    script.predictor = False
    script.commands["predict"] = verbs.Answer(0, said() | {"extended": True, "known_days": 12}, "")

    async def scenario(terminal: StagedTerminal) -> None:
        assert "! only 12 of 30 days are known" in terminal.text()

    look(monkeypatch, workspace, scenario, script)
