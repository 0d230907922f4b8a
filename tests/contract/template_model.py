"""A classifier as a user would add it: one file. Tests copy it to a place of their own."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters, bounded
from models.imaging.classifier import Classifier
from models.learner import FitReport
from models.registry import register


@dataclass(frozen=True)
class TemplateHyperparameters(Hyperparameters):
    sharpness: float = bounded(20.0, low=0.1, high=1000.0)
    """How much more likely the class is whose mean picture is the closest."""


@register("Template")
class Template(Classifier):
    Hyperparameters = TemplateHyperparameters
    _means = None

    def fit(self, training, validation, *, progress):
        self.check_examples(training)
        self.check_examples(validation)
        if (training.counts == 0).any():
            raise ModelProblem("a class has no picture")
        labels = range(len(self.classes))
        of_class = [training.pixels[training.labels == label] for label in labels]
        self._means = np.stack([pixels.mean(axis=0) / 255 for pixels in of_class])
        progress("epoch", 1, 1)
        return FitReport(len(training), len(validation), 0, 0, None, 0.0)

    def _weights(self):
        """Those of a linear model that is as far off as a pixel is on average."""
        if self._means is None:
            raise ModelProblem("this Template has not been fitted")
        means = self._means.reshape(len(self.classes), -1)
        scale = self.hyperparameters.sharpness / means.shape[1]
        return 2 * scale * self._means / 255, -scale * np.square(means).sum(axis=1)

    def answer(self, pixels):
        weights, bias = self._weights()
        return np.einsum("nhwc,khwc->nk", pixels.astype(float), weights) + bias

    def save_state(self, folder):
        np.save(folder / "means.npy", self._means, allow_pickle=False)

    def load_state(self, folder):
        path = folder / "means.npy"
        self._means = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)

    def export_onnx(self, path):
        from onnx import TensorProto, helper, numpy_helper

        from models.onnx_graphs import save_graph

        weights, bias = self._weights()
        places = self.height * self.width
        constants = {
            "weights": (weights * places).astype(np.float32),
            "bias": bias.astype(np.float32),
            "temperature": np.float32(self.temperature or 1.0),
        }
        nodes = [
            helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
            helper.make_node(
                "Einsum", ["values", "weights"], ["evidence"], equation="nhwc,khwc->nkhw"
            ),
            helper.make_node("ReduceMean", ["evidence"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("Add", ["mean", "bias"], ["logits"]),
            helper.make_node("Div", ["logits", "temperature"], ["cooled"]),
            helper.make_node("Softmax", ["cooled"], ["probabilities"], axis=1),
        ]
        info, count = helper.make_tensor_value_info, len(self.classes)
        save_graph(
            helper.make_graph(
                nodes,
                "Template",
                [info("pixels", TensorProto.UINT8, ["n", self.height, self.width, self.channels])],
                [
                    info("probabilities", TensorProto.FLOAT, ["n", count]),
                    info("evidence", TensorProto.FLOAT, ["n", count, self.height, self.width]),
                ],
                initializer=[
                    numpy_helper.from_array(np.asarray(array), key)
                    for key, array in constants.items()
                ],
            ),
            path,
        )
