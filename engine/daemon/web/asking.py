"""From a request to the flow API to checked values: bodies, queries, keys, times.

Nothing is coerced but what stands in a query, where everything is text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, tzinfo
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request

from engine.daemon.http.answers import content_of, decoded
from engine.daemon.web.messages import RunFlowRequest, WebSchedule
from engine.errors import ConfigError
from engine.refusal import RefusalError
from models.data_types import DATA_TYPES

BODY_BYTES = 64 * 1024

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_WITH_MODEL = frozenset({"train_flow", "full_flow"})
_NUMBERS = ("epochs", "seed")
_OF_MODEL = ("model_type", *_NUMBERS)
_SETTINGS = ("data_type", *_OF_MODEL)
_MOST_SHOWN = 64

T = TypeVar("T")


async def read_body(request: Request, kind: type[T], most: int = BODY_BYTES) -> T:
    """The message in a request; no body at all is a message without fields.

    Raises:
        BodyTooLargeError: As soon as that is clear.
        RefusalError: 415 for a form or a text, as any web page could send it.
        ConfigError: It is not such a message.
    """
    content = await content_of(request, most)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and (media != "application/json" or "content-encoding" in request.headers):
        raise RefusalError(415, "send JSON, with the header Content-Type: application/json")
    return decoded(content, kind)


def completed(body: RunFlowRequest, query: QueryParams) -> RunFlowRequest:
    """The body, completed by what stands in the query; the body counts more.

    Raises:
        ConfigError: The query says something impossible, or something twice.
    """
    given: dict[str, Any] = {}
    for name in _SETTINGS:
        values = query.getlist(name)
        if len(values) > 1:
            raise ConfigError(f"{name} stands in the query {len(values)} times")
        if values:
            is_number = name in _NUMBERS and _NUMBER.fullmatch(values[0])
            given[name] = int(values[0]) if is_number else values[0]
    told = {name: getattr(body, name) for name in _SETTINGS}
    given |= {name: value for name, value in told.items() if value is not None}
    try:
        return msgspec.convert({**given, "priority": body.priority}, type=RunFlowRequest)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the query cannot be understood: {error}") from None


def flags_of(flow: str, asked: RunFlowRequest | WebSchedule) -> dict[str, Any]:
    """What a launch is told; a flow that has no model is told nothing of one.

    Raises:
        ConfigError: There is no such kind of data; with those that there are.
    """
    check_choice("data_type", asked.data_type, DATA_TYPES)
    names = _SETTINGS if flow in _WITH_MODEL else ("data_type",)
    given = {name: getattr(asked, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def key_of(request: Request) -> str | None:
    """The key under which a launch is one launch, however often it is sent.

    Raises:
        ConfigError: It is too long, or empty.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 200:
        raise ConfigError("Idempotency-Key: 1 to 200 characters")
    return key


def check_choice(name: str, value: str | None, choices: Collection[str]) -> None:
    """Refuse what is none of the choices; None is no choice at all.

    Raises:
        ConfigError: With all of them.
    """
    if value is not None and value not in choices:
        raise ConfigError(f"{name}: there is {', '.join(choices)}, not {value[:_MOST_SHOWN]!r}")


def since_of(text: str | None, zone: tzinfo) -> float | None:
    """A time in the query, as seconds since the epoch: so it may stand there, or in ISO 8601.

    Args:
        text: What stands there.
        zone: Of a time that does not name its own.

    Raises:
        ConfigError: It is neither.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        # In a query a plus sign stands for a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(
            f"since: an ISO 8601 time or seconds since the epoch, not {text[:_MOST_SHOWN]!r}"
        ) from None
