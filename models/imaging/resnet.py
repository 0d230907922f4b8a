"""ResNet: stages of residual blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.hyperparameters import bounded
from models.imaging.network_classifier import ImageNetworkHyperparameters, NetworkClassifier
from models.registry import register

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ResNetHyperparameters(ImageNetworkHyperparameters):
    """Of the residual blocks."""

    residual_blocks: int = bounded(1, low=1, high=8)
    """Blocks of each stage, of two convolutions each."""


@register("ResNet")
class ResNet(NetworkClassifier):
    """Residual network of basic blocks (He et al., 2016), in stages as those of the CNN."""

    Hyperparameters = ResNetHyperparameters

    def body(self) -> tuple[nn.Module, int]:
        """Residual blocks."""
        from models.imaging.networks import residual_body

        own = self.hyperparameters
        assert isinstance(own, ResNetHyperparameters)
        return residual_body(
            self.height,
            self.width,
            self.channels,
            filters=own.conv_filters,
            blocks=own.residual_blocks,
        )
