from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from engine.errors import ModelError, NotFoundError, StorageError
from engine.store import AliasRegistry, VersionStore
from engine.store.remote import RemoteVersions
from engine.store.sweeping import Plan, Sweep

LINEAGE = {"training": {"seed": 7}}

Machine = Callable[[str], VersionStore]


def test_what_one_machine_stores_another_one_serves(
    machine: Machine, bundles: tuple[Path, Path]
) -> None:
    stored = machine("a").add(bundles[0], created=100.0, lineage=LINEAGE)

    (listed,) = machine("b").newest()
    found = machine("b").get(stored.id)

    assert (listed.id, listed.created, listed.lineage) == (stored.id, 100.0, LINEAGE)
    assert not found.folder.exists()  # listing and looking brings no bundle
    assert found.open().window == 14
    assert found.folder.is_dir()


def test_a_copy_serves_when_the_place_is_gone(
    machine: Machine, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    version = machine("a").add(bundles[0], created=100.0, lineage={})
    machine("b").get(version.id).open()

    cut_off = VersionStore(tmp_path / "b", RemoteVersions("s3://nowhere", {"endpoint_url": "x"}))

    assert cut_off.get(version.id).open().window == 14


def test_the_newest_of_all_machines_come_first(
    machine: Machine, bundles: tuple[Path, Path]
) -> None:
    old = machine("a").add(bundles[0], created=100.0, lineage={})
    new = machine("b").add(bundles[1], created=101.0, lineage={})

    assert [version.id for version in machine("a").newest()] == [new.id, old.id]
    assert [version.id for version in machine("c").newest(1)] == [new.id]


def test_a_version_is_written_once(machine: Machine, bundles: tuple[Path, Path]) -> None:
    first = machine("a").add(bundles[0], created=100.0, lineage={"seed": 1})
    machine("b").add(bundles[0], created=200.0, lineage={"seed": 2})

    (found,) = machine("c").newest()

    assert (found.id, found.created, found.lineage) == (first.id, 100.0, {"seed": 1})
    # Whoever made it a second time has the story that the others know.
    assert machine("b").get(first.id).lineage == {"seed": 1}


def test_a_deleted_version_is_gone_for_all(machine: Machine, bundles: tuple[Path, Path]) -> None:
    version = machine("a").add(bundles[0], created=100.0, lineage={})

    machine("b").delete(version.id)

    assert machine("a").newest() == []
    with pytest.raises(NotFoundError, match=version.id):
        machine("b").get(version.id)
    assert machine("a").copies() == [version.id]
    machine("a").forget(version.id)
    with pytest.raises(NotFoundError, match="none yet"):
        machine("a").get(version.id)


def test_an_empty_place_has_no_versions(machine: Machine) -> None:
    assert machine("a").newest() == []
    assert machine("a").abandoned() == []


def half_upload(remote: RemoteVersions, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Break off an upload before its lineage; return the name of the version."""
    folder = bundle.parent / "half"
    store = VersionStore(folder, remote)
    folder.mkdir(exist_ok=True)
    files = remote._files

    def broken_off(*_: object, **__: object) -> None:
        raise OSError("the connection is gone")

    monkeypatch.setattr(files, "pipe_file", broken_off)
    with pytest.raises(StorageError, match="cannot be written: the connection is gone"):
        store.add(bundle, created=1.0, lineage={})
    monkeypatch.undo()
    (name,) = remote.names()
    shutil.rmtree(folder)
    return name


def test_an_upload_that_broke_off_is_no_version_and_can_be_repeated(
    remote: Callable[[], RemoteVersions],
    machine: Machine,
    bundles: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = half_upload(remote(), bundles[0], monkeypatch)

    assert machine("a").newest() == []
    with pytest.raises(NotFoundError):
        machine("a").get(name)
    assert machine("a").abandoned() == []  # it may go on still

    version = machine("a").add(bundles[0], created=2.0, lineage={})

    assert version.id == name
    assert machine("b").get(name).open().window == 14


def test_an_upload_that_was_given_up_is_swept(
    remote: Callable[[], RemoteVersions],
    machine: Machine,
    bundles: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    name = half_upload(remote(), bundles[0], monkeypatch)
    tomorrow = time.time() + 90_000.0
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    sweep = Sweep(machine("a"), AliasRegistry(tmp_path / "a"))

    plan = sweep.plan(keep=10)
    sweep.carry_out(plan)

    assert plan == Plan((), (), (name,))
    assert remote().names() == []
    assert not sweep.plan(keep=10)


@pytest.mark.parametrize("damage", ["changed", "cut", "of another"])
def test_what_was_changed_there_is_not_brought_here(
    remote: Callable[[], RemoteVersions],
    machine: Machine,
    bundles: tuple[Path, Path],
    damage: str,
) -> None:
    version = machine("a").add(bundles[0], created=100.0, lineage={})
    other = machine("a").add(bundles[1], created=101.0, lineage={})
    driver = remote()
    files, root = driver._files, driver._root
    path = f"{root}/{version.id}/bundle/model.onnx"
    content = files.cat_file(path)
    if damage == "changed":
        files.pipe_file(path, content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "cut":
        files.pipe_file(path, content[:-1])
    else:
        for name in ("model.onnx", "golden.json", "manifest.json"):
            theirs = files.cat_file(f"{root}/{other.id}/bundle/{name}")
            files.pipe_file(f"{root}/{version.id}/bundle/{name}", theirs)

    with pytest.raises(ModelError, match=r"sha256|another version"):
        machine("b").get(version.id).open()

    assert not machine("b").get(version.id).folder.exists()
    assert not list(machine("b").folder.glob(".tmp-*"))


def test_a_place_that_does_not_answer_is_named(tmp_path: Path) -> None:
    options = {"endpoint_url": "http://127.0.0.1:1", "key": "k", "secret": "s"}
    store = VersionStore(tmp_path, RemoteVersions("s3://bucket/models", options))

    with pytest.raises(
        StorageError, match=r"^s3://bucket/models: cannot be listed: .*storage\.url"
    ):
        store.newest()


def test_a_bucket_that_does_not_exist_is_not_made(
    s3_server: str, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    options = {"endpoint_url": s3_server, "key": "k", "secret": "s"}
    store = VersionStore(tmp_path, RemoteVersions("s3://no-such-bucket/models", options))

    with pytest.raises(StorageError, match="bucket does not exist"):
        store.add(bundles[0], created=1.0, lineage={})


def test_a_driver_that_is_not_installed_or_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nosuch.*engine\.yaml"):
        VersionStore(tmp_path, RemoteVersions("nosuch://x", {})).newest()
    missing = [name for name in fsspec.available_protocols() if not _can_import(name)]
    with pytest.raises(StorageError, match="pip install"):
        VersionStore(tmp_path, RemoteVersions(f"{missing[0]}://x", {})).newest()


def _can_import(protocol: str) -> bool:
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError:
        return False
    return True


def test_old_versions_go_and_those_in_use_stay(
    machine: Machine, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    store, aliases = machine("a"), AliasRegistry(tmp_path / "a")
    old = store.add(bundles[0], created=100.0, lineage={})
    new = store.add(bundles[1], created=101.0, lineage={})
    sweep = Sweep(store, aliases)

    assert sweep.plan(keep=1).versions == (old.id,)
    aliases.promote(old.id, expected=None)
    assert not sweep.plan(keep=1)
    assert sweep.plan(keep=0).versions == (new.id,)
    sweep.carry_out(sweep.plan(keep=0))

    assert [version.id for version in store.newest()] == [old.id]


def test_a_copy_that_serves_is_never_swept(
    machine: Machine, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    version = machine("a").add(bundles[0], created=100.0, lineage={})
    AliasRegistry(tmp_path / "a").promote(version.id, expected=None)

    machine("b").delete(version.id)

    assert not Sweep(machine("a"), AliasRegistry(tmp_path / "a")).plan(keep=0)


def test_folders_that_dead_writers_left_are_swept(machine: Machine, tmp_path: Path) -> None:
    store = machine("a")
    left = store.folder / ".tmp-left"
    left.mkdir(parents=True)
    os.utime(left, (1.0, 1.0))

    assert Sweep(store, AliasRegistry(tmp_path / "a")).sweep_unfinished() == 1

    assert list(store.folder.iterdir()) == []
