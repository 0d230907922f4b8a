"""What boosted trees see of known covariates, for each day ahead."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.arrays import DAYS_A_WEEK

# A variance below this part of the largest square is rounding.
_NOISE = 1e-12
_FEATURES = ("", "known", "mean", "change", "response")


class CovariateFeatures(nn.Module):
    """What is known of each covariate, as numbers that are 0 where something is unknown.

    For each day ahead:

    - its value, and whether that is known (0 or 1);
    - its mean over the window;
    - how far its value is from its mean on the same weekdays of the window, which is what the
      trees' answers are added to knows already;
    - that distance times how the values in the window went with it (their slope on the covariate,
      both taken from the mean of their weekday), in spreads of the window.

    Args:
        weekday_mean: (window, horizon), column h averages the days of the window with the weekday
            of target h.
        names: Names of the covariates.
    """

    target_mean: Tensor
    own_mean: Tensor

    def __init__(self, weekday_mean: Tensor, names: tuple[str, ...]) -> None:
        super().__init__()
        self.window = len(weekday_mean)
        days = torch.arange(self.window)
        own = ((days[:, None] - days[None, :]) % DAYS_A_WEEK == 0).double()
        self.register_buffer("target_mean", weekday_mean.T)
        self.register_buffer("own_mean", own / own.sum(dim=1, keepdim=True))
        self.names = tuple(
            f"{name}_{feature}" if feature else name for name in names for feature in _FEATURES
        )

    def forward(self, relative: Tensor, covariates: Tensor) -> Tensor:
        """Features float64 (n, horizon, covariates * 5).

        Args:
            relative: float64 (n, window), the scaled values.
            covariates: float64 (n, window + horizon, covariates), NaN where unknown.
        """
        known = ~torch.isnan(covariates)
        value = torch.where(known, covariates, torch.zeros_like(covariates))
        flag = known.double()
        past, past_flag = value[:, : self.window], flag[:, : self.window]
        target, target_flag = value[:, self.window :], flag[:, self.window :]
        mean = past.sum(dim=1, keepdim=True) / past_flag.sum(dim=1, keepdim=True).clamp(min=1.0)
        change = (target - self._usual(self.target_mean, past, past_flag)) * target_flag
        change = change * (self.target_mean @ past_flag > 0).double()
        unusual = (past - self._usual(self.own_mean, past, past_flag)) * past_flag
        moved = (relative - relative @ self.own_mean.T).unsqueeze(2)
        squares = unusual.square().sum(dim=1, keepdim=True)
        varies = squares > _NOISE * past.square().sum(dim=1, keepdim=True)
        slope = (unusual * moved).sum(dim=1, keepdim=True) / torch.where(
            varies, squares, torch.ones_like(squares)
        )
        response = change * slope * varies.double()
        columns = [target, target_flag, mean.expand_as(target), change, response]
        return torch.stack(columns, dim=3).flatten(start_dim=2)

    @staticmethod
    def _usual(means: Tensor, past: Tensor, past_flag: Tensor) -> Tensor:
        """Mean of the known days that a row of `means` averages; 0 where there is none."""
        seen = means @ past_flag
        return (means @ past) / torch.where(seen > 0, seen, torch.ones_like(seen))
