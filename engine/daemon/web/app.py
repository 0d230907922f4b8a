"""The flow API and the web page as one application: a table of routes, each with its role."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine import offline_docs
from engine.daemon.engine import Engine
from engine.daemon.http.answers import BodyTooLargeError, status_of
from engine.daemon.web import page
from engine.daemon.web.guard import Guard, refusal
from engine.daemon.web.handlers import WebHandlers
from engine.daemon.web.openapi import OPERATIONS, document
from engine.errors import EngineError
from engine.refusal import RefusalError
from engine.tokens import Identity

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Identity], Awaitable[Response]]


def make_web_app(engine: Engine, guard: Guard, *, with_page: bool) -> Starlette:
    """The application over one engine.

    Args:
        engine: The engine.
        guard: What every request passes.
        with_page: Whether the web page belongs to it, or the API alone.
    """
    handlers = WebHandlers(engine)
    routes = [
        Route(
            operation.path,
            guard.protect(
                _translating(getattr(handlers, operation.handler)),
                operation.role,
                route=operation.path,
            ),
            methods=[operation.method],
        )
        for operation in OPERATIONS
    ]
    open_pages: list[tuple[str, Handler]] = [
        ("/docs", _docs),
        ("/openapi.json", _openapi),
        *((f"/docs/{name}", _part_of_docs) for name in offline_docs.PARTS),
    ]
    if with_page:
        open_pages += [("/flow-monitoring", page.page), ("/", page.to_page)]
        open_pages += [(f"/flow-monitoring/{name}", page.part) for name in page.PARTS]
    routes += [
        Route(path, guard.protect(_translating(handler), None, route=path), methods=["GET"])
        for path, handler in open_pages
    ]
    allowed: dict[str, set[str]] = {}
    for route in routes:
        allowed.setdefault(route.path, set()).update(route.methods or ())

    async def lost(request: Request, _: Identity) -> Response:
        found = [path for path, regex in patterns if regex.match(request.url.path)]
        what = f"there is no {request.method} {request.url.path[:200]}; see /docs"
        if not found:
            return refusal(404, what)
        return refusal(405, what, {b"allow": ", ".join(sorted(allowed[found[0]])).encode()})

    patterns = [(route.path, route.path_regex) for route in routes]
    guarded = guard.protect(lost, None, route="other")

    async def no_such_route(request: Request, _: Exception) -> Response:
        return await guarded(request)

    return Starlette(routes=routes, exception_handlers={404: no_such_route, 405: no_such_route})


def _translating(handler: Handler) -> Handler:
    """Turn the errors of a handler into answers of one form."""

    async def handle(request: Request, who: Identity) -> Response:
        try:
            return await handler(request, who)
        except RefusalError:
            raise  # the guard answers with it
        except EngineError as error:
            close = {b"connection": b"close"} if isinstance(error, BodyTooLargeError) else {}
            return refusal(status_of(error), str(error), close)
        except Exception:
            logger.exception("%s %s failed", request.method, request.url.path)
            return refusal(500, "an error of ours; it is in the engine's log")

    return handle


async def _docs(_: Request, __: Identity) -> Response:
    return _offline(offline_docs.page("mlops-tui flow API"), "text/html; charset=utf-8")


async def _part_of_docs(request: Request, _: Identity) -> Response:
    name = request.url.path.rpartition("/")[2]
    content, kind = await asyncio.to_thread(offline_docs.part, name)
    return _offline(content, kind.decode())


def _offline(content: bytes, kind: str) -> Response:
    headers = {key.decode(): value.decode() for key, value in offline_docs.HEADERS.items()}
    return Response(content, headers=headers, media_type=kind)


async def _openapi(_: Request, __: Identity) -> Response:
    return Response(document(), media_type="application/json")
