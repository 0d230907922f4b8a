from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli.guard import run_guarded
from engine.cli.main import engine
from engine.client import EngineClient, calls
from engine.client import start as engine_start
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.engine_thread import EngineThread, wait_until


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

_SPAWN = engine_start._spawn


def _start_none(*_: object) -> Any:
    raise AssertionError("a command started an engine that the test did not ask for")


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
    # An engine that a command starts would outlive the tests.
    monkeypatch.setattr(engine_start, "_spawn", _start_none)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> EngineCommand:
    """Run a command line in this process: `command("runs", "--json")`."""

    def run(*arguments: str | Path, stdin: str = "") -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run_guarded(engine, [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture
def table(workspace: Workspace) -> RunTable:
    """The table of runs, as the engine of the workspace has it too."""
    return RunTable(workspace.database)


@pytest.fixture
def light_engine(workspace: Workspace) -> Iterator[EngineThread]:
    """The engine of the workspace, which accepts runs and starts none."""
    with EngineThread(workspace) as running:
        yield running


@pytest.fixture
def engine_may_start(
    environment: None, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> Iterator[None]:
    """A command may start a real engine; it is ended with the test.

    For an empty table of runs only: anything in it makes an engine start a Prefect server.
    """
    monkeypatch.setattr(engine_start, "_spawn", _SPAWN)
    workspace.create()
    # Whoever has an engine on this machine has the usual ports.
    (workspace.configs / "engine.yaml").write_text(
        "flow_api: {enabled: false}\nweb_page: {enabled: false}\n"
    )
    yield
    if engine_start.answers(workspace):
        with EngineClient(workspace, autostart=False) as client:
            client.send(calls.down())
        wait_until(lambda: not engine_start.answers(workspace))
