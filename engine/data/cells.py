"""The rows that rules work on, as plain arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.problems import Spot

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_EPOCH = dt.date(1970, 1, 1)


def day_of(number: int) -> dt.date:
    """The date of a day counted from 1970-01-01."""
    return _EPOCH + dt.timedelta(days=int(number))


@dataclass(frozen=True)
class Cells:
    """Rows of several series.

    Args:
        ids: Names of the series, sorted.
        series: int64 (n,), index into `ids`.
        day: int64 (n,), days since 1970-01-01.
        row: int64 (n,), number of the row in the source; -1 for a day that a rule added.
        y: float64 (n,), NaN where there is no value.
        covariates: float64 (k, n), behind the covariates perhaps the stock.
    """

    ids: tuple[str, ...]
    series: IntArray
    day: IntArray
    row: IntArray
    y: FloatArray
    covariates: FloatArray

    @classmethod
    def of(cls, frame: pd.DataFrame, covariates: tuple[str, ...]) -> Cells:
        """Take the frame of `LoadedRows` apart.

        Names are sorted, so that the order of rows in a source does not change the outcome.
        """
        names = frame["unique_id"].cat.categories.astype(str).to_numpy(dtype=object)
        order = np.argsort(names, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        columns = [frame[name].to_numpy(dtype=np.float64) for name in covariates]
        return cls(
            ids=tuple(str(names[at]) for at in order),
            series=rank[frame["unique_id"].cat.codes.to_numpy()],
            day=frame["ds"].to_numpy().astype("datetime64[D]").astype(np.int64),
            row=frame["row"].to_numpy(dtype=np.int64),
            y=frame["y"].to_numpy(dtype=np.float64).copy(),
            covariates=np.array(columns).reshape(len(covariates), len(frame)),
        )

    def __len__(self) -> int:
        return int(self.day.size)

    def take(self, at: IntArray | BoolArray) -> Cells:
        """Some of the rows, by index or mask."""
        return replace(
            self,
            series=self.series[at],
            day=self.day[at],
            row=self.row[at],
            y=self.y[at],
            covariates=self.covariates[:, at],
        )

    def without(self, dropped: BoolArray) -> Cells:
        """Leave series out.

        Args:
            dropped: bool (series,).
        """
        kept = self.take(~dropped[self.series])
        rank = np.cumsum(~dropped) - 1
        ids = tuple(name for name, gone in zip(self.ids, dropped, strict=True) if not gone)
        return replace(kept, ids=ids, series=rank[kept.series])

    def spans(self) -> tuple[IntArray, IntArray]:
        """First and last day of each series, for rows in any order; every series has rows."""
        first = np.full(len(self.ids), np.iinfo(np.int64).max)
        last = np.full(len(self.ids), np.iinfo(np.int64).min)
        np.minimum.at(first, self.series, self.day)
        np.maximum.at(last, self.series, self.day)
        return first, last

    def spots(self, at: IntArray, *, with_value: bool = False) -> Iterator[Spot]:
        """Where rows stand, for messages; made one by one as they are asked for."""
        for i in at:
            yield Spot(
                row=int(self.row[i]) if self.row[i] >= 0 else None,
                series=self.ids[self.series[i]],
                day=day_of(int(self.day[i])),
                remark=f"is {self.y[i]:g}" if with_value else None,
            )

    def frame(self, covariates: tuple[str, ...]) -> pd.DataFrame:
        """The clean long frame: `unique_id` (categorical of str), `ds`, `y`, covariates."""
        columns = {
            "unique_id": pd.Categorical.from_codes(
                self.series.astype(np.int32), categories=pd.Index(list(self.ids), dtype=object)
            ),
            "ds": self.day.astype("datetime64[D]").astype("datetime64[us]"),
            "y": self.y,
        }
        columns.update(zip(covariates, self.covariates, strict=True))
        return pd.DataFrame(columns)
