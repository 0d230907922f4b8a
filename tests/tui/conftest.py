from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.client import start as engine_start
from engine.workspace import Workspace
from tests.unit.engine_thread import EngineThread


def _start_none(*_: object) -> None:
    raise AssertionError("a terminal started an engine that the test did not ask for")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and languages do not depend on who runs the tests, and no engine outlives them."""
    for name in ("NO_COLOR", "LC_ALL", "LC_MESSAGES", "TMUX", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(engine_start, "_spawn", _start_none)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace of its own."""
    return Workspace(tmp_path / "w").create()


@pytest.fixture
def engine(workspace: Workspace) -> Iterator[EngineThread]:
    """A real engine that listens in the workspace; what is launched stays in its queue."""
    with EngineThread(workspace) as thread:
        yield thread
