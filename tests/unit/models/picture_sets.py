"""Small pictures of classes that can be told apart."""

from __future__ import annotations

import numpy as np

from models import registry
from models.imaging.classifier import Classifier
from models.imaging.pictures import Pictures
from models.learner import no_progress

CLASSES = ("above", "below", "left")


def pictures(count: int, *, seed: int = 0, size: tuple[int, int, int] = (9, 11, 3)) -> Pictures:
    """Noise with a brighter half, whose place is the class."""
    height, width, _ = size
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 120, (count, *size), dtype=np.uint8)
    labels = np.arange(count) % len(CLASSES)
    pixels[labels == 0, : height // 2] += 100
    pixels[labels == 1, height // 2 :] += 100
    pixels[labels == 2, :, : width // 2] += 100
    return Pictures(pixels, labels, CLASSES)


def mean_picture(like: Pictures) -> Classifier:
    """An unfitted classifier for pictures of a set."""
    height, width, channels = like.shape
    return registry.create_classifier(
        "MeanPicture",
        height=height,
        width=width,
        channels=channels,
        classes=like.classes,
        seed=0,
        threads=0,
        hparams={},
    )


def fitted(like: Pictures | None = None) -> Classifier:
    """A classifier that learnt from a few pictures and knows how sure it may be."""
    like = pictures(60) if like is None else like
    model = mean_picture(like)
    model.fit(like, like.take(slice(0, 0)), progress=no_progress)
    model.calibrate(pictures(30, seed=1, size=like.shape))
    return model
