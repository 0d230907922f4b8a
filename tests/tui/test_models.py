"""The screen of deployed versions: what it says, and what its keys do to the engine's aliases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StorageError
from engine.store import AliasRegistry, VersionStore
from engine.workspace import Workspace
from tests.tui import learning
from tests.tui.commands import Commands
from tests.tui.rows import run_info
from tests.tui.stories import champion, deploy_story, story
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.engine_thread import EngineThread
from tui import memory, verbs
from tui.models.facts import best, fits, models_of, moves_of, ordered
from tui.models.table import columns_for
from tui.screens.models import ModelsView

NOW = 1_760_000_000.0
IDS = ("lstm-aaaaaaaaaaaa", "lightgbm-bbbbbbbbbbbb", "seasonalnaive-cccccccccccc")


def told() -> list[dict[str, Any]]:
    """What `engine models --json` tells of three versions, the newest first."""
    lstm, boosted, naive = IDS
    other = {"epochs": 40, "loss": "mae"}
    return [
        version(lstm, "LSTM", NOW - 60, story(0.8, hyperparameters=other), "champion"),
        version(boosted, "LightGBM", NOW - 7200, story(0.9, seed=11), "previous"),
        version(naive, "SeasonalNaive", NOW - 90000, story(1.1, forced="the line starts"), None),
    ]


def version(
    id: str, model_type: str, created: float, lineage: dict[str, Any], alias: str | None = None
) -> dict[str, Any]:
    return {
        "id": id,
        "model_type": model_type,
        "created": created,
        "folder": f"/store/{id}",
        "lineage": lineage,
        "alias": alias,
    }


def view_of(terminal: Terminal) -> ModelsView:
    view = terminal.app.view
    assert isinstance(view, ModelsView)
    return view


def look_at(
    workspace: Workspace,
    scenario: Callable[[Terminal], Awaitable[None]],
    models: list[dict[str, Any]] | None = None,
    **options: Any,
) -> None:
    """Show versions that were told of, without an engine."""

    async def filled(terminal: Terminal) -> None:
        view_of(terminal).book.take(told() if models is None else models, [])
        terminal.app.draw()
        await scenario(terminal)

    memory.save(workspace.root, {"screen": "models"})
    use_terminal(workspace, filled, connect=False, clock=lambda: NOW, **options)


def use_engine(
    workspace: Workspace, scenario: Callable[[Terminal], Awaitable[None]], **options: Any
) -> None:
    """Show what the engine's command tells of the workspace."""

    async def begun(terminal: Terminal) -> None:
        await terminal.until(lambda: view_of(terminal).book.asked, "for the versions")
        await scenario(terminal)

    memory.save(workspace.root, {"screen": "models"})
    use_terminal(workspace, begun, **options)


def rows(terminal: Terminal) -> list[str]:
    """The lines of the leaderboard, from the first version to the last."""
    lines = terminal.text().split("\n")[3:]
    return list(takewhile(lambda line: any(id in line for id in IDS), lines))


# What is seen


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


# Before the first answer


