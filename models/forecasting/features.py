"""Features of the boosted trees: one definition for training, prediction and the exported graph."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.arrays import DAYS_A_WEEK
from models.forecasting.covariate_features import CovariateFeatures
from models.forecasting.scaling import ScaledWindows, WindowScaler, weekdays_from

_RECENT_DAYS = (3, 7, 14)
_MOST_WEEKS = 8

# Runtimes add numbers up in different orders. A mean that is 0 in one is 1e-17 in another, on the
# other side of a tree's threshold at zero; a multiple of 2^-20 is the same in all of them.
_GRID = 2.0**20


class FeatureTable(NamedTuple):
    """Features of every (window, day ahead), and what turns an answer back into units."""

    rows: Tensor
    """float64 (n * horizon, features), rounded so that every runtime sees the same numbers."""
    same_weekday: Tensor
    """float64 (n, horizon): what the trees' answers are added to, in units of the spread."""
    level: Tensor
    """float64 (n, 1)."""
    spread: Tensor
    """float64 (n, 1)."""


class TreeFeatures(nn.Module):
    """Direct forecasting: the day ahead is a feature, so one model serves the whole horizon.

    For each day ahead, relative to the level and spread of its window: the last values of the
    same weekday, newest first; their mean; the last value; means of the last days; the extremes;
    the part of the window at its minimum; then the target's weekday (an unknown one is a value of
    its own) and how far ahead it is; then what is known of covariates, see `CovariateFeatures`.

    Args:
        window: Values a window.
        horizon: Days ahead.
        covariates: Names of the covariates.
    """

    lag_columns: Tensor
    ahead: Tensor

    def __init__(self, window: int, horizon: int, covariates: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.scaler = WindowScaler(window, horizon)
        self.covariates = CovariateFeatures(self.scaler.weekday_mean, covariates)
        self.recent_days = tuple(days for days in _RECENT_DAYS if days < window)
        self.weeks = max(min(window // DAYS_A_WEEK, _MOST_WEEKS), 1)
        self.register_buffer("lag_columns", _lag_columns(window, horizon, self.weeks))
        self.register_buffer("ahead", torch.arange(1, horizon + 1))
        self.names = (
            *(f"same_weekday_{week}" for week in range(1, self.weeks + 1)),
            "same_weekday_mean",
            "last",
            *(f"mean_{days}" for days in self.recent_days),
            "minimum",
            "maximum",
            "part_at_minimum",
            "weekday",
            "days_ahead",
            *self.covariates.names,
        )

    def forward(
        self, values: Tensor, weekday: Tensor, covariates: Tensor | None = None
    ) -> FeatureTable:
        """Features of windows.

        Args:
            values: float64 (n, window).
            weekday: int64 (n,), of the last value.
            covariates: float64 (n, window + horizon, covariates), NaN where unknown; needed where
                there are any.
        """
        scaled: ScaledWindows = self.scaler(values)
        relative = scaled.relative
        horizon = scaled.same_weekday.shape[1]
        lags = relative.index_select(1, self.lag_columns.flatten())
        minimum = relative.amin(dim=1, keepdim=True)
        shared = [
            relative[:, -1:],
            *(relative[:, -days:].mean(dim=1, keepdim=True) for days in self.recent_days),
            minimum,
            relative.amax(dim=1, keepdim=True),
            (relative == minimum).double().mean(dim=1, keepdim=True),
        ]
        columns = [
            lags.reshape(-1, horizon, self.weeks),
            scaled.same_weekday.unsqueeze(2),
            torch.cat(shared, dim=1).unsqueeze(1).expand(-1, horizon, -1),
            weekdays_from(weekday, self.ahead).double().unsqueeze(2),
            torch.ones_like(scaled.same_weekday).mul(self.ahead).unsqueeze(2),
        ]
        if self.covariates.names:
            assert covariates is not None
            columns.append(self.covariates(relative, covariates))
        rows = torch.cat(columns, dim=2).reshape(-1, len(self.names))
        rows = torch.round(rows * _GRID) / _GRID
        return FeatureTable(rows, scaled.same_weekday, scaled.level, scaled.spread)


def _lag_columns(window: int, horizon: int, weeks: int) -> Tensor:
    """int64 (horizon, weeks): columns of the last days with each target's weekday.

    A window that does not reach so far back repeats the oldest such day, or its first value.
    """
    targets = window + torch.arange(horizon)[:, None]
    newest = targets - DAYS_A_WEEK * torch.div(
        targets - window + DAYS_A_WEEK, DAYS_A_WEEK, rounding_mode="floor"
    )
    columns = newest - DAYS_A_WEEK * torch.arange(weeks)[None, :]
    newest = newest.expand_as(columns)
    oldest = torch.where(newest >= 0, newest % DAYS_A_WEEK, torch.zeros_like(newest))
    return torch.maximum(columns, oldest)
