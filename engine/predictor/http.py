"""The little HTTP that the predictor needs: how much may be asked, how an answer looks."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.refusal import RefusalError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_JSON = b"application/json; charset=utf-8"

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Answer:
    """What is sent back.

    Attributes:
        body: The bytes.
        status: HTTP status.
        content_type: Of the body.
        headers: Further headers.
        close: Whether the connection ends with it.
    """

    body: bytes
    status: int = 200
    content_type: bytes = _JSON
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    close: bool = False


def json_answer(value: object, status: int = 200) -> Answer:
    """A message as JSON."""
    return Answer(_encoder.encode(value), status)


class Request:
    """One request: its head, and its body when it is asked for.

    Args:
        scope: ASGI's description of it.
        receive: Where the body comes from.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        # Before percent signs were resolved: in a name they are what they are.
        self.raw_path: str = scope["raw_path"].decode("latin-1")
        self.query: bytes = scope["query_string"]
        self.client: str = scope["client"][0] if scope.get("client") else ""
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive

    def header(self, name: bytes) -> bytes | None:
        """The value of a header, None when it is absent.

        Raises:
            RefusalError: It stands there twice: then it is not clear what holds.
        """
        found = [value for key, value in self._headers if key == name]
        if len(found) > 1:
            raise RefusalError(400, f"the header {name.decode()} stands there twice", close=True)
        return found[0] if found else None

    def length(self, limit: int) -> int:
        """What the body will take at most: what its head says, or else the limit.

        Raises:
            RefusalError: 413, where that is more than the limit.
        """
        said = self.header(b"content-length")
        if said is None:
            return limit
        if int(said) > limit:
            raise _too_large(limit)
        return int(said)

    async def body(self, limit: int) -> bytes:
        """Read the body.

        Raises:
            RefusalError: 413, as soon as it is clear that it is larger than the limit.
        """
        self.length(limit)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise _too_large(limit)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)


class ClientGone(Exception):
    """Whoever asked does not wait for the answer any more."""


def _too_large(limit: int) -> RefusalError:
    return RefusalError(413, f"the body is larger than {limit // 1024} kB", close=True)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer; that nobody takes it any more is no problem of ours."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers.items(),
    ]
    if answer.close:
        headers.append((b"connection", b"close"))
    with contextlib.suppress(ConnectionError):
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
