"""The nearest mean picture: each class is the average of its pictures, the closest one counts.

Written x = picture, m[k] = mean of class k (both with pixels from 0 to 1), s = sharpness:

    logit[k] = s * sum over pixels of (2 x m[k] - m[k]^2), which is -s * |x - m[k]|^2 but for
               s * |x|^2, the same for every class

The sum falls apart into the cells of a grid, and that is the evidence: how much closer a class is
in this cell than classes are on average. The cells of a class sum to its logit, but for a number
that is the same for every class.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.arrays import FloatArray, IntArray
from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters
from models.imaging.classifier import Classifier
from models.imaging.pictures import Pictures, PixelArray
from models.imaging.temperature import fitted_temperature, negative_log_likelihood
from models.learner import FitReport, Progress
from models.registry import register

_STATE_FILE = "means.npz"
_GRID = 8
_BRIGHTEST = 255.0
# A quarter of what an ONNX file may have; in double precision, twice that in memory.
_MOST_BYTES = 1 << 28
_VALUES_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class MeanPictureHyperparameters(Hyperparameters):
    """There is nothing to choose."""


@register("MeanPicture")
class MeanPicture(Classifier):
    """The yardstick: a network that cannot beat it is not worth deploying. Learns in a moment."""

    Hyperparameters = MeanPictureHyperparameters

    # float32 (classes, height * width * channels), rounded once, so that every copy of the model
    # computes from the same numbers.
    _means: npt.NDArray[np.float32] | None = None
    _sharpness: float = 1.0

    def fit(self, training: Pictures, validation: Pictures, *, progress: Progress) -> FitReport:
        """Average the pictures of each class; the validation pictures only measure."""
        started = time.monotonic()
        self.check_examples(training)
        self.check_examples(validation)
        self._check_size()
        counts = training.counts
        if not counts.all():
            name = self.classes[int(np.argmin(counts))]
            raise ModelProblem(
                f"class {name!r} has no picture to learn from",
                "Add pictures of it, or leave the class out.",
            )
        sums = np.zeros((len(self.classes), self._values))
        for rows, flat in _pieces(training.pixels):
            labels = training.labels[rows]
            for label in np.unique(labels):
                sums[label] += flat[labels == label].sum(axis=0)
        self._means = (sums / counts[:, None]).astype(np.float32)
        self._sharpness = 1.0
        closeness = self._closeness(training.pixels)
        # In units of how much classes differ, the best sharpness is within what is searched.
        unit = float(closeness.std(axis=1).mean()) or 1.0
        self._sharpness = 1.0 / (unit * fitted_temperature(closeness / unit, training.labels))
        losses = {"loss": negative_log_likelihood(self.answer(training.pixels), training.labels)}
        if len(validation):
            answer = self.answer(validation.pixels)
            losses["validation_loss"] = negative_log_likelihood(answer, validation.labels)
        progress("epoch", 1, 1, **losses)
        return FitReport(
            samples=len(training),
            validation_samples=len(validation),
            rounds=1,
            best_round=1,
            best_loss=losses.get("validation_loss"),
            seconds=time.monotonic() - started,
            curve=[{"round": 1, **losses}],
        )

    def refit(
        self, training: Pictures, validation: Pictures, report: FitReport, *, progress: Progress
    ) -> FitReport:
        """Average the validation pictures too."""
        together = training.followed_by(validation)
        return self.fit(together, validation.take(slice(0)), progress=progress)

    def answer(self, pixels: PixelArray) -> FloatArray:
        """How close each picture is to the mean of each class."""
        return self._sharpness * self._closeness(pixels)

    def save_state(self, folder: Path) -> None:
        """Write the means."""
        np.savez(folder / _STATE_FILE, means=self._fitted(), sharpness=self._sharpness)

    def load_state(self, folder: Path) -> None:
        """Read the means.

        Raises:
            ModelProblem: Not readable, another shape, or numbers that are not finite.
        """
        path = folder / _STATE_FILE
        try:
            # From memory: numpy leaves a damaged file open.
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as saved:
                means, sharpness = saved["means"], saved["sharpness"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelProblem(f"the means in {path} cannot be read: {error}") from error
        expected = (len(self.classes), self._values)
        if means.dtype != np.float32 or means.shape != expected or sharpness.shape != ():
            raise ModelProblem(f"the means in {path} are those of another model")
        if not np.isfinite(means).all() or not 0 < sharpness < np.inf:
            raise ModelProblem(f"the means in {path} hold numbers that are not finite")
        self._means, self._sharpness = means, float(sharpness)

    def export_onnx(self, path: Path) -> None:
        """Write one product a cell, in double precision: sums over many pixels are large."""
        from models.onnx_graphs import save_graph

        cells, places = _grid(self.height, self.width, self.channels)
        # (cells, places, classes); what only fills up a cell counts nothing.
        means = np.where(places >= 0, self._fitted()[:, places], np.float32(0))
        sharpness = self._sharpness / (self.temperature or 1.0)
        shape = (self.height, self.width, self.channels)
        graph = _graph(shape, cells, places, means.transpose(1, 2, 0), sharpness)
        save_graph(graph, path)

    def _closeness(self, pixels: PixelArray) -> FloatArray:
        means = self._fitted().astype(np.float64)
        squares = (means**2).sum(axis=1)
        return np.concatenate([2 * flat @ means.T - squares for _, flat in _pieces(pixels)])

    def _fitted(self) -> npt.NDArray[np.float32]:
        if self._means is None:
            raise ModelProblem("this MeanPicture has not been fitted", "Call fit or load first.")
        return self._means

    @property
    def _values(self) -> int:
        return self.height * self.width * self.channels

    def _check_size(self) -> None:
        if 4 * len(self.classes) * self._values > _MOST_BYTES:
            raise ModelProblem(
                f"MeanPicture keeps one picture a class; {len(self.classes)} classes of "
                f"{self.height} x {self.width} pixels are too many",
                "Use smaller pictures, or another model.",
            )


def _pieces(pixels: PixelArray) -> Iterator[tuple[slice, FloatArray]]:
    """Rows of pictures, flat and from 0 to 1, a few at a time."""
    at_once = max(1, _VALUES_AT_ONCE // max(1, int(np.prod(pixels.shape[1:]))))
    for start in range(0, len(pixels), at_once):
        rows = slice(start, start + at_once)
        yield rows, pixels[rows].reshape(len(pixels[rows]), -1) / _BRIGHTEST


def _grid(height: int, width: int, channels: int) -> tuple[tuple[int, int], IntArray]:
    """The cells that a picture is cut into.

    Returns:
        How many there are below and beside each other, and for each cell its places in the flat
        picture: int64 (cells, places), filled up with -1.
    """
    cells = min(_GRID, height), min(_GRID, width)
    places = np.arange(height * width * channels).reshape(height, width, channels)
    parts = [
        part.ravel()
        for band in np.array_split(places, cells[0], axis=0)
        for part in np.array_split(band, cells[1], axis=1)
    ]
    members = np.full((len(parts), max(part.size for part in parts)), -1, dtype=np.int64)
    for row, part in zip(members, parts, strict=True):
        row[: part.size] = part
    return cells, members


def _graph(
    shape: tuple[int, int, int],
    cells: tuple[int, int],
    places: IntArray,
    means: npt.NDArray[np.float32],
    sharpness: float,
) -> Any:
    """The model as an ONNX graph: closeness by cell, its sum, and how classes differ in it."""
    from onnx import TensorProto, helper, numpy_helper

    classes = means.shape[2]
    squares = (means.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
    constants = {
        "flat_shape": np.array([-1, int(np.prod(shape))]),
        "places": np.maximum(places, 0),
        "means": means,
        "scale": np.array(2 * sharpness / _BRIGHTEST),
        "squares": squares * sharpness,
        "first_axis": np.array([0]),
        "map_shape": np.array([-1, classes, *cells]),
    }
    nodes = [
        helper.make_node("Reshape", ["pixels", "flat_shape"], ["flat"]),
        helper.make_node("Gather", ["flat", "places"], ["by_cell"], axis=1),
        helper.make_node("Cast", ["by_cell"], ["values"], to=TensorProto.DOUBLE),
        helper.make_node("Transpose", ["values"], ["cell_first"], perm=[1, 0, 2]),
        # Kept in the file in half the bytes.
        helper.make_node("Cast", ["means"], ["exact_means"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["cell_first", "exact_means"], ["product"]),
        helper.make_node("Mul", ["product", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "squares"], ["closeness"]),
        helper.make_node("ReduceSum", ["closeness", "first_axis"], ["logits"], keepdims=0),
        helper.make_node("Softmax", ["logits"], ["exact_probabilities"], axis=1),
        helper.make_node("Cast", ["exact_probabilities"], ["probabilities"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["closeness"], ["usual"], axes=[2]),
        helper.make_node("Sub", ["closeness", "usual"], ["difference"]),
        helper.make_node("Transpose", ["difference"], ["class_first"], perm=[1, 2, 0]),
        helper.make_node("Cast", ["class_first"], ["rounded"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["rounded", "map_shape"], ["evidence"]),
    ]
    info = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        "MeanPicture",
        [info("pixels", TensorProto.UINT8, ["n", *shape])],
        [
            info("probabilities", TensorProto.FLOAT, ["n", classes]),
            info("evidence", TensorProto.FLOAT, ["n", classes, *cells]),
        ],
        initializer=[numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
