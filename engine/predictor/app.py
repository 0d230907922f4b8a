"""The predictor's HTTP interface: one table of routes, one way through them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from engine import offline_docs
from engine.access import Door, check_host
from engine.predictor.feedback import ClassificationFeedback, Feedback
from engine.predictor.forecast_routes import ForecastRoutes
from engine.predictor.http import (
    Answer,
    ClientGone,
    Receive,
    Request,
    Scope,
    Send,
    json_answer,
    send_answer,
)
from engine.predictor.metrics import CONTENT_TYPE, Metrics, Sharing
from engine.predictor.model_routes import UPDATE_PATH, ModelRoutes
from engine.predictor.openapi import document
from engine.predictor.picture_routes import PictureRoutes
from engine.predictor.routes import Route, only_message
from engine.predictor.serving import Slots
from engine.predictor.updates import Updates
from engine.refusal import RefusalError

_HTML = b"text/html; charset=utf-8"

logger = logging.getLogger(__name__)


class App:
    """The ASGI application.

    Args:
        slots: Which versions answer.
        updates: Which versions are to answer.
        door: Lets those change that who may.
        feedback: Keeps forecasts, None when that is switched off.
        seen: Keeps classes that pictures were given, likewise.
        allowed_hosts: Names that this machine has beside those of the loopback interface.
        sharing: How several workers count together, None for one alone.
        is_local: Only this machine can reach it.
    """

    def __init__(
        self,
        slots: Slots,
        updates: Updates,
        door: Door,
        feedback: Feedback | None,
        seen: ClassificationFeedback | None,
        allowed_hosts: Iterable[str],
        sharing: Sharing | None = None,
        *,
        is_local: bool = True,
    ) -> None:
        self._is_local = is_local
        self._slots = slots
        self._allowed_hosts = frozenset(name.lower() for name in allowed_hosts)
        self.metrics = Metrics(sharing, lambda: self.forecasts.batcher.waiting)
        self.forecasts = ForecastRoutes(slots.series, feedback, self.metrics.forecast)
        models = ModelRoutes(slots, updates, door)
        self._routes = {
            **self.forecasts.routes(),
            **PictureRoutes(slots.images, seen, self.metrics.classified).routes(),
            **models.routes(),
            "/metrics": Route("/metrics", "GET", self._metrics, only_message),
            "/openapi.json": Route("/openapi.json", "GET", self._openapi, only_message),
            "/docs": Route("/docs", "GET", self._docs, only_message),
        }
        self._parts = {
            f"/docs/{name}": Route("/docs", "GET", self._part_of_docs, only_message)
            for name in offline_docs.PARTS
        }
        self._update = models.update
        self._unknown = Route("other", "", self._not_found, only_message)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.perf_counter()
        request = Request(scope, receive)
        route = self._route(request.path)
        self.metrics.in_flight += 1
        try:
            answer = await self._answer(route, request)
            await send_answer(send, answer)
        except ClientGone:
            return
        finally:
            self.metrics.in_flight -= 1
        self.metrics.answered(route.name, answer.status, time.perf_counter() - began)

    async def _answer(self, route: Route, request: Request) -> Answer:
        """What the request is answered with; that it is not done is an answer too."""
        try:
            check_host(
                request.header(b"host"),
                self._allowed_hosts,
                "predictor.allowed_hosts",
                addresses=not self._is_local,
            )
            if request.method != route.method and route is not self._unknown:
                allow = {b"allow": route.method.encode()}
                raise RefusalError(405, f"use {route.method} here, not {request.method}", allow)
            return await route.handle(request)
        except RefusalError as refusal:
            self.metrics.refused(route.name, refusal.status)
            body = json_answer(route.refuse(refusal.message)).body
            return Answer(body, refusal.status, headers=refusal.headers, close=refusal.close)
        except ClientGone:
            raise
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            message = "an error of ours; it is in the predictor's log"
            return json_answer(route.refuse(message), 500)

    def _route(self, path: str) -> Route:
        route = self._routes.get(path) or self._parts.get(path)
        if route is None:
            return self._update if path.startswith(UPDATE_PATH) else self._unknown
        return route

    async def _metrics(self, _: Request) -> Answer:
        return Answer(self.metrics.page(), content_type=CONTENT_TYPE)

    async def _openapi(self, _: Request) -> Answer:
        served = self._slots.series.served
        if served is None:
            return json_answer(document())
        return json_answer(document(served.model.window, served.has_intervals, served.covariates))

    async def _docs(self, _: Request) -> Answer:
        page = offline_docs.page("mlops-tui predictor")
        return Answer(page, content_type=_HTML, headers=offline_docs.HEADERS)

    async def _part_of_docs(self, request: Request) -> Answer:
        name = request.path.rpartition("/")[2]
        content, kind = await asyncio.to_thread(offline_docs.part, name)
        return Answer(content, content_type=kind, headers=offline_docs.HEADERS)

    async def _not_found(self, request: Request) -> Answer:
        known = ", ".join([*self._routes, UPDATE_PATH + "{run_name}/{metadata_file}"])
        raise RefusalError(404, f"there is nothing at this path; there is {known}")
