"""Checksums by which files are recognised: SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO


def sha256_of(file: BinaryIO) -> str:
    """The checksum, in hex digits, of all that is left to read."""
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def file_facts(path: Path) -> dict[str, Any]:
    """What a manifest says of a file: its checksum `sha256`, and its size in `bytes`.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return {"sha256": sha256_of(file), "bytes": file.tell()}
