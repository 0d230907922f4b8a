"""A CSV file with covariates of some days, as `engine predict --covariates` takes it.

Columns: `day` (or `ds`), perhaps `unique_id`, and one for each covariate. Empty is unknown.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.data.problems import did_you_mean, shown
from engine.errors import ConflictError, DataError, NotFoundError

DAY_COLUMNS = ("day", "ds")
SERIES_COLUMN = "unique_id"
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class CovariateFile:
    """What a file says of one series.

    Attributes:
        path: Where it is.
        names: Its covariates.
        days: Number of each covariate on each day, NaN where it is empty.
    """

    path: Path
    names: tuple[str, ...]
    days: dict[dt.date, dict[str, float]]

    def check(self, known: Sequence[str], first: dt.date, last: dt.date) -> None:
        """Refuse what could not change the forecast: it was meant for something.

        Args:
            known: Names of the covariates that the model knows.
            first: First day that the model sees.
            last: Last day that is forecast.

        Raises:
            ConflictError: The model knows no covariates.
            DataError: It does not know one of these, or no row is of a day that matters.
        """
        if not known:
            raise ConflictError(
                "the model knows no covariates",
                where=str(self.path),
                fix="Leave --covariates out, or train it on a data set with covariates "
                "(dataset.covariate_cols)",
            )
        for name in self.names:
            if name not in known:
                raise DataError(
                    f"the model does not know the covariate {shown(name)}",
                    where=str(self.path),
                    fix=f"{did_you_mean(name, known).rstrip('.')}, or leave the column out",
                )
        if not any(first <= day <= last for day in self.days):
            raise DataError(
                f"there is no row for a day from {first} to {last}",
                where=str(self.path),
                fix="Give the covariates of the days to come",
            )


def read_covariates(path: Path, series: str | None) -> CovariateFile:
    """Read what a file says of one series.

    Args:
        path: The file.
        series: Rows of others are left out; None where the values have no name: the file may not
            tell series apart then.

    Raises:
        NotFoundError: There is no such file.
        DataError: It cannot be read as days and numbers; says the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the file cannot be read ({error})", where=str(path)) from error
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    lines = csv.reader(text.splitlines(), delimiter=delimiter)
    columns = [name.strip() for name in next(lines, [])]
    day_column, names = _columns(columns, path, series)
    days: dict[dt.date, dict[str, float]] = {}
    for cells in lines:
        if not any(cells):
            continue
        where = f"{path}:{lines.line_num}"
        if len(cells) != len(columns):
            raise DataError(
                f"{len(cells)} cells, but the first line names {len(columns)} columns", where=where
            )
        row = dict(zip(columns, cells, strict=True))
        if series is not None and row.get(SERIES_COLUMN, series) != series:
            continue
        day = _day(row[day_column], where)
        if day in days:
            raise DataError(f"{day} stands there twice", where=where, fix="Remove one of the rows")
        days[day] = {name: _number(row[name], name, where) for name in names}
    return CovariateFile(path, names, days)


def _columns(columns: list[str], path: Path, series: str | None) -> tuple[str, tuple[str, ...]]:
    """The column of the days, and those of the covariates."""
    day = next((name for name in DAY_COLUMNS if name in columns), None)
    names = tuple(name for name in columns if name not in (*DAY_COLUMNS, SERIES_COLUMN))
    if day is None or not names or len(set(columns)) != len(columns) or "" in columns:
        raise DataError(
            f"the first line has {', '.join(map(shown, columns)) or 'nothing'}",
            where=str(path),
            fix=f"Name the columns there: {DAY_COLUMNS[0]}, perhaps {SERIES_COLUMN}, and each "
            "covariate once",
        )
    if series is None and SERIES_COLUMN in columns:
        raise DataError(
            f"there is a column {SERIES_COLUMN}, but the values have no name",
            where=str(path),
            fix="Leave the column out, or give --series instead of --values",
        )
    return day, names


def _day(text: str, where: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise DataError(
            f"{shown(text)} is not a day", where=where, fix="Write days as 2026-01-31"
        ) from None


def _number(text: str, name: str, where: str) -> float:
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isfinite(value):
        return value
    raise DataError(
        f"column {shown(name)}: {shown(text)} is not a finite number",
        where=where,
        fix="Write numbers such as 1, 2.5 or -3, or leave the cell empty where it is not known",
    )
