"""A classifier under the contract, fitted on small pictures so that a suite fits once."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from models import registry
from models.imaging.classifier import Classifier
from models.imaging.pictures import Pictures, PixelArray
from models.learner import no_progress

HEIGHT, WIDTH = 10, 12
CLASSES = ("upright", "flat", "red", "none")

# A small budget for every name that a model may know a budget by.
QUICK = {
    "epochs": 10,
    "batch_size": 16,
    "min_samples_per_epoch": 1,
    "conv_filters": 8,
    "trials": 3,
    "time_budget": 600,
    "workers": 1,
}


def pictures(count: int = 160, seed: int = 0, classes: tuple[str, ...] = CLASSES) -> Pictures:
    """Dark noise with something bright on the left or on the right, see `is_left`; or nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    values = rng.normal(60, 15, (count, HEIGHT, WIDTH, 3))
    for picture, label, left in zip(values, labels, is_left(count), strict=True):
        half = picture[:, :6] if left else picture[:, 6:]
        if label == 0:
            half[1:9, 2:4] += 150
        elif label == 1:
            half[4:6, 0:6] += 150
        elif label == 2:
            half[3:7, 1:5] += [150, 0, 0]
    pixels = values.clip(0, 255).astype(np.uint8)
    places = [classes.index(CLASSES[label]) for label in labels]
    return Pictures(pixels, np.array(places), classes)


def is_left(count: int) -> npt.NDArray[np.bool_]:
    """In which of the pictures the thing is on the left."""
    return np.random.default_rng(count).random(count) < 0.5


@dataclasses.dataclass(frozen=True)
class PictureSubject:
    """A registered classifier under test."""

    name: str

    def unfitted(self, budget: dict[str, Any] = QUICK, **changes: Any) -> Classifier:
        own = registry.used_hyperparameters(self.name, "image")
        shape = {"height": HEIGHT, "width": WIDTH, "channels": 3, "classes": CLASSES, **changes}
        hparams = {key: value for key, value in budget.items() if key in own}
        arguments = {"seed": 5, "threads": 1, **shape}
        return registry.create_classifier(self.name, **arguments, hparams=hparams)

    def fit(self, training: Pictures | None = None, **changes: Any) -> Classifier:
        training = training or self.training
        model = self.unfitted(**{"classes": training.classes, **changes})
        validation = pictures(48, seed=1, classes=training.classes)
        model.fit(training, validation, progress=no_progress)
        return model

    @cached_property
    def fitted(self) -> Classifier:
        return self.fit()

    @cached_property
    def calibrated(self) -> Classifier:
        """As `fitted`, with a temperature."""
        model = self.fit()
        model.calibrate(self.validation)
        return model

    @property
    def training(self) -> Pictures:
        return pictures()

    @property
    def validation(self) -> Pictures:
        return pictures(48, seed=1)

    @property
    def unseen(self) -> Pictures:
        return pictures(40, seed=2)

    @property
    def pixels(self) -> PixelArray:
        return self.unseen.pixels
