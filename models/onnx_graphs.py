"""Writing ONNX files of any kind of model: one opset, everything in one file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import ModelProblem

# Fixed, so that an older onnxruntime within the supported range reads what a newer onnx writes.
OPSET = 17
ML_OPSET = 3
IR_VERSION = 8


def trace(
    network: Any,
    example: Sequence[Any],
    path: Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> None:
    """Trace a torch module into an ONNX file that takes any batch size.

    Args:
        network: Module in evaluation mode.
        example: What it is traced with: one tensor an input, a batch of two.
        path: File to write.
        inputs: Names of what the module takes.
        outputs: Names of what it returns.
    """
    import torch

    with warnings.catch_warnings():
        # The exporter that needs no further package announces its retirement, and warns that an
        # LSTM traced at one batch size might not run at another; the contract tests show it does.
        warnings.filterwarnings("ignore", message=".*legacy TorchScript-based ONNX export.*")
        warnings.filterwarnings("ignore", message=".*Exporting a model to ONNX with a batch_size.*")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"torch\.onnx")
        # Inside torch's own layers: the checks of shapes that they make are constants here.
        tracer_warning = torch.jit.TracerWarning  # type: ignore[attr-defined]
        warnings.filterwarnings("ignore", category=tracer_warning, module=r"torch\.nn\.modules")
        torch.onnx.export(
            network,
            tuple(example),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in (*inputs, *outputs)},
        )


def save_graph(graph: Any, path: Path) -> None:
    """Check a hand-made graph and write it as a model.

    Raises:
        ModelProblem: A graph that breaks the rules of ONNX.
    """
    import onnx

    model = onnx.helper.make_model(
        graph,
        producer_name="mlops-tui",
        ir_version=IR_VERSION,
        opset_imports=[
            onnx.helper.make_opsetid("", OPSET),
            onnx.helper.make_opsetid("ai.onnx.ml", ML_OPSET),
        ],
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ModelProblem(f"the model cannot be written as ONNX: {error}") from error
    onnx.save(model, path)


def prefixed_graph(path: Path, prefix: str) -> Any:
    """A saved graph with a prefix before every name but those of its inputs.

    So that several graphs can stand in one beside each other, and share what they are given.
    """
    import onnx
    from onnx import compose

    return compose.add_prefix_graph(onnx.load(path).graph, prefix, rename_inputs=False)
