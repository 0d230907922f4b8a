"""A verified bundle in memory, which tells classes of pictures without what trained it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.arrays import FloatArray
from models.bundles.checks import BundleProblem
from models.bundles.session import ModelSession
from models.errors import ModelProblem
from models.imaging.pictures import PixelArray, check_pixels

EvidenceArray = npt.NDArray[np.float32]

PIXELS, PROBABILITIES, EVIDENCE = "pixels", "probabilities", "evidence"
"""Names of the input and the outputs of an exported classifier."""

_TAKES = {PIXELS: ("tensor(uint8)", 4)}
_GIVES = {PROBABILITIES: ("tensor(float)", 2), EVIDENCE: ("tensor(float)", 4)}
# What one run of the model looks at: it holds a hundred times as many bytes or more meanwhile.
_VALUES_AT_ONCE = 1 << 20
_ROUNDING = 1e-3


@dataclass(frozen=True)
class ImageSignature:
    """What a bundle takes and gives.

    Attributes:
        height: Rows of a picture.
        width: Columns of a picture.
        channels: 1 (gray) or 3 (red, green, blue).
        classes: Their names, in the order of the probabilities.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...]

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> ImageSignature:
        """The signature in a checked manifest."""
        said = manifest["signature"]
        return cls(**{**said, "classes": tuple(said["classes"])})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""
        return self.height, self.width, self.channels


@dataclass(frozen=True, eq=False)
class Classification:
    """What a model says of n pictures.

    Attributes:
        probabilities: float64 (n, classes), rows sum to 1.
        evidence: float32 (n, classes, rows, columns), a coarse map of where each class is seen.
    """

    probabilities: FloatArray
    evidence: EvidenceArray


class ServingClassifier:
    """A verified bundle in memory.

    Args:
        folder: Where it came from, for messages.
        manifest: Verified manifest.
        onnx_model: Contents of model.onnx.

    Raises:
        BundleProblem: onnxruntime cannot load it, or its inputs and outputs are not a
            classifier's.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], onnx_model: bytes) -> None:
        self.manifest = manifest
        self.signature = ImageSignature.of(manifest)
        self._session = ModelSession(folder, onnx_model)
        inputs, outputs = self._session.inputs, self._session.outputs
        if inputs != _TAKES:
            raise BundleProblem(folder, f"the model takes {inputs}, not {_TAKES}")
        if outputs != _GIVES:
            raise BundleProblem(folder, f"the model gives {outputs}, not {_GIVES}")

    def classify(self, pixels: PixelArray) -> Classification:
        """Tell how likely each class is, and where in each picture it is seen.

        Args:
            pixels: uint8 (n, height, width, channels) of the bundle's signature, n >= 0.

        Raises:
            ModelProblem: Pictures of another type or size, or an answer that is not finite or
                no probabilities.
        """
        answers = list(self._answers(pixels))
        if not answers:
            classes = len(self.signature.classes)
            nothing = np.empty((0, classes, 1, 1), dtype=np.float32)
            return Classification(np.empty((0, classes)), nothing)
        return Classification(
            np.concatenate([answer.probabilities for answer in answers]),
            np.concatenate([answer.evidence for answer in answers]),
        )

    def predict(self, pixels: PixelArray) -> FloatArray:
        """The probabilities that `classify` gives, without keeping the evidence of all pictures.

        Raises:
            ModelProblem: As `classify`.
        """
        parts = [answer.probabilities for answer in self._answers(pixels)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.signature.classes)))

    def _answers(self, pixels: PixelArray) -> Iterator[Classification]:
        """The answers to a few pictures at a time: memory must not grow with their number."""
        check_pixels(pixels)
        shape = self.signature.shape
        if pixels.shape[1:] != shape:
            raise ModelProblem(
                f"this model needs pictures of shape {shape}, not {pixels.shape[1:]}"
            )
        at_once = max(1, _VALUES_AT_ONCE // int(np.prod(shape)))
        for start in range(0, len(pixels), at_once):
            yield self._answer(pixels[start : start + at_once])

    def _answer(self, pixels: PixelArray) -> Classification:
        given, evidence = self._session.run((PROBABILITIES, EVIDENCE), {PIXELS: pixels})
        expected = (len(pixels), len(self.signature.classes))
        if given.shape != expected:
            raise ModelProblem(f"the model answered with shape {given.shape}, not {expected}")
        if evidence.shape[:2] != expected or not evidence.size:
            raise ModelProblem(
                f"the model answered with evidence of shape {evidence.shape}, "
                f"not {(*expected, 'rows', 'columns')}"
            )
        if not np.isfinite(given).all() or not np.isfinite(evidence).all():
            raise ModelProblem("the model answered with a value that is not finite")
        probabilities = given.astype(np.float64)
        total = probabilities.sum(axis=1, keepdims=True)
        if probabilities.min() < 0 or (np.abs(total - 1) > _ROUNDING).any():
            raise ModelProblem("the model answered with numbers that are no probabilities")
        # They are single precision in the file; what is made of them may rely on a sum of 1.
        return Classification(probabilities / total, evidence)
