"""A version as one file, to be carried to another workspace: a zip with the version's folder in it.

What comes from elsewhere is not trusted: only the names that a version has are read, within the
sizes that a version may have, and the bundle must verify before anything is stored.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from engine.atomic import replaced_file, unfinished_folder
from engine.errors import ModelError, NotFoundError, StorageError
from engine.store.layout import BUNDLE_FOLDER, LINEAGE_FILE
from engine.store.stories import check_story
from engine.store.versions import Version, VersionStore, read_lineage
from models.bundles.opening import OPTIONAL_FILES, SIZE_LIMITS

_LIMITS = {LINEAGE_FILE: 16 << 20} | {
    f"{BUNDLE_FOLDER}/{name}": size for name, size in SIZE_LIMITS.items()
}
# The bundle's manifest says whether these belong to it.
_OPTIONAL = {f"{BUNDLE_FOLDER}/{name}" for name in OPTIONAL_FILES}
_UNIX = 3
_ENCRYPTED = 0x1
# The same version gives the same file, whenever it is written.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20
_FIX = "Only what `engine models export` wrote can be imported"


def export_version(version: Version, path: Path) -> None:
    """Write a version, verified, as one file.

    Raises:
        ModelError: It does not verify.
        StorageError: It cannot be fetched or written; what was there before stays.
    """
    version.open()
    try:
        with (
            replaced_file(path) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for name in sorted(_LIMITS):
                if name in _OPTIONAL and not (version.folder / name).exists():
                    continue
                info = zipfile.ZipInfo(name, _MOMENT)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (stat.S_IFREG | 0o600) << 16
                with (version.folder / name).open("rb") as source, archive.open(info, "w") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=str(path)) from error


def import_version(
    path: Path, store: VersionStore, *, imported: Mapping[str, Any]
) -> tuple[Version, bool]:
    """Read a file that `export_version` wrote, and store the version that is in it.

    Args:
        path: The file.
        store: Where it goes.
        imported: Who brought it and when, for its lineage.

    Returns:
        The version, and whether it is new here.

    Raises:
        NotFoundError: There is no such file.
        ModelError: It is something else, or does not verify; nothing is stored.
        StorageError: The disk refuses.
    """
    with _unpacked(path, store.folder) as folder:
        story = read_lineage((folder / LINEAGE_FILE).read_bytes(), str(path))
        _check_story(story, path)
        story.pop("model_type")
        version = store.add(
            folder / BUNDLE_FOLDER,
            created=story.pop("created"),
            lineage={**story, "imported": dict(imported)},
        )
        return version, version.lineage.get("imported") == imported


@contextmanager
def _unpacked(path: Path, beside: Path) -> Iterator[Path]:
    """The checked content of a file, in a folder that goes at the end."""
    beside.mkdir(exist_ok=True, mode=0o700)
    with _archive(path) as archive:
        members = _members(archive, path)
        with unfinished_folder(beside) as folder:
            (folder / BUNDLE_FOLDER).mkdir()
            for name, member in members.items():
                with archive.open(member) as source, (folder / name).open("wb") as sink:
                    _copy(source, sink, member.file_size, path)
            yield folder


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as error:
        raise NotFoundError("there is no such file", where=str(path)) from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise _refused(f"is not a whole zip file: {error}", path) from error
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members by name, when they are those of a version and nothing more."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename
        limit = _LIMITS.get(name)
        mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
        if limit is None or name in members:
            raise _refused(f"holds {name!r}, which is no part of a version", path)
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _refused(f"{name} in it is a link or no plain file", path)
        if member.flag_bits & _ENCRYPTED:
            raise _refused(f"{name} in it is encrypted", path)
        if member.file_size > limit:
            raise _refused(f"{name} in it has {member.file_size} bytes, more than is allowed", path)
        members[name] = member
    if missing := sorted(_LIMITS.keys() - _OPTIONAL - members.keys()):
        raise _refused(f"lacks {missing[0]}", path)
    return members


def _copy(source: Any, sink: BinaryIO, size: int, path: Path) -> None:
    # What a header says of the size need not be true.
    left = size
    while chunk := source.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise _refused("holds more than it says", path)
        sink.write(chunk)


def _check_story(story: Mapping[str, Any], path: Path) -> None:
    try:
        check_story(story)
    except msgspec.ValidationError as error:
        what = f"{LINEAGE_FILE} in it is not that of a deployed version: {error}"
        raise _refused(what, path) from error


def _refused(what: str, path: Path) -> ModelError:
    return ModelError(what, where=str(path), fix=_FIX)
