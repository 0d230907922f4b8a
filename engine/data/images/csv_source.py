"""A CSV file that lists paths of pictures and the class of each."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.config.image_settings import ImageDatasetSettings
from engine.data.csv_scan import CsvScan, Utf8Stream, scan
from engine.data.images.found import FoundFile, FoundFiles, refuse_too_many
from engine.data.images.naming import clean_name, find_alike, spot_of
from engine.data.problems import Problems, Spot, did_you_mean, shown
from engine.errors import DataError, StorageError

_BUFFER_BYTES = 1 << 20


def find_in_csv(path: Path, settings: ImageDatasetSettings, where: str) -> FoundFiles:
    """Find the pictures that a CSV file lists; further columns are not read.

    Args:
        path: Of the CSV; paths in it start from its folder.
        settings: With the names of the columns.
        where: Name of the CSV, for messages.

    Raises:
        DataError: A row without a path or a label, a file that is missing, a CSV that cannot be
            read; all that was found, with the number of each row.
        StorageError: The CSV cannot be read.
    """
    problems = Problems(settings.rules.max_errors_listed)
    files: list[FoundFile] = []
    try:
        with path.open("rb") as file:
            wanted = (settings.path_col, settings.label_col)
            found = scan(
                file, encoding="auto", delimiter="auto", decimal=".", wanted=wanted, where=where
            )
            refuse_too_many(found.records, settings.max_pictures, where)
            places = _places(found.header, settings, f"{where}:1")
            for row, values in _rows(file, found, where):
                listed = _file(row, values, places, len(found.header), path.parent, problems)
                if listed is not None:
                    files.append(listed)
    except OSError as error:
        raise StorageError(
            f"the file cannot be read ({error.strerror or error})",
            where=where,
            fix="Check its permissions and the disk",
        ) from error
    find_alike(dict.fromkeys(listed.label for listed in files), problems)
    problems.raise_if_any(where)
    if not files:
        raise DataError("no picture is listed", where=where, fix="Add rows below the header")
    return FoundFiles(tuple(sorted(files, key=lambda one: (one.name, one.label))), ())


def _places(header: tuple[str, ...], settings: ImageDatasetSettings, where: str) -> tuple[int, int]:
    """Where the columns of the path and of the label stand."""
    roles = {
        "dataset.path_col": settings.path_col,
        "dataset.label_col": settings.label_col,
    }
    for role, name in roles.items():
        if header.count(name) != 1:
            state = "is missing" if name not in header else "stands there more than once"
            raise DataError(
                f"column {shown(name)} ({role}) {state}",
                where=where,
                fix=did_you_mean(name, header) if name not in header else "Rename all but one",
            )
    return header.index(settings.path_col), header.index(settings.label_col)


def _rows(file: io.BufferedReader, found: CsvScan, where: str) -> Iterator[tuple[int, list[str]]]:
    """Number and values of each row."""
    file.seek(0)
    stream = Utf8Stream(file, found.encoding, skip=found.body_offset)
    text = io.TextIOWrapper(io.BufferedReader(stream, _BUFFER_BYTES), encoding="utf-8", newline="")
    lines = found.lines.of(np.arange(found.records)).tolist()
    read = 0
    try:
        for values in csv.reader(text, delimiter=found.delimiter, strict=True):
            if not values:
                continue
            if read < len(lines):
                yield lines[read], values
            read += 1
    except csv.Error as error:
        at = lines[min(read, len(lines) - 1)]
        raise DataError(
            f"the line cannot be taken apart: {error}",
            where=f"{where}:{at}",
            fix='Check quotation marks and delimiters; a mark within a value is written as ""',
        ) from None
    if read != len(lines):
        raise DataError(
            "a quotation mark within a value makes it unclear where lines end "
            f"({read:,} or {len(lines):,} rows)",
            where=where,
            fix='Put the value in quotation marks, and write one inside it as ""',
        )


def _file(
    row: int,
    values: list[str],
    places: tuple[int, int],
    columns: int,
    folder: Path,
    problems: Problems,
) -> FoundFile | None:
    """The file that a row names; None where something is wrong with the row."""
    if len(values) != columns:
        problems.add(
            "ragged",
            f"{{count}} [row does|rows do] not have as many columns as the header, {columns}",
            "Check them for a missing or surplus delimiter",
            count=1,
            spots=[Spot(row=row, remark=f"has {len(values)}")],
        )
        return None
    name, label = (values[place].strip() for place in places)
    for value, what in ((name, "path"), (label, "label")):
        if not value:
            problems.add(
                what,
                f"{{count}} [row has|rows have] no {what}",
                "Fill it in, or remove the row",
                count=1,
                spots=[Spot(row=row)],
            )
    if not name or not label:
        return None
    path = folder / name
    fault = _fault(path)
    if fault is not None:
        problems.add(
            "missing",
            "{count} [picture is|pictures are] not there",
            f"Paths start from the folder of the list, {str(folder)!r}: correct or remove the rows",
            count=1,
            spots=[spot_of(clean_name(name), fault, row=row)],
        )
        return None
    return FoundFile(clean_name(name), clean_name(label), path, row)


def _fault(path: Path) -> str | None:
    """Why there is no file; None where there is one."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "no such file"
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    return None if stat.S_ISREG(mode) else "not a file"
