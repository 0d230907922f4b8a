"""Networks that see pictures: raw pixels in, logits and where in the picture they come from out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from models.imaging.pictures import PixelArray

_LARGEST_LAST_SIDE = 7
# More of them, on larger maps, are for more pictures and other processors: at 32 x 32 pixels a
# fourth stage makes training more than three times as long.
_MOST_STAGES = 3
_LEVELS = 256
_PICTURES_AT_A_TIME = 64
_SMALLEST_SPREAD = 1.0
"""Of pixel values from 0 to 255: pictures of one colour must not be divided by nothing."""


class PictureNetwork(nn.Module):
    """A body that reads a picture, and a linear head on each place of the map it leaves.

    Logits are the mean of the head's maps (class activation: Zhou et al., 2016, "Learning deep
    features for discriminative localization") and a bias. So what each place says for a class is
    known without any further weights.

    Pixels are standardised in here, by `mean` and `spread` of each channel in the training
    pictures: whoever uses the network has nothing to prepare.

    Args:
        body: Turns (n, channels, height, width) into (n, `features`, rows, columns).
        features: Maps that it makes.
        channels: Of the pictures.
        classes: How many there are.
        dropout: Part of the maps that is dropped before the head while training.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, body: nn.Module, features: int, *, channels: int, classes: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))
        self.body = body
        # Whole maps: the same as dropping what is left of each after the mean.
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(features, classes, kernel_size=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(classes))

    def learn_colours(self, pixels: PixelArray) -> None:
        """Standardise by these pictures from now on: uint8 (n, height, width, channels)."""
        # Counted, not added: exact, and without a copy of all pixels as wider numbers.
        counts = np.zeros((pixels.shape[3], _LEVELS))
        for begin in range(0, len(pixels), _PICTURES_AT_A_TIME):
            some = pixels[begin : begin + _PICTURES_AT_A_TIME]
            for channel, of_levels in enumerate(counts):
                of_levels += np.bincount(some[..., channel].ravel(), minlength=_LEVELS)
        shares = counts / counts.sum(axis=1, keepdims=True)
        levels = np.arange(_LEVELS)
        mean = shares @ levels
        spread = np.sqrt(np.maximum(shares @ levels**2 - mean**2, 0.0))
        self.mean.copy_(torch.from_numpy(mean))
        self.spread.copy_(torch.from_numpy(np.maximum(spread, _SMALLEST_SPREAD)))

    def standardised(self, pixels: Tensor) -> Tensor:
        """Pixels as the body takes them: float32 (n, channels, height, width)."""
        return ((pixels.float() - self.mean) / self.spread).permute(0, 3, 1, 2)

    def evidence(self, values: Tensor) -> Tensor:
        """What each place says for each class: (n, classes, rows, columns)."""
        return cast(Tensor, self.head(self.dropout(self.body(values))))

    def logits_of(self, evidence: Tensor) -> Tensor:
        """The mean over all places: (n, classes)."""
        return evidence.mean(dim=(2, 3)) + self.bias

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and evidence of pictures, uint8 (n, height, width, channels)."""
        evidence = self.evidence(self.standardised(pixels))
        return self.logits_of(evidence), evidence


class Probabilities(nn.Module):
    """A network as it is served: probabilities instead of logits.

    Args:
        network: Trained.
        temperature: What logits are divided by.
    """

    def __init__(self, network: PictureNetwork, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities and evidence of pictures, uint8 (n, height, width, channels)."""
        logits, evidence = self.network(pixels)
        return torch.softmax(logits / self.temperature, dim=1), evidence


def plain_body(
    height: int, width: int, channels: int, *, filters: int, blocks: int
) -> tuple[nn.Module, int]:
    """Stages of convolutions; each halves the sides and doubles the maps of the one before.

    Returns:
        The body, and how many maps it makes.
    """
    narrow, stages = _layout(height, width)
    layers = _stem(channels, filters, narrow)
    # The stem was the first block of the first stage.
    for known, wanted, stride in islice(_blocks(stages, blocks, filters), 1, None):
        layers += _convolution(known, wanted, stride)
    return nn.Sequential(*layers), filters * 2 ** (stages - 1)


