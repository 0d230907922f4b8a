"""What networks read a window with: days (n, window, features) in, one state (n, size) out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Cell = Literal["LSTM", "GRU"]


class RecurrentEncoder(nn.Module):
    """The state of a recurrent network after the last day.

    Args:
        features: Numbers a day.
        cell: Which recurrent network.
        units: Size of its state, in each direction.
        layers: Layers on top of each other.
        bidirectional: Read the window backwards too; the state is that of both ends.
        dropout: Part of the activations between layers dropped while training.
    """

    def __init__(
        self,
        features: int,
        *,
        cell: Cell,
        units: int,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        kind = nn.LSTM if cell == "LSTM" else nn.GRU
        self.cells = kind(
            features,
            units,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.size = units * (2 if bidirectional else 1)

    def forward(self, days: Tensor) -> Tensor:
        """The state after the days, of both directions where there are two."""
        steps, _ = self.cells(days)
        if not self.cells.bidirectional:
            last: Tensor = steps[:, -1]
            return last
        # The direction that reads backwards ends on the first day.
        units = self.cells.hidden_size
        return torch.cat([steps[:, -1, :units], steps[:, 0, units:]], dim=1)


class ConvolutionalEncoder(nn.Module):
    """A convolution over the days, the larger of every two of its answers, then another encoder.

    Args:
        features: Numbers a day.
        filters: Patterns that the convolution looks for.
        kernel_size: Days that a pattern is long.
        then: Encoder of the pooled days, of `filters` features.
    """

    def __init__(
        self, features: int, *, filters: int, kernel_size: int, then: RecurrentEncoder
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(features, filters, kernel_size)
        self.then = then
        self.size = then.size

    def forward(self, days: Tensor) -> Tensor:
        """The state of the inner encoder after the pooled days."""
        (kernel,) = self.convolution.kernel_size
        # As many answers as days, and then an even number of them: what lacks is put before the
        # first day, so that nothing stands between the newest days and the forecast.
        lacking = kernel - 1 + days.shape[1] % 2
        padded = functional.pad(days.transpose(1, 2), (lacking, 0))
        found = functional.relu(self.convolution(padded))
        pooled = torch.maximum(found[:, :, ::2], found[:, :, 1::2])
        state: Tensor = self.then(pooled.transpose(1, 2))
        return state
