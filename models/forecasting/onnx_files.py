"""The signature of forecasters as ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.onnx_graphs import trace

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
    trace(network, example, path, inputs=inputs, outputs=outputs)
