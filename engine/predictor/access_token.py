"""The token of a workspace: who knows it may change what is served."""

from __future__ import annotations

import os
import secrets

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
    try:
        token = path.read_text(encoding="ascii").strip()
        is_private = path.stat().st_mode & 0o077 == 0 and path.stat().st_uid == os.getuid()
    except FileNotFoundError:
        token = secrets.token_urlsafe(_BYTES)
        write_bytes(path, token.encode() + b"\n")
        return token
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the token cannot be read: {error}", where=str(path)) from error
    if not token or not is_private:
        raise StorageError(
            "the token is empty, or others may read it",
            where=str(path),
            fix="Delete the file; another token is made",
        )
    return token
