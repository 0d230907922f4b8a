"""Posting to a webhook: to where its name resolved to when it was checked, and nowhere else.

A name that resolves to this machine, or to what only this machine's network card can reach, would
let whoever can set an address talk to services that listen for local callers alone.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from typing import Any

import httpx

from engine.errors import ConfigError, ServerError

_TIMEOUT = httpx.Timeout(10.0)
_MOST_SHOWN = 200

# Where clouds tell a machine its own credentials, beside the link-local 169.254.169.254.
_METADATA_SERVICES = frozenset({"fd00:ec2::254", "100.100.100.200"})


def post(url: str, payload: dict[str, Any], *, allowed_hosts: Collection[str] = ()) -> None:
    """Post JSON; redirects are not followed.

    Raises:
        ConfigError: The address is not one that may be addressed.
        ServerError: It does not answer, or not with success.
    """
    target = _parse(url)
    addresses = _checked_addresses(target, allowed_hosts)
    problems = []
    for address in addresses:
        try:
            _post_to(address, target, payload)
            return
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            problems.append(str(error))  # of several machines behind a name, one may be down
        except httpx.HTTPError as error:
            raise ServerError(f"{target.host} did not answer: {error}") from error
    raise ServerError(f"{target.host} cannot be reached: {'; '.join(problems)}")


def _post_to(address: str, target: httpx.URL, payload: dict[str, Any]) -> None:
    # The connection goes to the address that was checked: a name that resolves to another one the
    # next time it is asked changes nothing.
    with (
        httpx.Client(timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as client,
        client.stream(
            "POST",
            target.copy_with(host=address),
            json=payload,
            headers={"host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": target.host},
        ) as response,
    ):
        if not response.is_success:
            # No more of the answer than is shown: it may be endless.
            said = next(response.iter_bytes(_MOST_SHOWN), b"").decode(errors="replace")
            raise ServerError(f"{target.host} answered HTTP {response.status_code}: {said}")


def _parse(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        raise ConfigError("the address of a webhook is not a URL") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise ConfigError("the address of a webhook must begin with http:// or https://")
    return target


def _checked_addresses(target: httpx.URL, allowed_hosts: Collection[str]) -> list[str]:
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ServerError(f"{target.host} cannot be found: {error}") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if target.host not in allowed_hosts:
        for address in addresses:
            if _is_local(address):
                raise ConfigError(
                    f"{target.host} resolves to {address}, which is this machine or local to it",
                    fix="If that is meant, name it in notifications.allowed_hosts",
                )
    return addresses


def _is_local(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    # Private networks (10.x, 192.168.x) are where the chat server of a factory is.
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or str(address) in _METADATA_SERVICES
    )
