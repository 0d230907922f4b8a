"""Network weights as plain arrays in an .npz file; nothing in it can run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
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
    arrays = _read(path)
    wanted = network.state_dict()
    shapes = {name: array.shape for name, array in arrays.items()}
    if shapes != {name: tuple(tensor.shape) for name, tensor in wanted.items()}:
        raise ModelProblem(f"the weights in {path} are those of another network")
    _check_finite(arrays, path)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})


def adopt_weights(network: nn.Module, path: Path, *, without: frozenset[str]) -> int:
    """Take over what another network learnt, as far as names and shapes are the same.

    Args:
        network: What it is put into.
        path: Weights of the other one.
        without: Names of what stays as it is in any case.

    Returns:
        How many tensors fitted; at least one of them is a matrix or more, not just a scale.

    Raises:
        ModelProblem: Not readable, numbers that are not finite, or nothing that fits.
    """
    arrays = _read(path)
    _check_finite(arrays, path)
    state = network.state_dict()
    fitting = {
        name: torch.from_numpy(array)
        for name, array in arrays.items()
        if name not in without
        and array.ndim  # not what only counts batches
        and name in state
        and array.shape == tuple(state[name].shape)
    }
    if not any(tensor.ndim > 1 for tensor in fitting.values()):
        raise ModelProblem(
            f"none of the weights in {path} fits this network",
            "Take a model of the same type whose hyperparameters and channels are the same.",
        )
    network.load_state_dict(state | fitting)
    return len(fitting)


def _read(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        # From memory: numpy leaves a damaged file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelProblem(f"the weights in {path} cannot be read: {error}") from error


def _check_finite(arrays: Mapping[str, npt.NDArray[np.generic]], path: Path) -> None:
    damaged = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if damaged:
        raise ModelProblem(f"the weights in {path} hold numbers that are not finite: {damaged[0]}")
