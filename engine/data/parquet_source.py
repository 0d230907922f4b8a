"""Parquet files, read batch by batch with the same checks as text."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.checksums import sha256_of
from engine.config.series_settings import DatasetSettings
from engine.data.columns import Columns
from engine.data.numbers import NumberStyle
from engine.data.rows import LoadedRows, RowsBuilder, refuse_too_many
from engine.errors import DataError

_BATCH_ROWS = 1 << 18


def load_parquet(
    file: io.BufferedReader, path: Path, settings: DatasetSettings, where: str
) -> LoadedRows:
    """Read a Parquet file; rows count from 1.

    Args:
        file: Open binary file.
        path: Where it lies.
        settings: Columns, date format and caps; numbers that are text are read as in CSV files.
        where: Name of the file, for messages.

    Raises:
        DataError: The file is damaged, or its columns are missing, no dates or no numbers.
    """
    columns = Columns.of(settings)
    builder = RowsBuilder(
        columns,
        where=where,
        style=NumberStyle(settings.decimal, settings.thousands),
        date_format=settings.date_format,
        limit=settings.rules.max_errors_listed,
        max_rows=settings.max_rows,
    )
    sha256 = sha256_of(file)
    file.seek(0)
    try:
        parquet = pq.ParquetFile(file)
        positions = columns.locate(parquet.schema_arrow.names, where)
        refuse_too_many(parquet.metadata.num_rows, settings.max_rows, where)
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=list(positions)):
            rows = np.arange(builder.count + 1, builder.count + 1 + batch.num_rows)
            builder.add({name: batch.column(name) for name in positions}, rows)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"the Parquet file cannot be read: {str(error).rstrip('.')}",
            where=where,
            fix=f"It is damaged or incomplete: write {path} anew",
        ) from None
    file.seek(0)
    if sha256_of(file) != sha256:
        raise DataError(
            "the file was changed while it was read",
            where=where,
            fix=f"Run again when nothing writes to {path}",
        )
    frame, notes = builder.finish()
    return LoadedRows(
        frame=frame,
        source=where,
        format="parquet",
        sha256=sha256,
        rows_read=builder.count,
        notes=notes,
    )
