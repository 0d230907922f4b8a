from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from engine.doctor import Finding, examine
from engine.prefect_server.connection import SERVER_LOCK, Connection
from engine.prefect_server.locks import FileLock
from engine.runs.table import RunTable
from engine.store import AliasRegistry
from engine.workspace import Workspace
from tests.unit.deployments import deploy

EXPECTED = {"python", "prefect", "torch", "workspace", "disk", "configuration", "champion"}


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
    [("engine.db", {"runs"}), ("central_storage/aliases.db", {"champion"})],
)
def test_a_damaged_database_is_found_and_the_other_checks_go_on(
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


def test_a_run_that_died_is_buried_and_told(workspace: Workspace) -> None:
    table = RunTable(workspace.database)
    table.add("a1", "train_flow", "bold-otter", {})
    table.set_process("a1", 1, "mark of an earlier process")

    found = findings(workspace)["runs"]

    assert (found.ok, found.found[:1]) == (True, "1")
    assert table.get("a1").state == "CRASHED"
