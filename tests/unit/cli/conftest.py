from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli.guard import run_guarded
from engine.cli.main import engine
from engine.workspace import Workspace


@dataclass(frozen=True)
class Answer:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


EngineCommand = Callable[..., Answer]


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Commands work in the test's workspace, on a terminal of a known width without colours."""
    monkeypatch.setenv("MLOPS_WORKSPACE", str(workspace.root))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "xdg"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    monkeypatch.delenv("_ENGINE_COMPLETE", raising=False)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> EngineCommand:
    """Run a command line in this process: `command("runs", "--json")`."""

    def run(*arguments: str | Path) -> Answer:
        code = run_guarded(engine, [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run
