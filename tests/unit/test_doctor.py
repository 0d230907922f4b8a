from __future__ import annotations

import shutil
import socket
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from engine.doctor import Finding, examine
from engine.locks import FileLock
from engine.prefect_server.connection import SERVER_LOCK, Connection
from engine.store import AliasRegistry
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.deployments import deploy
from tests.unit.engine_thread import EngineThread, process_of_a_run

EXPECTED = {
    *("python", "prefect", "torch", "workspace", "disk", "configuration", "champion"),
    *("engine", "secrets", "runs", "prefect server"),
}


def findings(workspace: Workspace) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(workspace)}


def test_a_new_workspace_is_healthy(tmp_path: Path) -> None:
    found = findings(Workspace(tmp_path / "new"))

    assert found.keys() >= EXPECTED
    assert [
        finding for finding in found.values() if not finding.ok and finding.name != "disk"
    ] == []
    assert found["champion"].found == "none yet"
    assert "not running" in found["prefect server"].found


def test_a_champion_that_verifies_is_healthy(
    workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    version = deploy(workspace, bundles[0])

    found = findings(workspace)["champion"]

    assert found.ok
    assert version.id in found.found


def test_a_champion_that_was_changed_is_found_with_the_way_back(
    workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    version = deploy(workspace, bundles[0])
    (version.bundle / "golden.json").write_text("{}")

    found = findings(workspace)["champion"]

    assert not found.ok
    assert "does not verify" in found.found
    assert "engine models rollback" in found.fix


@pytest.mark.parametrize(
    ("name", "others"),
    [("engine.db", {"runs", "tracking"}), ("central_storage/aliases.db", {"champion"})],
)
def test_34_a_damaged_database_is_found_and_the_other_checks_go_on(
    workspace: Workspace, name: str, others: set[str]
) -> None:
    (workspace.root / name).write_bytes(b"not a database at all" * 100)

    found = findings(workspace)

    file = Path(name).name
    assert found.keys() >= EXPECTED
    assert {finding.name for finding in found.values() if not finding.ok} - {"disk"} == {
        file,
        *others,
    }
    assert str(workspace.root / name) in found[file].fix


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%41b", "재고 1"])
def test_a_database_is_found_sound_whatever_its_folder_is_called(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path / name).create()
    RunTable(workspace.database)
    AliasRegistry(workspace.central_storage).read()

    found = findings(workspace)

    assert found["engine.db"].ok
    assert found["aliases.db"].ok


def test_a_workspace_that_others_can_read_is_found(workspace: Workspace) -> None:
    workspace.root.chmod(0o755)

    found = findings(workspace)["permissions"]

    assert not found.ok
    assert f"chmod 700 {workspace.root}" in found.fix


def test_a_workspace_that_cannot_be_made_ends_the_checks_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    *_, last = examine(Workspace(tmp_path / "file"))

    assert (last.name, last.ok) == ("workspace", False)
    assert "--workspace" in last.fix


def test_a_wrong_setting_is_found_where_it_stands(workspace: Workspace) -> None:
    path = workspace.configs / "engine.yaml"
    path.write_text("run: {nice: 99}\n")

    found = findings(workspace)["configuration"]

    assert not found.ok
    assert f"{path}:1:13: run.nice" in found.found


def test_files_of_the_workspace_are_named(workspace: Workspace) -> None:
    (workspace.configs / "engine.yaml").write_text("run: {nice: 9}\n")

    assert findings(workspace)["configuration"].found == "shipped, with engine.yaml"


def test_a_disk_that_is_nearly_full_is_found(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(10**12, 10**12 - 10**9, 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    found = findings(workspace)["disk"]

    assert (found.ok, found.found) == (False, "0.9 GiB free")


def test_a_running_server_is_named(workspace: Workspace) -> None:
    lock = FileLock(workspace.prefect_home / SERVER_LOCK)
    lock.acquire()
    try:
        assert findings(workspace)["prefect server"].found == "starting"
        Connection("http://127.0.0.1:4200/api", "engine:secret", 17).publish(workspace.prefect_home)
        found = findings(workspace)["prefect server"].found
    finally:
        lock.release()

    assert found == "pid 17 on http://127.0.0.1:4200/api"


def test_without_an_engine_it_is_said_when_it_starts_and_none_is_started(
    workspace: Workspace,
) -> None:
    found = findings(workspace)["engine"]

    assert (found.ok, found.fix) == (True, "")
    assert found.found == "not running; it starts with the first command that needs it"
    assert not workspace.engine_log.exists()
    assert not workspace.socket.exists()


def test_an_engine_that_runs_is_named_with_its_socket(workspace: Workspace) -> None:
    with EngineThread(workspace) as running:
        found = findings(workspace)["engine"]
        assert running.engine.warmed == 0

    assert (found.ok, found.found) == (True, f"listens on {workspace.socket}")


def test_a_socket_that_was_left_over_is_no_engine(workspace: Workspace) -> None:
    # As an engine leaves it that was killed.
    with closing(socket.socket(socket.AF_UNIX)) as left_over:
        left_over.bind(str(workspace.socket))

    assert "not running" in findings(workspace)["engine"].found


def test_secrets_are_named_and_not_shown(workspace: Workspace) -> None:
    assert findings(workspace)["secrets"].found == "none"
    workspace.secrets.write_text("# of the chat server\nHOOK=swordfish\nDB_PASSWORD='hunter2'\n")
    workspace.secrets.chmod(0o600)

    found = findings(workspace)

    assert found["secrets"].ok
    assert found["secrets"].found == "HOOK, DB_PASSWORD in secrets.env"
    assert "swordfish" not in str(found)
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("HOOK=swordfish\n", 0o644, "holds secrets, and others may read it. chmod 600 "),
        ("HOOK=swordfish\n", 0o620, "holds secrets, and others may read it"),
        ("HOOK=swordfish\nswordfish\n", 0o600, "secrets.env:2: is not NAME=VALUE"),
        ("1HOOK=swordfish\n", 0o600, "secrets.env:1: is not NAME=VALUE"),
    ],
)
def test_secrets_that_cannot_be_used_are_found_and_not_shown(
    workspace: Workspace, content: str, mode: int, reason: str
) -> None:
    workspace.secrets.write_text(content)
    workspace.secrets.chmod(mode)

    found = findings(workspace)["secrets"]

    assert not found.ok
    assert str(workspace.secrets) in found.found
    assert reason in found.found
    assert "swordfish" not in found.found


def add_dead_run(table: RunTable, run_id: str) -> None:
    """A run whose process, the first of all, has another mark by now."""
    table.accept(NewRun(id=run_id, flow="train_flow", name="bold-otter", document=""))
    assert table.claim(run_id, 0, pid=1, mark="mark of an earlier process", prefect_id=None)


def test_every_run_has_a_process_or_an_end(workspace: Workspace) -> None:
    table = RunTable(workspace.database)
    for run_id in ("waits", "lives", "ended"):
        table.accept(NewRun(id=run_id, flow="train_flow", name="bold-otter", document=""))
    table.finish("ended", "COMPLETED", "")
    with process_of_a_run(table, "lives"):
        found = findings(workspace)["runs"]

    assert (found.ok, found.found) == (True, "each has a process or an end")


def test_runs_that_died_are_told_with_what_closes_them(workspace: Workspace) -> None:
    table = RunTable(workspace.database)
    add_dead_run(table, "a1")
    add_dead_run(table, "a2")

    found = findings(workspace)["runs"]

    assert found.ok
    assert found.found == "2 died without a word; the engine sees to it when it runs"
    assert found.fix == "Start it: engine up"
    # Whoever only looks changes nothing.
    assert table.get("a1").state == "RUNNING"


def test_runs_that_died_are_left_to_the_engine_that_runs(workspace: Workspace) -> None:
    table = RunTable(workspace.database)
    add_dead_run(table, "a1")
    with EngineThread(workspace):
        # It cannot close it in Prefect, which does not run here.
        assert table.get("a1").state == "CRASHED"
        found = findings(workspace)["runs"]

    assert (found.ok, found.fix) == (True, "")


def test_a_run_that_the_engine_has_ended_is_not_said_to_have_died_without_a_word(
    workspace: Workspace,
) -> None:
    table = RunTable(workspace.database)
    add_dead_run(table, "a1")
    # It failed and said so; its record in Prefect is still to be made true.
    table.finish("a1", "FAILED", "no date", "DataError")

    assert "without a word" not in findings(workspace)["runs"].found


def test_a_table_of_runs_of_a_newer_version_is_told_as_such(workspace: Workspace) -> None:
    RunTable(workspace.database)
    with closing(sqlite3.connect(workspace.database)) as database:
        database.execute("PRAGMA user_version = 1000")

    found = findings(workspace)["runs"]

    assert not found.ok
    assert "newer version of this program" in found.found
    assert "Upgrade" in found.fix


def test_a_place_that_machines_share_is_looked_at(workspace: Workspace, tmp_path: Path) -> None:
    assert "storage" not in findings(workspace)

    (workspace.configs / "engine.yaml").write_text(f"storage: {{url: 'file://{tmp_path}/shared'}}")
    assert findings(workspace)["storage"].found == f"0 versions in file://{tmp_path}/shared"

    (workspace.configs / "engine.yaml").write_text("storage: {url: 'nosuch://x'}")
    found = findings(workspace)["storage"]
    assert not found.ok
    assert "nosuch://x" in found.found


def test_a_database_that_cannot_be_reached_is_found_with_what_to_do(workspace: Workspace) -> None:
    (workspace.configs / "engine.yaml").write_text(
        'database: {url: "postgresql://me:${PW}@127.0.0.1:1/stock"}\n'
    )
    workspace.secrets.write_text("PW=swordfish\n")
    workspace.secrets.chmod(0o600)

    found = findings(workspace)["postgresql"]

    assert not found.ok
    assert found.found.startswith("postgresql://me:***@127.0.0.1:1/stock: the database cannot be")
    assert "database.url" in found.fix


def test_a_password_that_is_nowhere_is_found(workspace: Workspace) -> None:
    (workspace.configs / "engine.yaml").write_text(
        'database: {url: "postgresql://me:${NOBODY_SET_THIS}@127.0.0.1:1/stock"}\n'
    )

    assert "NOBODY_SET_THIS" in findings(workspace)["postgresql"].found


def test_without_its_driver_mlflow_is_told_what_to_install(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.configs / "engine.yaml").write_text(
        'database: {url: "postgresql://me@127.0.0.1:1/stock"}\n'
    )
    monkeypatch.setattr("engine.database.address.find_spec", lambda _: None)

    found = findings(workspace)["postgresql driver"]

    assert found.state == "warning"
    assert found.fix == "pip install 'mlops-tui[postgres]'"


def test_a_restore_that_was_cut_short_is_found(workspace: Workspace) -> None:
    workspace.restoring.write_text("{}")

    assert "engine db restore" in findings(workspace)["restore"].fix
