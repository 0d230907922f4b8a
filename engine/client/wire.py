"""What both clients share: from a call to an HTTP request, from an HTTP answer to a message."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx
import msgspec
from msgspec import Struct

from engine.client.calls import Call
from engine.errors import EngineError, ServerError, error_of_dict
from engine.schema import ErrorReply, Event, decode_event, encode
from engine.workspace import Workspace

T = TypeVar("T", bound=Struct)

BASE_URL = "http://engine"
# Long enough for a launch that has to read a user's own model files first.
TIMEOUT = httpx.Timeout(90.0, connect=5.0)
FEED_SECONDS = 60.0
FEED_TIMEOUT = httpx.Timeout(FEED_SECONDS, connect=5.0)

# How long a request that cannot be delivered is tried again: an engine that is being replaced
# answers after a second or two.
RETRY_SECONDS = 20.0
RETRY_PAUSE_SECONDS = 0.05


def request_of(call: Call[Any]) -> dict[str, Any]:
    """The arguments for httpx."""
    content = encode(call.body) if call.body is not None else None
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.query),
        "content": content,
        "headers": {"content-type": "application/json"},
    }


def reply_of(call: Call[T], response: httpx.Response) -> T:
    """The message in an answer.

    Raises:
        EngineError: What the engine said is wrong.
    """
    if response.is_success:
        try:
            return msgspec.json.decode(response.content, type=call.reply)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ServerError(
                f"the engine gave an answer that is not understood: {error}",
                fix="After an upgrade: engine restart",
            ) from None
    raise error_of(response.content, response.status_code)


def error_of(content: bytes, status: int) -> EngineError:
    """The error in an answer that is not a success."""
    try:
        reply = msgspec.json.decode(content, type=ErrorReply)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ServerError(f"the engine answered HTTP {status}: {content[:200]!r}")
    return error_of_dict(msgspec.structs.asdict(reply))


def unreachable(workspace: Workspace, error: Exception) -> ServerError:
    """The error of a client that finds no engine."""
    return ServerError(
        f"no engine answers: {str(error) or type(error).__name__}",
        where=str(workspace.root),
        fix=f"Start one: engine up. Its log is {workspace.engine_log}",
    )


class FeedParser:
    """Turns the lines of a server-sent-events stream into events, and remembers the last id."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, line: str) -> Event | None:
        """Take in one line; an empty line ends an event."""
        if line:
            name, _, value = line.partition(":")
            if name == "id":
                self._id = value.removeprefix(" ")
            elif name == "data":
                self._data.append(value.removeprefix(" "))
            return None
        if not self._data:
            return None
        data, self._data = "\n".join(self._data), []
        self.last_id = self._id or self.last_id
        try:
            event: Event = decode_event(data)
        except msgspec.ValidationError:
            # Of a later version, with events that this one does not know: the others are followed.
            return None
        return event

    def headers(self) -> dict[str, str]:
        """What to ask with, to come back to where one was."""
        self._data, self._id = [], None
        return {} if self.last_id is None else {"last-event-id": self.last_id}
