"""Cutting panels into windows and targets, without a Python loop over samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import (
    DAYS_A_WEEK,
    UNKNOWN_WEEKDAY,
    FloatArray,
    IntArray,
    Panel,
    Windows,
)
from models.errors import ModelProblem
from models.forecasting.short import some_shortened
from models.metrics import MEDIAN, seasonal_scale


@dataclass(frozen=True, eq=False)
class Samples:
    """Windows and the values that came after them.

    Args:
        windows: n windows.
        targets: float64 (n, horizon).
        rows: int64 (n,), row of the panel that each sample is from.
    """

    windows: Windows
    targets: FloatArray
    rows: IntArray


class SampleIndex:
    """Every (series, origin) of a panel whose window and targets are complete.

    An origin is the column of the first target. Origins of one series are consecutive, so the
    index stores two numbers a series however many samples there are.

    Args:
        panel: The series.
        window: Values before the origin.
        horizon: Targets from the origin on.
        first_origin: First allowed origin.
        last_target: One past the last allowed target column.
    """

    def __init__(
        self, panel: Panel, window: int, horizon: int, first_origin: int, last_target: int
    ) -> None:
        begins, ends = panel.spans
        self._panel = panel
        self._window = window
        self._horizon = horizon
        self._first = np.maximum(begins + window, first_origin)
        last = np.minimum(ends, last_target) - horizon
        self._upto = np.cumsum(np.maximum(last - self._first + 1, 0))

    def __len__(self) -> int:
        return int(self._upto[-1]) if self._upto.size else 0

    def take(self, numbers: IntArray) -> Samples:
        """The samples with these numbers, each in 0 .. len(self) - 1."""
        rows = np.searchsorted(self._upto, numbers, side="right")
        before = np.concatenate([[0], self._upto[:-1]])
        origins = self._first[rows] + numbers - before[rows]
        length = self._window + self._horizon
        every = np.lib.stride_tricks.sliding_window_view(self._panel.values, length, axis=1)
        joined = every[rows, origins - self._window]
        weekday = (self._panel.weekday_of(0) + origins - 1) % DAYS_A_WEEK
        windows = Windows(joined[:, : self._window], weekday, self._covariates(rows, origins))
        return Samples(windows, joined[:, self._window :], rows)

    def _covariates(self, rows: IntArray, origins: IntArray) -> FloatArray | None:
        known = self._panel.covariates
        if known is None:
            return None
        length = self._window + self._horizon
        every = np.lib.stride_tricks.sliding_window_view(known, length, axis=1)
        covariates: FloatArray = every[rows, origins - self._window].transpose(0, 2, 1)
        return covariates

    def draw(self, at_most: int, rng: np.random.Generator) -> Samples:
        """Up to `at_most` samples in random order, each window equally likely, none twice."""
        return self.take(rng.choice(len(self), size=min(at_most, len(self)), replace=False))

    def spread(self, at_most: int) -> Samples:
        """Up to `at_most` samples at even distances; the same ones on every call."""
        count = min(at_most, len(self))
        return self.take(np.arange(count, dtype=np.int64) * len(self) // max(count, 1))


def split_samples(
    history: Panel, window: int, horizon: int, validation_days: int
) -> tuple[SampleIndex, SampleIndex | None]:
    """Index the training samples, and the validation samples when there are any to be had.

    No target of a training sample lies in the last `validation_days` columns; every target of a
    validation sample does. Samples that straddle the border are in neither.

    Returns:
        The training index, and the validation index or None when `validation_days` is 0.

    Raises:
        ModelProblem: No series is long enough; says how long one must be.
    """
    if validation_days and validation_days < horizon:
        raise ModelProblem(
            f"validation_days is {validation_days}, less than the horizon of {horizon} days",
            "Set it to 0 (no early stopping) or to at least the horizon.",
        )
    border = history.days - validation_days
    training = SampleIndex(history, window, horizon, 0, border)
    if not len(training):
        begins, ends = history.spans
        longest = int((ends - begins).max(initial=0))
        needed = window + horizon + validation_days
        raise ModelProblem(
            f"no series is long enough to learn from: the longest has {longest} days, and "
            f"{needed} are needed (window {window} + horizon {horizon} + validation "
            f"{validation_days})",
            "Give longer series, or a smaller window, horizon or validation_days.",
        )
    if not validation_days:
        return training, None
    validation = SampleIndex(history, window, horizon, border, history.days)
    if not len(validation):
        raise ModelProblem(
            f"no series has {horizon} values in the last {validation_days} days to validate on",
            "Set validation_days to 0, or drop the series that ended earlier.",
        )
    return training, validation


def partly_unknown(
    windows: Windows,
    *,
    weekday_rate: float,
    covariates_rate: float,
    days_rate: float,
    rng: np.random.Generator,
) -> Windows:
    """Windows of which some have lost what they may lack in use, so that it can be learnt.

    Args:
        windows: What is known.
        weekday_rate: Part that loses its weekday.
        covariates_rate: Part that loses all covariates, and as many again lose those of the days
            to come; at most 0.5.
        days_rate: Part of which only the last days are known, 1 .. window - 1 equally likely; the
            older ones are filled as in use, see `short`.
        rng: Chooses them.
    """
    hidden = rng.random(len(windows)) < weekday_rate
    weekday = np.where(hidden, UNKNOWN_WEEKDAY, windows.weekday)
    covariates = windows.covariates
    if covariates is not None:
        covariates = covariates.copy()
        fate = rng.random(len(windows))
        covariates[fate < covariates_rate] = np.nan
        covariates[fate > 1 - covariates_rate, windows.window :] = np.nan
    return some_shortened(Windows(windows.values, weekday, covariates), days_rate, rng)


def loss_scales(history: Panel, validation_days: int, objective: str) -> FloatArray:
    """What one unit of loss is for each series: its in-sample seasonal naive error.

    An error divided by it is what MASE or RMSSE, the metric of the objective, measures, so every
    series weighs the same. It is taken from the training columns only. A series that repeats
    itself exactly gets the mean of the others.
    """
    power = 1 if objective == MEDIAN else 2
    columns = history.days - validation_days
    scale = seasonal_scale(history.values[:, :columns], DAYS_A_WEEK, power) ** (1 / power)
    usable = scale > 0
    return np.where(usable, scale, scale[usable].mean() if usable.any() else 1.0)


def windows_before(panel: Panel, origin: int, window: int) -> tuple[Windows, IntArray]:
    """The last `window` values before column `origin` of each series that has them all.

    Returns:
        The windows, and int64 (n,) rows of the panel that they are from.
    """
    known = panel.until(origin)
    begins, ends = known.spans
    rows = np.flatnonzero((ends == origin) & (ends - begins >= window)).astype(np.int64)
    return known.last_windows(window), rows
