"""The door of an HTTP interface: who is known, who guesses, who comes by a detour."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable

from engine.attempts import Attempts
from engine.refusal import RefusalError
from engine.tokens import Identity, Role, Tokens

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BEARER = b"bearer"
_MOST_WRONG = 10
_WRONG_SECONDS = 60.0

logger = logging.getLogger(__name__)


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
            RefusalError: 401 without a token that is known, 403 with one that does not allow
                this, 429 after too many wrong ones.
            StorageError: The tokens cannot be read.
        """
        kind, _, given = (authorization or b"").partition(b" ")
        known = self._tokens.identify(given.strip()) if kind.lower() == _BEARER else None
        if known is None:
            raise self._refused(authorization, client)
        if not known.may(needed):
            raise RefusalError(
                403, f"the token {known.name} has the role {known.role}; this needs {needed}"
            )
        return known

    def _refused(self, authorization: bytes | None, client: str) -> RefusalError:
        # A right token is let in also when many wrong ones came from the same address: behind a
        # proxy all have one address, and who guesses must not be able to lock out the others. A
        # token has 256 random bits: what is limited is the noise, not the chance.
        if authorization is not None:  # who brings none guesses nothing
            if wait := self._attempts.wait_of(client):
                return RefusalError(
                    429,
                    f"too many wrong tokens came from {client}; come again in {wait} s",
                    {b"retry-after": str(wait).encode()},
                )
            self._attempts.was_wrong(client)
            logger.warning("a wrong token came from %s", client or "an unknown address")
        return RefusalError(
            401,
            "this needs the header Authorization: Bearer TOKEN; make a token with "
            "`engine token create`, or use the one in the file `token` of the workspace",
            {b"www-authenticate": b"Bearer"},
        )


def check_host(
    host: bytes | None, allowed: Iterable[str], setting: str, *, addresses: bool = False
) -> str:
    """Refuse a name that is not ours: a web page elsewhere may have been pointed at this machine.

    Args:
        host: The Host header.
        allowed: Names beside those of the loopback interface, in lower case.
        setting: The setting that allows more.
        addresses: Whether every address is taken, where others than this machine may come: a page
            elsewhere can be pointed here by a name only, an address is what it says.

    Returns:
        The name.

    Raises:
        RefusalError: 421.
    """
    name = host_name(host or b"")
    if not is_local(name) and name not in allowed and not (addresses and is_address(name)):
        raise RefusalError(
            421,
            f"this is not {name or 'a host without a name'}; "
            f"if it is, add the name to {setting} in engine.yaml",
            close=True,
        )
    return name


def is_local(host: str) -> bool:
    """Whether a host, by name or address, means the loopback interface."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def is_address(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as settings have them."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def is_among(host: str, among: Iterable[Network]) -> bool:
    """Whether a host is an address in one of these networks."""
    if not is_address(host):
        return False
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return any(one in network for one in (address, mapped) if one for network in among)


def host_name(host: bytes) -> str:
    """The name in a Host header, without its port."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
