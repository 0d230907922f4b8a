"""Enter on the screen of models before there is anything to open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.errors import StorageError
from engine.workspace import Workspace
from tests.tui import learning
from tests.tui.terminal import Terminal, use_terminal
from tests.tui.versions import IDS, NOW, told, view_of
from tui import memory, verbs


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
