"""Pictures as they might have been taken as well: turned, moved, nearer, darker, partly covered.

All pictures of a batch are changed at once, each in its own way, and all that moves pixels is one
resampling: a picture is blurred once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How much pictures are changed; the hyperparameters of the same names say what each means."""

    rotate_degrees: float
    shift: float
    zoom: float
    flip: bool
    brightness: float
    erase: float

    def __call__(self, values: Tensor) -> Tensor:
        """Change standardised pictures, by torch's random numbers.

        Args:
            values: float32 (n, channels, height, width).
        """
        if self.rotate_degrees or self.shift or self.zoom or self.flip:
            values = self._moved(values)
        if self.brightness:
            values = self._lit(values)
        if self.erase:
            values = self._covered(values)
        return values

    def _moved(self, values: Tensor) -> Tensor:
        count, _, height, width = values.shape
        angle = _between(count, math.radians(self.rotate_degrees))
        # Shear and stretch are the zoom along one axis only.
        zoom, stretch, shear = (_between(count, self.zoom) for _ in range(3))
        size, ratio = (1 + zoom), (stretch / 2).exp()
        cosine, sine = angle.cos(), angle.sin()
        matrix = torch.empty(count, 2, 3)
        # Coordinates are from -1 to 1 along each side, whatever its length: turning needs pixels.
        aspect = height / width
        matrix[:, 0, 0] = cosine * size * ratio
        matrix[:, 0, 1] = (shear * cosine - sine) * size * aspect / ratio
        matrix[:, 1, 0] = sine * size * ratio / aspect
        matrix[:, 1, 1] = (shear * sine + cosine) * size / ratio
        matrix[:, 0, 2] = _between(count, 2 * self.shift)
        matrix[:, 1, 2] = _between(count, 2 * self.shift)
        if self.flip:
            matrix[:, 0] *= torch.where(torch.rand(count, 1) < 0.5, -1.0, 1.0)
        grid = functional.affine_grid(matrix, list(values.shape), align_corners=False)
        # What comes in from outside has the mean colour of the picture's edge: paper stays paper.
        edge = _edge_colour(values)
        moved = functional.grid_sample(
            values - edge, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
        return moved + edge

    def _lit(self, values: Tensor) -> Tensor:
        """Brighter or darker, with more or less contrast."""
        count = len(values)
        contrast = (1 + _between(count, self.brightness)).view(-1, 1, 1, 1)
        return values * contrast + _between(count, self.brightness).view(-1, 1, 1, 1)

    def _covered(self, values: Tensor) -> Tensor:
        """A rectangle of each picture is grey (DeVries and Taylor, 2017, "Cutout")."""
        count, _, height, width = values.shape
        rows, columns = _span(count, height, self.erase), _span(count, width, self.erase)
        covered = rows[:, None, :, None] & columns[:, None, None, :]
        return values.masked_fill(covered, 0.0)


def _between(count: int, most: float) -> Tensor:
    """One number for each picture, from -most to most."""
    return (torch.rand(count) * 2 - 1) * most


def _span(count: int, side: int, part: float) -> Tensor:
    """A stretch of a side, at most so large a part of it: bool (count, side)."""
    length = torch.rand(count, 1) * part * side
    begin = torch.rand(count, 1) * (side - length)
    middle = torch.arange(side) + 0.5
    return (middle >= begin) & (middle < begin + length)


def _edge_colour(values: Tensor) -> Tensor:
    """Mean of the pixels along the four sides: (n, channels, 1, 1)."""
    sides = [values[:, :, 0], values[:, :, -1], values[:, :, :, 0], values[:, :, :, -1]]
    return torch.cat(sides, dim=2).mean(dim=2)[:, :, None, None]
