"""One ONNX graph out of the graphs of several models: the sum of what they answer, weighted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.forecasting.onnx_files import OUTPUT
from models.onnx_graphs import prefixed_graph, save_graph


def write_blend(
    parts: Sequence[tuple[Path, float, Sequence[int]]],
    path: Path,
    *,
    window: int,
    horizon: int,
    covariates: int,
) -> None:
    """Join the graphs of members into one that answers with their weighted sum.

    Each graph takes the inputs that all share; everything else in it gets a prefix of its own.

    Args:
        parts: Of each member: the file of its graph, its weight, and which of the blend's
            covariates its own are.
        path: File to write.
        window: Values that the blend sees.
        horizon: Days that it answers.
        covariates: Number of the blend's covariates.

    Raises:
        ModelProblem: The graphs do not make a valid one together.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    joined = onnx.GraphProto(name="blend")
    weighted = []
    for number, (file, weight, places) in enumerate(parts):
        prefix = f"member_{number}/"
        graph = prefixed_graph(file, prefix)
        if places and list(places) != list(range(covariates)):
            _choose_covariates(graph, prefix, places)
        joined.node.extend(graph.node)
        joined.initializer.extend(graph.initializer)
        joined.sparse_initializer.extend(graph.sparse_initializer)
        joined.value_info.extend(graph.value_info)
        share = numpy_helper.from_array(np.array(weight, dtype=np.float64), f"{prefix}weight")
        joined.initializer.append(share)
        weighted.append(f"{prefix}weighted")
        joined.node.append(
            helper.make_node("Mul", [prefix + OUTPUT, f"{prefix}weight"], [weighted[-1]])
        )
    joined.node.append(helper.make_node("Sum", weighted, [OUTPUT]))
    info = helper.make_tensor_value_info
    joined.input.append(info("values", TensorProto.DOUBLE, ["n", window]))
    joined.input.append(info("weekday", TensorProto.INT64, ["n"]))
    if covariates:
        shape: list[str | int | None] = ["n", window + horizon, covariates]
        joined.input.append(info("covariates", TensorProto.DOUBLE, shape))
    joined.output.append(info(OUTPUT, TensorProto.DOUBLE, ["n", horizon]))
    save_graph(joined, path)


def _choose_covariates(graph: Any, prefix: str, places: Sequence[int]) -> None:
    """Let a member take its own covariates out of those of the blend."""
    from onnx import helper, numpy_helper

    own = f"{prefix}covariates"
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == "covariates":
                node.input[index] = own
    chosen = numpy_helper.from_array(np.array(places, dtype=np.int64), f"{prefix}places")
    graph.initializer.append(chosen)
    graph.node.insert(
        0, helper.make_node("Gather", ["covariates", f"{prefix}places"], [own], axis=2)
    )
