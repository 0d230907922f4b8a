from __future__ import annotations

import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import EngineError, ModelError, NotFoundError, StorageError
from engine.store import Version, VersionStore
from engine.store.archive import export_version, import_version
from engine.workspace import Workspace
from tests.unit.deployments import lineage, make_bundle

BROUGHT = {"who": "someone", "at": 5.0, "file": "version.zip"}


@pytest.fixture
def store(workspace: Workspace) -> VersionStore:
    return VersionStore(workspace.central_storage)


@pytest.fixture
def version(store: VersionStore, bundles: tuple[Path, Path]) -> Version:
    return store.add(bundles[0], created=100.0, lineage=lineage())


@pytest.fixture
def exported(version: Version, tmp_path: Path) -> Path:
    path = tmp_path / "version.zip"
    export_version(version, path)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> VersionStore:
    """A store that has no version yet."""
    (tmp_path / "elsewhere").mkdir()
    return VersionStore(tmp_path / "elsewhere")


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_version_is_the_same_elsewhere_and_says_who_brought_it(
    version: Version, exported: Path, elsewhere: VersionStore
) -> None:
    imported, is_new = import_version(exported, elsewhere, imported=BROUGHT)

    assert is_new
    assert (imported.id, imported.created) == (version.id, version.created)
    assert imported.lineage == {**version.lineage, "imported": BROUGHT}
    assert imported.open().window == 14
    assert names_in(elsewhere.folder) == {
        version.id,
        f"{version.id}/lineage.json",
        f"{version.id}/bundle",
        *(f"{version.id}/bundle/{name}" for name in ("model.onnx", "golden.json", "manifest.json")),
    }


def test_intervals_are_carried_along(
    store: VersionStore, elsewhere: VersionStore, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "calibrated", calibrated=True)
    version = store.add(bundle, created=100.0, lineage=lineage())
    export_version(version, tmp_path / "version.zip")

    imported, _ = import_version(tmp_path / "version.zip", elsewhere, imported=BROUGHT)

    assert imported.id == version.id
    assert imported.open().calibration is not None


def test_a_file_from_which_the_intervals_were_taken_is_refused(
    workspace: Workspace, elsewhere: VersionStore, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "calibrated", calibrated=True)
    other = VersionStore(workspace.central_storage)
    path = tmp_path / "version.zip"
    export_version(other.add(bundle, created=100.0, lineage=lineage()), path)
    rewrite(path, [entry for entry in members_of(path) if entry[0] != "bundle/intervals.json"])

    refuse(path, elsewhere, "intervals.json")


def test_what_is_here_already_stays_as_it_is(
    version: Version, exported: Path, store: VersionStore
) -> None:
    imported, is_new = import_version(exported, store, imported=BROUGHT)

    assert (imported, is_new) == (version, False)


def test_the_same_version_gives_the_same_file(
    version: Version, exported: Path, tmp_path: Path
) -> None:
    export_version(version, tmp_path / "again.zip")

    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_a_version_that_does_not_verify_is_not_exported(version: Version, tmp_path: Path) -> None:
    (version.folder / "bundle" / "golden.json").write_text("{}")

    with pytest.raises(ModelError, match="sha256"):
        export_version(version, tmp_path / "version.zip")

    assert not list(tmp_path.glob("*.zip"))


