"""From uploaded files to classes and heat maps. All of it is done in a thread."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.data.images.reference import feature_names, features_of
from engine.pictures import Limits, PictureProblem, decode, fitted
from engine.predictor.heat_maps import as_text, coloured, drawn_size, heat_over, overlaid
from engine.predictor.messages import MOST_CLASSES_LISTED
from engine.predictor.serving import ServedClassifier
from engine.predictor.uploads import Upload
from engine.refusal import RefusalError
from models.errors import ModelProblem
from models.imaging.pictures import PixelArray
from models.imaging.serving_classifier import Classification

# The file itself is bounded by the body that it came in.
LIMITS = Limits(max_pixels=25_000_000, max_side=16_384)


@dataclass(frozen=True)
class Unusable:
    """Why a file has no class."""

    why: str


@dataclass(frozen=True)
class Classified:
    """The class of a picture.

    Attributes:
        prediction: Its name.
        confidence: Its probability.
        probabilities: Of the most likely classes, the likeliest first.
        sha256: Of the file.
        features: What the picture looks like in numbers, by name; empty when that was not wanted.
        overlaid: The heat map over the picture as a PNG in base64, None when it was not drawn.
        heat_map: The heat map alone, likewise.
    """

    prediction: str
    confidence: float
    probabilities: dict[str, float]
    sha256: str
    features: dict[str, float]
    overlaid: str | None = None
    heat_map: str | None = None


def classified(
    served: ServedClassifier, uploads: Sequence[Upload], *, measured: bool
) -> list[Classified | Unusable]:
    """Classify files, each by itself; what is no picture has no class.

    What a network computes of one picture fits into the cache, of several it does not: a picture
    takes half as long again when eight are asked about in one run (CNN of 32 x 32 pixels).

    Args:
        served: The model.
        uploads: The files.
        measured: Whether the features of the pictures are wanted.

    Raises:
        RefusalError: 500: the model gives no answer.
    """
    return [_classified(served, upload, measured) for upload in uploads]


def with_heat_map(
    served: ServedClassifier, upload: Upload, *, measured: bool
) -> Classified | Unusable:
    """Classify one file and draw where in the picture its class is seen.

    Args:
        served: The model.
        upload: The file.
        measured: Whether the features of the picture are wanted.

    Raises:
        RefusalError: 500: the model gives no answer.
    """
    decoded = _decoded(upload)
    if isinstance(decoded, Unusable):
        return decoded
    seen = _seen(served, decoded)
    answer = _asked(served, seen)
    told = _told(served, upload, answer, seen if measured else None)
    height, width = drawn_size(*decoded.shape[:2])
    picture = fitted(decoded, height, width, decoded.shape[2], fit="stretch")
    evidence = answer.evidence[0, int(answer.probabilities[0].argmax())]
    heat = heat_over(evidence, (height, width), seen.shape[:2], served.fit)
    return replace(
        told, overlaid=as_text(overlaid(picture, heat)), heat_map=as_text(coloured(heat))
    )


def _classified(served: ServedClassifier, upload: Upload, measured: bool) -> Classified | Unusable:
    decoded = _decoded(upload)
    if isinstance(decoded, Unusable):
        return decoded
    seen = _seen(served, decoded)
    return _told(served, upload, _asked(served, seen), seen if measured else None)


def _decoded(upload: Upload) -> PixelArray | Unusable:
    try:
        return decode(upload.content, where=upload.name or "the picture", limits=LIMITS)
    except PictureProblem as problem:
        return Unusable(str(problem))


def _seen(served: ServedClassifier, decoded: PixelArray) -> PixelArray:
    """What the model sees of a picture."""
    return fitted(decoded, *served.model.signature.shape, fit=served.fit)


def _asked(served: ServedClassifier, seen: PixelArray) -> Classification:
    try:
        return served.model.classify(seen[np.newaxis])
    except ModelProblem as problem:
        raise RefusalError(500, str(problem)) from problem


def _told(
    served: ServedClassifier, upload: Upload, answer: Classification, seen: PixelArray | None
) -> Classified:
    classes, probabilities = served.model.signature.classes, answer.probabilities[0]
    # Of two that are equally likely, the first counts, as everywhere.
    likeliest = np.argsort(-probabilities, kind="stable")[:MOST_CLASSES_LISTED]
    listed = {classes[place]: float(probabilities[place]) for place in likeliest}
    best = classes[likeliest[0]]
    sha256 = hashlib.sha256(upload.content).hexdigest()
    return Classified(best, listed[best], listed, sha256, _features(seen))


def _features(seen: PixelArray | None) -> dict[str, float]:
    if seen is None:
        return {}
    values = features_of(seen[np.newaxis])[0]
    names = feature_names(seen.shape[2])
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}
