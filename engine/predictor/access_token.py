"""The token of a workspace: who knows it may change what is served."""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from pathlib import Path

from engine.atomic import write_bytes
from engine.attempts import Attempts
from engine.errors import StorageError
from engine.predictor.refusal import RefusalError
from engine.workspace import Workspace

_BYTES = 32
_BEARER = b"bearer"
_MOST_WRONG = 10
_WRONG_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Door:
    """Lets those in who know the token.

    Args:
        token: The token.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._attempts = Attempts(_MOST_WRONG, _WRONG_SECONDS)

    def check(self, authorization: bytes | None, origin: bytes | None, client: str) -> None:
        """Refuse who may not change what is served.

        Args:
            authorization: The header of that name.
            origin: The header of that name: only web pages send it.
            client: The address of the caller.

        Raises:
            RefusalError: 401 without the token, 403 for a web page, 429 after too many wrong ones.
        """
        if origin is not None:
            raise RefusalError(403, "a web page may not change which model answers")
        if wait := self._attempts.wait_of(client):
            raise RefusalError(
                429,
                f"too many wrong tokens came from {client}; come again in {wait} s",
                {b"retry-after": str(wait).encode()},
            )
        kind, _, given = (authorization or b"").partition(b" ")
        is_right = hmac.compare_digest(given.strip(), self._token)
        if kind.lower() == _BEARER and is_right:
            return
        if authorization is not None:  # who brings none guesses nothing
            self._attempts.was_wrong(client)
            logger.warning("a wrong token came from %s", client or "an unknown address")
        raise RefusalError(
            401,
            "this needs the header Authorization: Bearer TOKEN; the token is in the "
            "workspace, in the file `token`",
            {b"www-authenticate": b"Bearer"},
        )


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
