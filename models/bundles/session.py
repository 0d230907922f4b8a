"""A verified ONNX model in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.bundles.checks import BundleProblem

Ports = dict[str, tuple[str, int]]
"""Type (as onnxruntime says it) and number of dimensions of inputs or outputs, by name."""


class ModelSession:
    """A verified model that can be run. One thread a run: more collapse beside a training.

    Args:
        folder: Where it came from, for messages.
        onnx_model: Contents of model.onnx.

    Raises:
        BundleProblem: onnxruntime cannot load it.
    """

    def __init__(self, folder: Path, onnx_model: bytes) -> None:
        import onnxruntime

        self._folder = folder
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Its messages go to stderr past every handler; what matters arrives as an exception.
        options.log_severity_level = 4
        try:
            # From the bytes that were verified: the file is not read a second time.
            self._session = onnxruntime.InferenceSession(
                onnx_model, options, providers=["CPUExecutionProvider"]
            )
        except _runtime_errors() as error:
            raise BundleProblem(folder, f"onnxruntime cannot load the model: {error}") from error

    @property
    def inputs(self) -> Ports:
        """What the model takes."""
        return _ports(self._session.get_inputs())

    @property
    def outputs(self) -> Ports:
        """What the model gives."""
        return _ports(self._session.get_outputs())

    def run(
        self, outputs: Sequence[str], asked: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        """The asked outputs of the model for these inputs.

        Raises:
            BundleProblem: onnxruntime cannot run it.
        """
        try:
            answers = self._session.run(list(outputs), dict(asked))
        except _runtime_errors() as error:
            raise BundleProblem(self._folder, f"the model cannot be run: {error}") from error
        return [np.asarray(answer) for answer in answers]


def _ports(parts: Sequence[Any]) -> Ports:
    return {part.name: (part.type, len(part.shape)) for part in parts}


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises; its classes have no common base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    return (
        raised.Fail,
        raised.InvalidArgument,
        raised.InvalidGraph,
        raised.InvalidProtobuf,
        raised.NotImplemented,
        raised.RuntimeException,
    )
