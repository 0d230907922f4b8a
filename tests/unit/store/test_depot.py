"""What machines hand to each other: whole or not there, and what was written or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import DataError, StorageError
from engine.store.depot import CANDIDATES, DATASETS, Depot
from engine.store.depot_sweep import sweep
from engine.tables.run_record import NewRun
from engine.tables.runs import RunTable


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    return Depot(f"file://{tmp_path}/shared", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "model" / "deep").mkdir(parents=True)
    (made / "training.json").write_text("{}")
    (made / "model" / "deep" / "weights.bin").write_bytes(b"\x00\xff" * 70_000)
    return made


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_what_one_machine_made_another_one_has(depot: Depot, folder: Path, tmp_path: Path) -> None:
    depot.put(CANDIDATES, "run-1", folder, home="home")

    assert depot.has(CANDIDATES, "run-1")
    assert not depot.has(DATASETS, "run-1")
    assert depot.fetch(CANDIDATES, "run-1", tmp_path / "runs" / "run-1" / "candidate")
    assert content(tmp_path / "runs" / "run-1" / "candidate") == content(folder)
    assert (depot.names(CANDIDATES), depot.names(DATASETS)) == (["run-1"], [])
    assert depot.home_of(CANDIDATES, "run-1") == "home"


def test_what_is_nowhere_is_not_made_up(depot: Depot, tmp_path: Path) -> None:
    assert not depot.fetch(DATASETS, "0" * 16, tmp_path / "there")
    assert not (tmp_path / "there").exists()
    assert depot.home_of(DATASETS, "0" * 16) is None


def test_what_is_here_is_not_fetched(depot: Depot, folder: Path) -> None:
    before = content(folder)

    assert depot.fetch(CANDIDATES, "never-put", folder)
    assert content(folder) == before


def test_it_is_not_there_before_its_index_is(depot: Depot, folder: Path, tmp_path: Path) -> None:
    """A writer that died in between left files, and nothing that counts."""
    half = tmp_path / "shared" / CANDIDATES / "run-1"
    half.mkdir(parents=True)
    (half / "training.json").write_text("{")
    assert not depot.has(CANDIDATES, "run-1")
    assert not depot.fetch(CANDIDATES, "run-1", tmp_path / "there")

    depot.put(CANDIDATES, "run-1", folder)

    assert depot.fetch(CANDIDATES, "run-1", tmp_path / "there")
    assert content(tmp_path / "there") == content(folder)


def test_the_same_is_written_once(depot: Depot, folder: Path) -> None:
    depot.put(CANDIDATES, "run-1", folder)
    (folder / "training.json").write_text("changed")

    depot.put(CANDIDATES, "run-1", folder)

    assert depot.fetch(CANDIDATES, "run-1", folder.parent / "there")
    assert (folder.parent / "there" / "training.json").read_text() == "{}"


def test_links_are_left_out(depot: Depot, folder: Path, tmp_path: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")

    depot.put(CANDIDATES, "run-1", folder)

    depot.fetch(CANDIDATES, "run-1", tmp_path / "there")
    assert set(content(tmp_path / "there")) == {"training.json", "model/deep/weights.bin"}


@pytest.mark.parametrize("damage", [b"", b"\x00\xfe" * 70_000, b"\x00\xff" * 70_001])
def test_what_was_changed_there_is_refused_and_nothing_is_left(
    damage: bytes, depot: Depot, folder: Path, tmp_path: Path
) -> None:
    depot.put(CANDIDATES, "run-1", folder)
    inside = tmp_path / "shared" / CANDIDATES / "run-1" / "model" / "deep" / "weights.bin"
    inside.write_bytes(damage)

    with pytest.raises(DataError, match=r"weights\.bin"):
        depot.fetch(CANDIDATES, "run-1", tmp_path / "there" / "candidate")

    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside", "", "a//b", "."])
def test_an_index_leads_nowhere_but_into_the_folder(
    name: str, depot: Depot, folder: Path, tmp_path: Path
) -> None:
    depot.put(CANDIDATES, "run-1", folder)
    index = tmp_path / "shared" / CANDIDATES / "run-1" / "index.json"
    document = json.loads(index.read_text())
    document["files"][name] = document["files"]["training.json"]
    index.write_text(json.dumps(document))

    with pytest.raises(DataError, match=r"index\.json"):
        depot.fetch(CANDIDATES, "run-1", tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', '{"files": {}}', "\x00"])
def test_an_index_that_is_none_is_refused(
    text: str, depot: Depot, folder: Path, tmp_path: Path
) -> None:
    depot.put(CANDIDATES, "run-1", folder)
    (tmp_path / "shared" / CANDIDATES / "run-1" / "index.json").write_text(text)

    with pytest.raises(DataError, match=r"index\.json"):
        depot.fetch(CANDIDATES, "run-1", tmp_path / "there")


def test_a_file_that_is_gone_is_an_error_of_the_storage(
    depot: Depot, folder: Path, tmp_path: Path
) -> None:
    depot.put(CANDIDATES, "run-1", folder)
    (tmp_path / "shared" / CANDIDATES / "run-1" / "training.json").unlink()

    with pytest.raises(StorageError, match=r"storage\.url"):
        depot.fetch(CANDIDATES, "run-1", tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_it_can_be_deleted_and_deleting_again_changes_nothing(depot: Depot, folder: Path) -> None:
    depot.put(CANDIDATES, "run-1", folder)

    depot.delete(CANDIDATES, "run-1")
    depot.delete(CANDIDATES, "run-1")

    assert not depot.has(CANDIDATES, "run-1")
    assert depot.names(CANDIDATES) == []


def test_what_a_workspace_left_for_runs_that_it_deleted_is_swept(
    depot: Depot, folder: Path, tmp_path: Path
) -> None:
    table = RunTable(tmp_path / "engine.db")
    table.accept(NewRun("kept", "train_flow", "name", "document"))
    for name, home in (("kept", "here"), ("gone", "here"), ("of-another", "there")):
        depot.put(CANDIDATES, name, folder, home=home)
    depot.put(DATASETS, "0" * 16, folder)

    assert sweep(depot, table, "here") == 1

    assert depot.names(CANDIDATES) == ["kept", "of-another"]
    assert depot.names(DATASETS) == ["0" * 16]
