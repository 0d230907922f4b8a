"""`engine db`: what a person and a script get to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import RUN_ID, add_run
from tests.unit.engine_thread import EngineThread, process_of_a_run


def test_of_a_new_workspace_there_is_nothing_to_see(
    command: EngineCommand, workspace: Workspace
) -> None:
    assert command("db", "info").out == "there is no database yet\n"
    assert command("db", "info", "--json").json["databases"] == []
    assert command("db", "vacuum").out == "there is no database yet\n"


def test_the_databases_are_shown_with_their_places(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, RUN_ID)

    answer = command("db", "info")
    (data,) = command("db", "info", "--json").json["databases"]

    assert answer.code == 0
    assert f"engine.db: {workspace.database}, runs, schedules, notifications" in answer.out
    assert (data["rows"]["runs"], data["is_current"], data["problem"]) == (1, True, "")


def test_a_damaged_database_ends_with_a_status_that_says_so(
    command: EngineCommand, workspace: Workspace
) -> None:
    workspace.database.write_bytes(b"no database" * 1000)

    answer = command("db", "info")

    assert answer.code == 1
    assert "! engine.db: " in answer.out


def test_a_backup_is_written_and_brought_back(
    command: EngineCommand, table: RunTable, workspace: Workspace, tmp_path: Path
) -> None:
    add_run(table, RUN_ID)
    path = tmp_path / "a backup.tar.gz"

    made = command("db", "backup", path)
    table.delete(RUN_ID)
    done = command("db", "restore", path, "--yes")

    assert (made.code, done.code) == (0, 0)
    assert made.out.startswith(f"{path}: ")
    assert "what was there is kept: " in done.out
    assert RunTable(workspace.database).get(RUN_ID).id == RUN_ID


def test_a_backup_without_a_name_goes_into_the_workspace(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, RUN_ID)

    data = command("db", "backup", "--json").json

    assert Path(data["file"]).parent == workspace.backups
    assert Path(data["file"]).stat().st_size == data["bytes"]
    assert [entry["place"] for entry in data["entries"]] == ["engine.db"]


def test_a_file_that_is_not_there_is_told(command: EngineCommand, workspace: Workspace) -> None:
    answer = command("db", "restore", workspace.root / "none.tar", "--yes")

    assert answer.code == 7
    assert "there is no such file" in answer.err


@pytest.mark.usefixtures("light_engine")
def test_beside_an_engine_nothing_is_brought_back_without_consent(
    command: EngineCommand, table: RunTable, tmp_path: Path
) -> None:
    add_run(table, RUN_ID)
    assert command("db", "backup", tmp_path / "b.tar").code == 0

    answer = command("db", "restore", tmp_path / "b.tar", "--yes")

    assert answer.code == 8
    assert "the engine runs. Give --stop, or: engine down" in answer.err


def test_a_backup_can_be_made_and_space_given_back_while_an_engine_runs(
    command: EngineCommand, table: RunTable, light_engine: EngineThread, tmp_path: Path
) -> None:
    add_run(table, RUN_ID)

    assert command("db", "backup", tmp_path / "b.tar").code == 0
    (done,) = command("db", "vacuum", "--json").json
    assert done["name"] == "engine.db"


def test_space_is_not_given_back_beside_a_run(command: EngineCommand, table: RunTable) -> None:
    add_run(table, RUN_ID)
    with process_of_a_run(table, RUN_ID):
        answer = command("db", "vacuum")

    assert answer.code == 8
    assert "1 run goes on" in answer.err
