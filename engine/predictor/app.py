"""The predictor's HTTP interface: one table of routes, one way through them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from engine import offline_docs
from engine.access import Door, check_host
from engine.errors import EngineError, NotFoundError
from engine.predictor.batching import Batcher
from engine.predictor.feedback import Feedback
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
from engine.predictor.messages import (
    SUCCESS,
    BatchAnswer,
    ForecastAnswer,
    Health,
    Message,
    ModelInfo,
    Models,
    SeriesForecast,
)
from engine.predictor.metrics import CONTENT_TYPE, Metrics
from engine.predictor.openapi import document
from engine.predictor.parsing import (
    check_content_type,
    check_intervals,
    read_batch_request,
    read_forecast_request,
)
from engine.predictor.questions import series_of
from engine.predictor.serving import Served, Slot
from engine.predictor.updates import Updates
from engine.refusal import RefusalError
from models.forecasting.short import told

FORECAST_BYTES = 64 * 1024
BATCH_BYTES = 4 * 1024 * 1024

FORECAST_PATH = "/predict_timeseries"
BATCH_PATH = "/forecast"
UPDATE_PATH = "/update_model/"
_HTML = b"text/html; charset=utf-8"
_NO_MODEL = "no model is deployed yet; deploy one: engine run full_flow"

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """How one path is answered.

    Attributes:
        name: What it is called in metrics.
        method: The only method that it takes.
        handle: Answers.
        refuse: Makes the body of a refusal, in the schema of the path.
    """

    name: str
    method: str
    handle: Handler
    refuse: Callable[[str], object]


class App:
    """The ASGI application.

    Args:
        slot: Which version answers.
        updates: Which version is to answer.
        door: Lets those change that who may.
        feedback: Keeps forecasts, None when that is switched off.
        allowed_hosts: Names that this machine has beside those of the loopback interface.
    """

    def __init__(
        self,
        slot: Slot,
        updates: Updates,
        door: Door,
        feedback: Feedback | None,
        allowed_hosts: Iterable[str],
    ) -> None:
        self._slot = slot
        self._updates = updates
        self._door = door
        self._feedback = feedback
        self._allowed_hosts = frozenset(name.lower() for name in allowed_hosts)
        self._batcher = Batcher()
        self.metrics = Metrics()
        self._routes = {
            FORECAST_PATH: Route(FORECAST_PATH, "POST", self._forecast, self._no_forecast),
            BATCH_PATH: Route(BATCH_PATH, "POST", self._batch, self._no_batch),
            "/models": Route("/models", "GET", self._models, _message),
            "/health_check": Route("/health_check", "GET", self._health, _message),
            "/metrics": Route("/metrics", "GET", self._metrics, _message),
            "/openapi.json": Route("/openapi.json", "GET", self._openapi, _message),
            "/docs": Route("/docs", "GET", self._docs, _message),
        }
        self._parts = {
            f"/docs/{name}": Route("/docs", "GET", self._part_of_docs, _message)
            for name in offline_docs.PARTS
        }
        self._update = Route(UPDATE_PATH, "PUT", self._updated, _message)
        self._unknown = Route("other", "", self._not_found, _message)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.perf_counter()
        request = Request(scope, receive)
        route = self._route(request.path)
        try:
            check_host(request.header(b"host"), self._allowed_hosts, "predictor.allowed_hosts")
            if request.method != route.method and route is not self._unknown:
                allow = {b"allow": route.method.encode()}
                raise RefusalError(405, f"use {route.method} here, not {request.method}", allow)
            answer = await route.handle(request)
        except RefusalError as refusal:
            body = json_answer(route.refuse(refusal.message)).body
            answer = Answer(body, refusal.status, headers=refusal.headers, close=refusal.close)
        except ClientGone:
            return
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            message = "an error of ours; it is in the predictor's log"
            answer = json_answer(route.refuse(message), 500)
        await send_answer(send, answer)
        self.metrics.answered(route.name, answer.status, time.perf_counter() - began)

    def _route(self, path: str) -> Route:
        route = self._routes.get(path) or self._parts.get(path)
        if route is None:
            return self._update if path.startswith(UPDATE_PATH) else self._unknown
        return route

    def _served(self) -> Served:
        if self._slot.served is None:
            raise RefusalError(404, _NO_MODEL)
        return self._slot.served

    async def _forecast(self, request: Request) -> Answer:
        check_content_type(request.header(b"content-type"), request.header(b"content-encoding"))
        asked = read_forecast_request(await request.body(FORECAST_BYTES))
        served = self._served()
        window = served.model.window
        check_intervals(asked.level, served.has_intervals)
        series = series_of(asked, served, asked.prediction_step, extend=asked.extend)
        if series.known_days is not None:
            check_intervals(asked.level, served.has_intervals, served.has_short_intervals)
        forecast = await self._batcher.ask(
            served, series, asked.prediction_step, _share(asked.level)
        )
        prediction = forecast.prediction
        if self._feedback is not None and asked.series_id is not None:
            self._feedback.keep(served.name, asked.series_id, asked.last_date, prediction)
        message = SUCCESS
        if len(asked.input_data) > window:
            message += f" (the last {window} of {len(asked.input_data)} values count)"
        if series.known_days is not None:
            message += f" ({told(series.known_days, window)})"
        return json_answer(
            ForecastAnswer(
                model_name=served.name,
                prediction=prediction,
                message=message,
                lower=_if_asked(forecast.lower),
                upper=_if_asked(forecast.upper),
            )
        )

    async def _batch(self, request: Request) -> Answer:
        check_content_type(request.header(b"content-type"), request.header(b"content-encoding"))
        asked = read_batch_request(await request.body(BATCH_BYTES))
        served = self._served()
        check_intervals(asked.level, served.has_intervals)
        steps = asked.prediction_step
        everything = [
            series_of(one, served, steps, extend=asked.extend, where=f"series[{index}].")
            for index, one in enumerate(asked.series)
        ]
        short = sum(one.known_days is not None for one in everything)
        if short:
            check_intervals(asked.level, served.has_intervals, served.has_short_intervals)
        forecasts = await self._batcher.ask_many(served, everything, steps, _share(asked.level))
        answers = []
        for series, forecast in zip(asked.series, forecasts, strict=True):
            prediction = forecast.prediction
            answers.append(
                SeriesForecast(
                    series_id=series.series_id,
                    prediction=prediction,
                    lower=_if_asked(forecast.lower),
                    upper=_if_asked(forecast.upper),
                )
            )
            if self._feedback is not None:
                self._feedback.keep(served.name, series.series_id, series.last_date, prediction)
        message = SUCCESS
        if short:
            message += (
                f" ({short} of {len(everything)} series have fewer than {served.model.window} "
                "days: the older ones are filled from their own)"
            )
        return json_answer(BatchAnswer(model_name=served.name, forecasts=answers, message=message))

    async def _models(self, _: Request) -> Answer:
        served = self._slot.served
        aliases = await asyncio.to_thread(self._updates.aliases)
        info = None
        if served is not None:
            info = ModelInfo(
                model_name=served.name,
                model_type=served.model_type,
                window=served.model.window,
                horizon=served.model.horizon,
                intervals=served.has_intervals,
                covariates=list(served.covariates),
                since=served.since,
            )
        return json_answer(
            Models(
                serving=info,
                champion=aliases.champion,
                previous=aliases.previous,
                problem=self._slot.problem,
            )
        )

    async def _health(self, _: Request) -> Answer:
        served = self._slot.served
        if served is None:
            message = self._slot.problem or _NO_MODEL
            return json_answer(Health(message=message, model_name=None, problem=message), 404)
        message = f"{served.name} answers"
        if self._slot.problem:
            message += f", but not the newest: {self._slot.problem}"
        return json_answer(
            Health(message=message, model_name=served.name, problem=self._slot.problem)
        )

    async def _metrics(self, _: Request) -> Answer:
        return Answer(self.metrics.page(), content_type=CONTENT_TYPE)

    async def _openapi(self, _: Request) -> Answer:
        served = self._slot.served
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

    async def _updated(self, request: Request) -> Answer:
        if request.header(b"origin") is not None:
            raise RefusalError(403, "a web page may not change which model answers")
        known = self._door.check(request.header(b"authorization"), request.client, "admin")
        names = request.raw_path.removeprefix(UPDATE_PATH).split("/")
        if len(names) != 2:
            raise RefusalError(404, f"use {UPDATE_PATH}{{run_name}}/{{metadata_file}}")
        try:
            who = f"the token {known.name}, from {request.client or 'this machine'}"
            await self._updates.promote(names[0], names[1], who=who)
        except NotFoundError as error:
            raise RefusalError(404, str(error)) from error
        except EngineError as error:
            raise RefusalError(404, f"the old model keeps serving: {error}") from error
        return json_answer(Message(message="Update the model successfully"))

    async def _not_found(self, request: Request) -> Answer:
        known = ", ".join([*self._routes, UPDATE_PATH + "{run_name}/{metadata_file}"])
        raise RefusalError(404, f"there is nothing at this path; there is {known}")

    def _no_forecast(self, message: str) -> ForecastAnswer:
        return ForecastAnswer(model_name=None, prediction=[], message=message)

    def _no_batch(self, message: str) -> BatchAnswer:
        return BatchAnswer(model_name=None, forecasts=[], message=message)


def _share(level: float | None) -> float | None:
    """A level in percent as a probability."""
    return None if level is None else level / 100.0


def _if_asked(end: list[float] | None) -> list[float] | UnsetType:
    """One end of an interval; without a level the answer has no such field at all."""
    return UNSET if end is None else end


def _message(message: str) -> Message:
    return Message(message=message)
