"""The signature of classifiers as ONNX files, and writing a network as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.onnx_graphs import trace

if TYPE_CHECKING:
    from models.imaging.networks import PictureNetwork

PIXELS = "pixels"
PROBABILITIES = "probabilities"
EVIDENCE = "evidence"


def export_network(
    network: PictureNetwork,
    path: Path,
    *,
    height: int,
    width: int,
    channels: int,
    temperature: float,
) -> None:
    """Trace a network into an ONNX file that takes any number of pictures.

    Args:
        network: In evaluation mode.
        path: File to write.
        height: Rows of a picture.
        width: Columns of a picture.
        channels: Of a picture.
        temperature: What logits are divided by.
    """
    import torch

    from models.imaging.networks import Probabilities

    example = torch.zeros((2, height, width, channels), dtype=torch.uint8)
    served = Probabilities(network, temperature).eval()
    trace(served, [example], path, inputs=[PIXELS], outputs=[PROBABILITIES, EVIDENCE])
