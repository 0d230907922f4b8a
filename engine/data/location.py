"""Where the rows of a flow's settings lie, and in which form; nothing is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import DataError

if TYPE_CHECKING:
    from engine.config.series_settings import DatasetSettings

PARQUET_SUFFIXES = (".parquet", ".pq")


def source_kind(settings: DatasetSettings, *, root: Path) -> str:
    """What `load_rows` will read, for names and messages: csv, parquet or sql.

    A file that cannot be opened counts as what its name says; reading it then explains why.
    """
    if settings.url is not None:
        return "sql"
    if settings.file_format != "auto":
        return settings.file_format
    path = source_path(settings, root=root)
    return "parquet" if path.suffix in PARQUET_SUFFIXES else "csv"


def source_path(settings: DatasetSettings, *, root: Path) -> Path:
    """Where the file of the settings lies: `root`/`ds_root`/`file_path`.

    Args:
        settings: With a file, not a URL.
        root: The workspace.
    """
    if settings.file_path is None:
        raise DataError("dataset.file_path is null", where="dataset.file_path", fix="Set it")
    return root / settings.ds_root / settings.file_path
