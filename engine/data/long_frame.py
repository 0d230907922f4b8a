"""The long frame of a data set: as the Arrow table that is written, and as arrays."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LongFrame:
    """The long frame as arrays: series (index into ids) and column (day) of each value.

    `places` are series and column of each row, those of days to come included.
    """

    ids: tuple[str, ...]
    series: IntArray
    column: IntArray
    y: FloatArray
    places: tuple[IntArray, IntArray]
    table: Any

    @classmethod
    def of(cls, table: Any, first_day: dt.date) -> LongFrame:
        """Take a table apart that `to_table` made.

        Args:
            table: As it was read.
            first_day: Day of column 0.
        """
        names = table.column("unique_id").unify_dictionaries().combine_chunks()
        days = _numpy(table.column("ds").cast(pa.int32())).astype(np.int64)
        series = _numpy(names.indices).astype(np.int64)
        column = days - (first_day - dt.date(1970, 1, 1)).days
        y = floats(table.column("y"))
        known = ~np.isnan(y)
        return cls(
            ids=tuple(names.dictionary.to_pylist()),
            series=series[known],
            column=column[known],
            y=y[known],
            places=(series, column),
            table=table,
        )


def to_table(frame: pd.DataFrame, beside: tuple[str, ...]) -> Any:
    """The frame in the types that are written, whatever types pandas chose."""
    names = frame["unique_id"].cat
    series = pa.DictionaryArray.from_arrays(
        pa.array(names.codes.to_numpy().astype(np.int32)),
        pa.array([str(name) for name in names.categories], pa.string()),
    )
    days = frame["ds"].to_numpy().astype("datetime64[D]").astype(np.int32)
    columns = {"unique_id": series, "ds": pa.array(days, pa.int32()).cast(pa.date32())}
    for name in ("y", *beside):
        columns[name] = pa.array(frame[name].to_numpy(dtype=np.float64), pa.float64())
    return pa.table(columns)


def values_sha256(table: Any) -> str:
    """Hash of the values, which does not depend on how a version of Parquet stores them."""
    digest = hashlib.sha256()
    names = table.column("unique_id").unify_dictionaries().combine_chunks()
    digest.update(json.dumps(names.dictionary.to_pylist()).encode())
    digest.update(_numpy(names.indices).astype("<i4").tobytes())
    digest.update(_numpy(table.column("ds").cast(pa.int32())).astype("<i4").tobytes())
    for name in table.column_names[2:]:
        # Adding zero makes one of -0.0 and 0.0: they are the same stock. So is every NaN.
        values = floats(table.column(name)) + 0.0
        values[np.isnan(values)] = np.nan
        digest.update(values.astype("<f8").tobytes())
    return digest.hexdigest()


def floats(column: Any) -> FloatArray:
    """An Arrow column without nulls as float64."""
    return _numpy(column).astype(np.float64)


def _numpy(column: Any) -> npt.NDArray[Any]:
    """An Arrow column without nulls as an array; `to_numpy` would import pandas."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array: npt.NDArray[Any] = np.from_dlpack(whole)
    return array
