"""Network definitions. Each maps values (n, window) and weekday (n,) to forecasts (n, horizon)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.arrays import DAYS_A_WEEK, UNKNOWN_WEEKDAY
from models.forecasting.scaling import ScaledWindows, WindowScaler, weekdays_from

_WEEKDAY_SIZE = 4
_HEAD_UNITS = 128


class LSTMNetwork(nn.Module):
    """An LSTM over the scaled window, and a head that answers all days at once.

    The head says how far each day is from the mean of its weekday in the window. It starts at
    zero, so that training begins at the weekday mean and not at noise.

    Args:
        window: Values in.
        horizon: Days out.
        units: Size of the LSTM's state.
        layers: LSTM layers on top of each other.
        dropout: Part of the activations dropped while training.
    """

    ages: Tensor
    own_weekday_mean: Tensor

    def __init__(
        self, *, window: int, horizon: int, units: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.scaler = WindowScaler(window, horizon)
        self.weekday = nn.Embedding(UNKNOWN_WEEKDAY + 1, _WEEKDAY_SIZE)
        self.lstm = nn.LSTM(
            # Each day: its value, its distance from the weekday's mean, its weekday.
            2 + _WEEKDAY_SIZE,
            units,
            layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(units + horizon + min(window, DAYS_A_WEEK) + _WEEKDAY_SIZE, _HEAD_UNITS),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(_HEAD_UNITS, horizon),
        )
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        ages = torch.arange(1 - window, 1)
        own = ((ages[:, None] - ages[None, :]) % DAYS_A_WEEK == 0).double()
        self.register_buffer("ages", ages, persistent=False)
        self.register_buffer("own_weekday_mean", own / own.sum(dim=0), persistent=False)

    def forward(self, values: Tensor, weekday: Tensor) -> Tensor:
        """Forecast: float64 (n, window) and int64 (n,) to float64 (n, horizon)."""
        scaled: ScaledWindows = self.scaler(values)
        unusual = scaled.relative - scaled.relative @ self.own_weekday_mean
        days = torch.stack([scaled.relative, unusual], dim=-1).float()
        steps, _ = self.lstm(
            torch.cat([days, self.weekday(weekdays_from(weekday, self.ages))], dim=-1)
        )
        seen = [
            steps[:, -1],
            scaled.same_weekday.float(),
            scaled.relative[:, -DAYS_A_WEEK:].float(),
            self.weekday(weekday),
        ]
        residual: Tensor = self.head(torch.cat(seen, dim=-1))
        return scaled.restore(scaled.same_weekday + residual.double())
