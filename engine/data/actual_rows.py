"""Actual values from a file, read and checked as a data set is, and labels of pictures."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.checksums import sha256_of
from engine.config.series_settings import DatasetSettings
from engine.data.problems import Problems, Spot
from engine.data.sources import load_rows
from engine.errors import DataError, NotFoundError, StorageError
from engine.tables.actuals import Actual, Label

_LABEL_COLUMNS = ("sha256", "path", "file", "name")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 1000


def read_actuals(
    path: Path, settings: DatasetSettings, *, root: Path, today: dt.date
) -> list[Actual]:
    """Read the values of a CSV or Parquet file whose columns are those of a data set.

    Args:
        path: The file, absolute.
        settings: Columns, and how dates and numbers are written; its source is not read.
        root: The workspace.
        today: Days after tomorrow have not come.

    Raises:
        NotFoundError: There is no such file.
        DataError: Rows that are no values, each with its number.
        StorageError: The file may not be read.
    """
    plain = settings.model_copy(
        update={
            "file_path": str(path),
            "url": None,
            "query": None,
            "table": None,
            "covariate_cols": (),
            # Beside the target it is no part of what came.
            "stock_col": None,
        }
    )
    loaded = load_rows(plain, root=root)
    frame = loaded.frame
    rows, values = frame["row"].to_numpy(), frame["y"].to_numpy(dtype=np.float64)
    names = frame["unique_id"].astype(str).to_numpy(dtype=object)
    days = frame["ds"].to_numpy().astype("datetime64[D]").astype(object)
    problems = Problems(settings.rules.max_errors_listed)
    _refuse(
        problems,
        "missing",
        "{count} [value is|values are] missing",
        "Leave out rows of days that have no value yet",
        rows,
        np.isnan(values),
    )
    later = np.array([day > today + dt.timedelta(days=1) for day in days], dtype=np.bool_)
    _refuse(
        problems,
        "later",
        f"{{count}} [day has|days have] not come yet on {today}",
        "Correct the dates; what is known in advance is no actual value",
        rows,
        later,
    )
    problems.raise_if_any(loaded.source)
    return [
        Actual(str(name), day, float(value))
        for name, day, value in zip(names, days, values, strict=True)
    ]


def _refuse(
    problems: Problems, kind: str, title: str, advice: str, rows: object, wrong: object
) -> None:
    places = np.flatnonzero(np.asarray(wrong))
    if places.size:
        numbers = np.asarray(rows)[places].tolist()
        spots = [Spot(row=int(number)) for number in numbers]
        problems.add(kind, title, advice, count=len(spots), spots=spots)


def read_labels(path: Path) -> list[Label]:
    """Read what pictures show from a CSV file: a column `label`, and `sha256` or `path`.

    Raises:
        NotFoundError: There is no such file, or a picture that it names.
        DataError: Rows that are no labels, each with its line.
        StorageError: A file may not be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError:
        raise DataError("is no text in UTF-8", where=str(path), fix="Save it as UTF-8") from None
    found = csv.DictReader(io.StringIO(text))
    named = [column for column in _LABEL_COLUMNS if column in (found.fieldnames or ())]
    if "label" not in (found.fieldnames or ()) or not named:
        raise DataError(
            "needs a column `label`, and a column `sha256` or `path`",
            where=f"{path}:1",
            fix="Write these names into its first line",
        )
    return list(_labels(found, named[0], path))


def _labels(found: csv.DictReader[str], column: str, path: Path) -> Iterator[Label]:
    for row in found:
        where = f"{path}:{found.line_num}"
        label, named = (row.get("label") or "").strip(), (row.get(column) or "").strip()
        if not label or not named or len(label) > _LONGEST:
            raise DataError("a label or a name is missing or too long", where=where)
        if column != "sha256":
            yield Label(picture_sha256(path.parent / named, where=where), label)
        elif _SHA256.fullmatch(named.lower()):
            yield Label(named.lower(), label)
        else:
            raise DataError(f"{named[:80]!r} is no SHA-256", where=where, fix="64 hex digits")


def picture_sha256(path: Path, *, where: str) -> str:
    """SHA-256 of a picture's file, by which its answers are kept.

    Raises:
        NotFoundError: There is no such file.
        StorageError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return sha256_of(file)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}", where=where) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", where=where) from error
