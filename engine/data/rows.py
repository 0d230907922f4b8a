"""Batches of raw columns into one long frame with a row number on every row."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.data.columns import Columns
from engine.data.dates import (
    ADVICE,
    FIRST_YEAR,
    LAST_YEAR,
    DateColumn,
    DateFault,
    read_dates,
    strptime_choices,
)
from engine.data.interning import Interner
from engine.data.numbers import (
    FAULT_TITLES,
    NumberStyle,
    ParsedNumbers,
    explain,
    parse_texts,
    parse_values,
)
from engine.data.problems import Problems, Spot, shown
from engine.errors import DataError

SourceFormat = Literal["csv", "parquet", "sql"]

IntArray = npt.NDArray[np.int64]
_EPOCH = dt.date(1970, 1, 1).toordinal()
_MICROSECONDS_A_DAY = 86_400_000_000
_ENOUGH_FAULTS = 100_000
"""A file with more cells than this that are no numbers is not read to its end."""


@dataclass(frozen=True)
class LoadedRows:
    """The rows of a source, before any rule has touched them.

    Args:
        frame: `row` (int64: line of a CSV file with the header on line 1, else the row from 1),
            `unique_id` (categorical of str), `ds` (datetime64[us], midnight), `y` (float64, NaN
            where there is no value) and one float64 column for each covariate and the stock, in
            the order of the source. A wide source has one row here for each row and target column.
        source: Name of the source for people; holds no secret.
        format: csv, parquet or sql.
        sha256: Of the bytes of the file; of the values of the rows for SQL.
        rows_read: Rows of the source.
        notes: What was found out about the source (encoding, delimiter, form of the dates).
    """

    frame: pd.DataFrame
    source: str
    format: SourceFormat
    sha256: str
    rows_read: int
    notes: tuple[str, ...] = ()


@dataclass
class _Parts:
    rows: list[IntArray] = field(default_factory=list)
    series: list[npt.NDArray[np.int32]] = field(default_factory=list)
    days: list[npt.NDArray[np.int32]] = field(default_factory=list)
    numbers: dict[str, list[npt.NDArray[np.float64]]] = field(default_factory=dict)


class RowsBuilder:
    """Takes batches of columns, and makes the long frame or says everything that is wrong.

    Args:
        columns: What is needed.
        where: Name of the source, for messages.
        style: How numbers that are text are written.
        date_format: A strptime format, or None.
        limit: How many rows a message lists.
        max_rows: Refuse more rows than this.
    """

    def __init__(
        self,
        columns: Columns,
        *,
        where: str,
        style: NumberStyle,
        date_format: str | None,
        limit: int,
        max_rows: int,
    ) -> None:
        self.columns = columns
        self.where = where
        self.count = 0
        self._style = style
        self._date_format = date_format
        self._max_rows = max_rows
        self._problems = Problems(limit)
        self._series = Interner()
        self._dates = Interner()
        self._date_counts: Counter[int] = Counter()
        self._dates_are_text = False
        self._faulty_numbers = 0
        self._parts = _Parts()

    def add(self, batch: Mapping[str, Any], rows: IntArray) -> None:
        """Take a batch.

        Args:
            batch: Arrow array of each needed column.
            rows: Number of each row in the source, int64 (n,).

        Raises:
            DataError: More than `max_rows`, or a type that is no date or number at all.
        """
        self.count += len(rows)
        refuse_too_many(self.count, self._max_rows, self.where)
        self._parts.rows.append(rows)
        self._parts.days.append(self._read_dates(batch[self.columns.date], rows))
        if self.columns.series is not None:
            self._parts.series.append(self._read_series(batch[self.columns.series], rows))
        for name in self.columns.numbers:
            values = self._read_numbers(name, batch[name], rows)
            self._parts.numbers.setdefault(name, []).append(values)
        if self._faulty_numbers > _ENOUGH_FAULTS:
            self._problems.raise_if_any(f"{self.where}, read up to row {rows[-1]}")

    def _read_numbers(self, name: str, array: Any, rows: IntArray) -> npt.NDArray[np.float64]:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pa.types.is_null(array.type):
            return np.full(len(array), np.nan)
        try:
            if _is_text(array.type):
                parsed = parse_texts(pc.cast(array, pa.string()), self._style)
            else:
                parsed = parse_values(array)
        except pa.ArrowException:
            raise DataError(
                f"column {shown(name)} holds {array.type}, which is not a number",
                where=self.where,
                fix=f"Choose a column of numbers in {self.columns.roles[name]}",
            ) from None
        self._note_number_faults(name, parsed, rows)
        return parsed.values

    def _note_number_faults(self, name: str, parsed: ParsedNumbers, rows: IntArray) -> None:
        self._faulty_numbers += parsed.faults.size
        for at, text in zip(parsed.faults.tolist(), parsed.texts, strict=True):
            kind, advice = explain(text, self._style)
            self._problems.add(
                f"{name}/{kind}/{advice}",
                f"{{count}} [value|values] {FAULT_TITLES[kind]}",
                advice,
                about=f"column {shown(name)}",
                count=1,
                spots=[Spot(row=int(rows[at]), value=text)],
            )

    def _read_series(self, array: Any, rows: IntArray) -> npt.NDArray[np.int32]:
        if not pa.types.is_dictionary(array.type):
            array = pc.cast(array, pa.string())
        elif not _is_text(array.type.value_type):
            array = pc.cast(array.dictionary_decode(), pa.string())
        codes = self._series.codes(array)
        empty = np.flatnonzero(codes < 0)
        self._problems.add(
            "series",
            "{count} [name of a series is|names of series are] empty",
            "Every row needs the name of its series; set dataset.series_col: null if all rows "
            "are one series",
            about=f"column {shown(self.columns.series)}",
            count=empty.size,
            spots=(Spot(row=int(rows[at])) for at in empty),
        )
        return codes.astype(np.int32)

    def _read_dates(self, array: Any, rows: IntArray) -> npt.NDArray[np.int32]:
        """Days since 1970 of a date column, or codes of texts that `finish` reads."""
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
            return self._read_moments(array, rows)
        if _is_text(array.type) or pa.types.is_integer(array.type) or pa.types.is_null(array.type):
            self._dates_are_text = True
            codes = self._dates.codes(pc.cast(array, pa.string()))
            for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
                self._date_counts[int(code)] += int(count)
            return codes.astype(np.int32)
        raise DataError(
            f"column {shown(self.columns.date)} holds {array.type}, which is not a date",
            where=self.where,
            fix="Choose a column of dates in dataset.date_col",
        )

    def _read_moments(self, array: Any, rows: IntArray) -> npt.NDArray[np.int32]:
        if pa.types.is_timestamp(array.type) and array.type.tz is not None:
            raise DataError(
                f"column {shown(self.columns.date)}: the dates carry the time zone {array.type.tz}",
                where=self.where,
                fix=ADVICE["zone"][1],
            )
        empty = array.is_null().to_numpy(zero_copy_only=False)
        moments = pc.cast(array, pa.timestamp("us"), safe=False)
        micros = pc.fill_null(pc.cast(moments, pa.int64()), 0).to_numpy(zero_copy_only=False)
        days, rest = np.divmod(micros, _MICROSECONDS_A_DAY)
        first = dt.date(FIRST_YEAR, 1, 1).toordinal() - _EPOCH
        last = dt.date(LAST_YEAR, 12, 31).toordinal() - _EPOCH
        outside = ((days < first) | (days > last)) & ~empty
        self._note_dates("empty", np.flatnonzero(empty), rows, lambda at: None)
        at_time = np.flatnonzero((rest != 0) & ~empty & ~outside)
        self._note_dates("time", at_time, rows, lambda at: str(array[at]))
        self._note_dates("year", np.flatnonzero(outside), rows, lambda at: str(array[at]))
        clipped: npt.NDArray[np.int32] = np.clip(days, first, last).astype(np.int32)
        return clipped

    def _note_dates(
        self, fault: DateFault, at: IntArray, rows: IntArray, text_at: Callable[[int], str | None]
    ) -> None:
        title, advice = ADVICE[fault]
        self._problems.add(
            f"date/{fault}",
            title,
            advice,
            about=f"column {shown(self.columns.date)}",
            count=at.size,
            spots=(Spot(row=int(rows[i]), value=text_at(int(i))) for i in at),
        )

    def finish(self) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Make the long frame.

        Returns:
            The frame of `LoadedRows`, and notes.

        Raises:
            DataError: No rows, or cells that cannot be read; all of them in one message.
        """
        if self.count == 0:
            raise DataError(
                "there is a header, but no row", where=self.where, fix="Add the daily rows"
            )
        rows, days = _joined(self._parts.rows), _joined(self._parts.days)
        notes: list[str] = []
        if self._dates_are_text:
            days = self._settle_dates(days, rows, notes)
        self._problems.raise_if_any(self.where)
        numbers = {name: _joined(parts) for name, parts in self._parts.numbers.items()}
        moments = days.astype("datetime64[D]").astype("datetime64[us]")
        return self._long_frame(rows, moments, numbers, notes), tuple(notes)

    def _settle_dates(
        self, codes: npt.NDArray[np.int32], rows: IntArray, notes: list[str]
    ) -> npt.NDArray[np.int32]:
        texts = self._dates.texts
        counts = {texts[code]: count for code, count in self._date_counts.items() if code >= 0}
        column = read_dates(counts, self._date_format)
        self._note_dates("empty", np.flatnonzero(codes < 0), rows, lambda at: None)
        if column.faults:
            self._note_text_dates(column, texts, codes, rows)
            return codes
        if column.form is not None and self._date_format is None and column.form != "YYYY-MM-DD":
            proof = f"; {column.order_proof!r} shows the order" if column.order_proof else ""
            notes.append(f"dates are written {column.form}{proof}")
        ordinals = [column.days[text].toordinal() - _EPOCH for text in texts]
        return np.array([*ordinals, 0], dtype=np.int32)[codes]

    def _note_text_dates(
        self,
        column: DateColumn,
        texts: list[str],
        codes: npt.NDArray[np.int32],
        rows: IntArray,
    ) -> None:
        code_of = {text: code for code, text in enumerate(texts)}
        by_fault: dict[DateFault, list[str]] = {}
        for text, (fault, _) in column.faults.items():
            by_fault.setdefault(fault, []).append(text)
        for fault, faulty in by_fault.items():
            title, advice = ADVICE[fault]
            if fault == "ambiguous":
                day_first, month_first = strptime_choices(faulty[0])
                advice = advice.format(day_first=day_first, month_first=month_first)
            is_faulty = np.zeros(len(texts) + 1, dtype=np.bool_)
            is_faulty[[code_of[text] for text in faulty]] = True
            at = np.flatnonzero(is_faulty[codes])
            remarks = _once(column.faults[texts[codes[i]]][1] for i in at)
            self._problems.add(
                f"date/{fault}",
                title,
                advice,
                about=f"column {shown(self.columns.date)}",
                count=at.size,
                spots=(
                    Spot(row=int(rows[i]), value=texts[codes[i]], remark=remark)
                    for i, remark in zip(at, remarks, strict=True)
                ),
            )

    def _long_frame(
        self,
        rows: IntArray,
        moments: npt.NDArray[np.datetime64],
        numbers: dict[str, npt.NDArray[np.float64]],
        notes: list[str],
    ) -> pd.DataFrame:
        columns = self.columns
        if columns.series is not None:
            names = self._series.texts
            notes.extend(_look_alikes(names))
            codes = _joined(self._parts.series)
        else:
            names = list(columns.targets) if columns.is_wide else [columns.only_series]
            codes = np.repeat(np.arange(len(columns.targets), dtype=np.int32), len(rows))
        width = len(columns.targets)
        frame = {
            "row": rows if width == 1 else np.tile(rows, width),
            "unique_id": pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=object)),
            "ds": moments if width == 1 else np.tile(moments, width),
            "y": _joined([numbers.pop(target) for target in columns.targets]),
        }
        for name in columns.beside:
            frame[name] = np.tile(numbers.pop(name), width)
        return pd.DataFrame(frame, copy=False)


def _once(remarks: Iterable[str]) -> Iterator[str | None]:
    """Each remark where it first stands, None where it would be repeated."""
    seen = {""}
    for remark in remarks:
        yield None if remark in seen else remark
        seen.add(remark)


def _joined(parts: list[Any]) -> Any:
    """Join arrays and let go of the parts, so that a large source is not held twice."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def refuse_too_many(count: int, max_rows: int, where: str) -> None:
    """Stop before memory runs out.

    Raises:
        DataError: `count` is above `max_rows`.
    """
    if count > max_rows:
        raise DataError(
            f"there are more than {max_rows:,} rows",
            where=where,
            fix="Read less, or raise dataset.max_rows",
        )


def _is_text(kind: Any) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _look_alikes(names: Iterable[str]) -> list[str]:
    """Names that differ only by case or blanks are probably one product, written in two ways."""
    seen: dict[str, str] = {}
    notes = []
    for name in names:
        folded = " ".join(name.split()).casefold()
        if folded in seen:
            notes.append(
                f"series {shown(seen[folded])} and {shown(name)} differ only by case or blanks"
            )
        seen.setdefault(folded, name)
    return notes[:20]
