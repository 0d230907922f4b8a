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
_MOST_DEVIATIONS = 3.0
# All windows of the same size: what is not must not seem far away.
_SMALLEST_DEVIATION = 0.1
# A deviation below this part of the largest value is rounding, not movement.
_NOISE = 1e-9


class NetworkInputs(NamedTuple):
    """All float32, and of the size of 1 whatever the unit of the values."""

    days: Tensor
    """(n, window, features) of each day of the window, oldest first."""
    summary: Tensor
    """(n, features) of the window as a whole: its last days as they are, and how much it moves."""
    targets: Tensor
    """(n, horizon, features) of each day to forecast."""


class InputBuilder(nn.Module):
    """Makes the inputs of a network out of windows.

    Of a window: its last days, and how much it moves beside all windows that were learnt from, for
    large numbers of pieces come more evenly than small ones.

    A day of the window: its value, how far that is from the mean of its weekday, and the weekday.
    A day to forecast: the values of its own weekday in the window, newest first, their mean, and
    the weekday. Either has three numbers of each covariate: how high it is among all that were
    learnt from, how far it is from what the same weekday had in the window, and whether it is
    known; all are 0 where it is not.

    Args:
        window: Values a window.
        horizon: Days to forecast.
        covariates: How many there are.
    """

    covariate_mean: Tensor
    covariate_spread: Tensor
    covariate_movement: Tensor
    size_mean: Tensor
    size_deviation: Tensor
    ages: Tensor
    own_weekday_mean: Tensor
    lags: Tensor
    weekdays: Tensor
    ahead: Tensor
    usual: Tensor

    def __init__(self, window: int, horizon: int, covariates: int) -> None:
        super().__init__()
        self.scaler = WindowScaler(window, horizon)
        weeks = max(min(window // DAYS_A_WEEK, _MOST_WEEKS), 1)
        weekdays = UNKNOWN_WEEKDAY + 1
        self._weeks = weeks
        self._recent = min(window, DAYS_A_WEEK)
        self.summary_features = self._recent + 1
        self.day_features = 2 + weekdays + 3 * covariates
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
        usual = torch.cat([self.own_weekday_mean, self.scaler.weekday_mean], dim=1).T
        self.register_buffer("usual", usual.contiguous(), persistent=False)
        # What is learnt from the training days is part of what is saved.
        self.register_buffer("size_mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("size_deviation", torch.ones((), dtype=torch.float64))
        if covariates:
            for name in ("covariate_mean", "covariate_spread", "covariate_movement"):
                self.register_buffer(name, torch.zeros(covariates, dtype=torch.float64))

    def learn_sizes(self, values: Tensor) -> None:
        """Take how much windows usually move, float64 (n, window); those that stand still do not.

        In logarithms, which is how sizes of series are spread.
        """
        spread = self.scaler(values).spread
        sizes = spread[spread > 0].log()
        if len(sizes):
            self.size_mean.copy_(sizes.mean())
            self.size_deviation.copy_(sizes.std(correction=0).clamp_min(_SMALLEST_DEVIATION))

    def learn_covariates(self, known: Tensor) -> None:
        """Take mean, spread and movement of each covariate from float64 (series, days, covariates).

        The spread is that of all values, the movement that of each series around its own mean.
        What never changed there tells nothing, and is left out of every later input.
        """
        mean = torch.nanmean(known, dim=(0, 1))
        largest = known.abs().nan_to_num().amax(dim=(0, 1))
        self.covariate_mean.copy_(mean.nan_to_num(posinf=0.0, neginf=0.0))
        for buffer, centre in (
            (self.covariate_spread, mean),
            (self.covariate_movement, torch.nanmean(known, dim=1, keepdim=True)),
        ):
            deviation = torch.nanmean((known - centre).square(), dim=(0, 1)).sqrt()
            varies = (deviation > _NOISE * largest) & torch.isfinite(deviation)
            buffer.copy_(torch.where(varies, deviation, 0.0))

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
        summary = torch.cat([relative[:, -self._recent :], self._size(scaled)], dim=1).float()
        return NetworkInputs(torch.cat(days, dim=2), summary, torch.cat(targets, dim=2)), scaled

    def _size(self, scaled: ScaledWindows) -> Tensor:
        """How much windows move beside all that were learnt from: (n, 1)."""
        moves = scaled.spread > 0
        spread = torch.where(moves, scaled.spread, torch.ones_like(scaled.spread))
        size = (spread.log() - self.size_mean) / self.size_deviation
        # One of a size never seen is answered as one of the largest, or smallest, that were.
        return size.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS) * moves

    def _weekdays(self, weekday: Tensor, offsets: Tensor) -> Tensor:
        """A 1 in the place of each weekday, which a linear layer turns into an embedding."""
        return self.weekdays[weekdays_from(weekday, offsets)]

    def _of_covariates(self, covariates: Tensor) -> tuple[Tensor, Tensor]:
        """Three numbers of each covariate, of the days of the window and of those to forecast."""
        known = ~torch.isnan(covariates) & (self.covariate_spread > 0)
        value = torch.where(known, covariates, self.covariate_mean) - self.covariate_mean
        flag = known.double()
        seen = self.usual @ flag[:, : self.window]
        usual = self.usual @ value[:, : self.window] / torch.where(seen > 0, seen, 1.0)
        change = (value - usual) * flag * (seen > 0)
        numbers = torch.cat(
            [
                _bounded(value, self.covariate_spread),
                _bounded(change, self.covariate_movement),
                flag,
            ],
            dim=2,
        )
        return numbers[:, : self.window], numbers[:, self.window :]


def _bounded(distance: Tensor, unit: Tensor) -> Tensor:
    """Distances in a unit, 0 where that is 0.

    A value beyond everything seen must not lead the network to where it never was.
    """
    divided = distance / torch.where(unit > 0, unit, 1.0) * (unit > 0)
    return divided.clamp(-_LARGEST_COVARIATE, _LARGEST_COVARIATE)


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
