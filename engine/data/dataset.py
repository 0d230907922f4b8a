"""Prepared data on disk: immutable, named by its content, checked whenever it is opened.

Layout of `<datasets_dir>/<id>/`: `series.parquet` (long frame `unique_id, ds, y`, covariates,
stock; sorted; rows whose `y` is NaN are days to come), `report.json`, and `manifest.json`, which
holds the SHA-256 of the other two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from engine.atomic import write_json
from engine.checksums import file_facts
from engine.data.catalogue import MANIFEST_FILE, REPORT_FILE
from engine.data.dataset_files import (
    changed,
    content_hash,
    open_manifest,
    publish,
    read_json,
    verified,
)
from engine.data.long_frame import FloatArray, LongFrame, floats, to_table, values_sha256
from engine.data.problems import did_you_mean, shown
from engine.data.report import DataReport
from engine.data.split import Split
from engine.errors import DataError, NotFoundError
from models.arrays import Panel
from models.data_types import TIMESERIES

if TYPE_CHECKING:
    import pandas as pd

    from engine.config.series_settings import DatasetSettings

FORMAT = 1
SERIES_FILE = "series.parquet"


@dataclass(frozen=True, eq=False)
class SeriesWindow:
    """The last values of one series.

    Args:
        unique_id: Name of the series.
        values: float64 (window,), oldest first.
        last_day: Day of the last value.
    """

    unique_id: str
    values: FloatArray
    last_day: dt.date


@dataclass(frozen=True)
class StockColumn:
    """Where the stock on hand stands: in a column beside the target, or in the target itself."""

    name: str
    is_target: bool


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared data set whose files have been verified.

    Args:
        id: First 16 hex digits of the content's hash; also the name of the folder.
        folder: Where it lies.
        manifest: What manifest.json says.
        split: Days of train, validation and test.
    """

    id: str
    folder: Path
    manifest: Mapping[str, Any] = field(repr=False)
    split: Split
    # The bytes that were verified, so that nothing can be exchanged before they are read.
    _content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """`dataset.ds_name` at the time of writing."""
        return str(self.manifest["ds_name"])

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariate columns."""
        return tuple(self.manifest["content"]["covariates"])

    @property
    def stock(self) -> StockColumn | None:
        """Which column is the stock on hand at the end of each day; None: none is known."""
        said = self.manifest["content"].get("stock")
        return None if said is None else StockColumn(str(said["column"]), bool(said["is_target"]))

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the series, sorted."""
        return self._long.ids

    @property
    def report(self) -> dict[str, Any]:
        """What report.json says."""
        return read_json(self.folder / REPORT_FILE)

    def day(self, column: int) -> dt.date:
        """Calendar day of a column of the panel."""
        return self.split.first_day + dt.timedelta(days=column)

    def panel(self) -> Panel:
        """All series side by side, float64 (series, days); NaN outside a series' own span.

        Covariates go with them, also those of days to come.
        """
        covariates = None
        if self.covariates:
            columns = [self.covariate(name) for name in self.covariates]
            covariates = np.stack(columns, axis=2)
        long = self._long
        values = np.full((len(self.ids), self.split.days), np.nan)
        values[long.series, long.column] = long.y
        return Panel(self.ids, self.split.first_day, values, self.covariates, covariates)

    def covariate(self, name: str) -> FloatArray:
        """A covariate laid out like the values of `panel`; behind these, days to come.

        Raises:
            NotFoundError: There is no such covariate.
        """
        if name not in self.covariates:
            raise NotFoundError(
                f"there is no covariate {shown(name)}",
                where=f"dataset {self.id}",
                fix=did_you_mean(name, self.covariates),
            )
        return self._beside(name)

    def on_hand(self, unique_id: str) -> float | None:
        """The stock of a series after its last day; None where it is not known.

        Raises:
            NotFoundError: There is no such series.
        """
        if self.stock is None:
            return None
        if self.stock.is_target:
            return float(self.series_window(unique_id, 1).values[0])
        last = self.series_window(unique_id, 1).last_day
        row, column = self.ids.index(unique_id), (last - self.split.first_day).days
        level = self._beside(self.stock.name)[row, column]
        return None if np.isnan(level) else float(level)

    def series_window(self, unique_id: str, window: int) -> SeriesWindow:
        """The last `window` values of a series.

        Args:
            unique_id: Name of the series.
            window: Values wanted.

        Raises:
            NotFoundError: There is no such series.
            DataError: It has fewer days than that.
        """
        if unique_id not in self.ids:
            raise NotFoundError(
                f"there is no series {shown(unique_id)}",
                where=f"dataset {self.id}",
                fix=did_you_mean(unique_id, self.ids),
            )
        long = self._long
        begin, end = np.searchsorted(long.series, self.ids.index(unique_id) + np.array([0, 1]))
        if end - begin < window:
            raise DataError(
                f"series {shown(unique_id)} has {end - begin} days, fewer than the {window} of "
                "the window",
                where=f"dataset {self.id}",
                fix="Choose a longer series, or a model with a smaller window",
            )
        last_day = self.day(int(long.column[end - 1]))
        return SeriesWindow(unique_id, long.y[end - window : end].copy(), last_day)

    @cached_property
    def _long(self) -> LongFrame:
        # read_table would import pandas.
        table = pq.ParquetFile(BytesIO(self._content)).read(use_threads=False)
        if values_sha256(table) != self.manifest["content"]["values_sha256"]:
            raise changed(self.folder / SERIES_FILE)
        return LongFrame.of(table, self.split.first_day)

    def _beside(self, name: str) -> FloatArray:
        series, column = self._long.places
        days = max(self.split.days, int(column.max(initial=-1)) + 1)
        grid = np.full((len(self.ids), days), np.nan)
        grid[series, column] = floats(self._long.table.column(name))
        return grid


