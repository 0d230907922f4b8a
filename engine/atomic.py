"""Files that are old or new, never half: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import StorageError

UNFINISHED_PREFIX = ".tmp-"

# Between making a folder and locking it a writer needs no more than a moment.
_YOUNG_SECONDS = 60.0


def write_bytes(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by `content` so that a reader or a power cut sees one whole version.

    Raises:
        StorageError: With the path and the size, when the disk is full or refuses.
    """
    try:
        with replaced_file(path, mode=mode) as file:
            file.write(content)
    except OSError as error:
        raise _storage_error(error, path, len(content)) from error


@contextmanager
def replaced_file(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a file to be written whole, which replaces `path` when the block ends without an error.

    Raises:
        OSError: The disk refuses; `path` is as it was.
    """
    descriptor, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
        sync_folder(path.parent)
    finally:
        # Still there only when something failed, or Ctrl-C came in between.
        Path(temporary).unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, mode: int = 0o600) -> None:
    """Write `value` as readable JSON, atomically; NaN and infinity are refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    # A file name that is not UTF-8 has surrogates in it: escaped, they are JSON like any other.
    write_bytes(path, text.encode(errors="backslashreplace") + b"\n", mode=mode)


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """Make a new folder in `parent` to be filled and published; what is not, goes at the end.

    A process that dies in between leaves it, unlocked, to `sweep_unfinished`.

    Raises:
        OSError: The disk refuses.
    """
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=UNFINISHED_PREFIX))
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def sweep_unfinished(parent: Path) -> int:
    """Remove the folders that processes which died left unfinished in `parent`; return how many."""
    swept = 0
    for folder in parent.glob(f"{UNFINISHED_PREFIX}*"):
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # its writer was faster, or it is none of ours
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(descriptor).st_mtime > _YOUNG_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
        except BlockingIOError:
            continue  # its writer lives
        finally:
            os.close(descriptor)
    return swept


def publish_folder(temporary: Path, final: Path) -> None:
    """Rename a finished folder into place after every file in it has reached the disk.

    Args:
        temporary: A folder on the same file system as `final`, whose writer is done.
        final: Must not exist, or must be an equal folder made by a faster writer.

    Raises:
        StorageError: When the rename fails for another reason than the faster writer.
    """
    try:
        for path in sorted(temporary.rglob("*")):
            if path.is_dir():
                sync_folder(path)
            else:
                _sync_file(path)
        sync_folder(temporary)
        try:
            temporary.rename(final)
        except OSError:
            if not final.is_dir():
                raise
            # Content-addressed: the folder that won the race holds the same bytes.
            shutil.rmtree(temporary)
        sync_folder(final.parent)
    except OSError as error:
        raise _storage_error(error, final, 0) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; without this a rename can be lost by a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storage_error(error: OSError, path: Path, size: int) -> StorageError:
    amount = f" ({size} bytes)" if size else ""
    return StorageError(
        f"cannot be written{amount}: {error.strerror or error}",
        where=str(path),
        fix="Free some space or check the permissions of the workspace",
    )
