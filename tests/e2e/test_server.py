"""The embedded Prefect server: closed, alone in its workspace, and gone when nobody needs it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from engine.config.settings import PrefectServerSettings
from engine.prefect_server.connection import Connection
from engine.prefect_server.supervise import ServerLease
from engine.processes import start_mark
from tests.e2e.harness import Engine

SETTINGS = PrefectServerSettings(idle_exit_seconds=1)


@pytest.fixture
def home(engine: Engine, tmp_path: Path) -> Path:
    """A home of its own; the tables are copied, since making them takes ten seconds."""
    folder = tmp_path / "prefect"
    folder.mkdir()
    for file in engine.workspace.prefect_home.glob("prefect.db*"):
        shutil.copy(file, folder)
    return folder


def wait_gone(pid: int, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while start_mark(pid) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_the_api_answers_nobody_without_the_credentials_of_this_server(engine: Engine) -> None:
    connection = Connection.read(engine.workspace.prefect_home)
    assert connection is not None
    url = f"{connection.url}/flow_runs/filter"

    assert httpx.post(url, json={}).status_code == 401
    assert httpx.post(url, json={}, auth=("engine", "guess")).status_code == 401
    user, _, password = connection.auth.partition(":")
    assert httpx.post(url, json={}, auth=(user, password)).status_code == 200
    mode = (engine.workspace.prefect_home / "server.json").stat().st_mode
    assert mode & 0o077 == 0


def test_the_server_listens_on_the_loopback_interface_alone(engine: Engine) -> None:
    connection = Connection.read(engine.workspace.prefect_home)
    assert connection is not None
    port = httpx.URL(connection.url).port
    assert port is not None
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    ]
    assert listening == [
        f"{int.from_bytes(socket.inet_aton('127.0.0.1'), 'little'):08X}:{port:04X}"
    ]


def test_a_second_lease_shares_the_server_and_the_last_one_lets_it_go(home: Path) -> None:
    with ServerLease(home, SETTINGS) as first:
        first.wait_ready()
        with ServerLease(home, SETTINGS) as second:
            second.wait_ready()
            assert second.connection == first.connection
        time.sleep(2.5)
        assert start_mark(first.connection.pid) is not None, "it left although it was leased"
    assert wait_gone(first.connection.pid)
    assert Connection.read(home) is None


def test_a_killed_server_is_replaced(home: Path) -> None:
    with ServerLease(home, SETTINGS) as first:
        first.wait_ready()
    os.kill(first.connection.pid, signal.SIGKILL)
    assert wait_gone(first.connection.pid)
    with ServerLease(home, SETTINGS) as second:
        second.wait_ready()
        assert second.connection.pid != first.connection.pid
        assert httpx.get(f"{second.connection.url}/health").status_code == 200
    assert wait_gone(second.connection.pid)


def test_a_server_whose_workspace_was_deleted_leaves(home: Path) -> None:
    with ServerLease(home, SETTINGS) as lease:
        lease.wait_ready()
        shutil.rmtree(home)
        assert wait_gone(lease.connection.pid)
