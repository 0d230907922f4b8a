"""The screen of deployed versions: what it says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.workspace import Workspace
from tests.tui.stories import story
from tests.tui.terminal import Terminal
from tests.tui.versions import IDS, NOW, look_at, rows, told, version, view_of
from tui.models.facts import fits, models_of, moves_of
from tui.models.orders import best, ordered
from tui.models.table import columns_for


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_versions_are_shown_at_every_size(workspace: Workspace, size: tuple[int, int]) -> None:
    async def scenario(terminal: Terminal) -> None:
        first, second, third = rows(terminal)
        assert "◆ champion" in first and IDS[0] in first and "0.800*" in first
        assert "○ previous" in second and "0.900 " in second and "+10.0 %" in second
        assert "champion" not in third and "-10.0 %" in third
        if size[0] >= 140:
            assert "Lineage" in terminal.text() and "4fe966f3a84294d3" in terminal.text()

    look_at(workspace, scenario, size=size)


def test_columns_fit_whatever_the_width(workspace: Workspace) -> None:
    models, _ = models_of(told())
    for width in range(60, 201):
        columns = columns_for(models, width)
        assert 1 + sum(columns.values()) + len(columns) <= width
    assert "type" in columns_for(models, 110)
    assert "rmsse" in columns_for(models, 110)


def test_the_next_column_sorts_and_the_heading_says_so(workspace: Workspace) -> None:
    shuffled = [told()[at] for at in (1, 2, 0)]

    async def scenario(terminal: Terminal) -> None:
        assert "Deployed↓" in terminal.line(2)
        assert [row.split()[2] for row in rows(terminal)[:1]] == [IDS[0]]
        await terminal.press("o")
        assert "MASE↑" in terminal.line(2)
        assert [IDS.index(id) for row in rows(terminal) for id in IDS if id in row] == [0, 1, 2]
        await terminal.press("O")
        assert "MASE↓" in terminal.line(2)
        assert [IDS.index(id) for row in rows(terminal) for id in IDS if id in row] == [2, 1, 0]
        assert view_of(terminal).selected().id == IDS[0], "the cursor stays on its version"  # type: ignore[union-attr]

    look_at(workspace, scenario, shuffled)


def test_a_filter_takes_letters_in_order_and_turns_with_an_exclamation_mark(
    workspace: Workspace,
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("slash")
        await terminal.type("lgbm")
        assert len(rows(terminal)) == 1 and IDS[1] in rows(terminal)[0]
        await terminal.press("enter", "slash", "ctrl+u")
        await terminal.paste("!champ !prev")
        assert [IDS[2] in row for row in rows(terminal)] == [True]
        await terminal.press("escape")
        assert len(rows(terminal)) == 1 and IDS[1] in rows(terminal)[0]
        await terminal.press("escape")
        assert len(rows(terminal)) == 3

    look_at(workspace, scenario)


def test_two_to_six_are_compared_with_differences_to_the_champion(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("space", "c")
        assert "mark 2 to 6 versions" in terminal.said and "1 are marked" in terminal.said
        await terminal.press("space", "c")
        text = terminal.text()
        assert "2 versions compared" in text
        mase = next(line for line in text.split("\n") if "│ MASE  " in line)
        assert "0.800*" in mase and "0.900  +0.100" in mase
        assert any("! seed" in line and "11" in line for line in text.split("\n"))
        await terminal.press("G")
        lines = terminal.text().split("\n")
        assert any("! epochs" in line and "40" in line and "20" in line for line in lines)
        assert any("the same: loss mae" in line for line in lines)
        await terminal.press("c")
        assert "compared" not in terminal.text()

    look_at(workspace, scenario, size=(120, 40))


def test_seven_are_too_many_and_other_data_is_warned_of(workspace: Workspace) -> None:
    many = [
        version(f"lstm-{at:012d}", "LSTM", NOW - at, story(0.8 + at / 100, dataset=f"data{at}"))
        for at in range(7)
    ]

    async def scenario(terminal: Terminal) -> None:
        await terminal.press(*["space"] * 7, "c")
        assert "7 are marked" in terminal.said
        await terminal.press("space", "c")
        text = terminal.text()
        assert "6 versions compared" in text
        assert "measured on different data" in text
        assert "differences to lstm-000000000000" in text, "nothing serves: to the first"

    look_at(workspace, scenario, many, size=(120, 40))


def test_enter_tells_all_and_enter_again_goes_to_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    async def scenario(terminal: Terminal) -> None:
        monkeypatch.setattr(terminal.app, "open_run", opened.append)
        await terminal.press("j", "j", "enter")
        text = terminal.text()
        assert "! forced: the line starts" in text
        assert "10.0 % worse than naive" in text
        assert "80 % interval" in text and "82.0 %" in text
        assert "BUTTER" in text and "2.200" in text
        await terminal.press("G")
        assert "Loss by round" in terminal.text()
        await terminal.press("enter")
        assert not terminal.app.overlays

    look_at(workspace, scenario, size=(120, 40))
    assert opened == ["a8234758-2e74-4942-9505-91a6955fdee3"]


def test_the_mouse_selects_opens_and_changes_tabs(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.click(20, 4)
        assert view_of(terminal).selected().id == IDS[1]  # type: ignore[union-attr]
        await terminal.click(20, 5, times=2)
        assert "the line starts" in terminal.text() and terminal.app.overlays
        await terminal.press("escape")
        await terminal.click(terminal.line(1).index("History") + 2, 1)
        assert view_of(terminal).tab == "history"

    look_at(workspace, scenario)


def test_what_is_copied(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        found = dict(view_of(terminal).yanks())
        assert found["id"] == IDS[0]
        assert found["path"] == f"/store/{IDS[0]}"
        assert found["command"] == f"engine models show {IDS[0]}"
        assert '"mase": 0.8' in found["JSON"]
        assert "0.800" in found["row"]

    look_at(workspace, scenario)


def test_nothing_in_a_version_acts_on_the_terminal(workspace: Workspace) -> None:
    lineage = story(0.8, forced="\x1b]0;owned\x07[bold]x", hyperparameters={"\x1b[2J": "\x9b1m"})
    hostile = [version("lstm-1", "L\x1b[31mSTM\n", NOW, lineage, "champion")]

    async def scenario(terminal: Terminal) -> None:
        for keys in ([], ["enter"], ["G"]):
            await terminal.press(*keys)
            text = terminal.text()
            assert "\x1b" not in text and "\x07" not in text and "\x9b" not in text
            assert "[bold]x" in text or keys == ["G"]

    look_at(workspace, scenario, hostile, size=(200, 60))


def test_a_screen_comes_back_as_it_was_left_and_survives_damage(workspace: Workspace) -> None:
    kept: dict[str, Any] = {}

    async def leave(terminal: Terminal) -> None:
        await terminal.press("o", "O", "j")
        kept.update(view_of(terminal).remember())

    async def come_back(terminal: Terminal) -> None:
        view = view_of(terminal)
        view.restore(kept)
        assert "MASE↓" in terminal.line(2)
        assert view.selected().id == kept["version"]  # type: ignore[union-attr]
        for broken in ({"sorted": 7, "tab": [], "turned": "x"}, {"sorted": "none", "filter": None}):
            view.restore(broken)
            assert view.tab == "leaderboard" and view.order.by == "mase"
        assert len(rows(terminal)) == 3

    look_at(workspace, leave)
    assert kept["version"]
    look_at(workspace, come_back)


def test_it_speaks_korean(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        text = terminal.text()
        assert "순위" in text and "◆ 챔피언" in text and "개선율" in text

    look_at(workspace, scenario, chosen_language="ko")


def test_nothing_is_promoted_where_the_terminal_only_reads(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        for key in ("p", "B", "D"):
            await terminal.press("j", key)
            assert "read-only" in terminal.said and not terminal.app.overlays

    look_at(workspace, scenario, read_only=True)


# What is told may be anything


@pytest.mark.parametrize(
    "data", [None, {}, [1, None, "x"], [{"id": ""}], [{"id": "a-1"}], [{"id": "a-1", "lineage": 3}]]
)
def test_anything_that_is_told_of_versions_is_survived(data: Any) -> None:
    models, _ = models_of(data)
    assert [model.id for model in models] == [
        one["id"] for one in data or [] if isinstance(one, dict) and one["id"]
    ]
    assert all(model.gain is None for model in models)
    assert moves_of(data) is not None
    assert not best(models)


def test_a_version_without_a_measure_comes_last_either_way() -> None:
    unknown = version("lstm-1", "LSTM", NOW, {"evaluation": {"scores": {}}})
    models, _ = models_of([unknown, *told()])
    for turned in (False, True):
        assert ordered(models, "mase", turned=turned)[-1].id == "lstm-1"


def test_words_of_a_filter_must_all_fit() -> None:
    models, _ = models_of(told())
    assert fits(models[0], "champion", "lstm champ")
    assert not fits(models[0], "champion", "lstm prev")
    assert fits(models[1], "", "!lstm !")
