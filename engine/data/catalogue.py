"""Which data sets a workspace has, told from their manifests and reports; no row is read."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.errors import StorageError
from models.data_types import IMAGE, TIMESERIES

MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report.json"

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class DatasetInfo:
    """One data set as a list shows it.

    Attributes:
        id: Name of its folder.
        name: `dataset.ds_name` at the time of writing.
        created: When it was written, seconds since the epoch.
        source: What the rows were read from; holds no secret.
        source_format: csv, parquet or sql; of pictures folder, csv or digits.
        series: Number of series; 0 of pictures, like `rows`.
        rows: Days of all series.
        first_day: First day of any series, YYYY-MM-DD; "" of pictures, like `last_day`.
        last_day: Last day of any series.
        bytes: Size on disk.
        problem: Why nothing else is known, "" when all is.
        data_type: timeseries or image; of one that cannot be read "".
        pictures: Number of pictures; 0 of series, like `classes`.
        classes: Number of classes.
    """

    id: str
    name: str
    created: float
    source: str
    source_format: str
    series: int
    rows: int
    first_day: str
    last_day: str
    bytes: int
    problem: str = ""
    data_type: str = TIMESERIES
    pictures: int = 0
    classes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return asdict(self)


def list_datasets(datasets_dir: Path) -> list[str]:
    """Ids of the data sets in a folder, sorted; temporary and foreign folders are left out."""
    if not datasets_dir.is_dir():
        return []
    return sorted(
        entry.name
        for entry in datasets_dir.iterdir()
        if _ID.fullmatch(entry.name) and entry.is_dir()
    )


def describe_datasets(datasets_dir: Path) -> list[DatasetInfo]:
    """Describe the data sets in a folder, the newest first.

    Contents are not verified here: whoever opens a data set does that. One whose manifest cannot be
    read is listed with the problem.

    Raises:
        StorageError: The folder cannot be read.
    """
    try:
        found = [_describe(datasets_dir / name) for name in list_datasets(datasets_dir)]
    except OSError as error:
        raise StorageError(
            f"the data sets cannot be listed: {error.strerror or error}",
            where=str(datasets_dir),
            fix="Check its permissions and the disk",
        ) from error
    return sorted(found, key=lambda info: info.created, reverse=True)


def _describe(folder: Path) -> DatasetInfo:
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    # The folder came into its place whole and never changes.
    created = folder.stat().st_mtime
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
        report = json.loads((folder / REPORT_FILE).read_bytes())
        content = manifest["content"]
        known = DatasetInfo(
            id=folder.name,
            name=str(manifest["ds_name"]),
            created=created,
            source=str(manifest["source"]["name"]),
            source_format=str(manifest["source"]["format"]),
            series=0,
            rows=0,
            first_day="",
            last_day="",
            bytes=size,
            data_type=str(content.get("data_type", TIMESERIES)),
        )
        if known.data_type == IMAGE:
            classes = len(content["classes"])
            return replace(known, pictures=int(report["pictures_kept"]), classes=classes)
        return replace(
            known,
            series=int(manifest["series"]),
            rows=int(report["rows_kept"]),
            first_day=str(content["first_day"]),
            last_day=str(content["last_day"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"cannot be read ({type(error).__name__}: {error}); remove the folder"
        return DatasetInfo(folder.name, "", created, "", "", 0, 0, "", "", size, problem, "")
