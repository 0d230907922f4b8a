"""Scaling inside the model: each window in units of its own level and spread.

Written in torch so that training, prediction and the exported graph share one definition. All of
it is float64: a stock of 1e9 pieces that moves by single pieces keeps them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.arrays import DAYS_A_WEEK, UNKNOWN_WEEKDAY

# A spread below this part of the largest value is rounding, not movement (float64 has 2e-16).
_NOISE = 1e-12


class ScaledWindows(NamedTuple):
    """Windows without their level and spread; everything float64."""

    relative: Tensor
    """(n, window): (values - level) / spread, all 0 for a window that does not move."""
    same_weekday: Tensor
    """(n, horizon): mean of `relative` over the days with the weekday of each target."""
    level: Tensor
    """(n, 1): mean of the window."""
    spread: Tensor
    """(n, 1): mean absolute deviation from the level; exactly 0 for a window that does not move."""

    def restore(self, relative: Tensor) -> Tensor:
        """Targets (n, horizon) in the units of the values."""
        return self.level + relative * self.spread


class WindowScaler(nn.Module):
    """Takes the level and spread out of windows.

    A window that does not move has spread 0, so whatever a model says about it, the forecast is
    its level; and nothing is ever divided by zero.
    """

    weekday_mean: Tensor

    def __init__(self, window: int, horizon: int) -> None:
        super().__init__()
        self.register_buffer("weekday_mean", _weekday_mean(window, horizon), persistent=False)

    def forward(self, values: Tensor) -> ScaledWindows:
        """Scale float64 (n, window)."""
        level = values.mean(dim=1, keepdim=True)
        centred = values - level
        deviation = centred.abs().mean(dim=1, keepdim=True)
        moves = deviation > _NOISE * values.abs().amax(dim=1, keepdim=True)
        spread = torch.where(moves, deviation, torch.zeros_like(deviation))
        divisor = torch.where(moves, deviation, torch.ones_like(deviation))
        relative = torch.where(moves, centred / divisor, torch.zeros_like(centred))
        return ScaledWindows(relative, relative @ self.weekday_mean, level, spread)


def _weekday_mean(window: int, horizon: int) -> Tensor:
    """Matrix (window, horizon): column h averages the days a whole number of weeks before h.

    Where a window shorter than a week has no such day, the column averages the whole window.
    """
    days = torch.arange(window)[:, None]
    targets = window + torch.arange(horizon)[None, :]
    same = ((targets - days) % DAYS_A_WEEK == 0).double()
    same = torch.where(same.sum(dim=0, keepdim=True) > 0, same, torch.ones_like(same))
    return same / same.sum(dim=0, keepdim=True)


def weekdays_from(weekday: Tensor, offsets: Tensor) -> Tensor:
    """Weekdays `offsets` days after `weekday`; what is unknown stays unknown.

    Args:
        weekday: int64 (n,), 0..6 or `UNKNOWN_WEEKDAY`.
        offsets: int64 (k,), negative for days before.

    Returns:
        int64 (n, k).
    """
    # Offsets are made positive first: the remainder of negative numbers differs between runtimes.
    moved = (weekday[:, None] + torch.remainder(offsets, DAYS_A_WEEK)[None, :]) % DAYS_A_WEEK
    unknown = torch.full_like(moved, UNKNOWN_WEEKDAY)
    return torch.where(weekday[:, None] == UNKNOWN_WEEKDAY, unknown, moved)
