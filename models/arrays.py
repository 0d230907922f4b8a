"""The arrays that models learn from and answer with: panels of series, windows, and rolling.

Everything is daily. A weekday is Monday=0 .. Sunday=6; `UNKNOWN_WEEKDAY` where no date is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.errors import ModelProblem

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

DAYS_A_WEEK = 7
UNKNOWN_WEEKDAY = 7


@dataclass(frozen=True, eq=False)
class Panel:
    """Daily series side by side on one calendar.

    Args:
        ids: Name of each series, unique.
        start: Day of column 0.
        values: float64 (series, days). NaN before the first and after the last day of a series,
            never inside it; a row may be all NaN (a series that has not begun yet).
        covariate_names: Name of each covariate, unique.
        covariates: float64 (series, days or more, covariates): numbers known in advance, so the
            columns past `days` are those of the future. NaN where unknown.

    Raises:
        ModelProblem: Shapes that do not fit, duplicate names, infinities or gaps.
    """

    ids: tuple[str, ...]
    start: dt.date
    values: FloatArray
    covariate_names: tuple[str, ...] = ()
    covariates: FloatArray | None = None

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64).view()
        values.flags.writeable = False
        object.__setattr__(self, "ids", tuple(self.ids))
        object.__setattr__(self, "values", values)
        if values.ndim != 2 or values.shape[0] != len(self.ids):
            raise ModelProblem(
                f"a panel of {len(self.ids)} series needs values of shape "
                f"({len(self.ids)}, days), not {values.shape}"
            )
        if len(set(self.ids)) != len(self.ids):
            raise ModelProblem("the names of the series in a panel are not unique")
        if np.isinf(values).any():
            raise ModelProblem(f"series {self._first_id(np.isinf(values))!r} holds an infinity")
        begins, ends = self.spans
        with_gaps = np.count_nonzero(~np.isnan(values), axis=1) != ends - begins
        if with_gaps.any():
            name = self.ids[int(np.argmax(with_gaps))]
            raise ModelProblem(
                f"series {name!r} has missing days inside it", "Fill or drop the gaps first."
            )
        self._check_covariates()

    def _check_covariates(self) -> None:
        object.__setattr__(self, "covariate_names", tuple(self.covariate_names))
        names = self.covariate_names
        if self.covariates is None:
            if names:
                raise ModelProblem(f"covariates {', '.join(names)} have names but no values")
            return
        covariates = np.asarray(self.covariates, dtype=np.float64).view()
        covariates.flags.writeable = False
        object.__setattr__(self, "covariates", covariates)
        shape = covariates.shape
        if (
            len(shape) != 3
            or shape[0] != len(self.ids)
            or shape[1] < self.days
            or shape[2] != len(names)
        ):
            raise ModelProblem(
                f"a panel of {len(self.ids)} series, {self.days} days and {len(names)} covariates "
                f"needs covariates of shape (series, days or more, covariates), not {shape}"
            )
        if len(set(names)) != len(names):
            raise ModelProblem("the names of the covariates in a panel are not unique")
        if np.isinf(covariates).any():
            raise ModelProblem("a covariate holds an infinity")

    def _first_id(self, mask: npt.NDArray[np.bool_]) -> str:
        return self.ids[int(np.argmax(mask.any(axis=1)))]

    @property
    def days(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    @cached_property
    def spans(self) -> tuple[IntArray, IntArray]:
        """First column and one past the last column of each series; (0, 0) for an empty row."""
        known = ~np.isnan(self.values)
        if self.days == 0:
            nothing = np.zeros(len(self.ids), dtype=np.int64)
            return nothing, nothing
        occupied = known.any(axis=1)
        begins = np.where(occupied, known.argmax(axis=1), 0)
        ends = np.where(occupied, self.days - known[:, ::-1].argmax(axis=1), 0)
        return begins.astype(np.int64), ends.astype(np.int64)

    def until(self, day_index: int) -> Panel:
        """The columns before `day_index`: what was known on the morning of that day.

        Covariates stay whole: they are known in advance.
        """
        if not 0 <= day_index <= self.days:
            raise ModelProblem(f"day {day_index} is outside a panel of {self.days} days")
        return Panel(
            self.ids,
            self.start,
            self.values[:, :day_index],
            self.covariate_names,
            self.covariates,
        )

    def series(self, rows: slice) -> Panel:
        """Some of the series."""
        covariates = None if self.covariates is None else self.covariates[rows]
        return Panel(
            self.ids[rows], self.start, self.values[rows], self.covariate_names, covariates
        )

    def with_covariates(self, names: tuple[str, ...]) -> Panel:
        """The panel with these covariates, in this order; one that it lacks is unknown (NaN)."""
        if names == self.covariate_names:
            return self
        if not names:
            return Panel(self.ids, self.start, self.values)
        days = self.days if self.covariates is None else self.covariates.shape[1]
        chosen = np.full((len(self.ids), days, len(names)), np.nan)
        if self.covariates is not None:
            for place, name in enumerate(names):
                if name in self.covariate_names:
                    own = self.covariate_names.index(name)
                    chosen[:, :, place] = self.covariates[:, :, own]
        return Panel(self.ids, self.start, self.values, names, chosen)

    def last_windows(self, window: int, most: int | None = None) -> Windows:
        """The window that ends on the last day, of each series that has all its values.

        Covariates of the days to come go with it, as many as are known.

        Args:
            window: Values a window.
            most: Take only the first so many series.
        """
        columns = self.values[:, self.days - window :] if self.days >= window else self.values[:0]
        rows = np.flatnonzero(~np.isnan(columns).any(axis=1))[:most]
        weekday = np.full(len(rows), self.weekday_of(self.days - 1), dtype=np.int64)
        covariates = None
        if self.covariates is not None:
            covariates = self.covariates[rows, max(self.days - window, 0) :]
        return Windows(columns[rows].reshape(-1, window), weekday, covariates)

    def date_of(self, column: int) -> dt.date:
        """Calendar day of a column; columns past the end are future days."""
        return self.start + dt.timedelta(days=column)

    def weekday_of(self, column: int) -> int:
        """Weekday of a column, Monday=0."""
        return (self.start.weekday() + column) % DAYS_A_WEEK


@dataclass(frozen=True, eq=False)
class Windows:
    """What a forecaster is asked with: the last values of each series and where the week stands.

    Args:
        values: float64 (n, window), oldest first, finite.
        weekday: int64 (n,), weekday of the LAST value, Monday=0 .. 6, or `UNKNOWN_WEEKDAY`.
        covariates: float64 (n, window + any number of days to come, covariates), NaN where
            unknown. None: nothing is known of any covariate.
        known_days: int64 (n,), how many of the last values of each window were observed, 1 to
            window; the older ones repeat these, see `models.forecasting.short`. None: all were.

    Raises:
        ModelProblem: Shapes that do not fit, values that are not finite, weekdays out of range.
    """

    values: FloatArray
    weekday: IntArray
    covariates: FloatArray | None = None
    known_days: IntArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values, dtype=np.float64))
        object.__setattr__(self, "weekday", np.asarray(self.weekday, dtype=np.int64))
        if self.values.ndim != 2 or self.weekday.shape != self.values.shape[:1]:
            raise ModelProblem(
                "windows need values of shape (n, window) and weekdays of shape (n,), "
                f"not {self.values.shape} and {self.weekday.shape}"
            )
        if not np.isfinite(self.values).all():
            row, column = np.argwhere(~np.isfinite(self.values))[0]
            raise ModelProblem(f"value {column} of window {row} is not a finite number")
        if ((self.weekday < 0) | (self.weekday > UNKNOWN_WEEKDAY)).any():
            raise ModelProblem("a weekday is 0 (Monday) to 6 (Sunday), or 7 when it is not known")
        if self.known_days is not None:
            known = np.asarray(self.known_days, dtype=np.int64)
            object.__setattr__(self, "known_days", known)
            if known.shape != self.weekday.shape or ((known < 1) | (known > self.window)).any():
                raise ModelProblem(f"of each window of {self.window} values 1 to all are known")
        if self.covariates is not None:
            covariates = np.asarray(self.covariates, dtype=np.float64)
            object.__setattr__(self, "covariates", covariates)
            shape = covariates.shape
            if len(shape) != 3 or shape[0] != len(self) or shape[1] < self.window:
                raise ModelProblem(
                    f"{len(self)} windows of {self.window} values need covariates of shape "
                    f"(n, window or more, covariates), not {shape}"
                )
            if np.isinf(covariates).any():
                raise ModelProblem("a covariate holds an infinity")

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def window(self) -> int:
        """Number of values in each window."""
        return int(self.values.shape[1])

    def first(self, count: int) -> Windows:
        """The first so many windows, or all when there are fewer."""
        return self.take(slice(count))

    def take(self, rows: slice | npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Windows:
        """Some of the windows, in the order of `rows`."""
        covariates = None if self.covariates is None else self.covariates[rows]
        known_days = None if self.known_days is None else self.known_days[rows]
        return Windows(self.values[rows], self.weekday[rows], covariates, known_days)

    def known_covariates(self, count: int, horizon: int) -> FloatArray:
        """Covariates of the window and so many days to come; NaN where nothing is known.

        Args:
            count: Covariates of the model; every window has so many, or none at all.
            horizon: Days to come.

        Returns:
            float64 (n, window + horizon, count).

        Raises:
            ModelProblem: The windows have another number of covariates.
        """
        known = np.full((len(self), self.window + horizon, count), np.nan)
        if self.covariates is not None:
            if self.covariates.shape[2] != count:
                raise ModelProblem(
                    f"the model knows {count} covariates, the windows {self.covariates.shape[2]}"
                )
            given = self.covariates[:, : self.window + horizon]
            known[:, : given.shape[1]] = given
        return known

    def followed_by(self, block: FloatArray) -> Windows:
        """The windows after the days in `block` (n, days) have passed; same length as before."""
        weekday = np.where(
            self.weekday == UNKNOWN_WEEKDAY,
            UNKNOWN_WEEKDAY,
            (self.weekday + block.shape[1]) % DAYS_A_WEEK,
        )
        joined = np.concatenate([self.values, block], axis=1)
        covariates = self.covariates
        if covariates is not None:
            covariates = covariates[:, block.shape[1] :]
            lacking = max(self.window - covariates.shape[1], 0)
            # Days past the last known ones are unknown.
            covariates = np.pad(covariates, ((0, 0), (0, lacking), (0, 0)), constant_values=np.nan)
        known_days = self.known_days
        if known_days is not None:
            known_days = np.minimum(known_days + block.shape[1], self.window)
        return Windows(joined[:, -self.window :], weekday, covariates, known_days)


def weekday_of(day: dt.date | None) -> int:
    """Weekday of a day as windows have it: Monday=0, `UNKNOWN_WEEKDAY` where the day is unknown."""
    return UNKNOWN_WEEKDAY if day is None else day.weekday()


def floored(forecast: FloatArray, windows: Windows) -> FloatArray:
    """Forecasts that are not below 0 where nothing in their window is.

    For a model that learnt from values that never were below 0, such as demand: what no value
    ever was is no forecast either.
    """
    positive = (windows.values.min(axis=1) >= 0)[:, None]
    return np.where(positive, np.maximum(forecast, 0.0), forecast)


def roll(
    answer: Callable[[Windows], FloatArray],
    windows: Windows,
    steps: int,
    *,
    nonnegative: bool = False,
) -> FloatArray:
    """Forecast any number of steps with a model that answers a fixed number at a time.

    Each block of forecasts is fed back as if it had been observed, and the weekday moves on with
    it (recursive multi-step forecasting).

    Args:
        answer: Maps n windows (n at least 1) to forecasts of shape (n, horizon).
        windows: Where to start.
        steps: Days wanted, at least 1.
        nonnegative: Whether the model learnt from values that never were below 0; see `floored`.

    Returns:
        float64 (n, steps).

    Raises:
        ModelProblem: `steps` below 1, or a forecast that is not finite.
    """
    if steps < 1:
        raise ModelProblem(f"steps must be at least 1, not {steps}")
    if not len(windows):
        # Not left to the models: onnxruntime aborts the process on an LSTM without rows.
        return np.empty((0, steps))
    blocks: list[FloatArray] = []
    while (done := sum(block.shape[1] for block in blocks)) < steps:
        if blocks:
            windows = windows.followed_by(blocks[-1])
        block = answer(windows)
        if not np.isfinite(block).all():
            raise ModelProblem(
                f"the model answered with a value that is not finite for day {done + 1} or later",
                "Check the input for extreme values, or train the model again.",
            )
        blocks.append(floored(block, windows) if nonnegative else block)
    return np.concatenate(blocks, axis=1)[:, :steps]
