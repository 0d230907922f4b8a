"""Three versions, as `engine models --json` tells of them, on the screen of models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import takewhile
from typing import Any

from engine.workspace import Workspace
from tests.tui.stories import story
from tests.tui.terminal import Terminal, use_terminal
from tui import memory
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
