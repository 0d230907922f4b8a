"""Exponential smoothing as matrices: with fixed parameters a forecast is linear in its window.

All states begin with estimates from the window itself, so nothing but the window is needed, and
matrix (window, horizon) times values is the forecast. Every column sums to 1.

Sources: Hyndman, Koehler, Ord and Snyder (2008), "Forecasting with Exponential Smoothing";
Assimakopoulos and Nikolopoulos (2000), "The theta model"; Hyndman and Billah (2003), "Unmasking
the Theta method"; Miller and Williams (2003), "Shrinkage estimators of time series seasonal
factors and their effect on forecasting accuracy".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray

_LEVEL, _TREND, _SEASON = 0, 1, 2
_STATES = _SEASON + DAYS_A_WEEK


@dataclass(frozen=True)
class ETSParameters:
    """Parameters of ETS(A,Ad,A) and of how its states begin."""

    alpha: float
    """How much of an error the level takes up, above 0."""
    beta_share: float
    """Part of that which the trend takes up: beta = alpha * beta_share. 0: it keeps its start."""
    gamma_share: float
    """gamma = (1 - alpha) * gamma_share: how much of an error the weekday takes up."""
    damping: float
    """phi: what is left of the trend a day later."""
    initial_trend: float
    """Part of the window's slope that the trend begins with."""
    initial_season: float
    """Part of the weekdays' differences that the season begins with (shrinkage)."""

    @property
    def beta(self) -> float:
        """Smoothing parameter of the trend."""
        return self.alpha * self.beta_share

    @property
    def gamma(self) -> float:
        """Smoothing parameter of the season."""
        return (1.0 - self.alpha) * self.gamma_share


@dataclass(frozen=True)
class ThetaParameters:
    """Parameters of the Theta method on seasonally adjusted values."""

    alpha: float
    """Smoothing parameter of the level, above 0."""
    drift: float
    """Part of the slope that goes on, (theta - 1) / theta: 0.5 is the classical theta of 2."""
    season: float
    """Part of the weekdays' differences that is adjusted for (shrinkage)."""


def slope_weights(window: int) -> FloatArray:
    """(window,): times values is the slope of their least-squares line."""
    centred = np.arange(window) - (window - 1) / 2
    return centred / (centred @ centred)


def season_weights(window: int) -> FloatArray:
    """(7, window): times values is the index of the weekday of column 0 .. 6.

    Classical decomposition: means by weekday of what a straight line leaves, and around 0. All
    are 0 for a window of less than two weeks, which cannot tell a weekday from an accident.
    """
    if window < 2 * DAYS_A_WEEK:
        return np.zeros((DAYS_A_WEEK, window))
    columns = np.arange(window)
    line = 1 / window + np.outer(columns - (window - 1) / 2, slope_weights(window))
    same = (columns % DAYS_A_WEEK == np.arange(DAYS_A_WEEK)[:, None]).astype(np.float64)
    means = (same / same.sum(axis=1, keepdims=True)) @ (np.eye(window) - line)
    centred: FloatArray = means - means.mean(axis=0)
    return centred


def ets_initial_weights(window: int, parameters: ETSParameters) -> FloatArray:
    """(9, window): times values is level, trend and the season of columns 0 .. 6 at the start."""
    states = np.zeros((_STATES, window))
    states[_TREND] = parameters.initial_trend * slope_weights(window)
    # The line goes through the middle of the window, and the states stand a day before it.
    states[_LEVEL] = 1 / window - states[_TREND] * (window + 1) / 2
    states[_SEASON:] = parameters.initial_season * season_weights(window)
    return states


def ets_weights(window: int, horizon: int, parameters: ETSParameters) -> FloatArray:
    """(window, horizon): times values is the forecast of ETS(A,Ad,A) with a season of a week.

    In innovations form, with e[t] = y[t] - (l + phi b + s): l = l + phi b + alpha e,
    b = phi b + beta e, s = s + gamma e; the forecast is l + (phi + .. + phi^h) b + s.
    """
    alpha, beta, phi = parameters.alpha, parameters.beta, parameters.damping
    gamma = parameters.gamma if window >= 2 * DAYS_A_WEEK else 0.0
    states = ets_initial_weights(window, parameters)
    for day in range(window):
        season = _SEASON + day % DAYS_A_WEEK
        before = states[_LEVEL] + phi * states[_TREND]
        error = -(before + states[season])
        error[day] += 1.0
        states[_LEVEL] = before + alpha * error
        states[_TREND] = phi * states[_TREND] + beta * error
        states[season] += gamma * error
    ahead = np.arange(1, horizon + 1)
    carried = np.cumsum(phi**ahead)
    seasons = states[_SEASON + (window + ahead - 1) % DAYS_A_WEEK]
    forecast: FloatArray = states[_LEVEL] + np.outer(carried, states[_TREND]) + seasons
    return forecast.T


def theta_weights(window: int, horizon: int, parameters: ThetaParameters) -> FloatArray:
    """(window, horizon): times values is the forecast of the Theta method.

    Simple exponential smoothing from the mean on, of values without their season, plus
    drift * slope * (h - 1 + (1 - (1 - alpha)^window) / alpha), plus the season.
    """
    alpha = parameters.alpha
    season = parameters.season * season_weights(window)
    adjusted = np.eye(window) - season[np.arange(window) % DAYS_A_WEEK]
    level = adjusted.mean(axis=0)
    for day in range(window):
        level = level + alpha * (adjusted[day] - level)
    slope = slope_weights(window) @ adjusted
    ahead = np.arange(1, horizon + 1)
    reach = ahead - 1 + (1 - (1 - alpha) ** window) / alpha
    seasons = season[(window + ahead - 1) % DAYS_A_WEEK]
    forecast: FloatArray = level + parameters.drift * np.outer(reach, slope) + seasons
    return forecast.T
