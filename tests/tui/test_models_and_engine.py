"""What the keys of the screen of models do to the engine's versions and aliases."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.store import AliasRegistry, VersionStore
from engine.workspace import Workspace
from tests.tui.commands import Commands
from tests.tui.rows import run_info
from tests.tui.stories import champion, deploy_story, story
from tests.tui.terminal import Terminal
from tests.tui.versions import use_engine, view_of
from tests.unit.engine_thread import EngineThread


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
