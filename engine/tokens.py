"""Who may do what over a network: tokens with roles, in files that only their owner can read.

`token` holds the owner's own token, made when it is first needed: whoever can read the workspace is
an admin. `tokens.json` holds those that were made for others, by their hashes alone.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from engine.atomic import write_bytes
from engine.errors import ConflictError, NotFoundError, StorageError
from engine.locks import FileLock
from engine.workspace import Workspace

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""viewer reads; operator also launches and cancels; admin also changes what serves, what is
scheduled and what is kept."""

OWNER = "owner"
"""Name of the token in the file `token`."""

_BYTES = 32
_PREFIX = "mlops-"


class TokenRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token that was made for somebody.

    Attributes:
        name: What it is called.
        role: What it allows.
        sha256: Of the token, in hexadecimal digits. A token has 256 random bits: one round does.
        created: Seconds since the epoch.
        expires: Seconds since the epoch, None for never.
    """

    name: str
    role: Role
    sha256: str
    created: float
    expires: float | None = None


@dataclass(frozen=True)
class Identity:
    """Who somebody is, as far as a token says."""

    name: str
    role: Role

    def may(self, needed: Role) -> bool:
        """Whether this role is enough where another one is needed."""
        return ROLES.index(self.role) >= ROLES.index(needed)


class Tokens:
    """The tokens of a workspace.

    Args:
        workspace: Whose they are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._path = workspace.tokens

    def records(self) -> list[TokenRecord]:
        """The tokens that were made for others, by name.

        Raises:
            StorageError: The file is damaged, or others may read it.
        """
        if not self._path.exists():
            return []
        content = _read_private(self._path)
        try:
            records = msgspec.json.decode(content, type=list[TokenRecord])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StorageError(
                f"the tokens cannot be read: {error}",
                where=str(self._path),
                fix="Delete the file and make the tokens again: engine token create",
            ) from error
        return sorted(records, key=lambda record: record.name)

    def create(self, name: str, role: Role, *, expires: float | None = None) -> str:
        """Make a token and return it: it is kept nowhere, only its hash is.

        Raises:
            ConflictError: There is one of this name.
            StorageError: The file can be neither read nor written.
        """
        token = _PREFIX + secrets.token_urlsafe(_BYTES)
        record = TokenRecord(
            name=name,
            role=role,
            sha256=hashlib.sha256(token.encode()).hexdigest(),
            created=time.time(),
            expires=expires,
        )
        with self._locked():
            records = self.records()
            if name == OWNER or name in {known.name for known in records}:
                raise ConflictError(
                    f"there is a token named {name!r}",
                    fix="Revoke it, or choose another name",
                )
            self._write([*records, record])
        return token

    def revoke(self, name: str) -> TokenRecord:
        """Make a token worthless.

        Raises:
            NotFoundError: There is none of this name.
            StorageError: The file can be neither read nor written.
        """
        with self._locked():
            records = self.records()
            gone = [record for record in records if record.name == name]
            if not gone:
                known = ", ".join(record.name for record in records) or "none"
                raise NotFoundError(f"there is no token {name!r}", fix=f"There is: {known}")
            self._write([record for record in records if record.name != name])
        return gone[0]

    def identify(self, token: bytes) -> Identity | None:
        """Say whose a token is; None for one that is worth nothing.

        Takes the same time for every token that is wrong.

        Raises:
            StorageError: The files cannot be read.
        """
        digest = hashlib.sha256(token).hexdigest()
        found: Identity | None = None
        if hmac.compare_digest(hashlib.sha256(self.owner().encode()).hexdigest(), digest):
            found = Identity(OWNER, "admin")
        for record in self.records():
            is_it = hmac.compare_digest(record.sha256, digest)
            if is_it and (record.expires is None or record.expires > time.time()):
                found = Identity(record.name, record.role)
        return found

    def owner(self) -> str:
        """The owner's own token, which is made when there is none yet.

        Raises:
            StorageError: The file can be neither read nor written, or others may read it.
        """
        path = self._workspace.token
        if not path.exists():
            _make(path)
        content = _read_private(path).strip()
        if not content or not content.isascii():
            raise StorageError(
                "this is no token", where=str(path), fix="Delete the file; another one is made"
            )
        return content.decode()

    def _locked(self) -> _Locked:
        return _Locked(self._path.with_name(".tokens.lock"))

    def _write(self, records: list[TokenRecord]) -> None:
        write_bytes(self._path, msgspec.json.format(msgspec.json.encode(records)) + b"\n")


class _Locked:
    """One change of a file at a time, whatever process makes it."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _read_private(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        status = path.stat()
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if status.st_mode & 0o077 or status.st_uid != os.getuid():
        raise StorageError(
            "others may read it, and it holds what lets them in",
            where=str(path),
            fix="Delete it and make new ones: others may know these",
        )
    return content


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
