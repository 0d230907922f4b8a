"""SQLite files that are copied while others write, brought back, and tidied."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

from engine.database.revisions import revisions
from engine.errors import ConflictError, EngineError, StorageError
from engine.locks import FileLock
from engine.store import AliasRegistry
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable
from engine.upkeep import postgres_tools
from engine.upkeep.backup import Wishes, back_up
from engine.upkeep.info import look_at
from engine.upkeep.manifest import MANIFEST, Manifest
from engine.upkeep.places import places_of
from engine.upkeep.postgres_tools import find_tools
from engine.upkeep.restore import restore
from engine.upkeep.vacuum import vacuum
from engine.workspace import Workspace
from tests.unit.faults import disk_full_at_call

NOTHING_ELSE = Wishes()


def make_databases(workspace: Workspace, *, runs: int = 3) -> RunTable:
    table = RunTable(workspace.database)
    for number in range(runs):
        add_run(table, f"run-{number}")
    AliasRegistry(workspace.central_storage).promote("model-1", expected=None)
    with closing(sqlite3.connect(workspace.prefect_home / "prefect.db")) as prefect, prefect:
        prefect.execute("CREATE TABLE flow_run (id TEXT)")
        prefect.execute("INSERT INTO flow_run VALUES ('first')")
        prefect.execute("CREATE TABLE alembic_version (version_num TEXT)")
        newest = revisions("prefect sqlite").newest
        prefect.execute("INSERT INTO alembic_version VALUES (?)", (newest,))
    return table


def add_run(table: RunTable, run_id: str) -> None:
    table.accept(NewRun(id=run_id, flow="full_flow", name=run_id, document="seed: 1\n"))
    table.finish(run_id, "COMPLETED", "", "")
    table.set_closed(run_id)


def run_ids(workspace: Workspace) -> set[str]:
    return {run.id for run in RunTable(workspace.database).newest(100)}


def backup_of(workspace: Workspace, target: Path, wishes: Wishes = NOTHING_ELSE) -> Manifest:
    return back_up(places_of(workspace), target, wishes)


def bring_back(workspace: Workspace, path: Path, wishes: Wishes = NOTHING_ELSE) -> list[Path]:
    return list(restore(places_of(workspace), path, wishes).kept)


@pytest.fixture
def backup(workspace: Workspace, tmp_path: Path) -> Path:
    """A backup of a workspace with three runs."""
    make_databases(workspace)
    backup_of(workspace, tmp_path / "backup.tar.gz")
    return tmp_path / "backup.tar.gz"


def rewritten(path: Path, name: str, content: bytes) -> Path:
    """The same archive with another file in the place of one, or beside the others."""
    other = path.with_name("other.tar")
    with tarfile.open(path) as source, tarfile.open(other, "w") as target:
        members = {member.name: source.extractfile(member) for member in source}
        for key in dict.fromkeys([*members, name]):
            file = members.get(key)
            data = content if key == name else (file.read() if file else b"")
            member = tarfile.TarInfo(key)
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return other


def test_a_backup_brings_back_what_was_there_and_keeps_what_came_after(
    workspace: Workspace, backup: Path
) -> None:
    before = run_ids(workspace)
    add_run(RunTable(workspace.database), "later")
    AliasRegistry(workspace.central_storage).promote("model-2", expected="model-1")

    kept = bring_back(workspace, backup)

    assert run_ids(workspace) == before
    assert AliasRegistry(workspace.central_storage).read().champion == "model-1"
    (engine,) = [path for path in kept if path.name.startswith("engine.db")]
    with closing(sqlite3.connect(engine)) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (4,)
    assert not workspace.restoring.exists()


def test_a_backup_is_for_its_owner_alone_and_holds_no_secrets(
    workspace: Workspace, tmp_path: Path
) -> None:
    make_databases(workspace)
    (workspace.configs / "engine.yaml").write_text("queue: {max_concurrent: 3}\n")
    workspace.secrets.write_text("PW=swordfish\n")
    workspace.secrets.chmod(0o600)

    plain = backup_of(workspace, tmp_path / "plain.tar")
    full = backup_of(workspace, tmp_path / "full.tar", Wishes(configs=True, secrets=True))

    assert [entry.place for entry in plain.entries] == [
        "engine.db",
        "central_storage/aliases.db",
        "prefect/prefect.db",
    ]
    assert {entry.place for entry in full.entries} >= {"configs/engine.yaml", "secrets.env"}
    assert b"swordfish" not in (tmp_path / "plain.tar").read_bytes()
    assert (tmp_path / "plain.tar").stat().st_mode & 0o777 == 0o600


def test_configs_and_secrets_come_back_when_that_is_wanted(
    workspace: Workspace, tmp_path: Path
) -> None:
    make_databases(workspace)
    workspace.secrets.write_text("PW=old\n")
    workspace.secrets.chmod(0o600)
    path = tmp_path / "full.tar.gz"
    backup_of(workspace, path, Wishes(secrets=True))
    workspace.secrets.write_text("PW=new\n")

    bring_back(workspace, path)
    assert workspace.secrets.read_text() == "PW=new\n"
    bring_back(workspace, path, Wishes(secrets=True))

    assert workspace.secrets.read_text() == "PW=old\n"
    assert workspace.secrets.stat().st_mode & 0o777 == 0o600


def test_a_backup_that_is_made_while_others_write_is_of_one_moment(
    workspace: Workspace, tmp_path: Path
) -> None:
    make_databases(workspace)
    prefect = workspace.prefect_home / "prefect.db"
    with closing(sqlite3.connect(prefect)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    done = threading.Event()
    written = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(prefect, timeout=30.0)) as database:
            number = 0
            while not done.is_set():
                with database:  # two rows at once: a copy must have both or none
                    row = f"{number}" + "x" * 500
                    database.execute("INSERT INTO flow_run VALUES (?), (?)", (row, row))
                number += 1
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(10)
        for number in range(5):
            backup_of(workspace, tmp_path / f"{number}.tar")
    finally:
        done.set()
        writer.join()

    for number in range(5):
        with tarfile.open(tmp_path / f"{number}.tar") as archive:
            archive.extract("prefect/prefect.db", tmp_path, filter="data")
        with closing(sqlite3.connect(tmp_path / "prefect/prefect.db")) as database:
            (rows,) = database.execute("SELECT count(*) FROM flow_run").fetchone()
            assert rows > 1
            assert rows % 2 == 1  # the first one, and pairs
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("engine.db", b"something else", "engine.db in it is damaged"),
        ("../outside", b"x", "what its description does not name: '../outside'"),
        (MANIFEST, b"{}", "is no backup"),
        (MANIFEST, b"[1]", "is no backup"),
        (MANIFEST, b'{"format": 99}', "newer version"),
    ],
)
def test_an_archive_that_is_not_as_it_was_written_changes_nothing(
    workspace: Workspace, backup: Path, name: str, content: bytes, said: str
) -> None:
    add_run(RunTable(workspace.database), "later")
    before = sorted(path.name for path in workspace.root.rglob("*"))

    with pytest.raises(StorageError) as caught:
        bring_back(workspace, rewritten(backup, name, content))

    assert said in str(caught.value)
    assert "later" in run_ids(workspace)
    assert {path.name for path in workspace.root.rglob("*")} - set(before) <= {
        "engine.lock",
        "server.lock",
        "engine.db-wal",
        "engine.db-shm",
    }


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.95])
def test_a_part_of_an_archive_is_refused(
    workspace: Workspace, backup: Path, tmp_path: Path, share: float
) -> None:
    content = backup.read_bytes()
    (tmp_path / "part.tar.gz").write_bytes(content[: int(len(content) * share)])

    with pytest.raises(StorageError):
        bring_back(workspace, tmp_path / "part.tar.gz")

    assert len(run_ids(workspace)) == 3


def test_an_archive_of_a_newer_program_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    make_databases(workspace)
    path = tmp_path / "backup.tar"
    backup_of(workspace, path)
    with tarfile.open(path) as archive:
        file = archive.extractfile(MANIFEST)
        assert file is not None
        manifest = json.loads(file.read())
    manifest["entries"][0]["revision"] = "999"

    with pytest.raises(StorageError, match="newer version"):
        bring_back(workspace, rewritten(path, MANIFEST, json.dumps(manifest).encode()))


def test_a_damaged_database_can_be_replaced_and_is_kept(workspace: Workspace, backup: Path) -> None:
    workspace.database.write_bytes(b"not a database" * 1000)
    log = workspace.root / "engine.db-wal"
    log.write_bytes(b"nor a log")

    bring_back(workspace, backup)

    assert len(run_ids(workspace)) == 3
    kept = [path for path in workspace.root.glob("engine.db.before-*") if path.suffix != ".db-wal"]
    assert any(path.read_bytes().startswith(b"not a database") for path in kept)


def test_a_damaged_database_is_not_backed_up_as_if_it_were_sound(
    workspace: Workspace, tmp_path: Path
) -> None:
    make_databases(workspace)
    path = workspace.prefect_home / "prefect.db"
    content = bytearray(path.read_bytes())
    content[4096 + 8 : 4096 + 400] = b"\xff" * 392
    path.write_bytes(content)

    with pytest.raises(StorageError) as caught:
        backup_of(workspace, tmp_path / "backup.tar")

    assert "prefect.db" in str(caught.value)
    assert not (tmp_path / "backup.tar").exists()


def test_nothing_is_brought_back_beside_an_engine_or_a_prefect_server(
    workspace: Workspace, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.upkeep.restore._SERVER_SECONDS", 0.0)
    for path, said in (
        (workspace.engine_lock, "the engine runs"),
        (workspace.prefect_home / "server.lock", "the Prefect server still runs"),
        (workspace.root / "mirror.lock", "mirror is still at work"),
    ):
        lock = FileLock(path)
        assert lock.acquire()
        with pytest.raises(ConflictError, match=said):
            bring_back(workspace, backup)
        lock.release()


@pytest.mark.parametrize("number", range(1, 28))
def test_a_disk_that_is_full_at_any_moment_loses_nothing(
    workspace: Workspace, tmp_path: Path, number: int
) -> None:
    make_databases(workspace)
    path = tmp_path / "backup.tar"
    backup_of(workspace, path)
    add_run(RunTable(workspace.database), "later")

    with disk_full_at_call(number) as failed:
        try:
            bring_back(workspace, path)
        except EngineError:
            assert failed
    # Old or new, never none; and a second attempt does it.
    assert run_ids(workspace) >= {"run-0", "run-1", "run-2"}
    assert AliasRegistry(workspace.central_storage).read().champion == "model-1"
    bring_back(workspace, path)
    assert run_ids(workspace) == {"run-0", "run-1", "run-2"}


@pytest.mark.parametrize("number", range(1, 12))
def test_a_disk_that_is_full_keeps_the_backup_of_before(
    workspace: Workspace, backup: Path, number: int
) -> None:
    add_run(RunTable(workspace.database), "later")

    with disk_full_at_call(number) as failed:
        try:
            backup_of(workspace, backup)
        except EngineError:
            assert failed
    # The one of before or the new one, whole.
    left = [path.name for path in backup.parent.iterdir() if not path.name.startswith(".tmp-")]
    assert sorted(left) == ["backup.tar.gz", "workspace"]
    bring_back(workspace, backup)
    assert len(run_ids(workspace)) in (3, 4)


def test_where_there_is_no_room_a_backup_is_refused_at_once(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_databases(workspace)
    usage = shutil.disk_usage(tmp_path)._replace(free=1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(StorageError, match="and 0 are free"):
        backup_of(workspace, tmp_path / "backup.tar")
    with pytest.raises(StorageError, match="of free space to be written anew"):
        vacuum(places_of(workspace))


def test_vacuum_gives_the_space_of_deleted_rows_back(workspace: Workspace) -> None:
    make_databases(workspace)
    prefect = workspace.prefect_home / "prefect.db"
    with closing(sqlite3.connect(prefect)) as database:
        with database:
            rows = [(str(number) * 500,) for number in range(2000)]
            database.executemany("INSERT INTO flow_run VALUES (?)", rows)
        with database:
            database.execute("DELETE FROM flow_run WHERE id != 'first'")
    (info,) = [one for one in look_at(places_of(workspace)) if one.name == "prefect.db"]

    (done,) = [one for one in vacuum(places_of(workspace)) if one.name == "prefect.db"]

    assert info.free > 500_000
    assert done.before - done.after >= info.free
    with closing(sqlite3.connect(prefect)) as database:
        assert database.execute("SELECT id FROM flow_run").fetchall() == [("first",)]


def test_what_there_is_to_know_of_each_database(workspace: Workspace) -> None:
    make_databases(workspace)
    (workspace.root / "actuals.db").write_bytes(b"garbage" * 1000)

    found = {one.name: one for one in look_at(places_of(workspace))}

    assert list(found) == ["engine.db", "actuals.db", "aliases.db", "prefect.db"]
    engine = found["engine.db"]
    assert (engine.is_current, engine.rows["runs"], engine.problem) == (True, 3, "")
    assert "not a database" in found["actuals.db"].problem
    assert found["prefect.db"].rows == {"flow_run": 1, "alembic_version": 1}
    assert found["prefect.db"].is_current


def test_with_postgresql_the_files_of_before_are_not_used_any_more(workspace: Workspace) -> None:
    make_databases(workspace)
    (workspace.configs / "engine.yaml").write_text(
        'database: {url: "postgresql://me@127.0.0.1:1/stock"}\n'
    )

    found = {one.name: one for one in look_at(places_of(workspace))}

    assert not found["prefect.db"].is_used
    assert found["engine.db"].is_used
    assert "cannot be reached" in found["prefect"].problem
    assert "cannot be reached" in found["mlflow"].problem


def test_sqlite_is_not_brought_into_postgresql(workspace: Workspace, backup: Path) -> None:
    (workspace.configs / "engine.yaml").write_text(
        'database: {url: "postgresql://me@127.0.0.1:1/stock"}\n'
    )

    with pytest.raises(StorageError) as caught:
        bring_back(workspace, backup)

    assert "cannot be brought into PostgreSQL" in str(caught.value)


def test_without_pg_dump_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_tools, "_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(StorageError) as caught:
        find_tools(15)

    assert "not installed" in str(caught.value)
    assert "postgresql-client" in str(caught.value)


def test_a_pg_dump_that_is_older_than_the_server_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres_tools, "_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("pg_dump", "pg_restore", "psql"):
        (tmp_path / name).write_text(f"#!/bin/sh\n/bin/echo '{name} (PostgreSQL) 13.4'\n")
        (tmp_path / name).chmod(0o755)

    assert find_tools(13).major == 13
    with pytest.raises(StorageError, match="is of version 13, and cannot copy a server of"):
        find_tools(15)
