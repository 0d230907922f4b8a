"""The door of an HTTP interface: who is known, who guesses, who comes by a detour."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable

from engine.attempts import Attempts
from engine.tokens import Identity, Role, Tokens

_BEARER = b"bearer"
_MOST_WRONG = 10
_WRONG_SECONDS = 60.0
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

logger = logging.getLogger(__name__)


class AccessDeniedError(Exception):
    """Why somebody is not let in.

    Args:
        status: HTTP status.
        message: What is missing.
        headers: Headers that belong to the answer.
    """

    def __init__(
        self, status: int, message: str, headers: dict[bytes, bytes] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class Door:
    """Lets those in who bring a token that allows what they want.

    Args:
        tokens: The tokens.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._attempts = Attempts(_MOST_WRONG, _WRONG_SECONDS)

    def check(self, authorization: bytes | None, client: str, needed: Role) -> Identity:
        """Return who comes with this header.

        Args:
            authorization: The header of that name.
            client: The address of the caller.
            needed: The role that is needed.

        Raises:
            AccessDeniedError: 401 without a token that is known, 403 with one that does not allow
                this, 429 after too many wrong ones.
            StorageError: The tokens cannot be read.
        """
        kind, _, given = (authorization or b"").partition(b" ")
        known = self._tokens.identify(given.strip()) if kind.lower() == _BEARER else None
        if known is None:
            raise self._refused(authorization, client)
        if not known.may(needed):
            raise AccessDeniedError(
                403, f"the token {known.name} has the role {known.role}; this needs {needed}"
            )
        return known

    def _refused(self, authorization: bytes | None, client: str) -> AccessDeniedError:
        # A right token is let in also when many wrong ones came from the same address: behind a
        # proxy all have one address, and who guesses must not be able to lock out the others. A
        # token has 256 random bits: what is limited is the noise, not the chance.
        if authorization is not None:  # who brings none guesses nothing
            if wait := self._attempts.wait_of(client):
                return AccessDeniedError(
                    429,
                    f"too many wrong tokens came from {client}; come again in {wait} s",
                    {b"retry-after": str(wait).encode()},
                )
            self._attempts.was_wrong(client)
            logger.warning("a wrong token came from %s", client or "an unknown address")
        return AccessDeniedError(
            401,
            "this needs the header Authorization: Bearer TOKEN; make a token with "
            "`engine token create`, or use the one in the file `token` of the workspace",
            {b"www-authenticate": b"Bearer"},
        )


def check_host(host: bytes | None, allowed: Iterable[str], setting: str) -> str:
    """Refuse a name that is not ours: a web page elsewhere may have been pointed at this machine.

    Args:
        host: The Host header.
        allowed: Names beside those of the loopback interface, in lower case.
        setting: The setting that allows more.

    Returns:
        The name.

    Raises:
        AccessDeniedError: 421.
    """
    name = host_name(host or b"")
    if name not in _LOCAL_NAMES and name not in allowed:
        raise AccessDeniedError(
            421,
            f"this is not {name or 'a host without a name'}; "
            f"if it is, add the name to {setting} in engine.yaml",
        )
    return name


def is_local_name(name: str) -> bool:
    """Whether a host name means the loopback interface."""
    return name in _LOCAL_NAMES


def is_address(name: str) -> bool:
    """Whether a host name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def host_name(host: bytes) -> str:
    """The name in a Host header, without its port."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
