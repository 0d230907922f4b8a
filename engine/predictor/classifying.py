"""From uploaded files to classes and heat maps. All of it is done in a thread."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.pictures import Limits, PictureProblem, decode, fitted
from engine.predictor.heat_maps import as_text, coloured, drawn_size, heat_over, overlaid
from engine.predictor.messages import MOST_CLASSES_LISTED
from engine.predictor.serving import ServedClassifier
from engine.predictor.uploads import Upload
from engine.refusal import RefusalError
from models.arrays import FloatArray
from models.errors import ModelProblem
from models.imaging.pictures import PixelArray
from models.imaging.serving_classifier import Classification

# The file itself is bounded by the body that it came in.
LIMITS = Limits(max_pixels=25_000_000, max_side=16_384)


@dataclass(frozen=True)
class Unusable:
    """Why a file has no class."""

    why: str


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as a model sees it.

    Attributes:
        pixels: uint8 (height, width, channels) of the model.
        sha256: Of the file.
    """

    pixels: PixelArray
    sha256: str


@dataclass(frozen=True)
class Classified:
    """The class of a picture.

    Attributes:
        prediction: Its name.
        confidence: Its probability.
        probabilities: Of the most likely classes, the likeliest first.
        sha256: Of the file.
        overlaid: The heat map over the picture as a PNG in base64, None when it was not drawn.
        heat_map: The heat map alone, likewise.
    """

    prediction: str
    confidence: float
    probabilities: dict[str, float]
    sha256: str
    overlaid: str | None = None
    heat_map: str | None = None


def pixels_of(served: ServedClassifier, uploads: Sequence[Upload]) -> list[Seen | Unusable]:
    """Decode files and bring the pictures to the size of the model."""
    pictures: list[Seen | Unusable] = []
    for upload in uploads:
        # One after the other: decoded pictures may be large, what the model sees of them is not.
        decoded = _decoded(upload)
        if isinstance(decoded, Unusable):
            pictures.append(decoded)
        else:
            pictures.append(_seen(served, upload, decoded))
    return pictures


def classified(
    served: ServedClassifier, pictures: Sequence[Seen | Unusable]
) -> list[Classified | Unusable]:
    """Classify pictures in one run of the model, leaving out what has no class.

    Raises:
        RefusalError: 500: the model gives no answer.
    """
    seen = [picture for picture in pictures if isinstance(picture, Seen)]
    if not seen:
        return [picture for picture in pictures if isinstance(picture, Unusable)]
    rows = iter(_asked(served, seen).probabilities)
    return [
        picture if isinstance(picture, Unusable) else _told(served, picture, next(rows))
        for picture in pictures
    ]


def with_heat_map(served: ServedClassifier, upload: Upload) -> Classified | Unusable:
    """Classify one picture and draw where its class is seen.

    Raises:
        RefusalError: 500: the model gives no answer.
    """
    decoded = _decoded(upload)
    if isinstance(decoded, Unusable):
        return decoded
    seen = _seen(served, upload, decoded)
    answer = _asked(served, [seen])
    told = _told(served, seen, answer.probabilities[0])
    height, width = drawn_size(*decoded.shape[:2])
    picture = fitted(decoded, height, width, decoded.shape[2], fit="stretch")
    evidence = answer.evidence[0, int(answer.probabilities[0].argmax())]
    heat = heat_over(evidence, (height, width), seen.pixels.shape[:2], served.fit)
    return replace(
        told, overlaid=as_text(overlaid(picture, heat)), heat_map=as_text(coloured(heat))
    )


def _decoded(upload: Upload) -> PixelArray | Unusable:
    try:
        return decode(upload.content, where=upload.name or "the picture", limits=LIMITS)
    except PictureProblem as problem:
        return Unusable(str(problem))


def _seen(served: ServedClassifier, upload: Upload, decoded: PixelArray) -> Seen:
    size = served.model.signature
    pixels = fitted(decoded, size.height, size.width, size.channels, fit=served.fit)
    return Seen(pixels, hashlib.sha256(upload.content).hexdigest())


def _asked(served: ServedClassifier, seen: Sequence[Seen]) -> Classification:
    try:
        return served.model.classify(np.stack([picture.pixels for picture in seen]))
    except ModelProblem as problem:
        raise RefusalError(500, str(problem)) from problem


def _told(served: ServedClassifier, seen: Seen, probabilities: FloatArray) -> Classified:
    classes = served.model.signature.classes
    # Of two that are equally likely, the first counts, as everywhere.
    likeliest = np.argsort(-probabilities, kind="stable")[:MOST_CLASSES_LISTED]
    listed = {classes[place]: float(probabilities[place]) for place in likeliest}
    best = classes[likeliest[0]]
    return Classified(best, listed[best], listed, seen.sha256)
