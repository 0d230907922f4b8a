"""The paths that tell which models answer, and let others answer."""

from __future__ import annotations

import asyncio

from engine.access import Door
from engine.errors import EngineError, NotFoundError
from engine.predictor.http import Answer, Request, json_answer
from engine.predictor.messages import (
    Health,
    ImageModelInfo,
    ImageModels,
    Message,
    ModelInfo,
    Models,
)
from engine.predictor.routes import NO_MODEL, Route, only_message
from engine.predictor.serving import Served, ServedClassifier, Slots
from engine.predictor.updates import Updates
from engine.refusal import RefusalError
from models.data_types import IMAGE, TIMESERIES

UPDATE_PATH = "/update_model/"


class ModelRoutes:
    """Answers what is asked about the models themselves.

    Args:
        slots: Which versions answer.
        updates: Which versions are to answer.
        door: Lets those change that who may.
    """

    def __init__(self, slots: Slots, updates: Updates, door: Door) -> None:
        self._slots = slots
        self._updates = updates
        self._door = door
        self.update = Route(UPDATE_PATH, "PUT", self._updated, only_message)

    def routes(self) -> dict[str, Route]:
        """The paths, without that of `update`, which has names in it."""
        return {
            "/models": Route("/models", "GET", self._models, only_message),
            "/health_check": Route("/health_check", "GET", self._health, only_message),
        }

    async def _models(self, _: Request) -> Answer:
        aliases = await asyncio.to_thread(self._updates.aliases)
        series, images = self._slots.series, self._slots.images
        return json_answer(
            Models(
                serving=None if series.served is None else _forecaster(series.served),
                champion=aliases[TIMESERIES].champion,
                previous=aliases[TIMESERIES].previous,
                problem=series.problem,
                image=ImageModels(
                    serving=None if images.served is None else _classifier(images.served),
                    champion=aliases[IMAGE].champion,
                    previous=aliases[IMAGE].previous,
                    problem=images.problem,
                ),
            )
        )

    async def _health(self, _: Request) -> Answer:
        slots = (self._slots.series, self._slots.images)
        models = {
            slot.data_type: None if slot.served is None else slot.served.name for slot in slots
        }
        names = [name for name in models.values() if name is not None]
        problem = "; ".join(slot.problem for slot in slots if slot.problem)
        if not names:
            nothing = Health(
                message=problem or NO_MODEL, model_name=None, problem=problem, models=models
            )
            return json_answer(nothing, 404)
        message = f"{' and '.join(names)} {'answers' if len(names) == 1 else 'answer'}"
        if problem:
            message += f", but not the newest: {problem}"
        return json_answer(
            Health(message=message, model_name=names[0], problem=problem, models=models)
        )

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


def _forecaster(served: Served) -> ModelInfo:
    return ModelInfo(
        model_name=served.name,
        model_type=served.model_type,
        window=served.model.window,
        horizon=served.model.horizon,
        intervals=served.has_intervals,
        covariates=list(served.covariates),
        since=served.since,
    )


def _classifier(served: ServedClassifier) -> ImageModelInfo:
    signature = served.model.signature
    return ImageModelInfo(
        model_name=served.name,
        model_type=served.model_type,
        height=signature.height,
        width=signature.width,
        channels=signature.channels,
        classes=list(signature.classes),
        since=served.since,
    )
