"""What `engine predict` asks, and who answers: a version in this process, or the predictor."""

from __future__ import annotations

import datetime as dt
import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.errors import DataError

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from engine.predictor_client import PredictorClient
    from engine.store import Version
    from models.arrays import Windows
    from models.forecasting.bundle import ServingModel

HISTORY_DAYS = 90
_BETWEEN = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class Question:
    """What is to be forecast.

    Attributes:
        values: The last values, oldest first; at least the window of the model.
        last_day: Day of the last one; None: not known.
        series: Name of the series; None for pasted values.
        dataset: Id of the data set that it is from; None for pasted values.
    """

    values: list[float]
    last_day: dt.date | None
    series: str | None = None
    dataset: str | None = None


@dataclass(frozen=True)
class Answered:
    """A forecast: which version gave it, its days, and how long that took.

    `interval` is the lower and the upper end of each day where a level was asked for.
    """

    version: str
    forecast: list[float]
    latency_ms: float
    interval: tuple[list[float], list[float]] | None = None


class Forecaster(Protocol):
    """Who answers."""

    version: str
    model_type: str
    window: int
    horizon: int
    has_intervals: bool
    answered_by: str

    def forecast(self, question: Question, steps: int, level: float | None) -> Answered:
        """Answer with so many days, and their interval where a level in percent is given."""


class InProcess:
    """A stored version, loaded into this process."""

    answered_by = "this process"

    def __init__(self, version: Version) -> None:
        self.model: ServingModel = version.open()
        self.version = version.id
        self.model_type = version.model_type
        self.lineage = version.lineage
        self.window = self.model.window
        self.horizon = self.model.horizon
        self.has_intervals = self.model.calibration is not None

    def windows(self, question: Question) -> Windows:
        """The one window that a question asks about."""
        import numpy as np

        from models.arrays import UNKNOWN_WEEKDAY, Windows

        day = question.last_day
        weekday = UNKNOWN_WEEKDAY if day is None else day.weekday()
        return Windows(np.array([question.values[-self.window :]]), np.array([weekday]))

    def forecast(self, question: Question, steps: int, level: float | None) -> Answered:
        """Answer with so many days; the time is that of the model alone.

        Raises:
            DataError: The values overflow the model.
        """
        from models.errors import ModelProblem

        windows = self.windows(question)
        interval = None
        begin = time.perf_counter()
        try:
            forecast = self.model.forecast(windows, steps)
            if level is not None:
                lower, upper = self.model.interval(forecast, windows, level / 100)
                interval = (lower[0].tolist(), upper[0].tolist())
        except ModelProblem as problem:
            raise DataError(str(problem), where=f"version {self.version}") from problem
        milliseconds = (time.perf_counter() - begin) * 1000
        return Answered(self.version, forecast[0].tolist(), milliseconds, interval)


class ThroughPredictor:
    """The running predictor; what it answers with is its own choice."""

    def __init__(self, client: PredictorClient) -> None:
        self._client = client
        serving = client.serving()
        self.version = serving.version
        self.model_type = serving.model_type
        self.window = serving.window
        self.horizon = serving.horizon
        self.has_intervals = serving.intervals
        self.answered_by = client.address

    def forecast(self, question: Question, steps: int, level: float | None) -> Answered:
        """Answer with so many days; the time is that from the request to the answer."""
        answer = self._client.forecast(
            question.values[-self.window :],
            steps,
            last_day=question.last_day,
            series_id=question.series,
            level=level,
        )
        return Answered(answer.version, answer.forecast, answer.latency_ms, answer.interval)


def pasted(text: str, last_day: dt.date | None, window: int) -> Question:
    """The question that pasted values ask: numbers with commas, semicolons or blanks between them.

    Raises:
        DataError: Something is not a finite number, or there are fewer than the model needs.
    """
    parts = [part for part in _BETWEEN.split(text) if part]
    values = [_number(part, index) for index, part in enumerate(parts, start=1)]
    if len(values) < window:
        raise DataError(
            f"the model needs the last {window} values, not {len(values)}",
            where="--values",
            fix="Give them oldest first; of more, the last count",
        )
    return Question(values, last_day)


def _number(part: str, index: int) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(
            f"value {index} is not a finite number: {part[:20]!r}",
            where="--values",
            fix="Write numbers such as 43, 56.5, -2 with commas between them",
        )
    return value


def of_dataset(dataset: Dataset, series: str | None, window: int) -> Question:
    """The question that a series of a data set asks; without a name, that with most volume.

    Raises:
        NotFoundError: There is no such series.
        DataError: It is shorter than the model's window.
    """
    import numpy as np

    panel = dataset.panel()
    volumes = np.nansum(np.abs(panel.values), axis=1)
    name = series or panel.ids[int(np.argmax(volumes))]
    last_day = dataset.series_window(name, window).last_day
    row = panel.values[panel.ids.index(name)]
    values = row[~np.isnan(row)][-max(HISTORY_DAYS, window) :]
    return Question(values.tolist(), last_day, name, dataset.id)


def days_until(last_day: dt.date | None, values: Sequence[float]) -> list[dt.date | None]:
    """The days of values of which the last one is known, or as many unknown ones."""
    if last_day is None:
        return [None] * len(values)
    return [last_day - dt.timedelta(days=ago) for ago in reversed(range(len(values)))]


def days_after(last_day: dt.date | None, values: Sequence[float]) -> list[dt.date | None]:
    """The days of values that follow a day, or as many unknown ones."""
    if last_day is None:
        return [None] * len(values)
    return [last_day + dt.timedelta(days=ahead) for ahead in range(1, len(values) + 1)]
