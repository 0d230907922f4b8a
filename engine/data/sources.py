"""Where rows come from: a CSV or Parquet file, or a database."""

from __future__ import annotations

import stat
from pathlib import Path

from engine.config.series_settings import DatasetSettings
from engine.data.csv_source import load_csv
from engine.data.location import PARQUET_SUFFIXES, source_kind, source_path
from engine.data.parquet_source import load_parquet
from engine.data.problems import did_you_mean
from engine.data.rows import LoadedRows
from engine.errors import DataError, NotFoundError, StorageError

__all__ = ["LoadedRows", "load_rows", "source_kind", "source_path"]

_PARQUET_MAGIC = b"PAR1"
_OTHER_FORMATS = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "In Excel, save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "In Excel, save it as CSV UTF-8"),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first"),
    (b"(\xb5/\xfd", "compressed with zstd", "Unpack it first"),
    (b"SQLite format 3\x00", "a SQLite database", "Set dataset.url: sqlite:///<path> and a table"),
)

DEMO_FILE = "demo.parquet"
"""What `engine data demo` writes, and the shipped configuration reads."""


def load_rows(settings: DatasetSettings, *, root: Path) -> LoadedRows:
    """Read the rows of a source as they are; no rule is applied yet.

    Args:
        settings: The source and how it is written.
        root: The workspace, which relative paths start from.

    Returns:
        The rows with their numbers, and what was found out about the source.

    Raises:
        NotFoundError: There is no such file, table or database.
        StorageError: The file may not be read.
        DataError: The rows cannot be read; everything found is listed with row numbers.
        ConfigError: An environment variable in the URL is not set.
    """
    if settings.url is not None:
        # SQLAlchemy costs time to import, and most workspaces read files.
        from engine.data.sql_source import load_sql

        return load_sql(settings, root=root)
    path = source_path(settings, root=root)
    where = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise DataError("this is not a file", where=where, fix="Correct dataset.file_path")
        with path.open("rb") as file:
            head = file.read(16)
            file.seek(0)
            if _format_of(head, path, settings, where) == "parquet":
                return load_parquet(file, path, settings, where)
            return load_csv(file, path, settings, where)
    except FileNotFoundError:
        raise _missing(path, where) from None
    except OSError as error:
        raise StorageError(
            f"the file cannot be read ({error.strerror or error})",
            where=where,
            fix="Check its permissions and the disk",
        ) from error


def _format_of(head: bytes, path: Path, settings: DatasetSettings, where: str) -> str:
    is_parquet = head.startswith(_PARQUET_MAGIC)
    for magic, what, fix in _OTHER_FORMATS:
        if head.startswith(magic):
            raise DataError(f"the file is {what}, not CSV or Parquet", where=where, fix=fix)
    expected = settings.file_format
    if expected == "auto":
        expected = "parquet" if is_parquet or path.suffix in PARQUET_SUFFIXES else "csv"
    if expected == "parquet" and not is_parquet:
        state = "is empty" if not head else "does not begin like a Parquet file"
        raise DataError(
            f"the file {state}",
            where=where,
            fix="Write it anew; if it is text, set dataset.file_format: csv",
        )
    if expected == "csv" and is_parquet:
        raise DataError(
            "the file is Parquet, not CSV", where=where, fix="Set dataset.file_format: auto"
        )
    return expected


def _missing(path: Path, where: str) -> NotFoundError:
    folder = path.parent
    if not folder.is_dir():
        return NotFoundError(
            "there is no such file, nor its folder",
            where=where,
            fix="Correct dataset.ds_root or dataset.file_path",
        )
    if path.name == DEMO_FILE:
        return NotFoundError(
            "the demo data has not been made yet",
            where=where,
            fix="Make it with `engine data demo`, or name a file of your own with --data",
        )
    files = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    return NotFoundError(
        "there is no such file",
        where=where,
        fix=f"{did_you_mean(path.name, files).rstrip('.')} — set dataset.file_path",
    )
