"""Writing the ONNX file of a forecaster: one signature, one opset, everything in one file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from models.bundles.graphs import OPSET, save_graph

__all__ = ["COVARIATES", "INPUTS", "OUTPUT", "export_network", "save_graph"]

INPUTS = ("values", "weekday")
COVARIATES = "covariates"
OUTPUT = "forecast"


def export_network(
    network: Any,
    path: Path,
    *,
    window: int,
    horizon: int = 0,
    covariates: int = 0,
    outputs: tuple[str, ...] = (OUTPUT,),
) -> None:
    """Trace a torch module of windows into an ONNX file that takes any batch size.

    The module takes `values` and `weekday`, and `covariates` as well where it knows any.

    Args:
        network: Module in evaluation mode.
        path: File to write.
        window: Values a window.
        horizon: Days to come that covariates are given for.
        covariates: How many the module knows; 0 leaves that input out.
        outputs: Names of what the module returns.
    """
    import torch

    example = [
        torch.linspace(0.0, 1.0, 2 * window, dtype=torch.float64).reshape(2, window),
        torch.tensor([0, 7]),
    ]
    inputs = [*INPUTS]
    if covariates:
        shape = (2, window + horizon, covariates)
        example.append(torch.full(shape, torch.nan, dtype=torch.float64))
        inputs.append(COVARIATES)
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
            input_names=inputs,
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in (*inputs, *outputs)},
        )
