from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.errors import EngineError, ModelError, NotFoundError, StorageError
from engine.store import Version, VersionStore
from engine.workspace import Workspace
from tests.unit.faults import disk_full_at_call
from tests.unit.several_processes import at_once

LINEAGE = {"training": {"seed": 7}, "evaluation": {"mase": None}}


@pytest.fixture
def store(workspace: Workspace) -> VersionStore:
    return VersionStore(workspace.central_storage)


@pytest.fixture
def versions_folder(workspace: Workspace) -> Path:
    return workspace.central_storage / "versions"


@pytest.fixture
def version(store: VersionStore, bundles: tuple[Path, Path]) -> Version:
    return store.add(bundles[0], created=100.0, lineage=LINEAGE)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_version_holds_the_bundle_and_its_story(
    version: Version, store: VersionStore, bundles: tuple[Path, Path]
) -> None:
    assert contents(version.bundle) == contents(bundles[0])
    assert store.get(version.id) == version
    assert (version.model_type, version.created) == ("SeasonalNaive", 100.0)
    assert version.lineage == LINEAGE
    assert version.open().window == 14


def test_the_id_is_made_from_the_content(
    version: Version, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    elsewhere = VersionStore(tmp_path)
    same = elsewhere.add(bundles[0], created=999.0, lineage={})
    other = elsewhere.add(bundles[1], created=100.0, lineage=LINEAGE)

    assert version.id.startswith("seasonalnaive-")
    assert same.id == version.id
    assert other.id != version.id


def test_the_same_bundle_twice_is_one_version_that_is_not_written_again(
    version: Version, store: VersionStore, bundles: tuple[Path, Path]
) -> None:
    again = store.add(bundles[0], created=200.0, lineage={"training": {"seed": 8}})

    assert again == version
    assert len(store.newest()) == 1


def test_the_same_bundle_from_several_processes_at_once_is_one_version(
    workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    code = """
from pathlib import Path
from engine.store import VersionStore
store = VersionStore(Path(sys.argv[1]))
wait_for_start()
print(store.add(Path(sys.argv[2]), created=1.0, lineage={}).id)
"""
    answers = at_once(code, [[str(workspace.central_storage), str(bundles[0])]] * 3)

    (only,) = VersionStore(workspace.central_storage).newest()
    assert answers == [f"{only.id}\n"] * 3
    assert [path.name for path in only.folder.parent.iterdir()] == [only.id]
    assert only.open().window == 14


def test_the_newest_versions_come_first(
    version: Version, store: VersionStore, bundles: tuple[Path, Path]
) -> None:
    newer = store.add(bundles[1], created=101.0, lineage={})

    assert [found.id for found in store.newest()] == [newer.id, version.id]
    assert store.newest(1) == [newer]


def test_a_store_without_versions_lists_none(store: VersionStore) -> None:
    assert store.newest() == []
    with pytest.raises(NotFoundError, match="Newest: none yet"):
        store.get("seasonalnaive-0")


def test_what_is_no_version_is_left_out(
    version: Version, store: VersionStore, versions_folder: Path
) -> None:
    (versions_folder / ".tmp-left-by-a-killed-process" / "bundle").mkdir(parents=True)
    (versions_folder / "empty-folder").mkdir()
    (versions_folder / "notes.txt").write_text("not a version")
    (versions_folder / "Capital").mkdir()

    assert store.newest() == [version]
    for name in (".tmp-left-by-a-killed-process", "empty-folder", "notes.txt", "Capital"):
        with pytest.raises(NotFoundError, match=version.id):
            store.get(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../versions",
        "../aliases.db",
        "a/../b",
        "/etc",
        "a\\b",
        "a\0b",
        "a\n",
        "%2e%2e",
        "*",
        "ａ",
        "\udcff",
        "a" * 65,
        "a" * 300,
    ],
)
def test_a_name_that_has_not_the_form_of_an_id_never_becomes_a_path(
    version: Version, store: VersionStore, name: str
) -> None:
    with pytest.raises(NotFoundError, match="there is no version"):
        store.get(name)


@pytest.mark.parametrize("file", ["model.onnx", "golden.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "link"])
def test_a_version_that_was_changed_is_not_served(
    version: Version, tmp_path: Path, file: str, damage: str
) -> None:
    path = version.bundle / file
    content = path.read_bytes()
    path.unlink()
    if damage == "flip":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 1])
        path.write_bytes(content[:middle] + flipped + content[middle + 1 :])
    elif damage == "cut":
        path.write_bytes(content[:-5])
    elif damage == "link":
        (tmp_path / file).write_bytes(content)
        path.symlink_to(tmp_path / file)

    with pytest.raises(ModelError, match=rf"version {version.id}: the bundle does not verify: "):
        version.open()


def test_23_links_to_other_folders_are_not_followed(
    version: Version, store: VersionStore, versions_folder: Path, tmp_path: Path
) -> None:
    (versions_folder / "linked-version").symlink_to(version.folder)

    with pytest.raises(NotFoundError):
        store.get("linked-version")
    assert store.newest() == [version]

    version.bundle.rename(tmp_path / "moved")
    (version.folder / "bundle").symlink_to(tmp_path / "moved")

    with pytest.raises(ModelError, match="the folder is a link"):
        version.open()


def test_a_file_that_does_not_belong_there_is_not_served(version: Version) -> None:
    (version.bundle / "weights.pt").write_bytes(b"\x80\x04")

    with pytest.raises(ModelError, match=r"weights\.pt"):
        version.open()


def test_a_bundle_that_does_not_verify_does_not_become_a_version(
    store: VersionStore, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle = shutil.copytree(bundles[0], tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["model.onnx"]["sha256"] = "0" * 64
    (bundle / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ModelError, match=f"{bundle}: the bundle does not verify"):
        store.add(bundle, created=1.0, lineage={})

    assert store.newest() == []


def test_whichever_call_finds_the_disk_full_there_is_a_whole_version_or_none(
    workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    failures = []
    for number in range(1, 200):
        storage = workspace.central_storage / str(number)
        storage.mkdir()
        store = VersionStore(storage)
        with disk_full_at_call(number) as failed:
            try:
                store.add(bundles[0], created=1.0, lineage={})
            except EngineError as error:
                assert "No space left" in str(error)
        for version in store.newest():
            assert version.open().window == 14
        assert not list(storage.glob("versions/.tmp-*"))
        if not failed:
            break
        failures += failed

    assert {"fsync", "rename"} <= set(failures)
    assert len(store.newest()) == 1


def test_a_copy_that_fails_says_why(
    store: VersionStore, bundles: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)

    with pytest.raises(StorageError, match=r"seasonalnaive-\w+: cannot be written: .*No space"):
        store.add(bundles[0], created=1.0, lineage={})


def test_a_version_can_be_told_as_json(version: Version) -> None:
    told = json.loads(json.dumps(version.to_dict()))

    assert told == {
        "id": version.id,
        "model_type": "SeasonalNaive",
        "data_type": "timeseries",
        "created": 100.0,
        "folder": str(version.folder),
        "lineage": LINEAGE,
    }