def residual_body(
    height: int, width: int, channels: int, *, filters: int, blocks: int
) -> tuple[nn.Module, int]:
    """Stages of residual blocks; each stage halves the sides and doubles the maps.

    Returns:
        The body, and how many maps it makes.
    """
    narrow, stages = _layout(height, width)
    layers = _stem(channels, filters, narrow)
    layers += [ResidualBlock(*block) for block in _blocks(stages, blocks, filters)]
    return nn.Sequential(*layers), filters * 2 ** (stages - 1)


class ChannelsLast(nn.Module):
    """Puts the numbers of a place next to each other in memory, and changes nothing else.

    Convolutions on CPUs take up to a fifth less time then.
    """

    def forward(self, values: Tensor) -> Tensor:
        """(n, maps, rows, columns) as they are."""
        return values.contiguous(memory_format=torch.channels_last)


class ResidualBlock(nn.Module):
    """Two convolutions whose answer is added to what they were given.

    The basic block of He et al. (2016), "Deep residual learning for image recognition"; where the
    sides are halved, what is added is averaged first, so that no pixel is passed over (He et al.,
    2019, "Bag of tricks for image classification"). The last scale begins at zero, so that a block
    begins as doing nothing (Goyal et al., 2017).

    Args:
        known: Maps that it is given.
        wanted: Maps that it makes.
        stride: 2 to halve the sides.
    """

    def __init__(self, known: int, wanted: int, stride: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(wanted)
        nn.init.zeros_(last.weight)
        self.change = nn.Sequential(
            *_convolution(known, wanted, stride),
            nn.Conv2d(wanted, wanted, kernel_size=3, padding=1, bias=False),
            last,
        )
        kept: list[nn.Module] = []
        if stride > 1:
            kept.append(nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False))
        if known != wanted:
            kept += [nn.Conv2d(known, wanted, kernel_size=1, bias=False), nn.BatchNorm2d(wanted)]
        self.kept = nn.Sequential(*kept)
        self.activation = nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        """(n, known, rows, columns) as (n, wanted, rows / stride, columns / stride)."""
        return cast(Tensor, self.activation(self.change(values) + self.kept(values)))


def _layout(height: int, width: int) -> tuple[int, int]:
    """How often the stem halves the sides, and how many stages follow, each with half the sides.

    As often as it takes until the longer side of the last map is at most 7: what remains has
    places to tell apart, and each has seen a good part of the picture. The shorter side stays at
    2 or more.
    """
    longer, shorter, halvings = max(height, width), min(height, width), 0
    while longer > _LARGEST_LAST_SIDE and shorter > 2:
        longer, shorter, halvings = (longer + 1) // 2, (shorter + 1) // 2, halvings + 1
    stages = min(halvings + 1, _MOST_STAGES)
    return halvings + 1 - stages, stages


def _blocks(stages: int, blocks: int, filters: int) -> Iterator[tuple[int, int, int]]:
    """Maps that each block of each stage is given, maps that it makes, and its stride."""
    known = filters
    for stage in range(stages):
        wanted = filters * 2**stage
        for block in range(blocks):
            yield known, wanted, 2 if stage and block == 0 else 1
            known = wanted


def _stem(channels: int, filters: int, halvings: int) -> list[nn.Module]:
    """The first convolutions; of a large picture, few maps until its sides are small enough."""
    layers: list[nn.Module] = [ChannelsLast()]
    known = channels
    for left in range(halvings, 0, -1):
        narrow = max(filters // 2**left, 8)
        layers += _convolution(known, narrow, stride=2)
        known = narrow
    layers += _convolution(known, filters, stride=1)
    # Of one channel, both orders are the same, and the convolution takes it for the other one.
    layers.insert(2, ChannelsLast())
    return layers


def _convolution(known: int, wanted: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(known, wanted, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(wanted),
        nn.ReLU(),
    ]
