"""What `engine predict` asks, and who answers: a version in this process, or the predictor."""

from __future__ import annotations

import datetime as dt
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        values: The last values, oldest first; of fewer than the model sees the others are filled.
        last_day: Day of the last one; None: not known.
        series: Name of the series; None for pasted values.
        dataset: Id of the data set that it is from; None for pasted values.
        covariates: Those that the model knows: one number for each of the values and of the days
            to come, NaN where unknown.
    """

    values: list[float]
    last_day: dt.date | None
    series: str | None = None
    dataset: str | None = None
    covariates: Mapping[str, Sequence[float]] = field(default_factory=dict)


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
    covariates: tuple[str, ...]
    answered_by: str

    def forecast(self, question: Question, steps: int, level: float | None) -> Answered:
        """Answer with so many days, and their interval where a level in percent is given."""


class InProcess:
    """A stored version, loaded into this process."""

    answered_by = "this process"

    def __init__(self, version: Version) -> None:
        self.model: ServingModel = version.open_forecaster()
        self.version = version.id
        self.model_type = version.model_type
        self.lineage = version.lineage
        self.window = self.model.window
        self.horizon = self.model.horizon
        self.has_intervals = self.model.calibration is not None
        self.covariates = self.model.signature.covariates

    def windows(self, question: Question) -> Windows:
        """The one window that a question asks about."""
        from engine.cli.known_ahead import windows_of

        return windows_of(question, self.window, self.covariates)

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
        self.covariates = serving.covariates
        self.answered_by = client.address

    def forecast(self, question: Question, steps: int, level: float | None) -> Answered:
        """Answer with so many days; the time is that from the request to the answer."""
        from engine.cli.known_ahead import numbers_seen

        answer = self._client.forecast(
            question.values[-self.window :],
            steps,
            last_day=question.last_day,
            series_id=question.series,
            level=level,
            covariates={
                name: numbers_seen(question, name, self.window, steps)
                for name in question.covariates
            },
            extend=len(question.values) < self.window,
        )
        return Answered(answer.version, answer.forecast, answer.latency_ms, answer.interval)


def pasted(text: str, last_day: dt.date | None) -> Question:
    """The question that pasted values ask: numbers with commas, semicolons or blanks between them.

    Raises:
        DataError: Something is not a finite number, or there is none.
    """
    parts = [part for part in _BETWEEN.split(text) if part]
    values = [_number(part, index) for index, part in enumerate(parts, start=1)]
    if not values:
        raise DataError(
            "there is no value",
            where="--values",
            fix="Give the last values, oldest first, such as 43,56,51",
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
        DataError: It has no value.
    """
    import numpy as np

    panel = dataset.panel()
    volumes = np.nansum(np.abs(panel.values), axis=1)
    name = series or panel.ids[int(np.argmax(volumes))]
    last_day = dataset.series_window(name, 1).last_day
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
