from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from engine.errors import ServerError
from engine.locks import FileLock
from engine.prefect_server.connection import (
    CONNECTION_FILE,
    DATABASE_UNUSABLE,
    SERVER_LOCK,
    SERVER_LOG,
    Connection,
)
from engine.prefect_server.launch import (
    ADDRESS_FILE,
    database_problem,
    find_server,
    is_owned,
    known_connection,
    reserve,
    server_failure,
    start_server,
)

_HOLDER = """
import sys
from pathlib import Path
from engine.locks import FileLock
FileLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""

Hold = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Let another process hold the home, as a server does, until it is killed."""
    with ExitStack() as processes:

        def start() -> subprocess.Popen[str]:
            process = processes.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _HOLDER, str(tmp_path / SERVER_LOCK)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            processes.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            return process

        yield start


def listening() -> closing[socket.socket]:
    """Somebody else's program on some port."""
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    return closing(other)


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_the_next_server_has_the_address_and_the_credentials_of_the_one_before(
    tmp_path: Path,
) -> None:
    with closing(reserve(tmp_path, 0)) as first:
        pass
    with closing(reserve(tmp_path, 0)) as second:
        assert second.address == first.address
        assert port_of(second.listener) == first.address.port
        assert second.connection == known_connection(tmp_path) == first.connection


def test_what_arrives_while_no_server_lives_is_not_refused(tmp_path: Path) -> None:
    with (
        closing(reserve(tmp_path, 0)) as reserved,
        socket.create_connection(("127.0.0.1", reserved.address.port), timeout=5) as client,
    ):
        client.sendall(b"GET /")


def test_credentials_of_two_homes_differ(tmp_path: Path) -> None:
    homes = [tmp_path / "a", tmp_path / "b"]
    auths = set()
    for home in homes:
        home.mkdir()
        with closing(reserve(home, 0)) as reserved:
            auths.add(reserved.address.auth)

    assert len(auths) == 2
    assert all(auth.startswith("engine:") and len(auth) > 40 for auth in auths)


def test_when_somebody_else_took_the_port_another_one_serves_with_the_same_credentials(
    tmp_path: Path,
) -> None:
    with listening() as other:
        (tmp_path / ADDRESS_FILE).write_text(
            json.dumps({"port": port_of(other), "auth": "engine:old"})
        )
        with closing(reserve(tmp_path, 0)) as reserved:
            assert reserved.address.port != port_of(other)
            assert reserved.address.auth == "engine:old"
            assert known_connection(tmp_path) == reserved.connection


def test_a_port_that_was_asked_for_and_is_taken_is_an_error_that_names_the_setting(
    tmp_path: Path,
) -> None:
    with (
        listening() as other,
        pytest.raises(
            ServerError,
            match=rf"prefect_server\.port: port {port_of(other)} cannot be used: Address already",
        ),
    ):
        reserve(tmp_path, port_of(other))

    assert known_connection(tmp_path) is None


def test_a_port_that_is_asked_for_counts_more_than_the_one_of_before(tmp_path: Path) -> None:
    with closing(reserve(tmp_path, 0)) as before:
        with listening() as free:
            wanted = port_of(free)
        with closing(reserve(tmp_path, wanted)) as now:
            assert now.address.port == wanted
            assert now.address.auth == before.address.auth
    with closing(reserve(tmp_path, 0)) as later:
        assert later.address == now.address


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"port": 1}', '"text"', "null"])
def test_a_damaged_address_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / ADDRESS_FILE).write_text(content)

    assert known_connection(tmp_path) is None
    with closing(reserve(tmp_path, 0)) as reserved:
        assert known_connection(tmp_path) == reserved.connection


def test_the_address_with_the_credentials_is_for_its_owner_alone(tmp_path: Path) -> None:
    with closing(reserve(tmp_path, 0)):
        assert (tmp_path / ADDRESS_FILE).stat().st_mode & 0o777 == 0o600


def test_the_server_of_a_home_is_the_living_one_that_holds_it_and_has_said_where(
    tmp_path: Path, hold: Hold
) -> None:
    assert not is_owned(tmp_path)
    assert find_server(tmp_path) is None

    server = hold()
    assert is_owned(tmp_path)
    assert find_server(tmp_path) is None  # it is starting and has not said yet

    connection = Connection("http://127.0.0.1:4200/api", "engine:secret", server.pid)
    connection.publish(tmp_path)
    assert find_server(tmp_path) == connection

    server.kill()
    server.wait()
    assert not is_owned(tmp_path)
    assert find_server(tmp_path) is None


def test_a_connection_that_a_killed_server_left_is_not_that_of_its_successor(
    tmp_path: Path, hold: Hold
) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    Connection("http://127.0.0.1:4200/api", "engine:secret", gone.pid).publish(tmp_path)

    hold()

    assert is_owned(tmp_path)
    assert find_server(tmp_path) is None


def test_a_connection_without_the_lock_is_no_server_though_a_process_has_its_number(
    tmp_path: Path,
) -> None:
    Connection("http://127.0.0.1:4200/api", "engine:secret", os.getpid()).publish(tmp_path)

    assert find_server(tmp_path) is None


def test_two_servers_of_one_home_are_not_started(tmp_path: Path, hold: Hold) -> None:
    connection = Connection("http://127.0.0.1:4200/api", "engine:secret", hold().pid)
    connection.publish(tmp_path)

    with (
        closing(reserve(tmp_path, 0)) as reserved,
        pytest.raises(ServerError, match="another Prefect server holds this workspace"),
    ):
        start_server(tmp_path, reserved, 60)

    assert Connection.read(tmp_path) == connection


def test_looking_for_an_owner_does_not_become_one(tmp_path: Path) -> None:
    assert not is_owned(tmp_path)

    lock = FileLock(tmp_path / SERVER_LOCK)
    assert lock.acquire(wait=False)
    lock.release()


def test_a_failure_of_the_server_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / SERVER_LOG
    log.write_text("\n".join(f"line {number}" for number in range(100)))

    error = server_failure(tmp_path, "the Prefect server stopped")

    assert error.what == "the Prefect server stopped"
    assert error.where == str(log)
    assert error.fix is not None
    assert error.fix.startswith("The end of its log:\n")
    assert error.fix.endswith("  line 98\n  line 99")
    assert "line 50" not in error.fix


def test_a_failure_before_there_is_a_log_has_none_to_show(tmp_path: Path) -> None:
    assert server_failure(tmp_path, "the Prefect server stopped").fix is None
    assert not (tmp_path / CONNECTION_FILE).exists()


def test_why_a_database_cannot_be_used_is_told_from_the_servers_log(tmp_path: Path) -> None:
    said = "a warning\nerror: postgresql://me:***@h/d: the database cannot be reached. Start it\n"
    (tmp_path / SERVER_LOG).write_text(said)

    problem = database_problem(tmp_path, DATABASE_UNUSABLE)

    assert problem is not None
    assert str(problem) == "postgresql://me:***@h/d: the database cannot be reached. Start it"
    assert database_problem(tmp_path, 1) is None
