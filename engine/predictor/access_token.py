"""The token of a workspace: who knows it may change what is served."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from engine.atomic import write_bytes
from engine.errors import StorageError
from engine.workspace import Workspace

_BYTES = 32


def read_token(workspace: Workspace) -> str:
    """The token, which is made when there is none yet.

    Raises:
        StorageError: The file can be neither read nor written, or others may read it.
    """
    path = workspace.token
    if not path.exists():
        _make(path)
    try:
        token = path.read_text(encoding="ascii").strip()
        status = path.stat()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the token cannot be read: {error}", where=str(path)) from error
    if not token or status.st_mode & 0o077 or status.st_uid != os.getuid():
        raise StorageError(
            "the token is empty, or others may read it",
            where=str(path),
            fix="Delete the file; another token is made",
        )
    return token


def _make(path: Path) -> None:
    """Write a new token; of several that do so at once the first is the one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write_bytes(temporary, secrets.token_urlsafe(_BYTES).encode() + b"\n")
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise StorageError(f"the token cannot be written: {error}", where=str(path)) from error
    finally:
        temporary.unlink()
