"""The paths at which pictures are classified: one picture with its heat map, or many at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.predictor.classifying import Classified, Unusable, classified, with_heat_map
from engine.predictor.feedback import ClassificationFeedback, ServedClassification
from engine.predictor.http import Answer, Request, json_answer
from engine.predictor.messages import SUCCESS, PictureAnswer, PictureClass, PicturesAnswer
from engine.predictor.routes import NO_MODEL, Route
from engine.predictor.serving import ServedClassifier, Slot
from engine.predictor.uploads import (
    Upload,
    check_kind,
    check_page,
    read_picture_question,
    read_uploads,
)
from engine.predictor.workers import Workers
from engine.refusal import RefusalError

PICTURE_BYTES = 10 * 1024 * 1024
PICTURES_BYTES = 32 * 1024 * 1024

PICTURE_PATH = "/predict_image"
PICTURES_PATH = "/classify"

_AT_A_TIME = 8
"""Pictures of one request that are classified before other requests have their turn."""


class PictureRoutes:
    """Answers with classes.

    Args:
        slot: Which version answers.
        seen: Keeps what was answered, None when that is switched off.
        count: Told of the version and of how many pictures it has classified.
    """

    def __init__(
        self,
        slot: Slot[ServedClassifier],
        seen: ClassificationFeedback | None,
        count: Callable[[str, int], None],
    ) -> None:
        self._slot = slot
        self._seen = seen
        self._count = count
        self._workers = Workers()

    def routes(self) -> dict[str, Route]:
        """The paths."""
        return {
            PICTURE_PATH: Route(PICTURE_PATH, "POST", self._one, _no_class),
            PICTURES_PATH: Route(PICTURES_PATH, "POST", self._many, _no_classes),
        }

    def _served(self) -> ServedClassifier:
        if self._slot.served is None:
            raise RefusalError(404, NO_MODEL)
        return self._slot.served

    async def _one(self, request: Request) -> Answer:
        kind = _checked_kind(request, bare=True)
        with self._workers.place(request.length(PICTURE_BYTES)):
            body = await request.body(PICTURE_BYTES)
            asked = read_picture_question(kind, request.query, body)
            del body  # the picture is a copy of a part of it
            served = self._served()
            upload, measured = asked.upload, self._seen is not None
            if asked.heat_map:
                answer = await self._workers.do(with_heat_map, served, upload, measured=measured)
            else:
                work = self._workers.do(classified, served, [upload], measured=measured)
                (answer,) = await work
        if isinstance(answer, Unusable):
            raise RefusalError(422, answer.why)
        self._count(served.name, 1)
        self._keep(served, answer)
        return json_answer(
            PictureAnswer(
                model_name=served.name,
                prediction=answer.prediction,
                overlaid_img=answer.overlaid,
                raw_hm_img=answer.heat_map,
                message=SUCCESS,
                confidence=answer.confidence,
                probabilities=answer.probabilities,
            )
        )

    async def _many(self, request: Request) -> Answer:
        kind = _checked_kind(request, bare=False)
        with self._workers.place(request.length(PICTURES_BYTES)):
            body = await request.body(PICTURES_BYTES)
            uploads = read_uploads(kind, body)
            del body
            served = self._served()
            answers: list[Classified | Unusable] = []
            measured = self._seen is not None
            for first in range(0, len(uploads), _AT_A_TIME):
                some = uploads[first : first + _AT_A_TIME]
                answers += await self._workers.do(classified, served, some, measured=measured)
        bad = 0
        for answer in answers:
            if isinstance(answer, Unusable):
                bad += 1
            else:
                self._keep(served, answer)
        self._count(served.name, len(answers) - bad)
        message = SUCCESS
        if bad:
            message += f" ({bad} of {len(answers)} pictures cannot be used)"
        if bad == len(answers):
            message = f"none of the {bad} pictures can be used; see `error` of each"
        told = PicturesAnswer(
            model_name=served.name,
            pictures=[_told(*pair) for pair in zip(uploads, answers, strict=True)],
            message=message,
        )
        return json_answer(told, 422 if bad == len(answers) else 200)

    def _keep(self, served: ServedClassifier, answer: Classified) -> None:
        if self._seen is not None:
            self._seen.note(
                ServedClassification(
                    at=time.time(),
                    model_name=served.name,
                    sha256=answer.sha256,
                    prediction=answer.prediction,
                    confidence=answer.confidence,
                    features=answer.features,
                )
            )


def _checked_kind(request: Request, *, bare: bool) -> bytes | None:
    check_page(request.header(b"origin"), request.header(b"host"))
    kind = request.header(b"content-type")
    check_kind(kind, request.header(b"content-encoding"), bare=bare)
    return kind


def _told(upload: Upload, answer: Classified | Unusable) -> PictureClass:
    if isinstance(answer, Unusable):
        return PictureClass(
            name=upload.name, prediction=None, confidence=None, probabilities={}, error=answer.why
        )
    return PictureClass(
        name=upload.name,
        prediction=answer.prediction,
        confidence=answer.confidence,
        probabilities=answer.probabilities,
        error=None,
    )


def _no_class(message: str) -> PictureAnswer:
    return PictureAnswer(
        model_name=None,
        prediction=None,
        overlaid_img=None,
        raw_hm_img=None,
        message=message,
        confidence=None,
        probabilities={},
    )


def _no_classes(message: str) -> PicturesAnswer:
    return PicturesAnswer(model_name=None, pictures=[], message=message)
