"""The forecasts of a contender at an origin as one file, and one series out of all of them."""

from __future__ import annotations

import datetime as dt
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from engine.atomic import write_bytes
from engine.backtests.store import FORECASTS_FOLDER, StoredBacktest
from engine.data.dataset import open_dataset
from engine.data.problems import did_you_mean, shown
from engine.errors import DataError, NotFoundError, StorageError
from engine.workspace import Workspace
from models.arrays import FloatArray, IntArray

HISTORY_DAYS = 90
_NO_INTERVAL = np.empty((0, 0))


@dataclass(frozen=True, eq=False)
class OriginForecasts:
    """What a contender said at one origin.

    Attributes:
        rows: int64 (n,), rows of the data set's panel.
        forecast: float64 (n, horizon).
        actual: float64 (n, horizon).
        interval: Lower and upper ends, float64 (n, horizon) each; None without intervals.
        training_seconds: What the training took that these forecasts come from; NaN for a version.
        forecast_seconds: What they took themselves.
    """

    rows: IntArray
    forecast: FloatArray
    actual: FloatArray
    interval: tuple[FloatArray, FloatArray] | None
    training_seconds: float
    forecast_seconds: float

    def write(self, path: Path) -> None:
        """Write them, whole or not at all.

        Raises:
            StorageError: The disk refuses.
        """
        lower, upper = self.interval or (_NO_INTERVAL, _NO_INTERVAL)
        content = BytesIO()
        np.savez_compressed(
            content,
            rows=self.rows,
            forecast=self.forecast,
            actual=self.actual,
            lower=lower,
            upper=upper,
            seconds=np.array([self.training_seconds, self.forecast_seconds]),
        )
        write_bytes(path, content.getvalue())

    @classmethod
    def read(cls, path: Path) -> OriginForecasts:
        """Read what `write` wrote.

        Raises:
            StorageError: It cannot be read, or is something else.
        """
        try:
            with np.load(path, allow_pickle=False) as content:
                found = {name: content[name] for name in content.files}
            training, forecast = found["seconds"].tolist()
            has_interval = found["lower"].shape == found["forecast"].shape
            interval = (found["lower"], found["upper"]) if has_interval else None
            return cls(
                found["rows"], found["forecast"], found["actual"], interval, training, forecast
            )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise StorageError(
                f"these forecasts cannot be read: {error}",
                where=str(path),
                fix="Delete the backtest and measure it again",
            ) from error


def file_of(key: str, origin: dt.date) -> str:
    """Name of the file of a contender at an origin."""
    return f"{key}-{origin.isoformat()}.npz"


def series_view(stored: StoredBacktest, workspace: Workspace, name: str) -> dict[str, Any]:
    """The forecasts of one series beside what came, as JSON-able data.

    Raises:
        NotFoundError: There is no such series.
        StorageError: The forecasts cannot be read.
    """
    data = stored.data
    names = data["series"]
    if name not in names:
        raise NotFoundError(
            f"there is no series {shown(name)}",
            where=f"backtest {stored.id}",
            fix=did_you_mean(name, names),
        )
    row = names.index(name)
    measured = [one for one in data["contenders"] if not one["problem"]]
    return {
        "id": stored.id,
        "series": name,
        "dataset": data["dataset"],
        "metric": data["metric"],
        "history": _history(workspace, data, name),
        "origins": [
            _at_origin(stored, measured, dt.date.fromisoformat(origin), row)
            for origin in data["origins"]
        ],
        "contenders": [
            {"name": one["name"], **{key: one["series"][key][row] for key in one["series"]}}
            for one in measured
        ],
    }


def _at_origin(
    stored: StoredBacktest, contenders: list[dict[str, Any]], origin: dt.date, row: int
) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    actual: list[float] = []
    for one in contenders:
        path = stored.folder / FORECASTS_FOLDER / file_of(one["key"], origin)
        found = OriginForecasts.read(path)
        at = np.flatnonzero(found.rows == row)
        if not at.size:
            continue  # it had no whole window, or ended before the days to forecast did
        place = int(at[0])
        lower, upper = (
            (ends[place].tolist() for ends in found.interval) if found.interval else (None, None)
        )
        forecast = found.forecast[place].tolist()
        said.append({"name": one["name"], "forecast": forecast, "lower": lower, "upper": upper})
        actual = found.actual[place].tolist()
    days = [origin + dt.timedelta(days=ahead) for ahead in range(len(actual))]
    return {
        "origin": origin.isoformat(),
        "days": [day.isoformat() for day in days],
        "actual": actual,
        "contenders": said,
    }


def _history(workspace: Workspace, data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The days before the first origin, as long as the data set is there."""
    try:
        panel = open_dataset(workspace.datasets, data["dataset"]).panel()
    except (NotFoundError, DataError):
        return []
    first = (dt.date.fromisoformat(data["origins"][0]) - panel.start).days
    values = panel.values[panel.ids.index(name), max(0, first - HISTORY_DAYS) : first]
    days = [
        panel.date_of(max(0, first - HISTORY_DAYS) + at).isoformat() for at in range(len(values))
    ]
    return [
        {"day": day, "value": value}
        for day, value in zip(days, values.tolist(), strict=True)
        if not np.isnan(value)
    ]
