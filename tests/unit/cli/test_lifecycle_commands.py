"""`engine up`, `status` and `down`, and the start of an engine that a command needs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from engine import processes
from engine.cli import lifecycle
from engine.client import start as engine_start
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import RUN_ID, add_run
from tests.unit.engine_thread import EngineThread, process_of_a_run, wait_until


def test_without_an_engine_the_status_says_how_to_start_one(
    command: EngineCommand, workspace: Workspace
) -> None:
    answer = command("status")
    data = command("status", "--json")

    assert (answer.code, answer.err) == (6, "")
    assert answer.out == f"no engine runs in {workspace.root}; start it: engine up\n"
    assert data.code == 6
    assert data.json == {"up": False, "workspace": str(workspace.root)}


def test_a_socket_that_nobody_listens_on_is_no_engine(
    command: EngineCommand, workspace: Workspace, light_engine: EngineThread
) -> None:
    # As an engine leaves it that was killed.
    os.link(workspace.socket, workspace.root / "kept")
    light_engine.stop()
    (workspace.root / "kept").rename(workspace.socket)

    assert command("status").code == 6
    assert command("down").out == "no engine runs here\n"


def test_asking_for_the_status_of_no_workspace_makes_none(
    command: EngineCommand, workspace: Workspace
) -> None:
    elsewhere = workspace.root.with_name("elsewhere")

    assert command("status", "--workspace", elsewhere).code == 6
    assert command("down", "--workspace", elsewhere).code == 0
    assert not elsewhere.exists()


@pytest.mark.usefixtures("light_engine")
def test_the_status_tells_of_the_engine_and_everything_it_keeps(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, "a1")
    add_run(table, "b1", state="COMPLETED")

    answer = command("status")
    lines = answer.out.splitlines()

    assert (answer.code, answer.err) == (0, "")
    assert lines[0].startswith(f"● engine: process {os.getpid()}, version {version('mlops-tui')}")
    assert lines[1:] == [
        "○ prefect server: off",
        "○ fork server: off",
        "○ predictor: off",
        "0 of at most 2 runs at once, 1 waiting",
        f"workspace: {workspace.root}",
    ]


def test_the_status_is_data_too(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, "b1", state="COMPLETED")
    add_run(table)
    with process_of_a_run(table, RUN_ID), EngineThread(workspace):
        answer = command("status", "--json")

    data = answer.json
    assert (answer.code, answer.err) == (0, "")
    assert (data["healthy"], data["problems"]) == (True, [])
    assert (data["pid"], data["version"]) == (os.getpid(), version("mlops-tui"))
    assert data["counts"] == {"RUNNING": 1, "COMPLETED": 1}
    assert (data["queued"], data["max_concurrent"]) == (0, 2)
    names = [child["name"] for child in data["children"]]
    assert names == ["prefect server", "fork server", "predictor"]
    assert data["memory"] > 0


@pytest.mark.usefixtures("light_engine")
def test_whether_an_engine_runs_is_told_in_the_same_way_as_that_none_does(
    command: EngineCommand,
) -> None:
    assert command("status", "--json").json["up"] is True


@pytest.mark.usefixtures("light_engine")
def test_a_setting_that_became_wrong_is_told_at_once_and_mended_at_once(
    command: EngineCommand, workspace: Workspace
) -> None:
    path = workspace.configs / "engine.yaml"
    path.write_text("queue: {max_concurrent: 0}\n")

    broken = command("status")
    path.write_text("queue: {max_concurrent: 7}\n")
    mended = command("status")

    assert broken.code == 1
    assert f"! the settings of before still hold: {path}:1:25: queue.max_concurrent" in broken.out
    assert "0 of at most 2 runs at once\n" in broken.out
    assert mended.code == 0
    assert "0 of at most 7 runs at once\n" in mended.out


def test_what_the_engine_keeps_and_what_became_of_it_is_told(
    command: EngineCommand, light_engine: EngineThread
) -> None:
    child = light_engine.engine.prefect.child
    child._state, child._restarts, child._problem = "failed", 9, "given up: no room on the disk"

    answer = command("status")

    assert answer.code == 1
    assert "○ prefect server: failed, restarted 9 times\n" in answer.out
    assert "    given up: no room on the disk\n" in answer.out
    assert not command("status", "--json").json["healthy"]


def test_up_has_the_engine_start_what_runs_need(
    command: EngineCommand, light_engine: EngineThread
) -> None:
    answer = command("up", "--no-wait")
    data = command("up", "--no-wait", "--json")

    assert (answer.code, data.code) == (0, 0)
    assert answer.out.splitlines()[0].startswith(f"● engine: process {os.getpid()}, ")
    assert data.json["pid"] == os.getpid()
    assert light_engine.engine.warmed == 2


def test_up_waits_for_what_starts_and_says_so(
    command: EngineCommand, light_engine: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = light_engine.engine.prefect.child
    child._state = "starting"
    # One look later it has started.
    monkeypatch.setattr(lifecycle.time, "sleep", lambda _: setattr(child, "_state", "ready"))

    answer = command("up")

    assert answer.code == 0
    assert answer.err == "... starting: prefect server, fork server, predictor\n"
    assert "● prefect server: ready\n" in answer.out


def test_where_no_engine_runs_there_is_nothing_to_stop(command: EngineCommand) -> None:
    answer = command("down")

    assert (answer.code, answer.out, answer.err) == (0, "no engine runs here\n", "")
    assert command("down", "--json").json == {"stopped": False, "running": []}


@pytest.fixture
def engine_is_a_process(monkeypatch: pytest.MonkeyPatch, light_engine: EngineThread) -> None:
    """Let this process count as gone when the engine in it is."""
    real = processes.start_mark

    def mark(pid: int) -> str | None:
        return None if pid == os.getpid() and not light_engine.is_running else real(pid)

    monkeypatch.setattr(processes, "start_mark", mark)


@pytest.mark.usefixtures("engine_is_a_process")
@pytest.mark.parametrize("options", [[], ["--cancel-runs"]])
def test_an_engine_is_stopped_and_waited_for(
    command: EngineCommand, light_engine: EngineThread, options: list[str]
) -> None:
    answer = command("down", *options)

    assert (answer.code, answer.out) == (0, "the engine has stopped\n")
    assert not light_engine.is_running
    assert command("status").code == 6


@pytest.mark.usefixtures("engine_is_a_process")
def test_stopping_is_data_too(command: EngineCommand) -> None:
    answer = command("down", "--json")

    assert (answer.code, answer.json) == (0, {"stopped": True, "running": []})


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_runs_that_go_on_without_the_engine_are_named(
    command: EngineCommand,
    table: RunTable,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
) -> None:
    add_run(table)
    with process_of_a_run(table, RUN_ID) as process:
        with EngineThread(workspace) as running:
            real = processes.start_mark
            monkeypatch.setattr(
                processes, "start_mark", lambda pid: real(pid) if running.is_running else None
            )
            answer = command("down", *options)
        assert process.poll() is None

    assert answer.code == 0
    if options:
        assert answer.json == {"stopped": True, "running": ["data_flow bold-otter (3f2a77c1)"]}
    else:
        assert answer.out == (
            "the engine has stopped\n"
            "  data_flow bold-otter (3f2a77c1) goes on; `engine up` takes it over\n"
        )
    assert table.get(RUN_ID).state == "RUNNING"


@pytest.mark.usefixtures("light_engine")
def test_an_engine_that_does_not_end_is_an_error_with_its_log(
    command: EngineCommand, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The engine of this test is a part of this process, which does not end.
    monkeypatch.setattr(lifecycle, "_DOWN_SECONDS", 0.0)

    answer = command("down")

    assert answer.code == 6
    assert answer.err.startswith(
        f"error: {workspace.engine_log}: the engine (process {os.getpid()}) has not ended"
    )


@pytest.mark.usefixtures("engine_may_start")
def test_a_command_starts_the_engine_that_it_needs_and_the_next_one_uses_it(
    command: EngineCommand, workspace: Workspace
) -> None:
    first = command("runs", "--json")
    status = command("status", "--json")
    second = command("runs")
    again = command("status", "--json")

    assert (first.code, first.json, first.err) == (0, [], "")
    assert second.code == 0
    assert (status.code, again.code) == (0, 0)
    assert status.json["pid"] == again.json["pid"] != os.getpid()
    # Asking for a list is no reason to start a Prefect server.
    assert {child["state"] for child in status.json["children"]} == {"off"}
    assert workspace.engine_log.stat().st_mode & 0o777 == 0o600
    assert workspace.socket.stat().st_mode & 0o777 == 0o600
    down = command("down")
    assert (down.code, down.out) == (0, "the engine has stopped\n")
    assert processes.start_mark(status.json["pid"]) is None
    assert command("status").code == 6
    assert not workspace.socket.exists()


@pytest.mark.usefixtures("engine_may_start")
def test_an_engine_that_cannot_start_is_told_as_what_it_is(
    command: EngineCommand, workspace: Workspace
) -> None:
    path = workspace.configs / "engine.yaml"
    path.write_text("queue: {max_concurrent: 0}\n")

    answer = command("runs", "--json")

    assert answer.code == 2
    assert answer.json["error"]["kind"] == "ConfigError"
    assert f"{path}:1:25: queue.max_concurrent: 0 is out of range" in str(answer.json["error"])


@pytest.mark.parametrize(
    ("file", "content", "status"),
    [("engine.db", "no database " * 100, 74), ("configs/engine.yaml", "queue: 5\n", 78)],
    ids=["database", "settings"],
)
def test_an_engine_that_cannot_work_does_not_listen(
    workspace: Workspace, file: str, content: str, status: int
) -> None:
    # Whoever waits for an engine that listened and left takes it for one that was replaced.
    (workspace.root / file).write_text(content)
    code = (
        "import pathlib, sys\n"
        "from engine.daemon import main\n"
        "from engine.workspace import Workspace\n"
        "def listening(_): sys.exit('it listens')\n"
        "main.listening = listening\n"
        "workspace = Workspace(pathlib.Path(sys.argv[1]))\n"
        "sys.exit(main.serve(workspace, log_to_file=False))\n"
    )
    line = [sys.executable, "-c", code, str(workspace.root)]

    ended = subprocess.run(line, capture_output=True, text=True, check=False)

    assert (ended.returncode, "it listens" in ended.stderr) == (status, False)
    assert f"error: {workspace.root / file}" in ended.stderr


@pytest.mark.usefixtures("engine_may_start")
def test_an_engine_that_dies_for_no_reason_is_told_with_what_it_said(
    command: EngineCommand, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.root / "engine.py").write_text("this is no Python\n")
    workspace.engine_log.write_text("of another day\n")
    # Its interpreter finds something else where the engine should be.
    monkeypatch.setenv("PYTHONPATH", str(workspace.root))

    answer = command("runs")

    assert answer.code == 6
    assert answer.err.startswith(
        f"error: {workspace.engine_log}: the engine stopped at its start (exit status 1). "
        "What it said:\n"
    )
    assert "SyntaxError" in answer.err
    assert "of another day" not in answer.err


@pytest.mark.usefixtures("engine_may_start")
def test_what_lies_in_the_folder_where_one_stands_is_no_code_of_the_engine(
    command: EngineCommand, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.root / "json.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(workspace.root)

    assert command("runs").code == 0


def test_a_stopped_engine_is_not_started_to_be_asked_how_it_is_doing(
    command: EngineCommand, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It leaves after the command has found it and before it is asked.
    later = [True]
    real = engine_start.answers
    monkeypatch.setattr(engine_start, "answers", lambda of: later.pop() if later else real(of))

    answer = command("status")

    assert answer.code == 6
    assert answer.err.startswith(f"error: {workspace.root}: no engine answers")
    assert "engine up" in answer.err


def test_the_engine_leaves_nothing_behind_when_it_is_stopped(
    workspace: Workspace, light_engine: EngineThread
) -> None:
    assert workspace.socket.exists()
    light_engine.stop()
    wait_until(lambda: not workspace.socket.exists())