class Slow:
    """A command whose answers wait until they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: verbs.Answer) -> None:
        self._is_free = asyncio.Event()
        self._answers = answers
        monkeypatch.setattr(verbs, "ask", self._ask)

    async def _ask(self, _: Workspace, *arguments: str) -> verbs.Answer:
        await self._is_free.wait()
        name = {"models log": "log", "backtest list": "backtests"}.get(" ".join(arguments))
        return self._answers.get(name or arguments[0], verbs.Answer(0, [], ""))

    def let_go(self) -> None:
        """Answer what was asked."""
        self._is_free.set()


async def asked(terminal: Terminal) -> None:
    await terminal.until(lambda: "asking" in terminal.text())


def ask_slowly(
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    scenario: Callable[[Terminal, Slow], Awaitable[None]],
    **answers: verbs.Answer,
) -> None:
    async def begun(terminal: Terminal) -> None:
        await asked(terminal)
        await scenario(terminal, slow)

    slow = Slow(monkeypatch, **answers)
    memory.save(workspace.root, {"screen": "models"})
    use_terminal(workspace, begun, autostart=False, clock=lambda: NOW)


TOLD = verbs.Answer(0, told(), "")


def test_enter_before_the_answer_opens_when_it_comes(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: Terminal, slow: Slow) -> None:
        await terminal.press("enter")
        assert "opens as soon as the answer is there" in terminal.text()
        slow.let_go()
        await terminal.until(lambda: terminal.app.overlays, "for the version")
        assert IDS[0] in terminal.line(1) and "Lineage" in terminal.text()
        assert not terminal.said
        await terminal.press("escape")
        view_of(terminal).book.ask()
        await terminal.until(lambda: not view_of(terminal).book.asking)
        assert not terminal.app.overlays, "it opens once"

    ask_slowly(monkeypatch, workspace, scenario, models=TOLD)


@pytest.mark.parametrize(
    "keys", [("escape",), ("right_square_bracket",), ("2",), ("question_mark",)]
)
def test_who_went_on_before_the_answer_is_not_fetched_back(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, keys: tuple[str, ...]
) -> None:
    async def scenario(terminal: Terminal, slow: Slow) -> None:
        book, before = view_of(terminal).book, len(terminal.app.overlays)
        await terminal.press("enter", *keys)
        before = len(terminal.app.overlays)
        slow.let_go()
        await terminal.until(lambda: book.asked and not book.asking)
        assert len(terminal.app.overlays) == before

    ask_slowly(monkeypatch, workspace, scenario, models=TOLD)


def test_enter_says_why_there_is_nothing_to_open(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    error = StorageError("the disk is full")
    full = verbs.Answer(7, {"error": error.to_dict()}, str(error))

    async def scenario(terminal: Terminal, slow: Slow) -> None:
        await terminal.press("enter")
        slow.let_go()
        await terminal.until(lambda: view_of(terminal).book.problem)
        await terminal.press("enter")
        assert "the disk is full" in terminal.said
        assert not terminal.app.overlays

    ask_slowly(monkeypatch, workspace, scenario, models=full)


@pytest.mark.parametrize("tab", ["history", "backtests"])
def test_enter_before_the_answer_opens_on_the_other_tabs_too(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, tab: str
) -> None:
    async def scenario(terminal: Terminal, slow: Slow) -> None:
        while view_of(terminal).tab != tab:
            await terminal.press("right_square_bracket")
        await terminal.press("enter")
        assert "opens as soon as the answer is there" in terminal.text()
        slow.let_go()
        await terminal.until(lambda: terminal.app.overlays, "for what is under the cursor")

    moves = [{"at": NOW, "action": "promote", "champion": IDS[0], "previous": None,
              "who": "somebody", "reason": ""}]  # fmt: skip
    answers = {"log": moves, "backtests": learning.backtests()}
    said = {name: verbs.Answer(0, data, "") for name, data in answers.items()}
    ask_slowly(monkeypatch, workspace, scenario, models=TOLD, **said)


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


# What keys do to the engine


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Commands:
    """Commands are carried out in this process."""
    return Commands(monkeypatch, workspace)


@pytest.fixture
def deployed(workspace: Workspace, tmp_path: Path) -> list[str]:
    """Three versions, each of which served in turn; their ids, the oldest first."""
    return [deploy_story(workspace, tmp_path, story(mase)).id for mase in (0.95, 0.9, 0.8)]


def test_promote_roll_back_and_undo_move_the_aliases(
    engine: EngineThread, workspace: Workspace, commands: Commands, deployed: list[str]
) -> None:
    first, _, third = deployed

    async def scenario(terminal: Terminal) -> None:
        await terminal.press("p")
        assert "serves already" in terminal.said
        await terminal.press("G", "p")
        assert f"engine models promote {first}" in terminal.text()
        await terminal.press("n")
        assert champion(workspace) == third, "no is no"
        await terminal.press("p", "y")
        await terminal.until_shown(f"{first} serves   engine models promote")
        assert champion(workspace) == first
        await terminal.until(lambda: "◆ champion" in _line_of(terminal, first))
        await terminal.press("u")
        await terminal.until_shown(f"{third} serves again")
        assert champion(workspace) == third
        await terminal.until(lambda: "◆ champion" in _line_of(terminal, third))
        await terminal.press("B")
        assert "engine models rollback" in terminal.text()
        await terminal.press("y")
        await terminal.until_shown(f"{first} serves   engine models rollback")
        assert champion(workspace) == first
        await terminal.press("u")
        await terminal.until_shown(f"{third} serves again")
        assert champion(workspace) == third
        done = [command for _, command, _ in terminal.app.commands]
        assert done == [
            f"engine models promote {first}",
            f"engine models promote {third} --reason undo",
            "engine models rollback",
            f"engine models promote {third} --reason undo",
        ]

    use_engine(workspace, scenario)


def _line_of(terminal: Terminal, version: str) -> str:
    return next(line for line in terminal.text().split("\n")[2:] if version in line)


def test_undo_takes_back_nothing_that_somebody_else_did(
    engine: EngineThread, workspace: Workspace, commands: Commands, deployed: list[str]
) -> None:
    first, second, _ = deployed

    async def scenario(terminal: Terminal) -> None:
        await terminal.press("G", "p", "y")
        await terminal.until_shown(f"{first} serves   engine models promote")
        AliasRegistry(workspace.central_storage).promote(second, expected=first)
        await terminal.press("u")
        await terminal.until_shown("somebody has moved the champion")
        assert champion(workspace) == second

    use_engine(workspace, scenario)


def test_a_version_in_service_is_not_deleted_and_another_is(
    engine: EngineThread, workspace: Workspace, commands: Commands, deployed: list[str]
) -> None:
    store = VersionStore(workspace.central_storage)

    async def scenario(terminal: Terminal) -> None:
        await terminal.press("D")
        await terminal.type("delete")
        await terminal.press("enter")
        await terminal.until_shown("it is the champion version")
        await terminal.press("G", "D")
        await terminal.type("yes")
        await terminal.press("enter")
        assert len(store.newest()) == 3, "another word deletes nothing"
        await terminal.press("ctrl+u")
        await terminal.type("delete")
        await terminal.press("enter")
        await terminal.until(lambda: len(store.newest()) == 2)
        await terminal.until(lambda: len(view_of(terminal).shown()) == 2, "for the list")

    use_engine(workspace, scenario)
    assert deployed[0] not in [version.id for version in store.newest()]


def test_verifying_tells_which_version_is_damaged(
    engine: EngineThread, workspace: Workspace, commands: Commands, deployed: list[str]
) -> None:
    damaged = VersionStore(workspace.central_storage).get(deployed[0])
    for path in damaged.bundle.glob("*.json"):
        path.write_bytes(path.read_bytes() + b" ")

    async def scenario(terminal: Terminal) -> None:
        await terminal.press("v")
        await terminal.until_shown("✓ files and golden forecast verified")
        await terminal.press("G", "v")
        await terminal.until_shown("✗ the bundle does not verify")

    use_engine(workspace, scenario, size=(200, 60))


def test_the_history_tells_who_moved_what_and_why(
    engine: EngineThread, workspace: Workspace, deployed: list[str]
) -> None:
    AliasRegistry(workspace.central_storage).roll_back(reason="drift on Monday")

    async def scenario(terminal: Terminal) -> None:
        await terminal.press("right_square_bracket")
        await terminal.until_shown("drift on Monday")
        assert "rolled back" in terminal.line(3) and deployed[1] in terminal.line(3)
        assert "promoted" in terminal.line(4) and "tester, run 1234" in terminal.line(4)
        assert "MASE 0.800 → 0.900" in terminal.text()
        assert view_of(terminal).as_data()["log"][0]["reason"] == "drift on Monday"
        await terminal.press("escape")
        assert "MASE" in terminal.line(2)

    use_engine(workspace, scenario)


def test_what_others_deploy_appears_by_itself_and_nothing_is_asked_for_nothing(
    engine: EngineThread,
    workspace: Workspace,
    commands: Commands,
    deployed: list[str],
    tmp_path: Path,
) -> None:
    async def scenario(terminal: Terminal) -> None:
        view = view_of(terminal)
        known = view.book.revision
        # The first tick sees the files for the first time.
        view.tick()
        await terminal.until(lambda: view.book.revision > known)
        asked = len(commands.of("models"))
        for _ in range(5):
            view.tick()
            await terminal.press("j", "k")
        assert len(commands.of("models")) == asked
        new = deploy_story(workspace, tmp_path, story(0.7)).id
        view.tick()
        await terminal.until_shown(new)
        assert len(commands.of("models")) == asked + 1
        terminal.board.take_run(run_info(0, flow="full_flow"))
        view.tick()
        await terminal.until(lambda: len(commands.of("models")) == asked + 2)
        assert view.selected().id == deployed[-1], "the cursor stays on its version"  # type: ignore[union-attr]

    use_engine(workspace, scenario)


def test_an_empty_store_says_what_to_do_and_a_broken_one_what_is_wrong(
    engine: EngineThread, workspace: Workspace, commands: Commands, tmp_path: Path
) -> None:
    async def scenario(terminal: Terminal) -> None:
        assert "No version is deployed yet." in terminal.text()
        broken = VersionStore(workspace.central_storage).get(
            deploy_story(workspace, tmp_path, story(0.7)).id
        )
        (broken.folder / "lineage.json").write_text("{")
        await terminal.press("ctrl+g")
        await terminal.until_shown("lineage.json is not JSON")

    use_engine(workspace, scenario)
