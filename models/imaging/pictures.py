"""Pictures as arrays: what classifiers learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import BoolArray, IntArray
from models.errors import ModelProblem

PixelArray = npt.NDArray[np.uint8]

CHANNELS = (1, 3)
"""Gray; red, green and blue."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, with the class of each.

    Args:
        pixels: uint8 (n, height, width, channels), 1 channel (gray) or 3 (red, green, blue).
        labels: int64 (n,), place of each picture's class in `classes`.
        classes: Names of the classes, unique; one may have no picture here.

    Raises:
        ModelProblem: Shapes that do not fit, a label without a class, names that are not unique.
    """

    pixels: PixelArray
    labels: IntArray
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", np.asarray(self.labels, dtype=np.int64))
        object.__setattr__(self, "classes", tuple(self.classes))
        check_pixels(self.pixels)
        if self.labels.shape != self.pixels.shape[:1]:
            raise ModelProblem(
                f"{len(self.pixels)} pictures need as many labels, not {self.labels.shape}"
            )
        if len(set(self.classes)) != len(self.classes):
            raise ModelProblem("the names of the classes are not unique")
        if self.labels.size and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ModelProblem(f"a label is from 0 to {len(self.classes) - 1}, one a class")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every picture."""
        height, width, channels = self.pixels.shape[1:]
        return int(height), int(width), int(channels)

    @property
    def counts(self) -> IntArray:
        """Pictures of each class: int64 (classes,)."""
        return np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)

    def take(self, rows: slice | IntArray | BoolArray) -> Pictures:
        """Some of the pictures, in the order of `rows`."""
        return Pictures(self.pixels[rows], self.labels[rows], self.classes)

    def followed_by(self, others: Pictures) -> Pictures:
        """These pictures and then those of another set of the same classes.

        Raises:
            ModelProblem: Other classes or another size.
        """
        if others.classes != self.classes or others.shape != self.shape:
            raise ModelProblem("pictures of other classes or of another size cannot be joined")
        return Pictures(
            np.concatenate([self.pixels, others.pixels]),
            np.concatenate([self.labels, others.labels]),
            self.classes,
        )


def spread(pixels: PixelArray, most: int) -> PixelArray:
    """So many pictures, or all when there are fewer, from all over: they may be sorted by class."""
    count = min(most, len(pixels))
    return pixels[np.linspace(0, len(pixels) - 1, count).astype(np.int64)]


def check_pixels(pixels: PixelArray) -> None:
    """Raise unless this is a stack of pictures.

    Raises:
        ModelProblem: Another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] not in CHANNELS:
        raise ModelProblem(
            "pictures are uint8 of shape (n, height, width, 1 or 3), not "
            f"{pixels.dtype} of shape {pixels.shape}"
        )
