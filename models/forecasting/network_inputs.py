"""What networks see of a window, apart from every weight.

None of it is learnt, so training computes it once for all its windows and not in every step.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.arrays import DAYS_A_WEEK, UNKNOWN_WEEKDAY
from models.forecasting.scaling import ScaledWindows, WindowScaler, weekdays_from

_MOST_WEEKS = 8
_LARGEST_COVARIATE = 10.0


class NetworkInputs(NamedTuple):
    """All float32, and of the size of 1 whatever the unit of the values."""

    days: Tensor
    """(n, window, features) of each day of the window, oldest first."""
    recent: Tensor
    """(n, recent): the last days of the window as they are."""
    targets: Tensor
    """(n, horizon, features) of each day to forecast."""


class InputBuilder(nn.Module):
    """Makes the inputs of a network out of windows.

    A day of the window: its value, how far that is from the mean of its weekday, the weekday, and
    its covariates. A day to forecast: the values of its own weekday in the window, newest first,
    their mean, the weekday, and its covariates, also as the distance from those that the same
    weekday had. Every covariate comes with whether it is known, and is 0 where it is not.

    Args:
        window: Values a window.
        horizon: Days to forecast.
        covariates: How many there are.
    """

    covariate_mean: Tensor
    covariate_unit: Tensor
    ages: Tensor
    own_weekday_mean: Tensor
    lags: Tensor
    weekdays: Tensor
    ahead: Tensor

    def __init__(self, window: int, horizon: int, covariates: int) -> None:
        super().__init__()
        self.scaler = WindowScaler(window, horizon)
        weeks = max(min(window // DAYS_A_WEEK, _MOST_WEEKS), 1)
        weekdays = UNKNOWN_WEEKDAY + 1
        self._weeks = weeks
        self.recent = min(window, DAYS_A_WEEK)
        self.day_features = 2 + weekdays + 2 * covariates
        self.target_features = weeks + 1 + weekdays + 3 * covariates
        self.window = window
        self.horizon = horizon
        self.covariates = covariates
        ages = torch.arange(1 - window, 1)
        own = ((ages[:, None] - ages[None, :]) % DAYS_A_WEEK == 0).double()
        for name, buffer in (
            ("ages", ages),
            ("ahead", torch.arange(1, horizon + 1)),
            ("own_weekday_mean", own / own.sum(dim=0)),
            ("lags", _lags(window, horizon, weeks, self.scaler.weekday_mean)),
            ("weekdays", torch.eye(weekdays)),
        ):
            self.register_buffer(name, buffer, persistent=False)
        if covariates:
            # Learnt from the training days, so they are part of what is saved.
            self.register_buffer("covariate_mean", torch.zeros(covariates, dtype=torch.float64))
            self.register_buffer("covariate_unit", torch.zeros(covariates, dtype=torch.float64))

    def learn_covariates(self, known: Tensor) -> None:
        """Take the mean and the spread of each covariate from float64 (..., covariates).

        What never changed there tells nothing, and is left out of every later input.
        """
        rows = known.reshape(-1, self.covariates)
        mean = torch.nanmean(rows, dim=0)
        spread = torch.nanmean((rows - mean).square(), dim=0).sqrt()
        varies = spread > 1e-9 * rows.abs().nan_to_num().amax(dim=0)
        self.covariate_mean.copy_(torch.where(varies, mean, 0.0))
        self.covariate_unit.copy_(torch.where(varies, 1 / spread, 0.0))

    def forward(
        self, values: Tensor, weekday: Tensor, covariates: Tensor | None = None
    ) -> tuple[NetworkInputs, ScaledWindows]:
        """Inputs, and the scaled windows that turn an answer back into units.

        Args:
            values: float64 (n, window).
            weekday: int64 (n,), of the last value.
            covariates: float64 (n, window + horizon, covariates), NaN where unknown. Needed where
                there are any.
        """
        scaled: ScaledWindows = self.scaler(values)
        relative = scaled.relative
        unusual = relative - relative @ self.own_weekday_mean
        lags = (relative @ self.lags).reshape(-1, self.horizon, self._weeks)
        days = [torch.stack([relative, unusual], dim=2).float(), self._weekdays(weekday, self.ages)]
        targets = [
            (lags - scaled.same_weekday[:, :, None]).float(),
            scaled.same_weekday[:, :, None].float(),
            self._weekdays(weekday, self.ahead),
        ]
        if self.covariates:
            assert covariates is not None
            of_days, of_targets = self._of_covariates(covariates)
            days.append(of_days.float())
            targets.append(of_targets.float())
        recent = relative[:, -self.recent :].float()
        return NetworkInputs(torch.cat(days, dim=2), recent, torch.cat(targets, dim=2)), scaled

    def _weekdays(self, weekday: Tensor, offsets: Tensor) -> Tensor:
        """A 1 in the place of each weekday, which a linear layer turns into an embedding."""
        return self.weekdays[weekdays_from(weekday, offsets)]

    def _of_covariates(self, covariates: Tensor) -> tuple[Tensor, Tensor]:
        known = ~torch.isnan(covariates) & (self.covariate_unit > 0)
        centred = torch.where(known, covariates, self.covariate_mean) - self.covariate_mean
        # A value beyond everything seen must not lead the network to where it never was.
        standard = (centred * self.covariate_unit).clamp(-_LARGEST_COVARIATE, _LARGEST_COVARIATE)
        flags = known.double()
        window = self.window
        averages = self.scaler.weekday_mean.T
        seen = averages @ flags[:, :window]
        usual = averages @ standard[:, :window] / torch.where(seen > 0, seen, 1.0)
        target, target_flag = standard[:, window:], flags[:, window:]
        change = (target - usual) * target_flag * (seen > 0)
        return (
            torch.cat([standard[:, :window], flags[:, :window]], dim=2),
            torch.cat([target, target_flag, change], dim=2),
        )


def _lags(window: int, horizon: int, weeks: int, weekday_mean: Tensor) -> Tensor:
    """Matrix (window, horizon * weeks) that picks the newest days of each target's weekday.

    What the window does not reach back to is the mean of that weekday.
    """
    picks = weekday_mean[:, :, None].repeat(1, 1, weeks)
    for target in range(horizon):
        newest = window + target - DAYS_A_WEEK * (target // DAYS_A_WEEK + 1)
        for week in range(weeks):
            column = newest - DAYS_A_WEEK * week
            if column >= 0:
                picks[:, target, week] = 0.0
                picks[column, target, week] = 1.0
    return picks.reshape(window, horizon * weeks)
