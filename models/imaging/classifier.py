"""The contract that every classifier keeps.

A classifier sees a picture of a fixed size and answers how likely each class is. What it shows
beside is where in the picture the evidence lies: one coarse map a class (class activation).
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from models.arrays import FloatArray
from models.data_types import IMAGE
from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters
from models.imaging.pictures import CHANNELS, Pictures, PixelArray, check_pixels
from models.imaging.temperature import fitted_temperature, softmax
from models.learner import FitReport, Learner, Progress

CALIBRATION_FILE = "temperature.json"
SMALLEST_SIDE, LARGEST_SIDE = 8, 1024
MOST_CLASSES = 1_000

# Inside the class that name means the model's own set.
_AnyHyperparameters = Hyperparameters


class Classifier(Learner):
    """Base class of all classifiers.

    A model is one file: a subclass with `Hyperparameters`, decorated with
    `models.registry.register(name)`, that implements `fit`, `answer`, `save_state`, `load_state`
    and `export_onnx`. The constructor may be called with no picture in sight; `fit` does the work.

    Args:
        height: Rows of a picture.
        width: Columns of a picture.
        channels: 1 (gray) or 3 (red, green, blue).
        classes: Their names, in the order of the labels; two at least.
        seed: The same seed and pictures give the same model on one machine.
        threads: CPU threads for training; 0 leaves the choice to the model.
        hyperparameters: An instance of the class' `Hyperparameters`.
    """

    data_type: ClassVar[str] = IMAGE

    def __init__(
        self,
        *,
        height: int,
        width: int,
        channels: int,
        classes: tuple[str, ...],
        seed: int,
        threads: int,
        hyperparameters: _AnyHyperparameters,
    ) -> None:
        super().__init__(seed=seed, threads=threads, hyperparameters=hyperparameters)
        for name, side in (("height", height), ("width", width)):
            if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
                raise ModelProblem(
                    f"{name} must be from {SMALLEST_SIDE} to {LARGEST_SIDE}, not {side}"
                )
        if channels not in CHANNELS:
            raise ModelProblem(f"a picture has 1 or 3 channels, not {channels}")
        if not 2 <= len(classes) <= MOST_CLASSES or len(set(classes)) != len(classes):
            raise ModelProblem(
                f"a classifier needs 2 to {MOST_CLASSES} different classes, not {len(classes)}"
            )
        self.height = height
        self.width = width
        self.channels = channels
        self.classes = tuple(classes)
        self.pretrained: Path | None = None
        """Folder of a saved model, or .npz file, whose weights training starts from."""
        self.temperature: float | None = None
        """What logits are divided by, so that probabilities mean what they say; None until
        `calibrate` was called."""

    @abstractmethod
    def fit(self, training: Pictures, validation: Pictures, *, progress: Progress) -> FitReport:
        """Learn from pictures.

        Args:
            training: What may be learnt from; never contains test pictures.
            validation: Pictures that decide when to stop, and nothing else; empty trains for the
                whole budget.
            progress: Told after every epoch.

        Raises:
            ModelProblem: Pictures of another size or of other classes, too few of them, or
                training diverged.
        """

    def refit(
        self, training: Pictures, validation: Pictures, report: FitReport, *, progress: Progress
    ) -> FitReport | None:
        """Learn once more, from the validation pictures too, for as long as `fit` found best.

        `temperature` stays what it was: it has to come from pictures that were not learnt from.

        Returns:
            What it did; None for a model that learns nothing more from further pictures.
        """
        return None

    @abstractmethod
    def answer(self, pixels: PixelArray) -> FloatArray:
        """Logits of n >= 1 pictures, which were checked: float64 (n, classes)."""

    @abstractmethod
    def export_onnx(self, path: Path) -> None:
        """Write the fitted model as one self-contained ONNX file.

        Input `pixels` uint8 (n, height, width, channels); outputs `probabilities` float32
        (n, classes), which sum to 1 and have the temperature inside, and `evidence` float32
        (n, classes, rows, columns), a coarse map of where each class is seen, for any n.
        """

    def predict(self, pixels: PixelArray) -> FloatArray:
        """How likely each class is: float64 (n, classes), rows sum to 1.

        Raises:
            ModelProblem: Pictures of another size, a model that was not fitted, an answer that is
                not finite.
        """
        self.check(pixels)
        if not len(pixels):
            return np.empty((0, len(self.classes)))
        logits = self.answer(pixels)
        if not np.isfinite(logits).all():
            raise ModelProblem(
                "the model answered with a value that is not finite", "Train the model again."
            )
        return softmax(logits / (self.temperature or 1.0))

    def check(self, pixels: PixelArray) -> None:
        """Raise unless pictures are of this model's size.

        Raises:
            ModelProblem: They are not.
        """
        check_pixels(pixels)
        own = (self.height, self.width, self.channels)
        if pixels.shape[1:] != own:
            raise ModelProblem(f"this model needs pictures of shape {own}, not {pixels.shape[1:]}")

    def check_examples(self, pictures: Pictures) -> None:
        """Raise unless pictures are of this model's size and classes.

        Raises:
            ModelProblem: They are not.
        """
        self.check(pictures.pixels)
        if pictures.classes != self.classes:
            raise ModelProblem("these pictures have other classes than the model")

    def calibrate(self, validation: Pictures) -> float:
        """Learn from pictures that were not learnt from how sure the model may be.

        Returns:
            The temperature: above 1 where it was too sure.
        """
        self.check_examples(validation)
        self.temperature = (
            fitted_temperature(self.answer(validation.pixels), validation.labels)
            if len(validation)
            else 1.0
        )
        return self.temperature

    def shape(self) -> dict[str, Any]:
        """Size of the pictures and names of the classes."""
        return {
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "classes": list(self.classes),
        }

    def describe(self) -> dict[str, Any]:
        """What this model is, as JSON-able data."""
        return {
            "model_type": self.model_type,
            **self.shape(),
            "seed": self.seed,
            "hyperparameters": asdict(self.hyperparameters),
        }

    @classmethod
    def of_description(cls, saved: Mapping[str, Any]) -> Self:
        """An unfitted model as `describe` told it."""
        return cls(
            height=saved["height"],
            width=saved["width"],
            channels=saved["channels"],
            classes=tuple(saved["classes"]),
            seed=saved["seed"],
            threads=saved["threads"],
            hyperparameters=cls.Hyperparameters.parse(saved["hyperparameters"]),
        )

    def save_calibration(self, folder: Path) -> None:
        """Write the temperature, where there is one."""
        if self.temperature is not None:
            text = json.dumps({"temperature": self.temperature})
            (folder / CALIBRATION_FILE).write_text(text, encoding="utf-8")

    def load_calibration(self, folder: Path, files: Mapping[str, str]) -> None:
        """Read it back, where there is one.

        Raises:
            ModelProblem: It is something else.
        """
        if CALIBRATION_FILE not in files:
            return
        path = folder / CALIBRATION_FILE
        try:
            said = json.loads(path.read_text(encoding="utf-8"))["temperature"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelProblem(f"{path} cannot be read: {error}") from error
        if not isinstance(said, float) or not 0 < said < np.inf:
            raise ModelProblem(f"{path} does not hold a temperature")
        self.temperature = said
