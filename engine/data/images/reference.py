"""What the pictures that were learnt from look like in numbers, so that later ones can be compared.

Each picture gives a few features; of each feature the distribution over the training part is kept.
Later pictures drift when theirs differs: by the population stability index (PSI, over ten ranges
that the training part fills alike; 0.1 is little, above 0.25 is much) and by the
Kolmogorov-Smirnov distance (KS, the largest gap between the two cumulated distributions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import FloatArray, IntArray
from models.drift.distribution import Distribution
from models.errors import ModelProblem
from models.imaging.pictures import Pictures, PixelArray, check_pixels

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""ITU-R 601: how bright red, green and blue are to the eye."""
_BRIGHTNESS_BINS = 16
_LEVELS = 256
_BLOCK_VALUES = 1 << 20


def feature_names(channels: int) -> tuple[str, ...]:
    """Names of the features of a picture, in the order of `features_of`.

    brightness: mean of its luma, 0 to 255. contrast: its standard deviation. sharpness: mean size
    of the step from a pixel to its neighbours. In colour also the mean of each channel.
    """
    colours = ("red", "green", "blue") if channels == 3 else ()
    return ("brightness", "contrast", "sharpness", *colours)


def features_of(pixels: PixelArray) -> FloatArray:
    """The features of pictures: float64 (n, features); see `feature_names`.

    Args:
        pixels: uint8 (n, height, width, channels).

    Raises:
        ModelProblem: Another type or shape.
    """
    check_pixels(pixels)
    channels = pixels.shape[3]
    found = np.empty((len(pixels), len(feature_names(channels))))
    for rows in _blocks(pixels):
        block = pixels[rows].astype(np.float32)
        luma = block[..., 0] if channels == 1 else block @ _LUMA
        found[rows, 0] = luma.mean(axis=(1, 2), dtype=np.float64)
        found[rows, 1] = luma.std(axis=(1, 2), dtype=np.float64)
        down, across = (np.abs(np.diff(luma, axis=axis)) for axis in (1, 2))
        steps = down.shape[1] * down.shape[2] + across.shape[1] * across.shape[2]
        total = down.sum(axis=(1, 2), dtype=np.float64) + across.sum(axis=(1, 2), dtype=np.float64)
        found[rows, 2] = total / max(steps, 1)
        if channels == 3:
            found[rows, 3:] = block.mean(axis=(1, 2), dtype=np.float64)
    return found


@dataclass(frozen=True)
class Drift:
    """How far later pictures are from those that were learnt from, in one feature.

    Args:
        psi: Population stability index.
        ks: Kolmogorov-Smirnov distance.
    """

    psi: float
    ks: float


@dataclass(frozen=True, eq=False)
class Reference:
    """The training part in numbers.

    Args:
        pictures: How many there were.
        shape: Height, width and channels.
        features: Distribution of each feature over the pictures.
        channel_means: Of all pixels, one a channel.
        channel_stds: Likewise.
        brightness: float64 (16,): shares of the pixels in ranges of luma of equal width.
        classes: Share of each class.
    """

    pictures: int
    shape: tuple[int, int, int]
    features: Mapping[str, Distribution]
    channel_means: FloatArray
    channel_stds: FloatArray
    brightness: FloatArray
    classes: Mapping[str, float]

    def drift(self, pixels: PixelArray) -> dict[str, Drift]:
        """Compare later pictures, feature by feature.

        Args:
            pixels: uint8 (n, height, width, channels), at least one.

        Raises:
            ModelProblem: None at all, or of another shape.
        """
        if not len(pixels) or pixels.shape[1:] != self.shape:
            raise ModelProblem(
                f"pictures of shape {self.shape} are compared, not {pixels.shape[1:]} "
                f"({len(pixels)} of them)"
            )
        columns = features_of(pixels).T
        return {
            name: Drift(kept.psi(values), kept.ks(values))
            for (name, kept), values in zip(self.features.items(), columns, strict=True)
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "pictures": self.pictures,
            "shape": list(self.shape),
            "features": {name: kept.to_dict() for name, kept in self.features.items()},
            "channel_means": self.channel_means.tolist(),
            "channel_stds": self.channel_stds.tolist(),
            "brightness": self.brightness.tolist(),
            "classes": dict(self.classes),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Reference:
        """What `to_dict` told."""
        height, width, channels = (int(side) for side in saved["shape"])
        return cls(
            pictures=int(saved["pictures"]),
            shape=(height, width, channels),
            features={
                name: Distribution.from_dict(saved["features"][name])
                for name in feature_names(channels)
            },
            channel_means=np.array(saved["channel_means"], dtype=np.float64),
            channel_stds=np.array(saved["channel_stds"], dtype=np.float64),
            brightness=np.array(saved["brightness"], dtype=np.float64),
            classes={str(name): float(share) for name, share in saved["classes"].items()},
        )


def reference_of(training: Pictures) -> Reference:
    """The training part in numbers.

    Args:
        training: One picture or more.
    """
    pixels, channels = training.pixels, training.shape[2]
    counts = np.zeros((channels, _LEVELS), dtype=np.int64)
    histogram = np.zeros(_BRIGHTNESS_BINS, dtype=np.int64)
    for rows in _blocks(pixels):
        block = pixels[rows].reshape(-1, channels)
        for channel in range(channels):
            counts[channel] += np.bincount(block[:, channel], minlength=_LEVELS)
        histogram += _brightness(block)
    count = pixels.size // channels
    levels = np.arange(_LEVELS, dtype=np.float64)
    means = counts @ levels / count
    columns = features_of(pixels).T
    shares = training.counts / len(training)
    return Reference(
        pictures=len(training),
        shape=training.shape,
        features={
            name: Distribution.of(values)
            for name, values in zip(feature_names(channels), columns, strict=True)
        },
        channel_means=means,
        channel_stds=np.sqrt(np.maximum(counts @ levels**2 / count - means**2, 0.0)),
        brightness=histogram / count,
        classes=dict(zip(training.classes, shares.tolist(), strict=True)),
    )


def _brightness(block: PixelArray) -> IntArray:
    """How many pixels, uint8 (n, channels), are in each range of luma."""
    luma = block[:, 0] if block.shape[1] == 1 else block.astype(np.float32) @ _LUMA
    # Float rounding may carry white a hair beyond 255.
    bins = np.minimum(luma.astype(np.int64) * _BRIGHTNESS_BINS // _LEVELS, _BRIGHTNESS_BINS - 1)
    return np.bincount(bins, minlength=_BRIGHTNESS_BINS).astype(np.int64)


def _blocks(pixels: PixelArray) -> Iterator[slice]:
    """Rows to work on at once, so that memory does not grow with the number of pictures."""
    rows = max(1, _BLOCK_VALUES // max(1, int(np.prod(pixels.shape[1:]))))
    for begin in range(0, len(pixels), rows):
        yield slice(begin, min(begin + rows, len(pixels)))