def test_an_export_that_cannot_be_written_names_the_file(version: Version, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no-such-folder/v\.zip: cannot be written: No such"):
        export_version(version, tmp_path / "no-such-folder" / "v.zip")


Change = Callable[[dict[str, bytes]], None]


def rewrite(path: Path, members: list[tuple[zipfile.ZipInfo | str, bytes]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)


def members_of(path: Path) -> list[tuple[zipfile.ZipInfo | str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def refuse(path: Path, store: VersionStore, message: str) -> None:
    """Importing fails with this message, and leaves neither a version nor anything else."""
    around = names_in(path.parent)
    with pytest.raises(EngineError, match=message):
        import_version(path, store, imported=BROUGHT)
    left = names_in(path.parent) - around - {"elsewhere/versions"}
    assert left == set()
    assert store.newest() == []


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        "bundle/../../outside.txt",
        "/tmp/outside-of-everything.txt",
        "bundle\\..\\outside.txt",
        "bundle/weights.pt",
        "bundle/model.pkl",
        "bundle/",
        "other/lineage.json",
        " lineage.json",
    ],
)
def test_24_a_member_that_is_no_part_of_a_version_is_refused_and_nothing_is_extracted(
    exported: Path, elsewhere: VersionStore, name: str
) -> None:
    rewrite(exported, [*members_of(exported), (name, b"x")])

    refuse(exported, elsewhere, "is no part of a version")

    assert not Path("/tmp/outside-of-everything.txt").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_24_a_member_that_stands_twice_is_refused(exported: Path, elsewhere: VersionStore) -> None:
    rewrite(exported, [*members_of(exported), ("lineage.json", b"{}")])

    refuse(exported, elsewhere, "'lineage.json', which is no part")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_24_a_link_in_the_place_of_a_file_is_refused(
    exported: Path, elsewhere: VersionStore, kind: int
) -> None:
    members = [entry for entry in members_of(exported) if entry[0] != "bundle/golden.json"]
    link = zipfile.ZipInfo("bundle/golden.json")
    link.create_system = 3
    link.external_attr = (kind | 0o777) << 16
    rewrite(exported, [*members, (link, b"/etc/passwd")])

    refuse(exported, elsewhere, "a link or no plain file")


def test_24_an_archive_of_another_kind_is_refused(tmp_path: Path, elsewhere: VersionStore) -> None:
    path = tmp_path / "version.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("../outside.txt")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))

    refuse(path, elsewhere, "not a whole zip file")


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path, elsewhere: VersionStore) -> None:
    with pytest.raises(NotFoundError, match=r"absent\.zip"):
        import_version(tmp_path / "absent.zip", elsewhere, imported=BROUGHT)


def test_a_folder_in_the_place_of_a_file_cannot_be_read(
    tmp_path: Path, elsewhere: VersionStore
) -> None:
    (tmp_path / "folder.zip").mkdir()

    refuse(tmp_path / "folder.zip", elsewhere, "cannot be read: Is a directory")


def test_a_part_that_is_missing_is_named(exported: Path, elsewhere: VersionStore) -> None:
    rewrite(exported, [entry for entry in members_of(exported) if entry[0] != "lineage.json"])

    refuse(exported, elsewhere, r"lacks lineage\.json")


def test_a_bomb_is_refused_before_it_is_unpacked(exported: Path, elsewhere: VersionStore) -> None:
    members = [entry for entry in members_of(exported) if entry[0] != "bundle/golden.json"]
    rewrite(exported, [*members, ("bundle/golden.json", b" " * (17 << 20))])

    refuse(exported, elsewhere, "17825792 bytes, more than is allowed")


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_file_that_was_cut_is_refused(exported: Path, elsewhere: VersionStore, cut: int) -> None:
    exported.write_bytes(exported.read_bytes()[:-cut])

    refuse(exported, elsewhere, "not a whole zip file")


def test_whichever_byte_is_changed_nothing_false_is_stored(
    version: Version, exported: Path, tmp_path: Path, elsewhere: VersionStore
) -> None:
    content = exported.read_bytes()
    for place in range(0, len(content), 37):
        damaged = bytearray(content)
        damaged[place] ^= 0x41
        exported.write_bytes(damaged)
        try:
            imported, _ = import_version(exported, elsewhere, imported=BROUGHT)
        except EngineError:
            assert elsewhere.newest() == []
            continue
        # Some bytes say nothing that matters: a date, a comment.
        assert imported.id == version.id
        assert imported.lineage == {**version.lineage, "imported": BROUGHT}
        elsewhere.delete(imported.id)


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ("not json", "is not JSON"),
        ("[]", "lacks the model's type"),
        ('{"model_type": "LSTM"}', "lacks the model's type or its time"),
        ('{"model_type": "LSTM", "created": 1.0}', "missing required field `training`"),
        (
            json.dumps(
                {**lineage(), "evaluation": {"scores": {}}, "model_type": "x", "created": 1}
            ),
            "missing required field `candidate`",
        ),
    ],
)
def test_a_lineage_that_says_too_little_is_refused(
    exported: Path, elsewhere: VersionStore, story: str, message: str
) -> None:
    members = [entry for entry in members_of(exported) if entry[0] != "lineage.json"]
    rewrite(exported, [*members, ("lineage.json", story.encode())])

    refuse(exported, elsewhere, message)
