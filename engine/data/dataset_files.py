"""What every kind of data set on disk is: a folder named by its content, verified when opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.atomic import publish_folder, unfinished_folder
from engine.data.catalogue import MANIFEST_FILE, list_datasets
from engine.data.problems import did_you_mean, shown
from engine.errors import DataError, NotFoundError, StorageError
from models.data_types import IMAGE, TIMESERIES

HELD = {TIMESERIES: "series", IMAGE: "pictures"}
"""What a data set of each data type holds."""


def content_hash(content: Mapping[str, Any]) -> str:
    """Hash of what makes a data set the one it is; its first 16 digits are the id."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def open_manifest(datasets_dir: Path, dataset_id: str, *, data_type: str) -> dict[str, Any]:
    """Find a data set and read its manifest, which must be the one that gave it its name.

    Args:
        datasets_dir: Folder of all data sets.
        dataset_id: Name of one.
        data_type: What it must be of.

    Raises:
        NotFoundError: There is no such data set.
        DataError: It is of another data type, or the manifest changed since it was written.
        StorageError: The manifest cannot be read.
    """
    known = list_datasets(datasets_dir)
    if dataset_id not in known:
        raise NotFoundError(
            f"there is no dataset {shown(dataset_id)}",
            where=str(datasets_dir),
            fix=did_you_mean(dataset_id, known) if known else "Run data_flow first",
        )
    path = datasets_dir / dataset_id / MANIFEST_FILE
    try:
        manifest = read_json(path)
        is_genuine = manifest["hash"] == content_hash(manifest["content"])
        is_genuine &= str(manifest["hash"])[:16] == dataset_id
        found = str(manifest["content"].get("data_type", TIMESERIES))
    except (KeyError, TypeError, ValueError, AttributeError, FileNotFoundError):
        raise changed(path) from None
    except OSError as error:
        raise unreadable(path, error) from error
    if not is_genuine:
        raise changed(path)
    if found != data_type:
        raise DataError(
            f"dataset {dataset_id} holds {HELD.get(found, found)}, and {HELD[data_type]} are "
            "needed here",
            where=str(path.parent),
            fix=f"Choose another dataset, or set data_type: {found}",
        )
    return manifest


def publish(
    datasets_dir: Path,
    content: Mapping[str, Any],
    write: Callable[[Path], None],
    *,
    size: int,
) -> str:
    """Let a data set be written into its folder, whole or not at all; return its id.

    The same content has the same id and is written once.

    Args:
        datasets_dir: Folder of all data sets; made when it is absent.
        content: What the id is made from.
        write: Writes the files into a folder.
        size: About how many bytes these are, for messages.

    Raises:
        StorageError: The disk is full or refuses; nothing is left behind.
    """
    final = datasets_dir / content_hash(content)[:16]
    try:
        datasets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not final.exists():
            with unfinished_folder(datasets_dir) as temporary:
                write(temporary)
                publish_folder(temporary, final)
    except OSError as error:
        raise unwritable(final, size, error) from error
    return final.name


def verified(path: Path, sha256: str) -> bytes:
    """The bytes of a file, once they are found to be those that were written.

    Raises:
        DataError: They are others.
        StorageError: They cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise changed(path) from None
    except OSError as error:
        raise unreadable(path, error) from error
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise changed(path)
    return raw


def changed(path: Path) -> DataError:
    """The error that a file is not what was written."""
    state = "changed" if path.exists() else "removed"
    return DataError(
        f"{state} on disk since the data flow wrote it",
        where=str(path),
        fix=f"Remove the folder {path.parent} and run data_flow again",
    )


def unreadable(path: Path, error: OSError) -> StorageError:
    """The error that a file is there, but cannot be read."""
    return StorageError(
        f"the file cannot be read ({error.strerror or error})",
        where=str(path),
        fix="Check its permissions and the disk",
    )


def unwritable(final: Path, size: int, error: OSError) -> StorageError:
    """The error that the disk refuses a data set of so many bytes."""
    return StorageError(
        f"the data set cannot be written ({size:,} bytes): {error.strerror or error}",
        where=str(final),
        fix="Free some space or check the permissions of the workspace",
    )


def read_json(path: Path) -> dict[str, Any]:
    """A file of JSON that holds an object.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no JSON.
    """
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded
