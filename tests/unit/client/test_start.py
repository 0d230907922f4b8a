from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.client import EngineClient, calls
from engine.client.start import answers, start_engine
from engine.config.files import ENGINE_FILE
from engine.errors import ConfigError, EngineError, ServerError, StorageError
from engine.locks import FileLock
from engine.workspace import Workspace


@pytest.fixture
def stopped_afterwards(workspace: Workspace) -> Iterator[None]:
    """An engine outlives whoever started it: end the one of this test."""
    yield
    with EngineClient(workspace, autostart=False) as engine:
        engine.send(calls.down())
    # It has the lock until it is gone.
    lock = FileLock(workspace.engine_lock)
    assert lock.acquire()
    lock.release()


def test_a_left_over_socket_is_no_engine(workspace: Workspace) -> None:
    assert not answers(workspace)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workspace.socket))
        assert not answers(workspace)
        listener.listen()
        assert answers(workspace)

    assert not answers(workspace)


@pytest.mark.usefixtures("stopped_afterwards")
def test_of_several_that_start_an_engine_at_once_all_get_the_same_one(
    workspace: Workspace,
) -> None:
    with ThreadPoolExecutor(3) as pool:
        for started in [pool.submit(start_engine, workspace) for _ in range(3)]:
            started.result()

    with EngineClient(workspace, autostart=False) as first:
        pids = {first.send(calls.status()).pid for _ in range(3)}
    assert len(pids) == 1
    assert workspace.engine_lock.read_text() == f"{pids.pop()}\n"
    assert "runs already" not in workspace.engine_log.read_text()  # no second one was even tried
    assert workspace.engine_log.stat().st_mode & 0o777 == 0o600


def test_an_engine_whose_settings_are_wrong_does_not_start_and_says_what_is_wrong(
    workspace: Workspace,
) -> None:
    (workspace.configs / ENGINE_FILE).write_text("queue:\n  max_concurent: 3\n")

    with pytest.raises(ConfigError, match=r"engine\.yaml:2:3: .*max_concurrent"):
        start_engine(workspace)


def test_what_an_earlier_engine_said_is_not_taken_for_what_this_one_says(
    workspace: Workspace,
) -> None:
    workspace.engine_log.write_text("error: of yesterday\n")
    workspace.database.write_bytes(b"no database at all" * 100)

    with pytest.raises(StorageError) as failed:
        start_engine(workspace)

    assert "engine.db" in str(failed.value)
    assert "of yesterday" not in str(failed.value)


def test_an_engine_that_ends_without_a_word_is_an_error_with_the_end_of_its_log(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its interpreter is broken."""
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")

    with pytest.raises(ServerError, match=r"stopped at its start \(exit status 1\)") as failed:
        start_engine(workspace)

    assert isinstance(failed.value, EngineError)
    assert failed.value.where == str(workspace.engine_log)
    assert failed.value.fix is not None
    assert "What it said" in failed.value.fix
