"""Network weights as plain arrays in an .npz file; nothing in it can run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.errors import ModelProblem


def save_weights(network: nn.Module, path: Path) -> None:
    """Write every tensor of the network's state."""
    np.savez(path, **{name: tensor.numpy() for name, tensor in network.state_dict().items()})


def load_weights(network: nn.Module, path: Path) -> None:
    """Read the state of a network of the same shape.

    Raises:
        ModelProblem: Not readable, other names or shapes, or numbers that are not finite.
    """
    try:
        # From memory: numpy leaves a damaged file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelProblem(f"the weights in {path} cannot be read: {error}") from error
    wanted = network.state_dict()
    shapes = {name: array.shape for name, array in arrays.items()}
    if shapes != {name: tuple(tensor.shape) for name, tensor in wanted.items()}:
        raise ModelProblem(f"the weights in {path} are those of another network")
    damaged = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if damaged:
        raise ModelProblem(f"the weights in {path} hold numbers that are not finite: {damaged[0]}")
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
