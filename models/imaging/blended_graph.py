"""One ONNX graph out of those of several classifiers: the mean of what they say, weighted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.imaging.onnx_files import EVIDENCE, PIXELS, PROBABILITIES
from models.onnx_graphs import prefixed_graph, save_graph

LEAST_PROBABILITY = 1e-30
"""What a class has at least before the logarithm is taken."""


def write_blend(
    parts: Sequence[tuple[Path, float]],
    path: Path,
    *,
    shape: tuple[int, int, int],
    classes: int,
    temperature: float,
) -> None:
    """Join the graphs of members into one.

    All take the pixels that they share; everything else in a graph gets a prefix of its own. Maps
    of evidence are stretched to the size of the first member's where they have another one.

    Args:
        parts: Of each member: the file of its graph and its weight.
        path: File to write.
        shape: Height, width and channels of the pictures.
        classes: How many there are.
        temperature: What the logarithm of the mean probability is divided by.

    Raises:
        ModelProblem: The graphs do not make a valid one together.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    joined = onnx.GraphProto(name="blend")
    maps: list[str] = []
    sides: list[tuple[Any, Any]] = []
    for number, (file, weight) in enumerate(parts):
        prefix = f"member_{number}/"
        graph = prefixed_graph(file, prefix)
        joined.node.extend(graph.node)
        joined.initializer.extend(graph.initializer)
        joined.value_info.extend(graph.value_info)
        share = numpy_helper.from_array(np.array(weight, dtype=np.float32), f"{prefix}weight")
        joined.initializer.append(share)
        maps.append(prefix + EVIDENCE)
        sides.append(_sides(graph, prefix + EVIDENCE))
        if number and sides[number] != sides[0]:
            joined.node.append(helper.make_node("Shape", [maps[0]], [f"{prefix}size"]))
            stretched = [maps[number], "", "", f"{prefix}size"]
            maps[number] = f"{prefix}stretched"
            joined.node.append(helper.make_node("Resize", stretched, [maps[number]], mode="linear"))
        for given, name in ((prefix + PROBABILITIES, "share"), (maps[number], "part")):
            joined.node.append(helper.make_node("Mul", [given, f"{prefix}weight"], [prefix + name]))
    for name, total in (("share", "mean"), ("part", EVIDENCE)):
        terms = [f"member_{number}/{name}" for number in range(len(parts))]
        joined.node.append(helper.make_node("Sum", terms, [total]))
    constants = {"least": LEAST_PROBABILITY, "temperature": temperature}
    for name, value in constants.items():
        array = np.array(value, dtype=np.float32)
        joined.initializer.append(numpy_helper.from_array(array, name))
    joined.node.extend(
        [
            helper.make_node("Max", ["mean", "least"], ["known"]),
            helper.make_node("Log", ["known"], ["logits"]),
            helper.make_node("Div", ["logits", "temperature"], ["cooled"]),
            helper.make_node("Softmax", ["cooled"], [PROBABILITIES], axis=1),
        ]
    )
    info = helper.make_tensor_value_info
    joined.input.append(info(PIXELS, TensorProto.UINT8, ["n", *shape]))
    joined.output.append(info(PROBABILITIES, TensorProto.FLOAT, ["n", classes]))
    joined.output.append(info(EVIDENCE, TensorProto.FLOAT, ["n", classes, *sides[0]]))
    save_graph(joined, path)


def _sides(graph: Any, name: str) -> tuple[Any, Any]:
    """Rows and columns of an output, as numbers; as names where they are not fixed."""
    (output,) = (one for one in graph.output if one.name == name)
    rows, columns = output.type.tensor_type.shape.dim[2:]
    return tuple(side.dim_value or side.dim_param for side in (rows, columns))
