"""The network that every type shares: an encoder, and one head for every day ahead."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.forecasting.encoders import ConvolutionalEncoder, RecurrentEncoder
from models.forecasting.network_inputs import InputBuilder, NetworkInputs

_HEAD_UNITS = 64

Encoder = RecurrentEncoder | ConvolutionalEncoder


class WindowNetwork(nn.Module):
    """Says how far each day to come is from the mean of its weekday in the window.

    The head has the same weights for every day ahead. Of each it sees what `InputBuilder` has of
    that day, how far ahead it is, the state of the encoder and the summary of the window. It
    starts at zero, so that training begins at the weekday mean and not at noise.

    Args:
        window: Values in.
        horizon: Days out.
        covariates: Covariates that go with each window.
        encoder: Makes the encoder, given how many numbers it sees of each day.
        dropout: Part of the activations dropped while training.
    """

    def __init__(
        self,
        *,
        window: int,
        horizon: int,
        covariates: int,
        encoder: Callable[[int], Encoder],
        dropout: float,
    ) -> None:
        super().__init__()
        self.inputs = InputBuilder(window, horizon, covariates)
        self.encoder = encoder(self.inputs.day_features)
        self.dropout = nn.Dropout(dropout)
        self.of_window = nn.Linear(self.encoder.size + self.inputs.summary_features, _HEAD_UNITS)
        self.of_target = nn.Linear(self.inputs.target_features, _HEAD_UNITS, bias=False)
        self.of_distance = nn.Parameter(torch.zeros(horizon, _HEAD_UNITS))
        self.answer = nn.Linear(_HEAD_UNITS, 1)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def residual(self, inputs: NetworkInputs) -> Tensor:
        """Distance from the weekday means, in spreads of the window: float32 (n, horizon)."""
        state = self.dropout(self.encoder(inputs.days))
        of_window = self.of_window(torch.cat([state, inputs.summary], dim=1))
        hidden = of_window[:, None] + self.of_target(inputs.targets) + self.of_distance
        answer: Tensor = self.answer(torch.relu(hidden))
        return answer.squeeze(2)

    def forward(self, values: Tensor, weekday: Tensor, covariates: Tensor | None = None) -> Tensor:
        """Forecast: float64 (n, window), int64 (n,) and covariates to float64 (n, horizon)."""
        inputs, scaled = self.inputs(values, weekday, covariates)
        residual = self.residual(inputs).double()
        forecast: Tensor = scaled.restore(scaled.same_weekday + residual)
        return forecast
