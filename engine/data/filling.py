"""Series laid out day by day, so that what is absent can be seen and filled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.data.cells import BoolArray, Cells, FloatArray, IntArray, day_of
from engine.data.problems import Spot
from engine.errors import DataError
from engine.plurals import counted

Filling = Literal["error", "zero", "forward", "interpolate"]


@dataclass(frozen=True)
class Calendar:
    """Every day from the first to the last of each series, one series after the other.

    Args:
        cells: One entry a day; days without a row have row -1 and NaN values.
        is_gap: bool (n,), days without a row.
        starts: int64 (series,), index of the first day of each series.
    """

    cells: Cells
    is_gap: BoolArray
    starts: IntArray

    @classmethod
    def of(cls, cells: Cells, max_rows: int, where: str) -> Calendar:
        """Lay rows out.

        Args:
            cells: Sorted, at most one row for each series and day, every series with a row.
            max_rows: Refuse a calendar of more days than this over all series.
            where: Name of the source, for messages.

        Raises:
            DataError: Too many days; far-away dates are the usual reason.
        """
        first, last = cells.spans()
        lengths = last - first + 1
        total = int(lengths.sum())
        if total > max_rows:
            raise DataError(
                f"the series span {total:,} days in all, from {day_of(first.min())} to "
                f"{day_of(last.max())}, which is more than {max_rows:,}",
                where=where,
                fix="Check the earliest and latest dates, or raise dataset.max_rows",
            )
        starts = np.cumsum(lengths) - lengths
        place = starts[cells.series] + cells.day - first[cells.series]
        series = np.repeat(np.arange(len(cells.ids)), lengths)
        row = np.full(total, -1, dtype=np.int64)
        row[place] = cells.row
        y = np.full(total, np.nan)
        y[place] = cells.y
        covariates = np.full((len(cells.covariates), total), np.nan)
        covariates[:, place] = cells.covariates
        day = np.arange(total) - starts[series] + first[series]
        laid_out = replace(cells, series=series, day=day, row=row, y=y, covariates=covariates)
        return cls(laid_out, row < 0, starts)

    @property
    def gap_days(self) -> int:
        """Days without a row."""
        return int(np.count_nonzero(self.is_gap))

    @property
    def gap_count(self) -> int:
        """Runs of days without a row."""
        return self._gap_bounds()[0].size

    def gap_spots(self) -> Iterator[Spot]:
        """Where the gaps are, with the row that stands before each."""
        cells = self.cells
        for begin, end in zip(*self._gap_bounds(), strict=True):
            length = counted("{count} [day|days]", int(end - begin))
            yield Spot(
                series=cells.ids[cells.series[begin]],
                day=day_of(cells.day[begin]),
                until=day_of(cells.day[end - 1]),
                remark=f"({length} after row {cells.row[begin - 1]})",
            )

    def _gap_bounds(self) -> tuple[IntArray, IntArray]:
        # A series begins and ends with a row, so a run of gaps never crosses into another series.
        steps = np.diff(self.is_gap.astype(np.int8), prepend=0, append=0)
        return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)

    def fill(self, *, missing: Filling, gaps: Filling, train_end: dt.date) -> Cells:
        """Give every day a value.

        Args:
            missing: What to do about rows without a value.
            gaps: What to do about days without a row.
            train_end: Last training day; a line is drawn only between days up to it.
        """
        y = self.cells.y.copy()
        unknown = np.isnan(y)
        wanted = {"missing": unknown & ~self.is_gap, "gaps": self.is_gap}
        for name, rule in (("missing", missing), ("gaps", gaps)):
            if rule == "zero":
                y[wanted[name]] = 0.0
        known = ~np.isnan(y)
        before = self._last_known(known)
        to_draw = np.zeros_like(known)
        for name, rule in (("missing", missing), ("gaps", gaps)):
            if rule == "interpolate":
                to_draw |= wanted[name]
        self._draw_lines(y, known, before, to_draw, train_end)
        y = y[self._last_known(~np.isnan(y))]
        covariates = [
            values[self._last_known(~np.isnan(values))] for values in self.cells.covariates
        ]
        shape = self.cells.covariates.shape
        return replace(self.cells, y=y, covariates=np.array(covariates).reshape(shape))

    def _last_known(self, known: BoolArray) -> IntArray:
        """Index of the last known day up to each day. The first day of a series is known."""
        known = known.copy()
        known[self.starts] = True
        return np.maximum.accumulate(np.where(known, np.arange(known.size), 0))

    def _draw_lines(
        self,
        y: FloatArray,
        known: BoolArray,
        before: IntArray,
        wanted: BoolArray,
        train_end: dt.date,
    ) -> None:
        """Fill `wanted` days of the training part between two known days, in place."""
        if not wanted.any():
            return
        size = known.size
        # A sentinel that lies in no series stands after the end.
        after = np.where(known, np.arange(size), size)
        after = np.minimum.accumulate(after[::-1])[::-1]
        series = np.append(self.cells.series, -1)
        day = np.append(self.cells.day, np.iinfo(np.int64).max)
        last_training_day = (train_end - day_of(0)).days
        at = np.flatnonzero(
            wanted & ~known & (series[after] == series[:-1]) & (day[after] <= last_training_day)
        )
        left, right = before[at], after[at]
        share = (at - left) / (right - left)
        y[at] = y[left] + (y[right] - y[left]) * share