def write_dataset(
    frame: pd.DataFrame, *, report: DataReport, settings: DatasetSettings, datasets_dir: Path
) -> Dataset:
    """Write a prepared frame; the same content has the same id and is written once.

    Args:
        frame: Of `rules.CleanData`: sorted, gapless, with the columns `unique_id, ds, y` and
            the covariates and the stock of the settings; with or without days to come.
        report: What the rules did.
        settings: Split, columns and name.
        datasets_dir: Folder of all data sets; made when it is absent.

    Raises:
        StorageError: The disk is full or refuses; nothing is left behind.
        DataError: A folder with this id is there, but was changed.
    """
    table = to_table(frame, settings.beside)
    content: dict[str, Any] = {
        "format": FORMAT,
        "values_sha256": values_sha256(table),
        "covariates": list(settings.covariate_cols),
        "first_day": report.first_day.isoformat(),
        "last_day": report.last_day.isoformat(),
        "validation_days": settings.split.validation_days,
        "test_days": settings.split.test_days,
    }
    if settings.stock_col is not None:
        is_target = settings.stock_col == settings.target_col
        content["stock"] = {"column": settings.stock_col, "is_target": is_target}

    def write(folder: Path) -> None:
        _write_files(folder, table, report, settings, content)

    return open_dataset(datasets_dir, publish(datasets_dir, content, write, size=table.nbytes))


def _write_files(
    folder: Path,
    table: Any,
    report: DataReport,
    settings: DatasetSettings,
    content: dict[str, Any],
) -> None:
    split = _split_of(content)
    pq.write_table(table, folder / SERIES_FILE, compression="zstd")
    write_json(folder / REPORT_FILE, report.to_dict())
    target = settings.target_col
    manifest = {
        "id": content_hash(content)[:16],
        "hash": content_hash(content),
        "content": content,
        "ds_name": settings.ds_name,
        "files": {name: file_facts(folder / name) for name in (SERIES_FILE, REPORT_FILE)},
        "series": report.series,
        "days": split.days,
        "train_days": split.train_days,
        "train_end": split.train_end.isoformat(),
        "validation_end": split.validation_end.isoformat(),
        "source": {
            "name": report.source,
            "format": report.source_format,
            "sha256": report.source_sha256,
            "date_col": settings.date_col,
            "target_col": target if isinstance(target, str) else list(target),
            "series_col": settings.series_col,
        },
    }
    write_json(folder / MANIFEST_FILE, manifest)


def open_dataset(datasets_dir: Path, dataset_id: str) -> Dataset:
    """Open a data set and verify every file of it.

    Args:
        datasets_dir: Folder of all data sets.
        dataset_id: Name of one.

    Raises:
        NotFoundError: There is no such data set.
        DataError: It holds no series, or a file changed since it was written.
        StorageError: A file cannot be read.
    """
    manifest = open_manifest(datasets_dir, dataset_id, data_type=TIMESERIES)
    folder = datasets_dir / dataset_id
    try:
        files = {
            name: str(manifest["files"][name]["sha256"]) for name in (SERIES_FILE, REPORT_FILE)
        }
        split = _split_of(manifest["content"])
    except (KeyError, TypeError, ValueError):
        raise changed(folder / MANIFEST_FILE) from None
    contents = {name: verified(folder / name, sha256) for name, sha256 in files.items()}
    return Dataset(dataset_id, folder, manifest, split, contents[SERIES_FILE])


def _split_of(content: Mapping[str, Any]) -> Split:
    return Split(
        first_day=dt.date.fromisoformat(content["first_day"]),
        last_day=dt.date.fromisoformat(content["last_day"]),
        validation_days=int(content["validation_days"]),
        test_days=int(content["test_days"]),
    )
