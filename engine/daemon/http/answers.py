"""From a request to checked values, and from a value or an error to an answer."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import (
    ConfigError,
    ConflictError,
    DataError,
    EngineError,
    NotFoundError,
    ServerError,
)
from engine.schema import ErrorReply, encode

logger = logging.getLogger(__name__)

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


class BodyTooLargeError(ConfigError):
    """A request that is longer than it may be."""


_MOST_BODY_BYTES = 1024**2
_MOST_SHOWN = 200
_STATUS: dict[type[EngineError], int] = {
    BodyTooLargeError: 413,
    NotFoundError: 404,
    ConflictError: 409,
    ConfigError: 422,
    DataError: 422,
    ServerError: 503,
}


def guarded(handler: Handler) -> Handler:
    """Turn the errors of a handler into answers of one form."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except EngineError as error:
            status = status_of(error)
            values = error.to_dict()
            reply = ErrorReply(
                kind=str(values["kind"]),
                message=str(values["message"]),
                where=values["where"],
                fix=values["fix"],
            )
            return answer(reply, status)
        except Exception as error:  # whatever it was, this client hears of it, others go on
            logger.exception("%s %s failed", request.method, request.url.path)
            what = f"{type(error).__name__}: {error}"
            return answer(ErrorReply(kind="EngineError", message=what), 500)

    return handle


def status_of(error: EngineError) -> int:
    """The HTTP status that says what kind of error it is."""
    codes = _STATUS.items()
    return next((code for kind, code in codes if isinstance(error, kind)), 500)


async def no_such_route(request: Request, error: Exception) -> Response:
    """The answer to a path or method that there is not, in the form of all errors."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    what = f"there is no {request.method} {request.url.path[:_MOST_SHOWN]}"
    return answer(ErrorReply(kind="NotFoundError", message=what), status)


def answer(message: msgspec.Struct, status: int = 200) -> Response:
    """A message as an answer."""
    return Response(encode(message), status, media_type="application/json")


async def body_of(request: Request, kind: type[T]) -> T:
    """The message in a request.

    Raises:
        ConfigError: It is too long, no JSON, or not such a message; it names the field.
    """
    return decoded(await content_of(request, _MOST_BODY_BYTES), kind)


async def content_of(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        BodyTooLargeError: As soon as it is clear that it is larger than `most` bytes.
    """
    length = request.headers.get("content-length", "0")
    content = b""
    if not length.isdigit() or int(length) <= most:
        async for chunk in request.stream():
            content += chunk
            if len(content) > most:
                break
        else:
            return content
    raise BodyTooLargeError(f"the request is longer than {most} bytes")


def decoded(content: bytes, kind: type[T]) -> T:
    """The message that a body is; an empty one is a message without fields.

    Raises:
        ConfigError: It is no JSON, or not such a message; it names the field.
    """
    try:
        return msgspec.json.decode(content or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the request cannot be understood: {error}") from None


def number_of(request: Request, name: str, default: int, *, least: int = 1, most: int) -> int:
    """A whole number in the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= 20
    if not is_number or not least <= int(text) <= most:
        raise ConfigError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def time_of(request: Request, name: str) -> float | None:
    """A time in the query, in seconds since the epoch."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        moment = float(text)
    except ValueError:
        moment = math.nan
    if not math.isfinite(moment):
        raise ConfigError(f"{name} must be a number")
    return moment


def flag_of(request: Request, name: str) -> bool:
    """A switch in the query; absent means off."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise ConfigError(f"{name} must be true or false")
    return value == "true"
