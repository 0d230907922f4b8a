"""CSV files: scanned once for lines and faults, then parsed in batches."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from engine.config.series_settings import DatasetSettings
from engine.data.columns import Columns
from engine.data.csv_scan import CsvScan, Utf8Stream, scan
from engine.data.numbers import NumberStyle
from engine.data.problems import Problems, Spot, shown
from engine.data.rows import LoadedRows, RowsBuilder, refuse_too_many
from engine.errors import DataError

# A batch is larger than the longest line that the scan lets through.
_BATCH_BYTES = 8 << 20
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


def load_csv(
    file: io.BufferedReader, path: Path, settings: DatasetSettings, where: str
) -> LoadedRows:
    """Read a CSV file.

    Args:
        file: Open binary file.
        path: Where it lies; read twice, and refused when it changes in between.
        settings: Columns, encoding, delimiter, number and date formats, caps.
        where: Name of the file, for messages.

    Raises:
        DataError: Anything that cannot be read, with the line in the file.
    """
    columns = Columns.of(settings)
    found = scan(
        file,
        encoding=settings.encoding,
        delimiter=settings.delimiter,
        decimal=settings.decimal,
        wanted=columns.needed,
        where=where,
    )
    positions = columns.locate(found.header, f"{where}:1")
    refuse_too_many(found.records, settings.max_rows, where)
    limit = settings.rules.max_errors_listed
    builder = RowsBuilder(
        columns,
        where=where,
        style=NumberStyle(settings.decimal, settings.thousands),
        date_format=settings.date_format,
        limit=limit,
        max_rows=settings.max_rows,
    )
    if found.records:
        record = 0
        stream = Utf8Stream(file, found.encoding, skip=found.body_offset)
        for batch in _batches(file, stream, found, positions, limit, where):
            lines = found.lines.of(np.arange(record, record + batch.num_rows))
            record += batch.num_rows
            builder.add({name: batch.column(name) for name in positions}, lines)
        _refuse_change(stream, found, path, where)
        _refuse_lost_records(record, found, where)
    frame, notes = builder.finish()
    return LoadedRows(
        frame=frame,
        source=where,
        format="csv",
        sha256=found.sha256,
        rows_read=builder.count,
        notes=(*_notes(found), *notes),
    )


def _batches(
    file: io.BufferedReader,
    stream: Utf8Stream,
    found: CsvScan,
    positions: dict[str, int],
    limit: int,
    where: str,
) -> Iterator[Any]:
    """Record batches of the needed columns, all as text."""
    ragged = Problems(limit)

    def note_ragged(row: Any) -> str:
        line = found.lines.of(np.array([row.number - 1]))[0]
        ragged.add(
            "ragged",
            "{count} [line does|lines do] not have as many columns as the header, "
            f"{row.expected_columns}",
            "Check them for a missing or surplus delimiter; put quotation marks around text that "
            "holds one",
            count=1,
            spots=[Spot(row=int(line), remark=f"has {row.actual_columns}")],
        )
        return "skip"

    names = [f"#{at}" for at in range(len(found.header))]
    for name, at in positions.items():
        names[at] = name
    file.seek(0)
    try:
        reader = pa.csv.open_csv(
            io.BufferedReader(stream, _BATCH_BYTES),
            read_options=pa.csv.ReadOptions(
                # Only one thread tells the number of a ragged row.
                use_threads=False,
                block_size=_BATCH_BYTES,
                column_names=names,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=found.delimiter,
                newlines_in_values=found.first_break is not None,
                invalid_row_handler=note_ragged,
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(positions),
                column_types={name: pa.string() for name in positions},
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        yield from reader
    except pa.ArrowInvalid as error:
        ragged.raise_if_any(where)
        raise DataError(
            f"the lines cannot be taken apart: {error}",
            where=where,
            fix="Check quotation marks and delimiters, or set dataset.delimiter",
        ) from None
    ragged.raise_if_any(where)


def _refuse_change(stream: Utf8Stream, found: CsvScan, path: Path, where: str) -> None:
    for _ in stream.chunks():
        pass
    if stream.sha256 != found.sha256:
        raise DataError(
            "the file was changed while it was read",
            where=where,
            fix=f"Run again when nothing writes to {path}",
        )


def _refuse_lost_records(records: int, found: CsvScan, where: str) -> None:
    # Lines and parser count records in two ways; a stray quotation mark is where they part.
    if records != found.records:
        raise DataError(
            "a quotation mark within a value makes it unclear where lines end "
            f"({records:,} or {found.records:,} rows)",
            where=f"{where}:{found.first_break or 1}",
            fix='Put the value in quotation marks, and write one inside it as ""',
        )


def _notes(found: CsvScan) -> list[str]:
    names = {"utf-8-sig": "UTF-8 with byte order mark", "utf-8": "UTF-8", "cp949": "CP949"}
    delimiter = _DELIMITER_NAMES.get(found.delimiter, shown(found.delimiter))
    return [
        f"encoding: {names.get(found.encoding, found.encoding)}",
        f"delimiter: {delimiter}",
    ]
