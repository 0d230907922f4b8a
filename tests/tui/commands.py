"""Commands that a terminal asks, carried out in the process of the test: ten times as fast."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from engine.cli.guard import run_guarded
from engine.cli.main import engine
from engine.workspace import ENVIRONMENT_VARIABLE, Workspace
from tui import verbs


class Commands:
    """Lets a terminal's commands be carried out here, and knows which they were.

    Attributes:
        asked: The arguments of each, in order.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
        self.asked: list[tuple[str, ...]] = []
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(workspace.root))
        monkeypatch.setattr(verbs, "ask", self._ask)

    async def _ask(self, _: Workspace, *arguments: str) -> verbs.Answer:
        self.asked.append(arguments)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_guarded(engine, [*arguments, "--json"])
        text = out.getvalue()
        return verbs.Answer(code, json.loads(text) if text.strip() else None, err.getvalue())

    def of(self, *start: str) -> list[tuple[str, ...]]:
        """Those that begin so."""
        return [one for one in self.asked if one[: len(start)] == start]
