"""CNN: stages of plain convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.hyperparameters import bounded
from models.imaging.network_classifier import ImageNetworkHyperparameters, NetworkClassifier
from models.registry import register

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class CNNHyperparameters(ImageNetworkHyperparameters):
    """Of the convolutions."""

    conv_layers: int = bounded(2, low=1, high=8)
    """Convolutions of each stage."""


@register("CNN")
class CNN(NetworkClassifier):
    """Convolutions with batch normalisation, in stages of half the size and twice the maps."""

    Hyperparameters = CNNHyperparameters

    def body(self) -> tuple[nn.Module, int]:
        """Plain convolutions."""
        from models.imaging.networks import plain_body

        own = self.hyperparameters
        assert isinstance(own, CNNHyperparameters)
        return plain_body(
            self.height,
            self.width,
            self.channels,
            filters=own.conv_filters,
            blocks=own.conv_layers,
        )
