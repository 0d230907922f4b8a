"""What every request passes before it reaches a handler, and every answer before it leaves."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from engine.access import (
    Door,
    Network,
    check_host,
    is_address,
    is_among,
    is_local,
)
from engine.daemon.metrics.exposition import Count
from engine.daemon.web.audit import Audit
from engine.daemon.web.messages import WebError
from engine.errors import StorageError
from engine.refusal import RefusalError
from engine.schema import encode
from engine.tokens import Identity, Role

Handler = Callable[[Request, Identity], Awaitable[Response]]

ANYBODY = Identity("nobody in particular", "viewer")
"""Who reads on this very machine, and brings no token."""

_SAFE = frozenset({"GET", "HEAD"})
# A proxy on this machine makes strangers look like neighbours; it says so in one of these.
_DETOURS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")

HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Listening:
    """What a guard has to know of where it stands.

    Attributes:
        setting: Name of the section in engine.yaml.
        is_local: Only this machine can reach it.
        allowed_hosts: Names beside those of the loopback interface, in lower case.
        proxies: Those that are believed whom they forward.
    """

    setting: str
    is_local: bool
    allowed_hosts: frozenset[str]
    proxies: tuple[Network, ...] = ()


class Guard:
    """Checks host, origin and token; adds the headers that browsers heed.

    Args:
        door: Knows the tokens.
        audit: Where attempts to change something are written down.
        listening: As of now: settings may change while it listens.
        count: Told of every answer.
    """

    def __init__(
        self, door: Door, audit: Audit, listening: Callable[[], Listening], count: Count
    ) -> None:
        self._door = door
        self._audit = audit
        self._listening = listening
        self._count = count

    def protect(
        self, handler: Handler, role: Role | None, *, route: str
    ) -> Callable[[Request], Awaitable[Response]]:
        """Let a handler answer only who may ask.

        Args:
            handler: What answers.
            role: The role that is needed; None: anybody who reaches it by the right name.
            route: What its answers are counted as.
        """

        async def protected(request: Request) -> Response:
            began = time.perf_counter()
            request.state.sender = sender_of(request, self._listening().proxies)
            who: Identity | None = None
            try:
                who = self._who(request, role)
                response = await handler(request, who)
            except RefusalError as refused:
                response = refusal(refused.status, refused.message, refused.headers)
                if refused.close:
                    response.headers["connection"] = "close"
            except StorageError as error:
                response = refusal(500, str(error))
            if request.method not in _SAFE:
                self._audit.write(
                    who=who.name if who else "",
                    role=who.role if who else "",
                    client=client_of(request),
                    method=request.method,
                    path=request.url.path,
                    status=response.status_code,
                )
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            seconds = time.perf_counter() - began
            self._count(route, request.method, response.status_code, seconds)
            return response

        return protected

    def _who(self, request: Request, role: Role | None) -> Identity:
        listening = self._listening()
        given_host = request.headers.get("host", "").encode("latin-1")
        host = check_host(
            given_host,
            listening.allowed_hosts,
            f"{listening.setting}.allowed_hosts",
            addresses=not listening.is_local,
        )
        is_safe = request.method in _SAFE
        if not is_safe:
            _check_origin(request)
        if role is None:
            return ANYBODY
        if len(request.headers.getlist("authorization")) > 1:
            raise RefusalError(400, "the header Authorization stands there twice")
        given = request.headers.get("authorization")
        is_neighbour = (
            listening.is_local
            and is_local(host)
            and not any(name in request.headers for name in _DETOURS)
        )
        if is_safe and given is None and role == "viewer" and is_neighbour:
            return ANYBODY
        header = None if given is None else given.encode("latin-1")
        return self._door.check(header, client_of(request), role)


def client_of(request: Request) -> str:
    """The address that a request came from, as far as that is known."""
    return str(request.state.sender)


def sender_of(request: Request, proxies: Sequence[Network]) -> str:
    """The address that a request came from: the nearest one that is none of our proxies.

    Each proxy writes down behind what is there already whom it had the request from. So what the
    last of ours wrote is true, and what stands before it is what strangers say.
    """
    sender = request.client.host if request.client else ""
    if not is_among(sender, proxies):
        return sender
    told = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    for address in reversed([one.strip() for one in told]):
        if not is_address(address):
            return sender  # it does not say, or not so that it can be believed
        sender = address
        if not is_among(sender, proxies):
            return sender
    return sender


def refusal(status: int, message: str, headers: Mapping[bytes, bytes] | None = None) -> Response:
    """Why something is not done, in the form of all errors."""
    body = encode(WebError(status="error", message=message))
    plain = {key.decode(): value.decode() for key, value in (headers or {}).items()}
    return Response(body, status, plain, media_type="application/json")


def _check_origin(request: Request) -> None:
    """Refuse what a page of another server asks a browser to send.

    Raises:
        RefusalError: 403.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    is_own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not is_own or site not in (None, "same-origin", "none"):
        raise RefusalError(403, "a page of another server may not change anything here")
